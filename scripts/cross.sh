#!/usr/bin/env bash
# Installs on Debian what scripts/release.sh needs to build for other systems, and to start what it
# built.
set -euo pipefail
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

as_root apt-get update -qq
install gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-mingw-w64-x86-64
# Where these cannot be installed, the release says what was not started.
for emulator in qemu-user-static wine64 wine; do install "$emulator" || echo "$emulator cannot be installed" >&2; done
