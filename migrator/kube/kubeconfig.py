"""The content of a kubeconfig: which cluster and which user a context names, and whether it holds data only.

Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/.
"""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.errors import ConfigError
from migrator.untrusted import printable

Section = Mapping[str, Any]
OTHER_FILE = "name the file that `kubectl --kubeconfig` would use, or write it anew where it comes from"
# What may stand in a kubeconfig that another machine has written: no program, no path, no proxy, no exception from TLS.
_DATA_ONLY = {
    "clusters": ("cluster", {"server", "certificate-authority-data"}),
    "users": ("user", {"client-certificate-data", "client-key-data", "token"}),
}


@dataclass(slots=True, frozen=True)
class Entry:
    """What one context names, as it stands in the file."""

    cluster: Section
    user: Section
    folder: Path | None = None
    """What relative paths in it are relative to; None: it holds no paths."""

    def pem(self, section: Section, key: str) -> bytes:
        """Return the value of `KEY-data`, or the content of the file that `KEY` names; empty where neither is given.

        Raises ValueError, or OSError for a file that cannot be read.
        """
        data = section.get(f"{key}-data")
        if data:
            try:
                # Go's decoder, and so kubectl, skips line breaks; Python's does not.
                return base64.b64decode("".join(str(data).split()), validate=True)
            except binascii.Error as error:
                raise ValueError(f"{key}-data is not base64") from error
        named = section.get(key)
        return self.path(str(named)).read_bytes() if named else b""

    def path(self, name: str) -> Path:
        """Return the path that a name in the file means."""
        return (self.folder or Path()) / Path(name).expanduser()


def parse(text: str, *, cluster: str, where: str) -> Section:
    """Return a kubeconfig's content; raises ConfigError."""
    import yaml

    from migrator.model.yaml_text import PlainLoader

    try:
        content = yaml.load(text, Loader=PlainLoader)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            [f"{cluster}: {where}{line}: not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}"],
            hint=OTHER_FILE,
        ) from error
    if not isinstance(content, dict):
        raise ConfigError([f"{cluster}: {where}: not a kubeconfig: it is not a mapping"], hint=OTHER_FILE)
    return content


def context_names(content: Section) -> list[str]:
    """Return the names of its contexts; what is no context is left out."""
    return [str(item["name"]) for item in _items(content, "contexts") if "name" in item]


def select(content: Section, context: str | None, *, folder: Path | None = None) -> Entry:
    """Return what a context names, or the current one; raises ValueError or TypeError."""
    name = context or content.get("current-context")
    if not name:
        raise ValueError("no context is given, and it has no current-context")
    chosen = _named(content, "contexts", name).get("context")
    if not isinstance(chosen, dict):
        raise TypeError(f"context {name!r} holds nothing")
    cluster = _named(content, "clusters", chosen.get("cluster")).get("cluster")
    user = _named(content, "users", chosen.get("user")).get("user") or {}
    if not isinstance(cluster, dict) or not isinstance(user, dict) or not isinstance(cluster.get("server"), str):
        raise TypeError(f"the cluster of context {name!r} has no server, or its user is not a mapping")
    return Entry(cluster, user, folder)


def data_only(text: str, *, endpoint: str, cluster: str, where: str) -> dict[str, Any]:
    """Return a kubeconfig that another machine has written, with nothing in it but an address, certificates, keys, tokens.

    `endpoint` is the `host:port` that its server must be. Raises ConfigError for anything else: such a file could start
    programs on this machine, read its files, or send them elsewhere (kubectl's documentation calls it trusted input).
    """
    content = parse(text, cluster=cluster, where=where)
    try:
        entry = select(content, None)
        for section, (key, allowed) in _DATA_ONLY.items():
            for item in _items(content, section):
                strange = sorted(str(name) for name in (item.get(key) or {}) if name not in allowed)
                if strange:
                    raise ValueError(f"{section} hold {printable(strange[0])!r}, and only data may come from there")
        # Names of hosts have no case.
        server, wanted = entry.cluster["server"].rstrip("/").lower(), f"https://{_with_port(endpoint)}".lower()
        if server != wanted:
            raise ValueError(f"its server is {printable(server)}, not the stack's endpoint {wanted}")
        if not entry.cluster.get("certificate-authority-data"):
            raise ValueError("it has no certificate-authority-data")
        wrong = [name for section in (entry.cluster, entry.user) for name, value in section.items() if not isinstance(value, str)]
        if wrong:
            raise ValueError(f"{wrong[0]} is not text")
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(
            [f"{cluster}: the kubeconfig of {where} is refused: {error}"],
            hint="look at the host, or at `endpoint` in the stack's file; your own kubeconfig can be named instead",
        ) from error
    return _kubeconfig(entry)


def _with_port(endpoint: str) -> str:
    """Return `host:port`; kubeadm takes 6443 where a controlPlaneEndpoint has no port."""
    return endpoint if urllib.parse.urlsplit(f"//{endpoint}").port else f"{endpoint}:6443"


def data_only_text(text: str, *, endpoint: str, cluster: str, where: str) -> str:
    """Return the same as a kubeconfig's text; raises ConfigError as `data_only` does."""
    from migrator.model.yaml_text import dump

    return dump(data_only(text, endpoint=endpoint, cluster=cluster, where=where), sort_keys=False)


def _kubeconfig(entry: Entry) -> dict[str, Any]:
    name, admin = "kubernetes", "kubernetes-admin"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": dict(entry.cluster)}],
        "users": [{"name": admin, "user": dict(entry.user)}],
        "contexts": [{"name": f"{admin}@{name}", "context": {"cluster": name, "user": admin}}],
        "current-context": f"{admin}@{name}",
    }


def _items(content: Section, section: str) -> Iterator[dict[str, Any]]:
    found = content.get(section)
    return (item for item in (found if isinstance(found, list) else ()) if isinstance(item, dict))


def _named(content: Section, section: str, name: object) -> dict[str, Any]:
    found = next((item for item in _items(content, section) if item.get("name") == name), None)
    if found is None:
        raise ValueError(f"{section} have no {printable(str(name))!r}")
    return found
