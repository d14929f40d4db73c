"""What proves that a package is the one that was built: a checksum, or a signature by a key, both pinned by the stack."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migrator.errors import BlockedError, CommandFailedError, ConfigError
from migrator.nodes.paths import PACKAGE_CACHE
from migrator.ports import Host
from migrator.untrusted import for_shell

_KEYRING = f"{PACKAGE_CACHE}/trusted.gpg"


@dataclass(slots=True, frozen=True)
class PackageTrust:
    """What a stack pins; without either only the connection vouches for what comes."""

    key: str = ""
    """Path of an OpenPGP public key on this machine."""
    sums: Mapping[str, str] = field(default_factory=dict)
    """File name to SHA-256."""

    @property
    def pinned(self) -> bool:
        """Whether every package is looked at."""
        return bool(self.key or self.sums)

    def require_sum(self, host: Host, file: str, digest: str) -> None:
        """Raise BlockedError for a file of this machine whose pinned sum is another one."""
        if self.sums.get(file, digest) != digest:
            raise BlockedError(f"{host.name}: {file} has the checksum {digest}, and packageSums pins another", hint=_HINT)

    def verify(self, host: Host, file: str, address: str) -> None:
        """Prove a file in the host's cache that came from an address; raises BlockedError, and removes it, if it is another."""
        path = f"{PACKAGE_CACHE}/{file}"
        try:
            if file in self.sums:
                host.run(f"echo {for_shell(f'{self.sums[file]}  {path}')} | sha256sum --check --status")
            elif self.key:
                # Not beside the package under the name that pacman looks for: the host's own keyring does not have the key.
                host.write(_KEYRING, _keyring(self.key))
                host.run(f"curl -fsSL {secure(address)}-o {path}.signature {for_shell(f'{address}.sig')}", timeout=60)
                # gpgv knows no web of trust: a signature by a key of this file is good, any other is not.
                host.run(f"gpgv --keyring {_KEYRING} {path}.signature {path}")
            elif self.sums:
                raise BlockedError(f"{host.name}: packageSums has no checksum of {file}", hint="add it, or name a packageKey")
        except CommandFailedError as error:
            # Else the next run would find it in the cache.
            host.run(f"rm -f {path} {path}.signature")
            how = (
                "its checksum is not the one in packageSums" if file in self.sums else f"no signature by packageKey ({error.brief})"
            )
            raise BlockedError(f"{host.name}: {file} from {address} is not taken: {how}", hint=_HINT) from error


_HINT = "find out who changed it; nothing was installed"


def secure(address: str) -> str:
    """Return curl's options that keep an https:// address from being redirected to another protocol."""
    return "--proto =https " if address.startswith("https://") else ""


def _keyring(path: str) -> bytes:
    """Return a public key as gpgv reads it, without ASCII armor (RFC 9580, section 6.2)."""
    try:
        content = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise ConfigError([f"packageKey: {path}: cannot be read: {error.strerror}"]) from error
    if not content.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"):
        return content
    _, _, body = content.replace(b"\r", b"").partition(b"\n\n")
    # A line that begins with `=` is the checksum of the armor.
    lines = [line for line in body.split(b"-----END")[0].split(b"\n") if not line.startswith(b"=")]
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error as error:
        raise ConfigError([f"packageKey: {path}: is not an OpenPGP public key"], hint="gpg --export --armor KEY > file") from error
