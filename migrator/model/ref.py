"""Names of objects and resource types."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from migrator.errors import InvalidError


class ObjectRef(NamedTuple):
    """One object of a cluster, independent of the API version."""

    group: str
    """API group, empty for the core group."""
    kind: str
    namespace: str
    """Empty for cluster-scoped objects."""
    name: str

    @property
    def type_name(self) -> str:
        """Kind and group as kubectl prints them: `Deployment.apps`, `Service`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def __str__(self) -> str:
        """Print as `Kind.group/namespace/name`; a slash inside of a part, which no real name has, is written as %2F."""
        return "/".join(_part(part) for part in (self.type_name, self.namespace, self.name) if part)


def parse_ref(text: str) -> ObjectRef:
    """Read what `str(ref)` wrote; raises ValueError for anything else."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"not an object reference: {text!r}")
    kind, _, group = unquote(parts[0]).partition(".")
    return ObjectRef(group, kind, unquote(parts[1]) if len(parts) == 3 else "", unquote(parts[-1]))


def _part(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F") if "/" in text or "%" in text else text


# Nearly all names: nothing of them is quoted (RFC 3986, unreserved).
_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


def _segment(text: str) -> str:
    """Return the text as one segment of a URL path; refuses what no API server accepts as a name.

    Source: k8s.io/apimachinery/pkg/api/validation/path, IsValidPathSegmentName.
    """
    if _PLAIN.fullmatch(text):
        return text
    if text in (".", "..") or "/" in text or "%" in text:
        raise InvalidError(f"{text!r} is not a name: it would lead to another object", status=400, reason="Invalid")
    return quote(text, safe="")


class ResourceType(NamedTuple):
    """One resource type at the API version that it is read and written at."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: frozenset[str]
    has_status: bool = True
    """Whether its status is a subresource, which a create does not write."""

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def type_name(self) -> str:
        """Kind and group as kubectl prints them."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the URL path of the collection, or of one object in it; raises InvalidError for what is not a name.

        An API server decodes the path before it routes the request, so quoting a slash is not enough.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [self.plural, name] if name else [self.plural]
        return "".join(f"/{_segment(part)}" for part in parts)
