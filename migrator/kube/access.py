"""How to reach a cluster: from a person's kubeconfig, or from one that a host or a stack gave, which may hold data only."""

from __future__ import annotations

import ssl
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.proxies import Proxy, ProxyError, proxy_of_environment, read_proxy
from migrator.config.host_name import require_host
from migrator.errors import ConfigError
from migrator.kube.credentials import add_certificate, headers_of
from migrator.kube.kubeconfig import OTHER_FILE, Entry, Section, context_names, data_only, parse, select

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(slots=True, frozen=True)
class Access:
    """Where a cluster is and how to prove who we are."""

    host: str
    port: int
    prefix: str
    """Path before /api, for servers behind a proxy such as Rancher's."""
    tls: ssl.SSLContext | None
    credentials: Callable[[], dict[str, str]]
    """Return fresh authentication headers; exec plugins and expiring tokens are asked again."""
    server_name: str = ""
    """The name that the server's certificate must have."""
    proxy: Proxy | None = None
    warning: str = ""
    """Why credentials are not safe on this way; to be shown before the first request."""


def load_access(kubeconfig: str, context: str | None, *, cluster: str, relative_to: Path) -> Access:
    """Return how to reach a cluster; raises ConfigError when the kubeconfig does not tell."""
    path = relative_to / Path(kubeconfig).expanduser()
    content = _content(path, cluster)
    try:
        entry = select(content, context, folder=path.parent)
    except (ValueError, TypeError) as error:
        hint = f"contexts there: {', '.join(context_names(content)) or 'none'}"
        raise ConfigError([f"{cluster}: {path}: {error}"], hint=hint) from error
    return _access(entry, cluster, str(path))


def file_of(context: str, files: Sequence[str], *, cluster: str) -> str:
    """Return the first of several kubeconfigs that has a context, or the last one; raises ConfigError.

    kubectl reads $KUBECONFIG as such a list, and leaves out what is not there.
    """
    there = [file for file in files if Path(file).expanduser().exists()] or list(files)
    having = (file for file in there if context in context_names(_content(Path(file).expanduser(), cluster)))
    return next(having, there[-1]) if len(there) > 1 else there[0]


def _content(path: Path, cluster: str) -> Section:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{cluster}.kubeconfig: {path}: no such file"], hint=OTHER_FILE) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError([f"{cluster}.kubeconfig: {path}: cannot be read: {why}"], hint=OTHER_FILE) from error
    return parse(text, cluster=cluster, where=str(path))


def received_access(text: str, *, endpoint: str, cluster: str, where: str) -> Access:
    """Return how to reach the cluster of a kubeconfig that came from `where`, a host or a stack; raises ConfigError.

    It may hold data only, and its server must be `endpoint` (`host:port`). Nothing of it is written to disk under a name.
    """
    content = data_only(text, endpoint=endpoint, cluster=cluster, where=where)
    return _access(select(content, None), cluster, where)


def _access(entry: Entry, cluster: str, where: str) -> Access:
    server = str(entry.cluster["server"])
    try:
        parts = urllib.parse.urlsplit(server)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        require_host(parts.hostname or "")
    except ValueError as error:
        raise ConfigError([f"{cluster}: {where}: server {server}: {error}"]) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError([f"{cluster}: {where}: server {server} is not an http:// or https:// address"])
    tls = _tls(entry, cluster, where) if parts.scheme == "https" else None
    return Access(
        host=parts.hostname,
        port=port,
        prefix=parts.path.rstrip("/"),
        tls=tls,
        credentials=headers_of(entry, tls, cluster=cluster, where=where),
        server_name=str(entry.cluster.get("tls-server-name") or parts.hostname),
        proxy=_proxy(entry, parts, port, cluster, where),
        warning=_warning(tls, cluster, parts.hostname),
    )


def _warning(tls: ssl.SSLContext | None, cluster: str, host: str) -> str:
    if tls is None and host not in _LOOPBACK:
        return f"{cluster}: http://{host}: credentials and objects cross the network in clear; give an https:// server"
    if tls is not None and tls.verify_mode is ssl.CERT_NONE:
        return (
            f"{cluster}: insecure-skip-tls-verify: whoever answers as {host} gets the credentials; "
            "give certificate-authority-data instead"
        )
    return ""


def _proxy(entry: Entry, server: urllib.parse.SplitResult, port: int, cluster: str, where: str) -> Proxy | None:
    """Return the proxy that the kubeconfig names, or else the environment; raises ConfigError."""
    url = entry.cluster.get("proxy-url")
    try:
        return read_proxy(str(url)) if url else proxy_of_environment(server.scheme, str(server.hostname), port)
    except ProxyError as error:
        source = f"{where}: proxy-url" if url else f"{server.scheme.upper()}_PROXY"
        raise ConfigError(
            [f"{cluster}: {source}: {error}"], hint="hosts in NO_PROXY are asked without the environment's"
        ) from error


def _tls(entry: Entry, cluster: str, where: str) -> ssl.SSLContext:
    try:
        # PEM files may have text between the certificates. Without any the system's authorities are trusted, as kubectl does.
        authority = entry.pem(entry.cluster, "certificate-authority")
        context = ssl.create_default_context(cadata=authority.decode("ascii", "ignore") or None)
        # Python 3.13 would refuse authorities without key identifiers, such as those that EKS makes; kubectl takes them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if entry.cluster.get("insecure-skip-tls-verify"):
            # In this order: Python refuses CERT_NONE while names are checked.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate = entry.pem(entry.user, "client-certificate")
        if certificate:
            add_certificate(context, certificate, entry.pem(entry.user, "client-key"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"{cluster}: {where}: its certificates cannot be used: {error}"], hint=OTHER_FILE) from error
    # The least that an API server takes itself (kube-apiserver, the default of --tls-min-version).
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
