"""Read image indexes from registries: the CPU architectures of an image, never guessed.

Source: OCI distribution specification, `GET /v2/<name>/manifests/<reference>`, and its token flow.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from migrator.errors import MigratorError
from migrator.model.image import full_name

_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)


class HttpRegistry:
    """Asks registries over HTTPS (plain HTTP on loopback), anonymously."""

    def __init__(self, *, timeout: float = 5.0) -> None:
        self._timeout = timeout
        self._silent: dict[str, str] = {}
        """Registries that did not answer: asked once, not once per image."""

    def architectures(self, image: str) -> frozenset[str]:
        """Return the CPU architectures; raises MigratorError when the registry does not tell."""
        registry, name, reference = split(image)
        if registry in self._silent:
            raise MigratorError(self._silent[registry])
        base = f"{'http' if _local(registry) else 'https'}://{_HOSTS.get(registry, registry)}/v2/{name}"
        manifest = self._json(registry, f"{base}/manifests/{reference}")
        if "manifests" in manifest:
            platforms = [item.get("platform") or {} for item in manifest["manifests"]]
            return frozenset(p["architecture"] for p in platforms if p.get("architecture") not in (None, "unknown"))
        config = self._json(registry, f"{base}/blobs/{manifest['config']['digest']}")
        return frozenset({config["architecture"]})

    def _json(self, registry: str, url: str) -> dict[str, Any]:
        headers = {"Accept": _ACCEPT}
        for _ in range(2):
            try:
                with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=self._timeout) as response:
                    return dict(json.loads(response.read()))
            except urllib.error.HTTPError as error:
                challenge = error.headers.get("WWW-Authenticate", "")
                if error.code != 401 or "Authorization" in headers or not challenge.startswith("Bearer"):
                    raise MigratorError(f"registry {registry} answered {error.code} for {url}") from error
                headers["Authorization"] = f"Bearer {self._token(challenge)}"
            except (OSError, ValueError) as error:
                self._silent[registry] = f"registry {registry} does not answer: {getattr(error, 'reason', error)}"
                raise MigratorError(self._silent[registry]) from error
        raise MigratorError(f"registry {registry} wants credentials")

    def _token(self, challenge: str) -> str:
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = urllib.parse.urlencode({key: fields[key] for key in ("service", "scope") if key in fields})
        try:
            with urllib.request.urlopen(f"{fields['realm']}?{query}", timeout=self._timeout) as response:
                answer = json.loads(response.read())
        except (OSError, ValueError, KeyError) as error:
            raise MigratorError(f"registry wants credentials: {error}") from error
        return str(answer.get("token") or answer.get("access_token") or "")


_HOSTS = {"docker.io": "registry-1.docker.io"}


def split(image: str) -> tuple[str, str, str]:
    """Return registry, repository and reference (digest or tag) of an image."""
    full = full_name(image)
    registry, _, rest = full.partition("/")
    name, at, digest = rest.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon:
        repository, tag = name, "latest"
    return registry, repository, digest if at else tag


def _local(registry: str) -> bool:
    return registry.split(":", maxsplit=1)[0] in ("localhost", "127.0.0.1")
