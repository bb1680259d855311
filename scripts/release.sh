#!/usr/bin/env bash
# Builds a release into dist/: for each system a program, an archive of it with the pages (docs/man
# is the one for man) and units, and a bill of materials (CycloneDX); packages for npm; and
# checksums. The version is that of the tag (v1.2.3) of the checked-out commit, or $VERSION.
#
# $TARGETS are the systems to build for, by default those that Debian has compilers for. $PREBUILT
# is a folder of programs that scripts/build.sh made elsewhere, as for macOS. Each program is
# started once: on this machine, under qemu or wine; dist/started.txt says how, and which could not
# be.
#
# The same commit, Go version and C compiler give the same bytes, in any folder: scripts/release.sh
# --verify builds a second time from a fresh clone with an empty cache and compares.
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
read -ra targets <<<"${TARGETS:-linux-amd64 linux-arm64 windows-amd64}"

# named is what the program for a system is called in a release.
named() { case $1 in windows-*) echo "ccsyncd-$version-$1.exe" ;; *) echo "ccsyncd-$version-$1" ;; esac; }

# starter says what starts programs for a system here: nothing on this machine itself, "none" where
# nothing can.
starter() {
  case $1 in
  "$(go env GOHOSTOS)-$(go env GOHOSTARCH)") return ;;
  linux-arm64) command -v qemu-aarch64-static || command -v qemu-aarch64 || echo none ;;
  linux-amd64) command -v qemu-x86_64-static || command -v qemu-x86_64 || echo none ;;
  windows-amd64) command -v wine64 || command -v wine || echo none ;;
  *) echo none ;;
  esac
}

# started starts a program and wants its version, or marks it as not started. One for another system
# tells the whole story of the demo, too: modes of files, locks and clocks differ there.
started() {
  local with program told
  with=$(starter "$1")
  if [ "$with" = none ]; then
    echo "$1: not started here, nothing starts programs for it" | tee -a dist/started.txt
    return
  fi
  program=$PWD/dist/$(named "$1")
  case $1 in windows-*) prepare_wine "$with" ;; esac
  told=$(${with:+"$with"} "$program" --version 2>"$scratch/stderr" | tr -d '\r') || { cat "$scratch/stderr" >&2; exit 1; }
  [ "$told" = "ccsyncd $version" ] || { echo "the program for $1 tells another version: $told" >&2; exit 1; }
  if [ -n "$with" ]; then
    # Wine cannot remove the demo's folder, so that the exit code says nothing.
    timeout 300 "$with" "$program" demo >"$scratch/demo" 2>&1 || true
    grep -q '^The demo took' "$scratch/demo" || { cat "$scratch/demo" >&2; echo "the program for $1 does not finish its demo" >&2; exit 1; }
  fi
  echo "$1: started ${with:+with $(basename "$with"), with its demo}" | tee -a dist/started.txt
}

# prepare_wine makes a prefix in which programs of Go start.
prepare_wine() {
  export WINEPREFIX=$scratch/wine WINEDEBUG=-all
  "$1" cmd /c exit >/dev/null 2>&1
  local library=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
  [ -e "$library" ] || x86_64-w64-mingw32-gcc -shared -o "$library" scripts/wine/bcryptprimitives.c -ladvapi32
}

archive() {
  local name="ccsyncd-$version-$1" program=ccsyncd
  case $1 in windows-*) program=ccsyncd.exe ;; esac
  cp "dist/$(named "$1")" "$scratch/$program"
  tar --create --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' \
    --transform "s,^,$name/," -C "$scratch" "$program" \
    -C "$PWD" README.md LICENSE CHANGELOG.md SECURITY.md ccsync.example.toml docs deploy | gzip --no-name -9 >"dist/$name.tar.gz"
  go run ./scripts/sbom "dist/$(named "$1")" >"dist/$name.cdx.json"
}

scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
rm -rf dist
mkdir -p dist
for target in "${targets[@]}"; do
  scripts/build.sh "$target" "$version" "dist/$(named "$target")"
  case $target in linux-*)
    if file "dist/$(named "$target")" 2>/dev/null | grep -q 'dynamically linked'; then
      echo "the program for $target is not static" >&2
      exit 1
    fi
    ;;
  esac
done
for program in "${PREBUILT:-/nonexistent}/ccsyncd-$version"-*; do
  [ -f "$program" ] || continue
  install -m 755 "$program" dist/
  target=$(basename "${program#*"ccsyncd-$version-"}" .exe)
  targets+=("$target")
done
for target in "${targets[@]}"; do
  started "$target"
  archive "$target"
done
node npm/pack.mjs "$version" dist
(cd dist && LC_ALL=C sha256sum ccsyncd-* started.txt >SHA256SUMS)
cat dist/SHA256SUMS

if [ "${1:-}" = --verify ]; then
  git clone --quiet . "$scratch/clone"
  for target in "${targets[@]}"; do
    if [ -f "${PREBUILT:-/nonexistent}/$(named "$target")" ]; then continue; fi
    (cd "$scratch/clone" && GOCACHE="$scratch/cache" scripts/build.sh "$target" "$version" "$scratch/again")
    cmp "dist/$(named "$target")" "$scratch/again"
    echo "$target: a second build from a fresh clone is the same, byte for byte"
  done
fi
