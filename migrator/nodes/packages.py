"""Packages at exactly the wanted version, through pacman."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.ports import Host

_CACHE = "/var/cache/migrator"


@dataclass(slots=True, frozen=True)
class Packages:
    """Install packages from a folder on this machine, or from a pacman repository's address."""

    versions: Mapping[str, str]
    source: str
    name: str = "packages"

    def done(self, host: Host) -> bool:
        """Return whether exactly these versions are installed, and their files are there."""
        return not self._wanting(host)

    def run(self, host: Host) -> None:
        """Bring the files to the host and install them in one transaction; raises MigratorError when one is not to be had."""
        architecture = host.run("uname -m").strip().replace("armv7l", "armv7h")
        files = [f"{name}-{self.versions[name]}-1-{architecture}.pkg.tar.zst" for name in self._wanting(host)]
        host.run(f"mkdir -p {_CACHE}")
        if self.source.startswith(("http://", "https://")):
            for file in files:
                address = shlex.quote(f"{self.source.rstrip('/')}/{file}")
                host.run(f"curl -fsSL -o {_CACHE}/{file} {address}", timeout=600)
        else:
            self._send(host, files)
        signed = " ".join(f"{_CACHE}/{file}" for file in files)
        try:
            host.run(f"pacman -U --noconfirm {signed}", timeout=600)
        except CommandFailedError as error:
            raise MigratorError(
                f"{host.name}: pacman does not install {', '.join(files)}: {error.message}", hint=_cure(error.message)
            ) from error
        # Containers go on running while CRI-O is restarted; the kubelet is restarted by whoever upgrades it.
        restart = "; systemctl try-restart crio" if any(file.startswith("cri-o-") for file in files) else ""
        host.run(f"systemctl daemon-reload{restart}")

    def _wanting(self, host: Host) -> list[str]:
        """Return the packages that are not there at their version, or lack files, as after an installation cut short."""
        checks = "; ".join(
            f"pacman -Q {name} 2>/dev/null | grep -q ' {re.escape(version)}-' && pacman -Qkq {name} >/dev/null 2>&1 || echo {name}"
            for name, version in self.versions.items()
        )
        return host.run(f"{checks}; true").split()

    def _send(self, host: Host, files: list[str]) -> None:
        folder = Path(self.source).expanduser()
        missing = [file for file in files if not (folder / file).is_file()]
        if missing:
            raise BlockedError(f"{host.name}: {folder} has no {missing[0]}", hint="`migrator packages build` makes it")
        for file in files:
            # Bytes that came whole once are not sent again.
            content = (folder / file).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if not host.ok(f"echo '{digest}  {_CACHE}/{file}' | sha256sum --check --status"):
                host.write(f"{_CACHE}/{file}", content)


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


def _cure(message: str) -> str:
    if "signature" in message or "PGP" in message:
        return "the package is not signed by a key that the host trusts: pacman-key --add, then --lsign-key"
    if "Partition" in message or "not enough free disk space" in message or "No space left" in message:
        return "make room on the host, then run this again"
    if "unable to lock database" in message:
        return "another pacman runs on the host, or one was killed: then remove /var/lib/pacman/db.lck"
    return "see the message; run this again to go on"
