#!/bin/sh
# Checks ccsync.toml against the database that $DATABASE_URL names, then pushes to a sandbox on this machine.
set -eu
ccsyncd=${CCSYNCD:-npx --no -- ccsyncd}
sandbox=${SANDBOX:-127.0.0.1:8585}
export CC_CLIENT_ID="${CC_CLIENT_ID:-any-client-id}"

$ccsyncd check --offline --strict

$ccsyncd sandbox --contacts-from-config --approve --unlimited --listen "$sandbox" &
box=$!
trap 'kill "$box"; rm -f ccsync.sandbox.db*' EXIT
export CCSYNC_ENDPOINT="http://$sandbox"
until curl -fsS "$CCSYNC_ENDPOINT/_sandbox/" >/dev/null 2>&1; do
  kill -0 "$box" || exit 1
  sleep 0.2
done
$ccsyncd auth login
$ccsyncd check
$ccsyncd --dry-run
$ccsyncd --once
