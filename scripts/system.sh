#!/usr/bin/env bash
# Install the system packages that the demo and the tests use, on Debian and its kin; says what it does.
# system.sh [unit|nodes|emulator]   with `unit` only the programs that unit tests call; with `nodes` also what real test nodes need:
#                                    containers with systemd, makepkg, an image registry; with `emulator` also whole machines, and
#                                    cross compilers for ARM.
set -euo pipefail
missing=()
want() { # want PROGRAM PACKAGE
  command -v "$1" > /dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] || missing+=("$2")
}
foreign=()
if [ "${1:-}" = unit ] || [ "${1:-}" = nodes ] || [ "${1:-}" = emulator ]; then
  want rsync rsync
  want gpg gpg
  want gpg-agent gpg-agent
  want age age
  want ssh openssh-client
  want sshd openssh-server
  want curl curl
  want ps procps
  want ss iproute2
fi
if [ "${1:-}" != unit ]; then
  want haproxy haproxy
  want named bind9
  want nginx nginx-light
  want knotd knot
  want keepalived keepalived
  want ip iproute2
fi
if [ "${1:-}" = nodes ] || [ "${1:-}" = emulator ]; then
  want systemd-nspawn systemd-container
  want debootstrap debootstrap
  want makepkg makepkg
  want pacman pacman-package-manager
  want bsdtar libarchive-tools
  want docker-registry docker-registry
  want skopeo skopeo
  want umoci umoci
  want setfacl acl
  want setfattr attr
  want lsattr e2fsprogs
  want mkfs.xfs xfsprogs
  want mkfs.btrfs btrfs-progs
  want gcc gcc
  want pkg-config pkg-config
  want fakeroot fakeroot
  want file file
  want zstd zstd
  want qemu-aarch64-static qemu-user-static
  [ -e /usr/include/seccomp.h ] || missing+=(libseccomp-dev libc6-dev make)
fi
if [ "${1:-}" = emulator ]; then
  want qemu-system-aarch64 qemu-system-arm
  want qemu-system-x86_64 qemu-system-x86
  want aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
  [ -e /usr/aarch64-linux-gnu/include/stdlib.h ] || missing+=(libc6-dev-arm64-cross)
  want mkfs.ext4 e2fsprogs
  [ -e /usr/lib/aarch64-linux-gnu/pkgconfig/libseccomp.pc ] || foreign+=(libseccomp-dev:arm64)
fi
[ ${#missing[@]} -eq 0 ] && [ ${#foreign[@]} -eq 0 ] && exit 0
if ! command -v apt-get > /dev/null; then
  echo "please install: ${missing[*]}" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
missing+=("${foreign[@]}")
echo "→ installing ${missing[*]}"
[ ${#foreign[@]} -eq 0 ] || "${as_root[@]}" dpkg --add-architecture arm64
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
