#!/usr/bin/env bash
# Tests an image of ccsyncd: it runs as a user that is not root, has no shell, trusts the usual certificates, and, where a program is
# given, holds that very program.
#
#   scripts/image.sh IMAGE [PROGRAM]
set -euo pipefail
image=${1:?usage: scripts/image.sh IMAGE [PROGRAM]}
program=${2:-}

fail() { echo "$image: $*" >&2; exit 1; }

user=$(docker image inspect --format '{{.Config.User}}' "$image")
[ "$user" = 65532:65532 ] || fail "it runs as \"$user\", not as 65532:65532"
docker run --rm --entrypoint /bin/sh "$image" -c true 2>/dev/null && fail "it has a shell"
docker run --rm --read-only "$image" version >/dev/null || fail "the program does not start with a read-only root"

container=$(docker create "$image")
files=$(mktemp -d)
trap 'docker rm --force "$container" >/dev/null; rm -rf "$files"' EXIT
docker cp --quiet "$container:/etc/ssl/certs/ca-certificates.crt" "$files/" || fail "it has no certificates"
grep -q 'BEGIN CERTIFICATE' "$files/ca-certificates.crt" || fail "its certificates are empty"
docker cp --quiet "$container:/ccsyncd" "$files/"
[ -z "$program" ] || cmp "$files/ccsyncd" "$program" || fail "it does not hold $program"
echo "$image: user, shell, certificates and program are as they should be"
