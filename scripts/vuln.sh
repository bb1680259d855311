#!/usr/bin/env bash
# Asks the Go vulnerability database about the code that the program really calls. Where that database cannot be reached,
# it says so and passes, unless $CCSYNC_VULN_REQUIRED is set: the workflows set it, since they can reach it.
set -euo pipefail
cd "$(dirname "$0")/.."
database=${GOVULNDB:-https://vuln.go.dev}

case $database in
http*)
  if ! curl -fsS --max-time 15 -o /dev/null "$database/index/db.json" 2>/dev/null; then
    if [ -n "${CCSYNC_VULN_REQUIRED:-}" ]; then
      echo "the vulnerability database $database cannot be reached, and CCSYNC_VULN_REQUIRED is set" >&2
      exit 1
    fi
    echo "left out: the vulnerability database $database cannot be reached from here"
    exit 0
  fi
  ;;
esac
go tool -modfile=tools.mod govulncheck -db "$database" ./...
