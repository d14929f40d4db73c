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

_KINDS = {"service": SERVICES, "ingress": INGRESSES}
_KEEPING = ("upsert-only", "create-only")
_HOSTNAMES = ("external-dns.alpha.kubernetes.io/hostname", "external-dns.alpha.kubernetes.io/internal-hostname")
_CONTROLLER = "external-dns.alpha.kubernetes.io/controller"


class Keeper(NamedTuple):
    """What an external-dns looks at that deletes what it no longer sees there."""

    namespace: str
    """Empty: all."""
    kinds: tuple[ResourceType, ...]


def keeper(manifest: Manifest) -> Keeper | None:
    """Return what a workload looks at if it deletes names, or None; one whose sources are not told looks at nothing known."""
    for container in containers(pod_spec(manifest) or {}):
        values = _flags(container)
        kinds = tuple(_KINDS[source] for source in sorted(values.get("source", set())) if source in _KINDS)
        if kinds and not values.get("policy", set()) & set(_KEEPING):
            return Keeper(next(iter(values.get("namespace", ())), ""), kinds)
    return None


def is_published(manifest: Manifest) -> bool:
    """Return whether an object asks for a name: by annotation, or an Ingress by the hosts of its rules."""
    annotations = get(manifest, "metadata", "annotations") or {}
    if annotations.get(_CONTROLLER, "dns-controller") != "dns-controller":
        return False
    hosts = manifest["kind"] == "Ingress" and any(get(rule, "host") for rule in get(manifest, "spec", "rules") or [])
    return hosts or any(key in annotations for key in _HOSTNAMES)


def _flags(container: Manifest) -> dict[str, set[str]]:
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
