# What CI does, a developer can do with one make.

.PHONY: help test race lint fuzz bench demo cover build man vuln release

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | column -t -s '	'

test: ## all tests
	go test ./...

race: ## all tests with the race detector
	go test -race ./...

lint: ## formatting, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go tool -modfile=tools.mod staticcheck ./...

fuzz: ## every fuzz target for a minute (FUZZTIME=10s make fuzz)
	scripts/fuzz.sh

bench: ## benchmarks, as a table for docs/performance.md
	go test -run '^$$' -bench . -benchmem ./...

demo: ## the whole story on this machine
	go run ./cmd/ccsyncd demo

cover: ## coverage of the tests, by function
	go test -coverprofile=cover.prof ./... && go tool cover -func=cover.prof | tail -40

build: ## the program, in ./ccsyncd
	go build -o ccsyncd ./cmd/ccsyncd

man: ## the manual page, from the help of the commands
	go test ./cmd/ccsyncd -run TheManPage -update

vuln: ## known vulnerabilities in what the program calls
	scripts/vuln.sh

release: ## a release in ./dist, of a tagged commit
	scripts/release.sh
