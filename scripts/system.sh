#!/usr/bin/env bash
# Install the system packages that the demo and the tests use, on Debian and its kin; says what it does.
# system.sh [nodes]   with `nodes` also what real test nodes need: containers with systemd, makepkg, an image registry.
set -euo pipefail
missing=()
want() { # want PROGRAM PACKAGE
  command -v "$1" > /dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] || missing+=("$2")
}
want haproxy haproxy
if [ "${1:-}" = nodes ]; then
  want systemd-nspawn systemd-container
  want debootstrap debootstrap
  want makepkg makepkg
  want pacman pacman-package-manager
  want bsdtar libarchive-tools
  want docker-registry docker-registry
  want skopeo skopeo
  want umoci umoci
  want ssh openssh-client
  want ip iproute2
  want gcc gcc
  want pkg-config pkg-config
  want fakeroot fakeroot
  want gpg gpg
  want file file
  want zstd zstd
  want curl curl
  want qemu-aarch64-static qemu-user-static
  [ -e /usr/include/seccomp.h ] || missing+=(libseccomp-dev libc6-dev make)
fi
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get > /dev/null; then
  echo "please install: ${missing[*]}" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "→ installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
