#!/usr/bin/env bash
# Builds the program of a release for one system, as Go names it: scripts/build.sh linux-arm64
# VERSION OUT
#
# SQLite is C, so that each system needs a C compiler: Debian's cross compilers for Linux and
# Windows, Xcode's on a Mac for macOS. $CC names another. Programs for Linux and Windows are static;
# users, names and time zones come from Go's own tables. What differs between two builds is left
# out: paths, build ids, times, the machine's CPU.
set -euo pipefail
[ $# = 3 ] || { echo "usage: scripts/build.sh linux-amd64|linux-arm64|windows-amd64|darwin-amd64|darwin-arm64 VERSION OUT" >&2; exit 64; }
target=$1 version=$2 out=$3
GOOS=${target%-*} GOARCH=${target#*-}
static="-linkmode external -extldflags '-static -Wl,--build-id=none'"
case $target in
"$(go env GOHOSTOS)-$(go env GOHOSTARCH)") compiler=gcc ;;
linux-amd64) compiler=x86_64-linux-gnu-gcc package=gcc-x86-64-linux-gnu ;;
linux-arm64) compiler=aarch64-linux-gnu-gcc package="gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;;
windows-amd64) compiler=x86_64-w64-mingw32-gcc package=gcc-mingw-w64-x86-64 ;;
darwin-*) compiler=clang package="Xcode's command line tools, on a Mac" ;;
*) echo "unknown system $target" >&2; exit 64 ;;
esac
case $GOOS in
windows) static="-linkmode external -extldflags '-static -Wl,--build-id=none -Wl,--no-insert-timestamp'" ;;
darwin) compiler=clang static= ;; # macOS has no static programs
esac
CC=${CC:-$compiler}
command -v "$CC" >/dev/null || { echo "$target needs $CC: install ${package:-a C compiler}" >&2; exit 1; }
export GOOS GOARCH CC CGO_ENABLED=1 CGO_CFLAGS=-O2 GOFLAGS=-mod=readonly
go build -trimpath -buildvcs=true -tags 'netgo osusergo timetzdata sqlite_omit_load_extension' \
  -ldflags "-s -w -buildid= -X main.version=$version $static" -o "$out" ./cmd/ccsyncd
