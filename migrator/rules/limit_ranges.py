"""LimitRanges that would refuse what is there already.

Admission asks a LimitRange at a create only: blue may hold what came before its limits and does not keep them. Such an
object gets into green before the LimitRange. Source: plugin/pkg/admission/limitranger of Kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from migrator.model.manifest import Manifest, get, pod_spec
from migrator.model.ref import ObjectRef
from migrator.model.requests import Amounts, amounts, total
from migrator.rules.context import RuleContext

Limits = Mapping[str, Sequence[tuple[ObjectRef, Sequence[Manifest]]]]
"""LimitRanges on green, by namespace: which, and its `spec.limits`."""
Wanted = tuple[Amounts, Amounts]
"""Requests and limits of a container, a pod or a claim."""


def limits_on_green(context: RuleContext) -> Limits:
    """Return the LimitRanges that move, by their namespace on green; read once for all objects of a plan."""
    found: dict[str, list[tuple[ObjectRef, list[Manifest]]]] = {}
    for blue, name, spec in sorted(context.blue.limits):
        namespace = context.green_namespace(blue)
        found.setdefault(namespace, []).append((ObjectRef("", "LimitRange", namespace, name), json.loads(spec)))
    return found


def refusing_limits(manifest: Manifest, ref: ObjectRef, limits: Limits) -> list[ObjectRef]:
    """Return the LimitRanges, as named on green, that would refuse this object or its pods, although it is on blue."""
    found = limits.get(ref.namespace)
    if not found:
        return []
    wanted = list(_wanted(manifest, ref, [item for _, items in found for item in items]))
    return [ranges for ranges, items in found if any(_refuses(limit, kind, want) for limit in items for kind, want in wanted)]


def _wanted(manifest: Manifest, ref: ObjectRef, items: Iterable[Manifest]) -> Iterator[tuple[str, Wanted]]:
    """Yield (type of a LimitRange's item, requests and limits) of all that such an item judges."""
    if ref.type_name == "PersistentVolumeClaim":
        asked = amounts(get(manifest, "spec", "resources", "requests"))
        # A claim is judged by its requests alone, also where the bound is an upper one.
        yield "PersistentVolumeClaim", (asked, asked)
    spec = pod_spec(manifest)
    if not spec:
        return
    defaults = [item for item in items if item.get("type") == "Container"]
    at_once = [_with_defaults(item, defaults) for item in spec.get("containers") or []]
    first = [_with_defaults(item, defaults) for item in spec.get("initContainers") or []]
    for want in (*at_once, *first):
        yield "Container", want
    yield "Pod", (_of_pod(at_once, first, 0), _of_pod(at_once, first, 1))


def _with_defaults(container: Manifest, items: Iterable[Manifest]) -> Wanted:
    """Return what a container has after admission: a request that is missing is the limit, what is still missing is the default."""
    limits = amounts(get(container, "resources", "limits"))
    # The API server sets a missing request to the limit before admission looks (core/v1, defaults).
    asked = {**limits, **amounts(get(container, "resources", "requests"))}
    for item in items:
        limits = {**amounts(item.get("default")), **limits}
        asked = {**amounts(item.get("defaultRequest")), **asked}
    return asked, limits


def _of_pod(at_once: Sequence[Wanted], first: Sequence[Wanted], part: int) -> Amounts:
    """Return the sum of the containers, or what one init container wants where that is more."""
    out = total(want[part] for want in at_once)
    for want in first:
        for name, value in want[part].items():
            out[name] = max(out.get(name, 0.0), value)
    return out


def _refuses(limit: Manifest, kind: str, want: Wanted) -> bool:
    if limit.get("type") != kind:
        return False
    asked, limits = want
    most, least, ratio = (amounts(limit.get(field)) for field in ("max", "min", "maxLimitRequestRatio"))
    return (
        # A missing value counts as refused, as in plugin/pkg/admission/limitranger.
        any(name not in limits or max(limits[name], asked.get(name, 0.0)) > bound for name, bound in most.items())
        or any(name not in asked or min(asked[name], limits.get(name, asked[name])) < bound for name, bound in least.items())
        or any(not asked.get(name) or limits.get(name, float("inf")) > bound * asked[name] for name, bound in ratio.items())
    )
