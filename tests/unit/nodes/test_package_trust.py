"""A package from a repository is taken only when the stack's own file proves it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from migrator.errors import BlockedError, ConfigError
from migrator.nodes.package_trust import PackageTrust, _keyring, secure
from migrator.nodes.packages import Packages
from tests.support.hosts import FakeHost
from tests.support.shell_host import ShellHost
from tests.support.web import Asked, Reply, serving

FILE = "crictl-1.37.0-1-aarch64.pkg.tar.zst"
CACHE = "/var/cache/migrator"


def repository(asked: Asked) -> Reply:
    """Serve one package, and no signature."""
    return Reply(body=b"package") if asked.path == f"/{FILE}" else Reply(404)


def fetched(root: Path, trust: PackageTrust) -> ShellHost:
    """Have a host whose shell is real fetch the package."""
    host = ShellHost(root)
    host.program("uname", "#!/bin/sh\necho aarch64\n")
    with serving(repository) as web:
        Packages({"crictl": "1.37.0"}, f"http://{web.address}", trust=trust).fetch(host, ["crictl"])
    return host


def test_a_package_with_the_pinned_checksum_is_taken(tmp_path: Path) -> None:
    """Plain HTTP is as good as any way then."""
    digest = hashlib.sha256(b"package").hexdigest()
    host = fetched(tmp_path, PackageTrust(sums={FILE: digest}))
    assert host.path(f"{CACHE}/{FILE}").read_bytes() == b"package"


def test_another_package_is_removed_and_refused(tmp_path: Path) -> None:
    """A later run must not find it."""
    with pytest.raises(BlockedError, match=r"is not taken: its checksum is not the one in packageSums"):
        fetched(tmp_path, PackageTrust(sums={FILE: "0" * 64}))
    assert not (tmp_path / f"var/cache/migrator/{FILE}").exists()


def test_a_package_without_a_sum_of_its_own_is_refused(tmp_path: Path) -> None:
    """Pinning one is pinning all."""
    with pytest.raises(BlockedError, match=rf"packageSums has no checksum of {FILE}"):
        fetched(tmp_path, PackageTrust(sums={"other": "0" * 64}))


def test_a_package_without_a_signature_is_refused(tmp_path: Path) -> None:
    """What signs them is tried with real keys in tests/e2e/test_packages.py."""
    (tmp_path / "key").write_bytes(b"\x98key")
    with pytest.raises(BlockedError, match="no signature by packageKey"):
        fetched(tmp_path, PackageTrust(key=str(tmp_path / "key")))
    assert not (tmp_path / f"var/cache/migrator/{FILE}").exists()


def test_the_signature_of_this_package_is_fetched_and_judged(tmp_path: Path) -> None:
    """It lies beside the package in the repository, and is fetched anew: one of an earlier package proves nothing."""
    (tmp_path / "key").write_bytes(b"\x98key")
    host = FakeHost(accepts=("curl", "gpgv"))
    PackageTrust(key=str(tmp_path / "key")).verify(host, FILE, f"https://packages.example.com/{FILE}")
    fetch, judge = host.commands
    assert fetch.startswith("curl -fsSL --proto =https ")
    assert fetch.endswith(f" -o {CACHE}/{FILE}.signature https://packages.example.com/{FILE}.sig".removeprefix(" "))
    assert judge == f"gpgv --keyring {CACHE}/trusted.gpg {CACHE}/{FILE}.signature {CACHE}/{FILE}"


def test_over_plain_http_nothing_is_asked_without_a_proof(tmp_path: Path) -> None:
    """Whoever is in between would be root on all nodes."""
    with pytest.raises(BlockedError, match="nothing proves what it is"):
        fetched(tmp_path, PackageTrust())


def test_a_file_of_this_machine_must_have_its_sum_too(tmp_path: Path) -> None:
    """Where one is pinned for it."""
    (tmp_path / FILE).write_bytes(b"package")
    host = FakeHost(accepts=("mkdir -p", "uname"))
    host.answers = {"uname -m": "aarch64\n"}
    with pytest.raises(BlockedError, match="packageSums pins another"):
        Packages({"crictl": "1.37.0"}, str(tmp_path), trust=PackageTrust(sums={FILE: "0" * 64})).fetch(host, ["crictl"])


def test_https_is_not_left_by_a_redirect() -> None:
    """Curl follows to any protocol otherwise."""
    assert "--proto =https" in secure("https://x/y")
    assert secure("http://x/y") == ""


def test_a_key_is_read_with_and_without_armor(tmp_path: Path) -> None:
    """Comments, line ends and the checksum of the armor are not part of it; another file is a mistake."""
    key = bytes(range(200))
    body = base64.encodebytes(key).decode()
    armored = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n{body}=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
    (tmp_path / "a").write_bytes(armored.replace("\n", "\r\n").encode())
    (tmp_path / "b").write_bytes(key)
    assert _keyring(str(tmp_path / "a")) == _keyring(str(tmp_path / "b")) == key
    (tmp_path / "c").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%%%\n-----END")
    for name in ("c", "missing"):
        with pytest.raises(ConfigError, match="packageKey: "):
            _keyring(str(tmp_path / name))
