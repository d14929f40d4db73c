"""What an admission webhook is asked about (admissionregistration.k8s.io/v1), and who changes pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson

from migrator.model.kinds import PODS
from migrator.model.manifest import POD_TEMPLATES, Manifest, get
from migrator.model.plan import PlanItem, Wait
from migrator.model.pods import matches
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE, hashable
from migrator.rules.order import Rank
from migrator.rules.references import backend_services

MUTATING = "MutatingWebhookConfiguration.admissionregistration.k8s.io"
# Set by the API server on each namespace since 1.21 (KEP-2161).
_NAME_LABEL = "kubernetes.io/metadata.name"
# Kinds that make no pod when a copy writes them: CronJobs come suspended.
_RUN_LATER = frozenset({"CronJob.batch"})


def is_strict(hook: Manifest) -> bool:
    """Return whether the API server refuses what a webhook does not answer."""
    # Fail is the default of v1; v1beta1 had Ignore.
    return bool(hook.get("failurePolicy", "Fail") == "Fail")


def strict_backends(manifest: Manifest) -> list[ObjectRef]:
    """Return the Services whose absence makes a webhook or an APIService refuse what it is for."""
    strict = [hook for hook in manifest.get("webhooks") or [] if is_strict(hook)]
    return hashable(backend_services({**manifest, "webhooks": strict}))


def concerns(hook: Manifest, resource: ResourceType, operation: str) -> bool:
    """Return whether a rule of the webhook names this resource, without a subresource, and this operation."""

    def named(rule: Manifest, field: str, name: str) -> bool:
        return "*" in rule[field] or name in rule[field]

    # Without a scope a rule is for both (admissionregistration/v1, Rule).
    scope = "Namespaced" if resource.namespaced else "Cluster"
    return any(
        named(rule, "apiGroups", resource.group)
        and named(rule, "apiVersions", resource.version)
        and named(rule, "operations", operation)
        and (named(rule, "resources", resource.plural) or "*/*" in rule["resources"])
        and (rule.get("scope") or "*") in ("*", scope)
        for rule in hook.get("rules") or []
    )


def selects(hook: Manifest, labels: Mapping[str, str], namespace: Mapping[str, str] | None) -> bool:
    """Return whether a webhook's selectors match the labels of an object, and of its namespace where it has one."""
    of_namespace = namespace is None or matches(hook.get("namespaceSelector") or {}, namespace)
    return of_namespace and matches(hook.get("objectSelector") or {}, labels)


def namespace_labels(name: str, manifest: Manifest | None) -> dict[str, str]:
    """Return the labels of a namespace on green, as the API server sees them; `manifest`: None where it is not known."""
    return {**(get(manifest, "metadata", "labels") or {}), _NAME_LABEL: name}


def pod_labels(manifest: Manifest, type_name: str) -> Mapping[str, str]:
    """Return the labels that a workload's pods have when they are made."""
    return get(manifest, *POD_TEMPLATES[type_name], "metadata", "labels") or {}


class PodMutations(NamedTuple):
    """When those who change pods are written, and what must wait for them."""

    ranks: dict[ObjectRef, Rank]
    after: dict[ObjectRef, tuple[ObjectRef, ...]]
    """Configuration to the workloads that answer for it: they are written first."""
    waits: dict[ObjectRef, tuple[Wait, ...]]
    """Workload to the webhooks that change its pods."""


class _Mutator(NamedTuple):
    """One webhook that changes pods, and that works on blue as far as blue tells."""

    wait: Wait
    hook: Manifest
    backends: tuple[ObjectRef, ...]


def pod_mutations(moves: Mapping[ObjectRef, PlanItem]) -> PodMutations:
    """Return what the webhooks that change pods mean for the order.

    One whose backend does not move, or is not ready on blue either, is none of them: nobody is to wait for it.
    """
    mutators = [mutator for ref in moves if ref.type_name == MUTATING for mutator in _mutators_of(ref, moves)]
    if not mutators:
        return PodMutations({}, {}, {})
    backends = {ref for mutator in mutators for ref in mutator.backends}
    after: dict[ObjectRef, tuple[ObjectRef, ...]] = {}
    for mutator in mutators:
        after[mutator.wait.configuration] = (*after.get(mutator.wait.configuration, ()), *mutator.backends)
    ranks = dict.fromkeys(backends, Rank.PLAIN) | dict.fromkeys(after, Rank.MUTATING)
    makers = (ref for ref in moves if ref.type_name in POD_TEMPLATES.keys() - _RUN_LATER and ref not in backends)
    waits = {ref: _waits(ref, mutators, moves) for ref in makers}
    return PodMutations(ranks, after, {ref: found for ref, found in waits.items() if found})


def _mutators_of(ref: ObjectRef, moves: Mapping[ObjectRef, PlanItem]) -> list[_Mutator]:
    try:
        return list(_mutators(ref, moves))
    except STRANGE:
        return []  # nobody can tell what it changes; the API server will say what is wrong with it


def _mutators(ref: ObjectRef, moves: Mapping[ObjectRef, PlanItem]) -> Iterator[_Mutator]:
    for hook in _body(moves[ref]).get("webhooks") or []:
        if not concerns(hook, PODS, "CREATE"):
            continue
        service = get(hook, "clientConfig", "service")
        if not service:
            yield _Mutator(Wait(ref), hook, ())
            continue
        found = moves.get(ObjectRef("", "Service", service["namespace"], service["name"]))
        if found is None:
            continue
        selector = get(_body(found), "spec", "selector")
        backends = tuple(_selected(selector, found.green.namespace, moves)) if selector else ()
        if backends or not selector:
            yield _Mutator(Wait(ref, found.green), hook, backends)


def _selected(selector: Mapping[str, str], namespace: str, moves: Mapping[ObjectRef, PlanItem]) -> Iterator[ObjectRef]:
    """Yield the workloads whose pods stand behind a Service, and are ready on blue."""
    for ref, item in moves.items():
        if ref.namespace == namespace and ref.type_name in POD_TEMPLATES and not item.unready:
            manifest = _body(item)
            labels = pod_labels(manifest, ref.type_name)
            if isinstance(labels, dict) and selector.items() <= labels.items() and get(manifest, "spec", "replicas") != 0:
                yield ref


def _waits(ref: ObjectRef, mutators: list[_Mutator], moves: Mapping[ObjectRef, PlanItem]) -> tuple[Wait, ...]:
    """Return the webhooks that change the pods of a workload when it is written."""
    manifest = _body(moves[ref])
    # Makes no pods, so no webhook has to be there first.
    if moves[ref].ended or get(manifest, "spec", "replicas") == 0:
        return ()
    namespace = moves.get(ObjectRef("", "Namespace", "", ref.namespace))
    labels = namespace_labels(ref.namespace, _body(namespace) if namespace else None)
    try:
        of_pods = pod_labels(manifest, ref.type_name)
        return tuple(dict.fromkeys(mutator.wait for mutator in mutators if selects(mutator.hook, of_pods, labels)))
    except STRANGE:
        return ()


def _body(item: PlanItem) -> Manifest:
    manifest: Manifest = orjson.loads(item.body)
    return manifest
