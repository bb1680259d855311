#!/usr/bin/env bash
# Runs every fuzz target of the repository for a minute each (FUZZTIME=5s for less), one after the other. What they find
# is kept as a seed under testdata/fuzz of the package, for good.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZTIME:-1m}
cache="$(go env GOCACHE)/fuzz"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# only_time_was_up tells whether a target failed with nothing but the end of its time: go test may take that for a failure
# (golang/go#75804). What it finds it also writes down, and says so.
only_time_was_up() {
  [ "$(grep -v '^fuzz: ' "$2" | sed 's/ ([0-9.]*s)$//')" = "--- FAIL: $1"$'\n'"    context deadline exceeded"$'\n'"FAIL" ]
}

for package in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do
  go test -c -fuzz . -o "$work/fuzz.test" "$package" # once for all targets of a package
  name=$(go list "$package")
  for target in $(grep -h '^func Fuzz' "$package"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do
    printf '%s %s\n' "$name" "$target"
    # Minimising what is only new, and no failure, would take most of the time.
    (cd "$package" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" \
      -test.fuzzminimizetime 2s -test.fuzzcachedir "$cache/$name") >"$work/out" 2>&1 || only_time_was_up "$target" "$work/out" || { cat "$work/out"; exit 1; }
    grep -E '^fuzz: elapsed' "$work/out" | tail -n 1
  done
done
