"""From a kubeconfig to a way to the API server; keys stay in memory, and unsafe ways are said."""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.adapters.proxies import Proxy
from migrator.errors import ConfigError
from migrator.kube.access import Access, load_access, received_access
from tests.support.kubeconfigs import ENDPOINT, admin_conf, key_pair


def access(folder: Path, content: dict[str, Any] | str) -> Access:
    """Return the access of a person's kubeconfig in a folder."""
    (folder / "config").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return load_access("config", None, cluster="blue", relative_to=folder)


def test_a_person_s_file_may_name_files_and_proxies(tmp_path: Path) -> None:
    """Paths are relative to it, as for kubectl."""
    certificate, key = key_pair()
    (tmp_path / "ca.crt").write_bytes(certificate)
    (tmp_path / "me.crt").write_bytes(certificate)
    (tmp_path / "me.key").write_bytes(key)
    content = admin_conf(cluster={"proxy-url": "http://proxy:8080", "tls-server-name": "api", "server": "https://h:7/clusters/c/"})
    del content["clusters"][0]["cluster"]["certificate-authority-data"]
    content["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    content["users"][0]["user"] = {"client-certificate": "me.crt", "client-key": "me.key"}
    found = access(tmp_path, content)
    assert (found.host, found.port, found.prefix, found.server_name) == ("h", 7, "/clusters/c", "api")
    assert found.proxy == Proxy("proxy", 8080)
    assert found.tls is not None
    assert found.tls.cert_store_stats()["x509"] == 1
    assert (found.warning, found.credentials()) == ("", {})


def test_the_environment_s_proxy_is_taken_where_the_file_names_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for hosts of NO_PROXY."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert access(tmp_path, admin_conf()).proxy == Proxy("proxy", 3128)
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
    assert access(tmp_path, admin_conf()).proxy is None


def test_a_proxy_that_cannot_be_used_is_one_line_without_its_password(tmp_path: Path) -> None:
    """Before any host is asked."""
    with pytest.raises(ConfigError, match=r"blue: .*config: proxy-url: the proxy https://proxy cannot be used") as caught:
        access(tmp_path, admin_conf(cluster={"proxy-url": "https://me:hunter2@proxy:8443"}))
    assert "hunter2" not in str(caught.value)


def test_an_authority_without_key_identifiers_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.13 refuses those that EKS makes, and kubectl does not (kubernetes-client/python#2394)."""
    made = ssl.create_default_context

    def strict(*args: Any, **options: Any) -> ssl.SSLContext:
        context = made(*args, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    found = access(tmp_path, admin_conf())
    assert found.tls is not None
    assert not found.tls.verify_flags & ssl.VERIFY_X509_STRICT


def test_keys_leave_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that nobody can catch would leave them; so they never have a name."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    monkeypatch.delattr(os, "memfd_create", raising=False)  # as where there are none in memory
    seen: list[list[Path]] = []
    unnamed = tempfile.TemporaryFile

    def watched(*args: Any, **more: Any) -> Any:
        file = unnamed(*args, **more)
        seen.append(list(made.iterdir()))
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", watched)
    access(tmp_path, admin_conf())
    assert (seen, list(made.iterdir())) == ([[], []], [])


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ({}, ""),
        ({"insecure-skip-tls-verify": True, "certificate-authority-data": ""}, "insecure-skip-tls-verify"),
        ({"server": "http://10.1.1.1:8080"}, "in clear"),
        ({"server": "http://127.0.0.1:8001"}, ""),
    ],
)
def test_ways_on_which_a_token_is_not_safe_are_warned_about(tmp_path: Path, cluster: dict[str, Any], words: str) -> None:
    """Plain HTTP to this machine itself, such as `kubectl proxy`, is safe."""
    found = access(tmp_path, admin_conf(cluster=cluster))
    assert bool(found.warning) == bool(words)
    assert words in found.warning


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", r"config:1: not YAML"),
        ("[]", "it is not a mapping"),
        (admin_conf(cluster={"server": "ftp://h"}), "not an http:// or https:// address"),
        (admin_conf(cluster={"server": "https://h:x"}), "server https://h:x"),
        (admin_conf(cluster={"certificate-authority-data": "%"}), "certificate-authority-data is not base64"),
        (admin_conf(user={"client-key-data": "AAAA"}), "certificates cannot be used"),
        ({**admin_conf(), "current-context": "zz"}, "contexts have no 'zz'"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, content: dict[str, Any] | str, words: str) -> None:
    """Exit code 2, never a bug."""
    with pytest.raises(ConfigError, match=words) as caught:
        access(tmp_path, content)
    assert len(caught.value.issues) == 1


def test_a_folder_and_a_missing_file_are_mistakes(tmp_path: Path) -> None:
    """What cannot be read is named."""
    for name in ("missing", "."):
        with pytest.raises(ConfigError, match=r"blue\.kubeconfig"):
            load_access(name, None, cluster="blue", relative_to=tmp_path)


def test_what_a_host_gave_is_checked_first() -> None:
    """The same way, for data only; no plugin is asked, not even for its name."""
    found = received_access(yaml.safe_dump(admin_conf()), endpoint=ENDPOINT, cluster="green", where="admin.conf")
    assert (found.host, found.port, found.credentials()) == ("10.1.1.1", 6443, {})
    with pytest.raises(ConfigError, match="is refused"):
        received_access(yaml.safe_dump(admin_conf(user={"exec": {}})), endpoint=ENDPOINT, cluster="green", where="admin.conf")


@pytest.mark.parametrize("server", ["https://api..example:6443", f"https://{'a' * 64}.example"])
def test_a_server_whose_name_no_resolver_takes_is_a_mistake_in_the_file(tmp_path: Path, server: str) -> None:
    """Python raises UnicodeError when it is asked for the address."""
    with pytest.raises(ConfigError, match="is not a name of a host"):
        access(tmp_path, admin_conf(cluster={"server": server}))


def test_a_context_whose_name_looks_like_a_date_is_found(tmp_path: Path) -> None:
    """It is text to kubectl."""
    (tmp_path / "config").write_text(
        "contexts: [{name: 2026-01-01, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: [{name: u, user: {token: t}}]\n"
    )
    assert load_access("config", "2026-01-01", cluster="blue", relative_to=tmp_path).host == "h"
