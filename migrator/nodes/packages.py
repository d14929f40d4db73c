"""Packages at exactly the wanted version, through pacman."""

from __future__ import annotations

import functools
import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.model.version import parse_version, version_in
from migrator.nodes.detached import Detached
from migrator.nodes.package_trust import PackageTrust, secure
from migrator.nodes.passing import once_more
from migrator.nodes.paths import PACKAGE_CACHE
from migrator.nodes.system import RESTART_CRIO
from migrator.ports import Host
from migrator.untrusted import for_shell, printable

DATABASE = "migrator.db.tar.gz"
"""The index of a pacman repository that `migrator packages publish` has made."""
# Some hundred MB are checked, and unpacked onto an SD card.
_INSTALL_SECONDS = 900.0
# pacman writes no file through to the disk, so that a power cut after it leaves empty ones (ext4(5), auto_da_alloc; viam rdk#3754).
# Those of /etc may be a person's own.
_EMPTY_FILES = (
    "pacman -Qlq {name} 2>/dev/null | grep -E '^/(usr|opt)/.*[^/]$' | "
    "xargs -r sh -c 'find \"$@\" -maxdepth 0 -size 0 2>/dev/null' sh | grep -q ."
)
UNHELD_LOCK = '{ test -e /var/lib/pacman/db.lck && ! ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q -- "-> /var/lib/pacman/db.lck$"; }'
"""A condition of the shell: there is a lock, and no pacman has it; it keeps the file open (libalpm, _alpm_handle_lock)."""
FOREIGN_FILES = (
    "command -v pacman >/dev/null && for file in /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl /usr/bin/crio /usr/bin/crictl "
    "/etc/crictl.yaml /usr/lib/systemd/system/kubelet.service /etc/containers/policy.json /etc/containers/registries.conf "
    "/opt/cni/bin/bridge /opt/cni/bin/host-local /opt/cni/bin/loopback /opt/cni/bin/portmap; do test ! -e $file || "
    "{ owner=$(pacman -Qoq $file 2>/dev/null); echo $file:${owner:-nobody}; }; done | "
    "grep -vE ':(kubernetes|cri-o|crictl|cni-plugins)$'"
)
"""Lists files of the packages here that are somebody else's by now, each with its package: pacman would replace none of them."""
# One of before the first process was left by a power cut. Times alone prove nothing: clocks without a battery leap.
_DROP_OLD_LOCK = f"""
lock=/var/lib/pacman/db.lck
{UNHELD_LOCK} && test $(($(date +%s) - $(stat -c %Y $lock))) -gt $(ps -o etimes= -p 1) && rm -f $lock
true
"""
# A CRI-O of another minor than these files name removes all pods of its node as it starts, at once and past each budget, and with
# the second file all images, too (cri-o#8739). That serves nodes that are replaced as a whole; it is not needed (cri-o#3544).
_KEEP_PODS = r"""
new=$(crio --version 2>/dev/null | sed -n 's/^\(crio version\|Version:\) *//p' | head -n 1)
for file in $(crio config 2>/dev/null | sed -n 's/^[# ]*version_file\(_persist\)\{0,1\} *= *"\(.*\)"/\2/p'); do
  test -z "$new" -o ! -s "$file" || printf '"%s"' "$new" > "$file"
done
"""


@dataclass(slots=True, frozen=True)
class Packages:
    """Install packages from a folder on this machine, or from a pacman repository's address."""

    versions: Mapping[str, str]
    source: str
    allow_downgrade: bool = False
    """Whether installed versions may be newer than these."""
    name: str = "packages"
    trust: PackageTrust = field(default_factory=PackageTrust)

    def done(self, host: Host) -> bool:
        """Return whether exactly these versions are installed, and their files are there."""
        return not self._wanting(host)

    def run(self, host: Host) -> None:
        """Bring the files to the host and install them in one transaction; raises MigratorError when one is not to be had.

        Raises BlockedError before a cluster that was upgraded in place would be taken back by a stack that still says the old
        version; going back is for `migrator upgrade rollback`, which sets `allow_downgrade`.
        """
        wanting = self._wanting(host)
        if not self.allow_downgrade:
            self._refuse_older(host, wanting)
        files = self.fetch(host, wanting)
        host.run(_DROP_OLD_LOCK)
        paths = [f"{PACKAGE_CACHE}/{file}" for file in files]
        unit = f"migrator-packages-{hashlib.sha256(' '.join(files).encode()).hexdigest()[:12]}"
        try:
            # A unit of its own: pacman that is cut off with the connection leaves its lock, and half a package.
            install = f"{shlex.join(['pacman', '-U', '--noconfirm', *paths])} && sync"
            pacman = Detached(unit, shlex.join(["sh", "-c", install]), _INSTALL_SECONDS)
            once_more(host, functools.partial(pacman.run, host, lambda _: None))
        except CommandFailedError as error:
            raise MigratorError(
                f"{host.name}: pacman does not install {', '.join(files)}: {error.message}", hint=_hint(error.message)
            ) from error
        # Containers go on running while CRI-O is restarted; the kubelet is restarted by whoever upgrades it.
        new = any(file.startswith("cri-o-") for file in files)
        host.run(f"{_KEEP_PODS}{RESTART_CRIO}" if new else "systemctl daemon-reload")

    def fetch(self, host: Host, names: Sequence[str]) -> list[str]:
        """Bring packages to the host's cache without installing them; returns their file names."""
        # Arch Linux ARM names the packages of armv7l `armv7h`.
        architecture = host.run("uname -m").strip().replace("armv7l", "armv7h")
        files = [f"{name}-{self.versions[name]}-1-{architecture}.pkg.tar.zst" for name in names]
        host.run(f"mkdir -p {PACKAGE_CACHE}")
        if self.source.startswith(("http://", "https://")):
            for file in files:
                self._download(host, file)
        else:
            self._send(host, files)
        return files

    def _download(self, host: Host, file: str) -> None:
        """Have the host get a file, and prove it; one that is there already is proven again, as it came once."""
        address = f"{self.source.rstrip('/')}/{file}"
        if address.startswith("http://") and not self.trust.pinned:
            raise BlockedError(
                f"{host.name}: {address} comes over plain HTTP, and nothing proves what it is",
                hint="pin packageKey or packageSums in the stack's file, or use https://",
            )
        # On the way back the source may be away, and the package is still in the cache.
        kept = f"test -s {PACKAGE_CACHE}/{file} || " if self.allow_downgrade else ""
        path = f"{PACKAGE_CACHE}/{file}"
        # What was cut off must not have the name of a package: it would be kept.
        command = f"{kept}{{ curl -fsSL {secure(address)}-o {path}.part {shlex.quote(address)} && mv {path}.part {path}; }}"
        once_more(host, functools.partial(host.run, command, timeout=600))
        self.trust.verify(host, file, address)

    def _refuse_older(self, host: Host, names: Sequence[str]) -> None:
        for name in names:
            installed = installed_version(host, name)
            version = version_in(installed)
            if installed and version is None:
                raise BlockedError(
                    f"{host.name} has {name} {printable(installed)}, which cannot be compared with {self.versions[name]}",
                    hint=f"is it a package of somebody else's? `pacman -R {name}` there; nothing was changed",
                )
            if version and version > parse_version(self.versions[name]):
                raise BlockedError(
                    f"{host.name} has {name} {installed}, newer than the {self.versions[name]} that is asked for",
                    hint=f"was it upgraded in place? Then write {installed} into the stack's file; nothing was changed",
                )

    def _wanting(self, host: Host) -> list[str]:
        """Return the packages that are not there at their version, or lack files, as after an installation cut short."""
        checks = "; ".join(
            # -Qk also finds files that are gone, as after a disk that was full (pacman(8)).
            f"pacman -Q {name} 2>/dev/null | grep -q ' {re.escape(version)}-' && pacman -Qkq {name} >/dev/null 2>&1 "
            f"&& ! {{ {_EMPTY_FILES.format(name=name)}; }} || echo {name}"
            for name, version in self.versions.items()
        )
        return host.run(f"{checks}; true").split()

    def _send(self, host: Host, files: list[str]) -> None:
        folder = Path(self.source).expanduser()
        missing = [file for file in files if not (folder / file).is_file()]
        # What the host was made of may be gone from the source by the time that it is wanted again.
        if missing and self.allow_downgrade and all(host.ok(f"test -s {PACKAGE_CACHE}/{file}") for file in missing):
            return
        if missing:
            raise BlockedError(f"{host.name}: {folder} has no {missing[0]}", hint="`migrator packages build` makes it")
        for file in files:
            # Bytes that came whole once are not sent again.
            content = (folder / file).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            self.trust.require_sum(host, file, digest)
            if not host.ok(f"echo '{digest}  {PACKAGE_CACHE}/{file}' | sha256sum --check --status"):
                host.write(f"{PACKAGE_CACHE}/{file}", content)


@dataclass(slots=True, frozen=True)
class NoPackages:
    """Have none of these packages."""

    names: tuple[str, ...]
    name: str = "packages removed"

    def done(self, host: Host) -> bool:
        """Return whether none is installed."""
        return not any(host.ok(f"pacman -Q {name}") for name in self.names)

    def run(self, host: Host) -> None:
        """Remove them, with what nothing else needs."""
        host.run(f"pacman -R --noconfirm $(for p in {' '.join(self.names)}; do pacman -Qq $p 2>/dev/null; done)", timeout=300)


_HINTS = (
    # Of a package that another repository has signed; ours are not looked at by pacman's keyring.
    (
        r"signature from",
        "its clock is wrong, or its keys are too old: `pacman -Sy archlinux-keyring` (archlinuxarm-keyring), then `pacman -Su`",
    ),
    (r"signature|PGP", "the package is not signed by a key that the host trusts: pacman-key --add, then --lsign-key"),
    (r"Partition|not enough free disk space|No space left", "make room on the host, then run this again"),
    (
        r"unable to lock database",
        "another pacman runs on the host, or one was killed: then remove /var/lib/pacman/db.lck",
    ),
    (
        r"satisfy dependenc|target not found|retriev",
        "its lists of packages are old, or were never fetched: `pacman -Syu` there, and boot it if that brings a kernel",
    ),
    (
        r"exists in filesystem|in conflict",
        "another package has these files: `pacman -R` it there, or `rm` them if `pacman -Qo` names none",
    ),
)
"""Words of pacman's own, and what to do; the first that fits counts."""


def _hint(message: str) -> str:
    return next((hint for words, hint in _HINTS if re.search(words, message)), "see the message; run this again to continue")


_FILE = re.compile(r"(?P<name>[a-z][a-z0-9-]*)-(?P<version>\d+\.\d+\.\d+)-\d+-(?P<arch>[a-z0-9_]+)\.pkg\.tar\.zst")


def available_versions(host: Host, source: str, architecture: str) -> dict[str, tuple[str, ...]]:
    """Return the versions of each package that a source has for an architecture; a repository is asked from the host.

    One that cannot be asked has none: what is missing is a finding of its own.
    """
    if source.startswith(("http://", "https://")):
        address = shlex.quote(f"{source.rstrip('/')}/{DATABASE}")
        # The database of pacman is a tar archive with one `desc` for each package.
        names = host.run(f"curl -fsSL {address} | tar -xzO --wildcards '*/desc' | grep -A1 '^%FILENAME%'; true").split()
    else:
        names = [file.name for file in Path(source).expanduser().glob("*.pkg.tar.zst")]
    found: dict[str, set[str]] = {}
    for match in filter(None, map(_FILE.fullmatch, names)):
        if match["arch"] == architecture.replace("armv7l", "armv7h"):
            found.setdefault(match["name"], set()).add(match["version"])
    return {name: tuple(sorted(versions)) for name, versions in found.items()}


def installed_version(host: Host, name: str) -> str:
    """Return the version of an installed package without Arch's release number, or an empty string."""
    return host.run(f"pacman -Q {for_shell(name)} 2>/dev/null | cut -d' ' -f2 | cut -d- -f1; true").strip()
