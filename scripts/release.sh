#!/usr/bin/env bash
# Builds a release into dist/: a static program for Linux, an archive of it with the pages (docs/man is the one for man) and
# units, a bill of materials (CycloneDX), and checksums. The version is that of the tag (v1.2.3) of the checked-out commit, or $VERSION.
#
# The same commit, Go version and C compiler give the same bytes, in any folder: scripts/release.sh --verify builds a second
# time from a fresh clone with an empty cache and compares.
set -euo pipefail
cd "$(dirname "$0")/.."

tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null || true)
version=${VERSION:-${tag#v}}
[ -n "$version" ] || { echo "this commit has no tag like v1.2.3: tag it, or set VERSION" >&2; exit 1; }
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
  echo "there are changes that are not committed: a release is built from a commit" >&2
  exit 1
fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
arch=$(go env GOARCH)

# build puts the program of this folder at a path. SQLite is C, so that the linker makes it static; users, names and time
# zones come from Go's own tables. What differs between two builds is left out: paths, build ids, the machine's CPU.
build() {
  CGO_ENABLED=1 CGO_CFLAGS="-O2" GOFLAGS=-mod=readonly go build -trimpath -buildvcs=true \
    -tags 'netgo osusergo timetzdata sqlite_omit_load_extension' \
    -ldflags "-s -w -buildid= -X main.version=$version -linkmode external -extldflags '-static -Wl,--build-id=none'" \
    -o "$1" ./cmd/ccsyncd
}

rm -rf dist
mkdir -p dist
build dist/ccsyncd
if file dist/ccsyncd 2>/dev/null | grep -q 'dynamically linked'; then
  echo "the program is not static" >&2
  exit 1
fi
[ "$(dist/ccsyncd --version)" = "ccsyncd $version" ] || { echo "the program tells another version" >&2; exit 1; }

name="ccsyncd-$version-linux-$arch"
go run ./scripts/sbom dist/ccsyncd >"dist/$name.cdx.json"
tar --create --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' \
  --transform 's,^dist/,,' --transform "s,^,$name/," \
  dist/ccsyncd README.md LICENSE CHANGELOG.md SECURITY.md ccsync.example.toml docs deploy | gzip --no-name -9 >"dist/$name.tar.gz"
mv dist/ccsyncd "dist/$name"
(cd dist && sha256sum "$name" "$name.tar.gz" "$name.cdx.json" >SHA256SUMS)
cat dist/SHA256SUMS

if [ "${1:-}" = --verify ]; then
  again=$(mktemp -d)
  trap 'rm -rf "$again"' EXIT
  git clone --quiet . "$again/clone"
  (cd "$again/clone" && GOCACHE="$again/cache" build "$again/ccsyncd")
  cmp "dist/$name" "$again/ccsyncd"
  echo "a second build from a fresh clone is the same, byte for byte"
fi
