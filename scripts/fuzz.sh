#!/usr/bin/env bash
# Runs every fuzz target of the repository for a minute each (FUZZTIME=5s for less), one after the other. What they find
# is kept as a seed under testdata/fuzz of the package, for good.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZTIME:-1m}
cache="$(go env GOCACHE)/fuzz"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for package in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do
  go test -c -fuzz . -o "$work/fuzz.test" "$package" # once for all targets of a package
  name=$(go list "$package")
  for target in $(grep -h '^func Fuzz' "$package"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do
    printf '%s %s\n' "$name" "$target"
    # Minimising what is only new, and no failure, would take most of the time.
    (cd "$package" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" \
      -test.fuzzminimizetime 2s -test.fuzzcachedir "$cache/$name") >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
    grep -E '^fuzz: elapsed' "$work/out" | tail -n 1
  done
done
