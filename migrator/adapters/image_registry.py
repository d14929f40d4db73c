"""Read image indexes from registries: the CPU architectures of an image, never guessed.

Whoever may make a pod names the registry, and the registry names where tokens come from. So both are asked without any
credentials of this machine, and only at addresses that could be a registry's (CVE-2020-15157 is of this kind).
Source: OCI distribution specification, `GET /v2/<name>/manifests/<reference>`, and its token flow.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

from migrator.adapters.web import Address, Answer, Deadline, get
from migrator.errors import MigratorError
from migrator.model.image import full_name
from migrator.ports import Clock
from migrator.untrusted import is_image_registry, printable

_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)
# Bytes of a manifest or a configuration; containers/image has the same limit.
_LONGEST = 4 << 20
# Tokens with many scopes have some KiB; what is longer is not a token.
_LONGEST_TOKEN = 64 << 10
# Docker Hub and quay.io redirect once, to their storage; more is a loop.
_REDIRECTS = 3
# For the challenge, the token, the index and the manifest of one image together.
_IMAGE_SECONDS = 15.0
# A registry that answers within this time costs nothing of the time for late ones.
_PROMPT_SECONDS = 2.0
# Images of one index that are asked for what it does not tell; builds for more platforms tell them.
_UNTOLD = 8
_UNSAID = (None, "")
# What all images together may take beyond being prompt, before registries that have never answered are not asked.
_LATE_SECONDS = 120.0
# The name in images is not the name of the registry's host (github.com/distribution/reference).
_HOSTS = {"docker.io": "registry-1.docker.io"}
# Names, tags and digests as github.com/distribution/reference has them; nothing else becomes part of an address.
_REPOSITORY = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_DIGEST = re.compile(r"[a-z0-9+._-]+:[0-9a-f]{32,}")
_REFERENCE = re.compile(rf"\w[\w.-]{{0,127}}|{_DIGEST.pattern}", re.ASCII)
# One parameter of a challenge (RFC 9110, 11.2), quoted or not.
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s",]+))')
_ARCHITECTURE = re.compile(r"[a-z0-9_]{1,20}")


@dataclass(slots=True)
class _Registry:
    """What was learned of one registry."""

    name: str
    named: bool
    """Whether the person's own file names it."""
    silent: str = ""
    """Why it is not asked any more."""
    answered: bool = False
    inside: bool = False
    """Whether it has an address of a private network."""

    @property
    def base(self) -> str:
        """Its address; plain HTTP for this machine's own only, and only where a person wants it asked."""
        host = _HOSTS.get(self.name, self.name)
        local = host.rpartition(":")[0] or host
        return f"{'http' if self.named and local in ('localhost', '127.0.0.1') else 'https'}://{host}"

    def require(self, address: Address) -> None:
        """Refuse an address of the registry itself that only this machine has, unless the person named it."""
        if not self.named and _is_own(address):
            raise _Refused(
                f"{address} is an address of this machine or its link; name the registry in map.registries to have it asked"
            )
        self.inside = self.inside or not address.is_global

    def require_elsewhere(self, address: Address) -> None:
        """Refuse an address that a registry sends us to, and could not have come to by itself from here."""
        if address.is_global and not address.is_multicast:
            return
        if _is_own(address) and self.named and self.base.startswith("http:"):
            return
        if _is_own(address) or not self.inside:
            raise _Refused(f"it points to {address}, which is not public")


class _Refused(ValueError):  # noqa: N818 - a ValueError as what else is wrong with an answer
    """An address that is not asked."""


class HttpRegistry:
    """Asks registries over HTTPS, anonymously; `named` are the registries that the person's own file names.

    Each image has a limit of time. A registry that does not keep it is not asked again, and when many did not, only those
    are asked that have answered before.
    """

    def __init__(self, named: frozenset[str], *, clock: Clock) -> None:
        self._named = named
        self._clock = clock
        self._registries: dict[str, _Registry] = {}
        self._late = 0.0

    def architectures(self, image: str) -> frozenset[str]:
        """Return the CPU architectures; raises MigratorError when the registry does not tell."""
        name, repository, reference = split(image)
        if not (is_image_registry(name) and _REPOSITORY.fullmatch(repository) and _REFERENCE.fullmatch(reference)):
            raise MigratorError(f"{printable(image)} is not a name of an image")
        registry = self._registries.setdefault(name, _Registry(name, name in self._named))
        if registry.silent:
            raise MigratorError(registry.silent)
        if self._late > _LATE_SECONDS and not registry.answered:
            raise MigratorError(f"registry {name} was not asked: others took too long")
        begun = self._clock.monotonic()
        try:
            found = self._architectures(registry, repository, reference)
            registry.answered = True
            return found  # noqa: TRY300 - what follows is for failures
        except (OSError, http.client.HTTPException, _Refused) as error:
            registry.silent = f"registry {name} does not answer: {_plain(error)}"
            raise MigratorError(registry.silent) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MigratorError(f"registry {name}: its answer for {repository}:{reference} is not that of a registry") from error
        finally:
            self._late += max(0.0, self._clock.monotonic() - begun - _PROMPT_SECONDS)

    def _architectures(self, registry: _Registry, repository: str, reference: str) -> frozenset[str]:
        ask = _Asking(registry, repository, Deadline(self._clock, self._clock.monotonic() + _IMAGE_SECONDS))
        found = _found_in(ask, ask.document(f"manifests/{reference}"))
        if not found:
            raise MigratorError(f"registry {registry.name}: the index of {repository}:{reference} tells no CPU architecture")
        return found


@dataclass(slots=True)
class _Asking:
    """The requests for one image, which share a limit of time."""

    registry: _Registry
    repository: str
    deadline: Deadline
    token: str = ""

    def document(self, path: str) -> dict[str, Any]:
        """Return a JSON document of the repository; raises MigratorError where the registry refuses."""
        url = f"{self.registry.base}/v2/{self.repository}/{path}"
        answer = self._followed(url)
        # Once: a second 401 means that anonymous clients get nothing.
        if answer.status == 401 and not self.token:
            self.token = self._token_from(", ".join(answer.headers.get_all("WWW-Authenticate", [])))
            answer = self._followed(url)
        if answer.status != 200:
            raise MigratorError(f"registry {self.registry.name} answered {answer.status} for {self.repository}")
        return dict(json.loads(answer.body))

    def _followed(self, url: str) -> Answer:
        """Return the answer, also after redirects; the token goes to the registry's own host only."""
        own = url
        for _ in range(_REDIRECTS + 1):
            headers = {"Accept": _ACCEPT}
            # A redirect leads to a storage of somebody else, to whom the token must not go.
            if self.token and _origin(url) == _origin(own):
                headers["Authorization"] = f"Bearer {self.token}"
            require = self.registry.require if _origin(url) == _origin(own) else self.registry.require_elsewhere
            answer = get(url, headers, deadline=self.deadline, most=_LONGEST, require=require)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = self._elsewhere(urllib.parse.urljoin(url, answer.headers.get("Location", "")))
        raise _Refused("it redirects without end")

    def _token_from(self, challenge: str) -> str:
        """Return what an anonymous client gets at the place that the registry names."""
        # There may be several, of which Bearer need not be the first (RFC 9110, section 11.6.1).
        bearer = re.search(rf"(?:^|,)\s*bearer +({_PARAMETER.pattern}(?:\s*,\s*{_PARAMETER.pattern})*)", challenge, re.IGNORECASE)
        fields = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(bearer[1])} if bearer else {}
        if "realm" not in fields:
            raise MigratorError(f"registry {self.registry.name} wants credentials")
        realm = urllib.parse.urlsplit(self._elsewhere(fields["realm"]))
        asked = urllib.parse.urlencode({key: fields[key] for key in ("service", "scope") if key in fields})
        url = urllib.parse.urlunsplit((realm.scheme, realm.netloc, realm.path, "&".join(filter(None, (realm.query, asked))), ""))
        answer = get(url, {}, deadline=self.deadline, most=_LONGEST_TOKEN, require=self.registry.require_elsewhere)
        if answer.status != 200:
            raise MigratorError(f"registry {self.registry.name} wants credentials: {answer.status} from its token service")
        given = json.loads(answer.body)
        # Both names are in use (distribution spec, token authentication).
        token = str(given.get("token") or given.get("access_token") or "")
        # It becomes a header: a line break in it would begin another one.
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ValueError("no token")
        return token

    def _elsewhere(self, url: str) -> str:
        """Return an address that the registry sends us to; refuse all but https://, or http:// of a registry that is."""
        scheme = urllib.parse.urlsplit(url).scheme
        if scheme != "https" and not (scheme == "http" and self.registry.base.startswith("http:")):
            raise _Refused(f"it points to {printable(url)[:100]}, which is not https://")
        return url


def split(image: str) -> tuple[str, str, str]:
    """Return registry, repository and reference (digest or tag) of an image."""
    full = full_name(image)
    registry, _, rest = full.partition("/")
    name, at, digest = rest.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon:
        repository, tag = name, "latest"
    return registry, repository, digest if at else tag


def _found_in(ask: _Asking, manifest: dict[str, Any], *, nested: bool = False) -> frozenset[str]:
    """Return the architectures of an image or of an index; where an index tells none, its images are asked for theirs."""
    if "manifests" not in manifest:
        return frozenset({_architecture(ask.document(f"blobs/{_digest(manifest['config'])}"))})
    # One manifest for each platform; `unknown` are attestations (docs.docker.com, attestation storage).
    platforms = [(item, item.get("platform") or {}) for item in manifest["manifests"]]
    # CRI-O runs nothing of another system (containerd#12818 shows an index of Windows alone).
    platforms = [(item, platform) for item, platform in platforms if platform.get("os") != "windows"]
    told = frozenset(
        _architecture(platform) for _, platform in platforms if platform.get("architecture") not in (*_UNSAID, "unknown")
    )
    if told or nested:
        return told
    # The platform is optional, and what is listed may be an index itself (OCI image specification, image-index.md).
    untold = [item for item, platform in platforms if platform.get("architecture") in _UNSAID][:_UNTOLD]
    parts = (_found_in(ask, ask.document(f"manifests/{_digest(item)}"), nested=True) for item in untold)
    return frozenset(name for part in parts for name in part)


def _digest(descriptor: dict[str, Any]) -> str:
    digest = str(descriptor["digest"])
    if not _DIGEST.fullmatch(digest):
        raise ValueError(digest)
    return digest


def _architecture(document: dict[str, Any]) -> str:
    found = document["architecture"]
    if not _ARCHITECTURE.fullmatch(found):
        raise ValueError("architecture")
    return str(found)


def _is_own(address: Address) -> bool:
    """Return whether an address leads to this machine, or to what only its own link has, such as a cloud's metadata."""
    return address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _plain(error: Exception) -> str:
    return printable(str(getattr(error, "strerror", None) or error or type(error).__name__))[:200]
