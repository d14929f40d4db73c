"""Read a kubeconfig with the official client: contexts, TLS, tokens, exec plugins."""

from __future__ import annotations

import ssl
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.errors import ConfigError


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
    proxy: tuple[str, int] | None = None


def load_access(kubeconfig: str, context: str | None, *, cluster: str, relative_to: Path) -> Access:
    """Return how to reach a cluster; raises ConfigError when the kubeconfig does not tell."""
    path = relative_to / Path(kubeconfig).expanduser()
    if not path.is_file():
        raise ConfigError(
            [f"{cluster}.kubeconfig: {path}: no such file"], hint="name the file that `kubectl --kubeconfig` would use"
        )
    from kubernetes.config import load_kube_config

    def load(configuration: object) -> None:
        load_kube_config(str(path), context=context, client_configuration=configuration, persist_config=False)

    return _access(load, cluster, str(path), hint=f"contexts there: {', '.join(contexts(path)) or 'none'}")


def access_from(content: dict[str, Any], *, cluster: str, where: str) -> Access:
    """Return how to reach the cluster of a kubeconfig's content; `where` it came from is for messages.

    Raises ConfigError. The content is not written to disk by us; the client library keeps keys in files of mode 0600.
    """
    from kubernetes.config import load_kube_config_from_dict

    def load(configuration: object) -> None:
        load_kube_config_from_dict(content, client_configuration=configuration, persist_config=False)

    return _access(load, cluster, where, hint="")


def _access(load: Callable[[object], None], cluster: str, where: str, *, hint: str) -> Access:
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException

    def configure() -> Configuration:
        configuration = Configuration()
        try:
            load(configuration)
        except ConfigException as error:
            raise ConfigError([f"{cluster}: {where}: {error}"], hint=hint) from error
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise ConfigError([f"{cluster}: {where}: not a kubeconfig: {error}"]) from error
        return configuration

    configuration = configure()
    parts = urllib.parse.urlsplit(configuration.host)
    secure = parts.scheme == "https"

    def credentials() -> dict[str, str]:
        bearer = configure().auth_settings().get("BearerToken")
        token = bearer.get("value") if bearer else None
        return {"Authorization": token} if token else {}

    proxy = urllib.parse.urlsplit(configuration.proxy) if configuration.proxy else None
    return Access(
        host=parts.hostname or "",
        port=parts.port or (443 if secure else 80),
        prefix=parts.path.rstrip("/"),
        tls=_tls(configuration, cluster) if secure else None,
        credentials=credentials,
        server_name=configuration.tls_server_name or parts.hostname or "",
        proxy=(proxy.hostname or "", proxy.port or 3128) if proxy else None,
    )


def contexts(path: Path) -> list[str]:
    """Return the names of the contexts in a kubeconfig; empty when it can't be read."""
    from kubernetes.config import ConfigException, list_kube_config_contexts

    try:
        found, _ = list_kube_config_contexts(str(path))
    except (ConfigException, OSError, TypeError, AttributeError, KeyError):
        return []
    return [item["name"] for item in found]


def _tls(configuration: object, cluster: str) -> ssl.SSLContext:
    authority: str | None = getattr(configuration, "ssl_ca_cert", None)
    certificate: str | None = getattr(configuration, "cert_file", None)
    key: str | None = getattr(configuration, "key_file", None)
    try:
        context = ssl.create_default_context(cafile=authority)
        if not getattr(configuration, "verify_ssl", True):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"{cluster}: certificates in the kubeconfig cannot be used: {error}"]) from error
    # Python asks for TLS 1.2 session details that cost a round trip per connection; API servers speak 1.3.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
