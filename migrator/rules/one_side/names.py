"""Which names external-dns keeps, and whether it deletes those whose objects it does not see; pure functions.

Source: external-dns' documentation of its flags and annotations. Its policy `sync` was the default until 0.21; later versions
do not start without one.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple

from migrator.model.kinds import INGRESSES, SERVICES
from migrator.model.manifest import Manifest, containers, get, pod_spec
from migrator.model.ref import ResourceType

_ROUTES = ResourceType("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", True, frozenset())
_KINDS = {"service": SERVICES, "ingress": INGRESSES, "gateway-httproute": _ROUTES}
_KEEPING = ("upsert-only", "create-only")
_PREFIX = "external-dns.alpha.kubernetes.io/"
# Types of Services that get a name by a template; of others only with more flags.
_OUTSIDE = ("LoadBalancer", "NodePort", "ExternalName")


class Keeper(NamedTuple):
    """What an external-dns looks at that deletes what it no longer sees there."""

    namespace: str
    """Empty: all."""
    kinds: tuple[ResourceType, ...]
    prefix: str = _PREFIX
    """Of the annotations that it reads."""
    templated: bool = False
    """Whether a template gives names to what asks for none."""


def keeper(manifest: Manifest) -> Keeper | None:
    """Return what a workload looks at if it deletes names, or None; one whose sources are not told looks at nothing known."""
    for container in containers(pod_spec(manifest) or {}):
        values = flags(container)
        kinds = tuple(_KINDS[source] for source in sorted(values.get("source", set())) if source in _KINDS)
        if kinds and not values.get("policy", set()) & set(_KEEPING):
            prefix = next(iter(values.get("annotation-prefix", ())), _PREFIX)
            return Keeper(next(iter(values.get("namespace", ())), ""), kinds, prefix, "fqdn-template" in values)
    return None


def is_published(manifest: Manifest, kept: Keeper) -> bool:
    """Return whether an object gets a name: by annotation, an Ingress or a route by its hosts, or by a template."""
    annotations = get(manifest, "metadata", "annotations") or {}
    if annotations.get(f"{kept.prefix}controller", "dns-controller") != "dns-controller":
        return False
    if any(f"{kept.prefix}{key}" in annotations for key in ("hostname", "internal-hostname")):
        return True
    if manifest["kind"] == "Service":
        return kept.templated and get(manifest, "spec", "type") in _OUTSIDE
    hosts = get(manifest, "spec", "hostnames") or any(get(rule, "host") for rule in get(manifest, "spec", "rules") or [])
    return kept.templated or bool(hosts)


def flags(container: Manifest) -> dict[str, set[str]]:
    """Return the values of flags, of `--flag=value`, `--flag value` and of variables called EXTERNAL_DNS_FLAG."""
    words = [word for key in ("command", "args") for text in container.get(key) or [] for word in text.split()]
    found: dict[str, set[str]] = {}
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if word.startswith("--"):
            flag, equals, value = word.removeprefix("--").partition("=")
            found.setdefault(flag, set()).add(value if equals else following)
    for variable in container.get("env") or []:
        name = str(variable.get("name"))
        if name.startswith("EXTERNAL_DNS_"):
            flag = name.removeprefix("EXTERNAL_DNS_").lower().replace("_", "-")
            found.setdefault(flag, set()).update(str(variable.get("value") or "").split())
    return found
