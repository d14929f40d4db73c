"""Each way of a kubeconfig to say who somebody is becomes headers, and none waits for ever."""

from __future__ import annotations

import json
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from migrator.errors import ConfigError
from migrator.kube.credentials import add_certificate, headers_of
from migrator.kube.kubeconfig import Entry
from tests.support.kubeconfigs import key_pair

V1 = "client.authentication.k8s.io/v1"


def headers(user: dict[str, Any], folder: Path | None = None) -> dict[str, str]:
    """Return the headers of a user of a kubeconfig in a folder."""
    entry = Entry({"server": "https://x"}, user, folder)
    return headers_of(entry, None, cluster="blue", where="kubeconfig")()


def plugin(folder: Path, script: str, **more: Any) -> dict[str, Any]:
    """Write a credential plugin beside a kubeconfig; return the user that names it."""
    file = folder / "plugin"
    file.write_text(f"#!{sys.executable}\nimport json, os, sys\n{script}\n")
    file.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": "./plugin", "interactiveMode": "Never", **more}}


def test_tokens_passwords_and_impersonation_become_headers(tmp_path: Path) -> None:
    """A token's file is read anew each time, and is stronger than a token, as for kubectl."""
    (tmp_path / "token").write_text("first\n")
    user = {"tokenFile": "token", "token": "other"}
    ask = headers_of(Entry({"server": "https://x"}, user, tmp_path), None, cluster="blue", where="kubeconfig")
    assert ask() == {"Authorization": "Bearer first"}
    (tmp_path / "token").write_text("second")
    assert ask() == {"Authorization": "Bearer second"}
    assert headers({"username": "ann", "password": "p"}) == {"Authorization": "Basic YW5uOnA="}
    assert headers({"token": "t", "as": "bob"}) == {"Authorization": "Bearer t", "Impersonate-User": "bob"}
    assert headers({}) == {}


@pytest.mark.parametrize("user", [{"token": "hunter2\n"}, {"token": "a\r\nX-Other: hunter2"}, {"token": "t", "as": "hunter2\0"}])
def test_what_no_header_can_hold_is_refused_without_being_told(user: dict[str, str]) -> None:
    """A token from a block of YAML ends with a line break: the error of http.client quotes it, and went into the file of a bug."""
    with pytest.raises(ConfigError, match="holds a line break or another control character") as caught:
        headers(user)
    assert "hunter2" not in caught.value.message


def test_a_header_is_sent_in_utf_8() -> None:
    """As kubectl does; http.client writes Latin-1, and has no word for what is not in it."""
    assert headers({"token": "t", "as": "J\xfcrgen"})["Impersonate-User"].encode("latin-1") == b"J\xc3\xbcrgen"
    assert headers({"token": "t", "as": "\u540d"})["Impersonate-User"].encode("latin-1").decode() == "\u540d"


@pytest.mark.parametrize("settings", ["x", ["x"], {"command": "true", "args": "-c id"}, {"command": "true", "env": {"A": "b"}}])
def test_a_plugin_of_another_form_is_refused(settings: object) -> None:
    """Text in place of a list was taken for one argument a letter; kubectl refuses it (pulumi-kubernetes-operator#557)."""
    with pytest.raises(ConfigError, match="exec: is not a mapping, or its args or env are not lists"):
        headers({"exec": settings})


def test_what_a_plugin_s_settings_lack_is_named() -> None:
    """By its key."""
    with pytest.raises(ConfigError, match="its user lacks 'command'"):
        headers({"exec": {"apiVersion": V1}})


def test_impersonation_that_cannot_be_told_is_refused() -> None:
    """Leaving it out would act with the account's own rights."""
    with pytest.raises(ConfigError, match="as-groups is not supported"):
        headers({"token": "t", "as": "bob", "as-groups": ["a"]})


def test_a_plugin_is_asked_as_kubectl_asks_it(tmp_path: Path) -> None:
    """It gets its arguments, its environment and the cluster; its token is taken."""
    script = (
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "token = '-'.join([*sys.argv[1:], os.environ['WORD'], info['spec']['cluster']['server']])\n"
        "print(json.dumps({'apiVersion': info['apiVersion'], 'kind': 'ExecCredential', 'status': {'token': token}}))"
    )
    user = plugin(tmp_path, script, args=["a"], env=[{"name": "WORD", "value": "w"}], provideClusterInfo=True)
    assert headers(user, tmp_path) == {"Authorization": "Bearer a-w-https://x"}


def test_a_plugin_is_stronger_than_a_token_that_lies_beside_it(tmp_path: Path) -> None:
    """A login has left it there, and it expires (kubernetes#87369)."""
    answer = json.dumps({"apiVersion": V1, "status": {"token": "fresh"}})
    assert headers({**plugin(tmp_path, f"print({answer!r})"), "token": "old"}, tmp_path) == {"Authorization": "Bearer fresh"}


def test_a_plugin_s_certificate_is_shown(tmp_path: Path) -> None:
    """Some plugins answer with a certificate in place of a token."""
    certificate, key = key_pair()
    status = {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()}
    (tmp_path / "answer").write_text(json.dumps({"apiVersion": V1, "status": status}))
    tls = ssl.create_default_context()
    user = plugin(tmp_path, f"print(open({str(tmp_path / 'answer')!r}).read())")
    assert headers_of(Entry({"server": "https://x"}, user, tmp_path), tls, cluster="blue", where="x")() == {}
    with pytest.raises(ssl.SSLError):
        add_certificate(tls, certificate, key_pair()[1])  # another key does not fit: what is taken is looked at


@pytest.mark.parametrize(
    ("script", "more", "reason"),
    [
        ("sys.exit('no login')", {}, "ended with 1: no login"),
        ("print('x')", {}, "did not answer with JSON"),
        ("print('[]')", {}, f"did not answer in {V1}"),
        ("sys.stderr.buffer.write(b'\\xe9'); sys.exit(1)", {}, "ended with 1: \ufffd"),
        ("", {"command": "no-such-plugin", "installHint": "get it there"}, "no-such-plugin is not installed get it there"),
        (f"print(json.dumps(dict(apiVersion={V1!r}, status=None)))", {}, "has no status"),
    ],
)
def test_a_plugin_that_fails_is_named(tmp_path: Path, script: str, more: dict[str, Any], reason: str) -> None:
    """One line, exit code 2."""
    with pytest.raises(ConfigError) as caught:
        headers(plugin(tmp_path, script, **more), tmp_path)
    assert reason in caught.value.message


def test_a_key_that_has_a_password_asks_nobody() -> None:
    """OpenSSL would wait at the terminal."""
    certificate, _ = key_pair()
    locked = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
    with pytest.raises(ssl.SSLError):
        add_certificate(ssl.create_default_context(), certificate, locked)


def test_a_certificate_is_shown_also_where_all_disks_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python finds no temporary folder then; a way back needs the clusters, too."""

    def full(*_: object, **__: object) -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    monkeypatch.setattr("tempfile.gettempdir", full)
    certificate, key = key_pair()
    add_certificate(ssl.create_default_context(), certificate, key)
    with pytest.raises(ssl.SSLError):
        add_certificate(ssl.create_default_context(), certificate, b"")
