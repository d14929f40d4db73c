"""Names of objects and resource types."""

from __future__ import annotations

from typing import NamedTuple


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
        """Print as `Kind.group/namespace/name`."""
        return "/".join(part for part in (self.type_name, self.namespace, self.name) if part)


def parse_ref(text: str) -> ObjectRef:
    """Read what `str(ref)` wrote; raises ValueError for anything else."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"not an object reference: {text!r}")
    kind, _, group = parts[0].partition(".")
    return ObjectRef(group, kind, parts[1] if len(parts) == 3 else "", parts[-1])


class ResourceType(NamedTuple):
    """One resource type at the API version that it is read and written at."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def type_name(self) -> str:
        """Kind and group as kubectl prints them."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of the collection, or of one object in it."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")
