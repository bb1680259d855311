# Everything that CI does, as make targets.

.PHONY: help test race lint fuzz bench demo cover build man vuln release

help: ## list these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | column -t -s '	'

test: ## run all tests
	go test ./...

race: ## run all tests with the race detector
	go test -race ./...

lint: ## check with gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go tool -modfile=tools.mod staticcheck ./...

fuzz: ## run every fuzz target for a minute (FUZZTIME=10s make fuzz)
	scripts/fuzz.sh

bench: ## run the benchmarks of docs/performance.md
	go test -run '^$$' -bench . -benchmem ./...

demo: ## run the demo on this machine
	go run ./cmd/ccsyncd demo

cover: ## show the coverage of the tests, by function
	go test -coverprofile=cover.prof ./... && go tool cover -func=cover.prof | tail -40

build: ## build the program as ./ccsyncd
	go build -o ccsyncd ./cmd/ccsyncd

man: ## write the manual page from the help of the commands
	go test ./cmd/ccsyncd -run TheManPage -update

vuln: ## look for known vulnerabilities in code that the program calls
	scripts/vuln.sh

release: ## build a release of a tagged commit in ./dist
	scripts/release.sh
