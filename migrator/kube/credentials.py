"""Prove who we are: the headers that a user of a kubeconfig stands for.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/, client-go credential plugins.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from collections.abc import Callable
from typing import Any

from migrator.adapters.commands import NOT_INSTALLED, run
from migrator.adapters.temporary import memory_file
from migrator.errors import CommandFailedError, ConfigError
from migrator.kube.kubeconfig import Entry, Section

Headers = dict[str, str]
# A plugin may ask a server of its own for a token.
_PLUGIN_SECONDS = 60.0
# Where a person sits at the terminal, a plugin may ask them to log in with a browser.
_INTERACTIVE_SECONDS = 300.0


def headers_of(entry: Entry, tls: ssl.SSLContext | None, *, cluster: str, where: str) -> Callable[[], Headers]:
    """Return the function that gives fresh headers; a plugin's client certificate is put into `tls` when it is asked.

    Files and plugins are read anew at each call: their tokens expire. The function raises ConfigError.
    """
    # Left out in silence, a request would have other rights than the kubeconfig says.
    others = [key for key in ("as-groups", "as-user-extra") if entry.user.get(key)]
    if others:
        raise ConfigError([f"{cluster}: {where}: {others[0]} is not supported"], hint="use an account of its own")

    def headers() -> Headers:
        try:
            return {name: _as_header(name, value) for name, value in (_identity(entry, tls) | _impersonated(entry.user)).items()}
        except KeyError as error:
            raise ConfigError([f"{cluster}: {where}: its user lacks {error}"]) from error
        except (OSError, ValueError, TypeError, AttributeError, ssl.SSLError) as error:
            raise ConfigError([f"{cluster}: {where}: {error}"]) from error

    return headers


def _as_header(name: str, value: str) -> str:
    """Return a header's value so that http.client sends it in UTF-8; raises ValueError, which does not tell the value."""
    if not value.isprintable():
        raise ValueError(f"what is given for {name} holds a line break or another control character")
    return value.encode().decode("latin-1")


def add_certificate(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Have a client certificate shown; raises ssl.SSLError, or OSError.

    OpenSSL reads files only. These are in memory: no signal leaves the key behind on a disk, and a full one needs no room.
    """
    with memory_file() as first, memory_file() as second:
        for file, content in ((first, certificate), (second, key)):
            file.write(content)
            file.seek(0)
        # An empty password: OpenSSL would ask the terminal for that of an encrypted key.
        tls.load_cert_chain(f"/dev/fd/{first.fileno()}", f"/dev/fd/{second.fileno()}", password="")


def _identity(entry: Entry, tls: ssl.SSLContext | None) -> Headers:
    user = entry.user
    if user.get("exec"):
        # Before a token beside it, which a login by the same plugin has left there, and which may have expired.
        return _from_plugin(entry, tls)
    if user.get("tokenFile"):
        return _bearer(entry.path(str(user["tokenFile"])).read_text(encoding="utf-8").strip())
    if user.get("token"):
        return _bearer(str(user["token"]))
    if user.get("auth-provider"):
        return _from_provider(entry)
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _impersonated(user: Section) -> Headers:
    names = {"as": "Impersonate-User", "as-uid": "Impersonate-Uid"}
    return {header: str(user[key]) for key, header in names.items() if user.get(key)}


def _from_plugin(entry: Entry, tls: ssl.SSLContext | None) -> Headers:
    """Return what a credential plugin answers (client.authentication.k8s.io/v1)."""
    status = _asked(entry).get("status")
    if not isinstance(status, dict):
        raise TypeError("exec: the plugin's answer has no status")
    if status.get("clientCertificateData") and tls:
        add_certificate(tls, str(status["clientCertificateData"]).encode(), str(status.get("clientKeyData", "")).encode())
    return _bearer(str(status.get("token") or ""))


def _asked(entry: Entry) -> dict[str, Any]:
    plugin: dict[str, Any] = entry.user["exec"]
    if not isinstance(plugin, dict) or not all(isinstance(plugin.get(key) or [], list) for key in ("args", "env")):
        raise TypeError("exec: is not a mapping, or its args or env are not lists")
    interactive = sys.stdin.isatty() and plugin.get("interactiveMode", "IfAvailable") != "Never"
    limit = _INTERACTIVE_SECONDS if interactive else _PLUGIN_SECONDS
    name = str(plugin["command"])
    # A name with a slash is relative to the file, as for kubectl; another is looked up on the PATH.
    program = str(entry.path(name)) if "/" in name else name
    words = [program, *map(str, plugin.get("args") or ())]
    environment = _environment(entry, plugin, interactive=interactive)
    try:
        said = run(words, environment=environment, timeout=limit, interactive=interactive)
    except CommandFailedError as error:
        # Without its arguments, which may hold a secret.
        hint = plugin.get("installHint") if error.code == NOT_INSTALLED else ""
        reason = " ".join(filter(None, (error.output.strip()[-400:], hint)))
        raise ValueError(f"exec: {name} ended with {error.code}: {reason}") from None
    try:
        answer = json.loads(said)
    except ValueError:
        raise ValueError(f"exec: {name} did not answer with JSON") from None
    if not isinstance(answer, dict) or answer.get("apiVersion") != plugin.get("apiVersion"):
        raise ValueError(f"exec: {name} did not answer in {plugin.get('apiVersion')}")
    return answer


def _environment(entry: Entry, plugin: dict[str, Any], *, interactive: bool) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        # Of all extensions only the plugin's own is passed, as `config` (client.authentication.k8s.io/v1, Cluster).
        spec["cluster"] = {key: value for key, value in entry.cluster.items() if key != "extensions"}
        for item in entry.cluster.get("extensions") or ():
            if item.get("name") == "client.authentication.k8s.io/exec":
                spec["cluster"]["config"] = item.get("extension")
    # The plugin must answer in the version that it is asked in.
    info = {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    added = {str(item["name"]): str(item["value"]) for item in plugin.get("env") or ()}
    return {**added, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _from_provider(entry: Entry) -> Headers:
    """Return the headers of an `auth-provider`, which the official client still knows."""
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_kube_config_from_dict

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": entry.cluster["server"]}}],
        "users": [{"name": "x", "user": {"auth-provider": entry.user["auth-provider"]}}],
    }
    configuration = Configuration()
    try:
        load_kube_config_from_dict(content, client_configuration=configuration, persist_config=False)
    except ConfigException as error:
        raise ValueError(str(error)) from error
    # The official client writes its token as a header's whole value.
    bearer = configuration.auth_settings().get("BearerToken")
    token = bearer.get("value") if bearer else None
    return {"Authorization": token} if token else {}
