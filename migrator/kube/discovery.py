"""Which resource types an API server serves, from aggregated discovery (KEP-3352), two requests in all."""

from __future__ import annotations

from typing import Any

from migrator.model.ref import ResourceType

# Aggregated discovery, two requests for all groups (KEP-3352); v2beta1 is for servers before 1.30.
ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


def types_in(discovery: dict[str, Any]) -> list[ResourceType]:
    """Return the types in an APIGroupDiscoveryList, versions in the server's order of preference.

    Raises KeyError, TypeError or AttributeError for what is no such list.
    """
    return [
        ResourceType(
            group=_text(group["metadata"].get("name", "")),
            version=_text(version["version"]),
            plural=_text(resource["resource"]),
            kind=_text(resource["responseKind"]["kind"]),
            namespaced=resource["scope"] == "Namespaced",
            verbs=frozenset(resource["verbs"]),
            has_status=any(item.get("subresource") == "status" for item in resource.get("subresources") or []),
        )
        for group in discovery.get("items") or []
        for version in group.get("versions") or []
        # A stale version is one whose aggregated API server does not answer.
        if version.get("freshness") != "Stale"
        for resource in version.get("resources") or []
        if resource.get("responseKind", {}).get("kind")
    ]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a name in a list of types is no text")
    return value
