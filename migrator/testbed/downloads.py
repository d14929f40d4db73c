"""Download programs of official releases, with their checksums."""

from __future__ import annotations

import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from migrator.errors import MigratorError

# Without a network the next source, a build, should begin soon.
_CONNECT_SECONDS = 10


class DownloadError(MigratorError):
    """A release could not be fetched, or is not what its checksum says."""


class ChecksumError(DownloadError):
    """A release does not match its checksum; never a reason to fall back to a build."""


def download(family: str, version: str, names: Sequence[str], into: Path, *, base: str, architecture: str) -> None:
    """Put programs of a release into a folder; `base` is the address below which its versions lie. Raises DownloadError."""
    if family == "kubernetes":
        for name in names:
            url = f"{base}/v{version}/bin/linux/{architecture}/{name}"
            (into / name).write_bytes(_checked(url, _get(f"{url}.sha256").decode().split()[0]))
    elif family == "etcd":
        archive = f"etcd-v{version}-linux-{architecture}.tar.gz"
        data = _checked(f"{base}/v{version}/{archive}", _listed(f"{base}/v{version}/SHA256SUMS", archive))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for name in names:
                member = tar.extractfile(f"{archive.removesuffix('.tar.gz')}/{name}")
                if member is None:
                    raise DownloadError(f"{archive} holds no {name}")
                (into / name).write_bytes(member.read())
    else:
        for name in names:
            file = f"{name}-linux-{architecture}"
            (into / name).write_bytes(_checked(f"{base}/v{version}/{file}", _listed(f"{base}/v{version}/checksums.txt", file)))


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_CONNECT_SECONDS) as response:
            return bytes(response.read())
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise DownloadError(f"{url} cannot be fetched: {getattr(error, 'reason', error)}") from error


def _checked(url: str, expected: str) -> bytes:
    data = _get(url)
    if hashlib.sha256(data).hexdigest() != expected:
        raise ChecksumError(f"{url} does not match its checksum", hint="a broken mirror, or somebody in between: do not use it")
    return data


def _listed(url: str, file: str) -> str:
    for line in _get(url).decode().splitlines():
        checksum, _, name = line.partition(" ")
        if name.strip().lstrip("*") == file:
            return checksum
    raise DownloadError(f"{url} lists no checksum for {file}")
