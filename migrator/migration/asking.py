"""Ask the servers behind green's API server: each webhook that fails closed by a dry run, each APIService by a request.

An endpoint tells that a pod is ready, not that its certificate is the right one. Nothing is stored by a dry run
(kubernetes.io/docs/reference/using-api/api-concepts, dry run).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice

from migrator.cluster.endpoints import ready_endpoints
from migrator.errors import ApiError, ForbiddenError, InvalidError
from migrator.migration.inventory import Live
from migrator.model.kinds import API_SERVICES, MUTATING, VALIDATING
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE, reason_of
from migrator.model.verdict import Finding, Severity
from migrator.ports import Clock, ClusterReader, Green, ObjectAsker
from migrator.rules import field_owners, webhooks
from migrator.rules.trials import Trial, trials

# Per webhook: several objects, since one may be refused for what it holds.
_MOST_TRIALS = 3
# How long what has just become ready may take to be reached: a node's rules for a Service, a new configuration.
_SETTLE_SECONDS = 10.0
_POLL = 1.0
_LOOK = "see its server's log, its certificate and the caBundle"
_TRY = "try a write that it is for, with kubectl --dry-run=server"


def ask(plan: Plan, blue: ClusterReader, green: Green, live: Mapping[ObjectRef, Live], clock: Clock) -> list[Finding]:
    """Return what was wrong with webhooks and APIServices of green; asks all of them side by side."""
    moved = {item.green: item for item in plan.of(Decision.MOVE) if item.green in live}
    asker, served = green.impatient(), cache(green.resources)
    deadline = clock.monotonic() + _SETTLE_SECONDS
    with ThreadPoolExecutor(green.workers) as pool:
        found = [pool.submit(_hook, asker, item, clock, deadline) for item in _hooks(green, moved, served)]
        found += [pool.submit(_served, asker, item, clock, deadline) for item in _api_services(blue, green, moved)]
        return [*_missing(plan, blue, green), *(finding for result in found for finding in result.result())]


def _missing(plan: Plan, blue: ClusterReader, green: ClusterReader) -> Iterator[Finding]:
    """Yield a warning for each API of another server that works on blue, stays there, and that green does not have.

    Such as that of metrics-server, without which no HorizontalPodAutoscaler scales (metrics-server#41).
    """
    there = {ref_of(item) for item in _listed(green, API_SERVICES)}
    moved = {item.blue for item in plan.of(Decision.MOVE)}
    for item in _listed(blue, API_SERVICES) if there else ():
        ref = ref_of(item)
        if get(item, "spec", "service") and _is_available(item) and ref not in moved and ref not in there:
            reason, hint = "works on blue, and green does not have it", "install its server on green, if anything asks it there"
            yield Finding("api-services", str(ref), Severity.WARNING, reason, hint)


@dataclass(slots=True, frozen=True)
class _Hook:
    """One webhook of green, and dry runs that pass through it."""

    configuration: ObjectRef
    name: str
    trials: tuple[Trial, ...] = ()
    mutating: bool = False
    conditional: bool = False
    """Whether a condition may keep the API server from asking it."""
    strict: bool = True
    """Whether the API server refuses what it does not answer."""
    silent: str = ""
    """Why it cannot answer."""
    failure: str = ""
    """Why it cannot be judged."""


Served = Callable[[], tuple[ResourceType, ...]]


def _hooks(green: ClusterReader, moved: Mapping[ObjectRef, PlanItem], served: Served) -> Iterator[_Hook]:
    """Yield the webhooks that fail closed: all that move, and those of green that an object of this migration passes through."""
    for resource in (VALIDATING, MUTATING):
        for manifest in _listed(green, resource):
            ref = ref_of(manifest)
            for hook in manifest.get("webhooks") or []:
                try:
                    item = _judged(ref, hook, green, moved, served if ref in moved else None)
                except STRANGE as error:
                    item = _Hook(ref, "a webhook", failure=f"cannot be judged: it {reason_of(error)}") if ref in moved else None
                if item:
                    yield item


def _judged(
    ref: ObjectRef, hook: Manifest, green: ClusterReader, moved: Mapping[ObjectRef, PlanItem], served: Served | None
) -> _Hook | None:
    strict = webhooks.is_strict(hook)
    chosen = tuple(islice(trials(hook, moved, served), _MOST_TRIALS)) if strict else ()
    if not (chosen or served):
        return None
    silent = _silent(hook, green)
    bundle = get(hook, "clientConfig", "caBundle")
    if bundle and b"BEGIN CERTIFICATE" not in base64.b64decode(bundle):
        return _Hook(ref, hook["name"], failure="its caBundle holds no certificate", strict=strict)
    if not strict and not silent:
        return None
    mutating, conditional = ref.kind == MUTATING.kind, bool(hook.get("matchConditions"))
    return _Hook(ref, hook["name"], chosen, mutating=mutating, conditional=conditional, strict=strict, silent=silent)


def _silent(hook: Manifest, green: ClusterReader) -> str:
    service = get(hook, "clientConfig", "service")
    if not service:
        return ""
    try:
        ready = ready_endpoints(green, ObjectRef("", "Service", service["namespace"], service["name"]))
    except ApiError:
        return ""
    return "" if ready else f"its Service {service['namespace']}/{service['name']} has no ready endpoint"


def _hook(asker: ObjectAsker, hook: _Hook, clock: Clock, deadline: float) -> list[Finding]:
    def found(severity: Severity, reason: str, hint: str) -> list[Finding]:
        return [Finding("webhooks", str(hook.configuration), severity, f"{hook.name}: {reason}", hint)]

    # The API server does without the answer of one that may fail.
    untold = Severity.FAILURE if hook.strict else Severity.WARNING
    if hook.failure:
        return found(untold, hook.failure, _LOOK)
    if hook.silent:
        return found(untold, hook.silent, "see why its pods are not ready")
    severity, reason = _tried(asker, hook)
    while severity is Severity.FAILURE and clock.monotonic() < deadline:
        clock.sleep(_POLL)
        severity, reason = _tried(asker, hook)
    if severity is Severity.OK:
        return []
    return found(severity, reason, _LOOK if severity is Severity.FAILURE else _TRY)


def _tried(asker: ObjectAsker, hook: _Hook) -> tuple[Severity, str]:
    """Return whether a webhook answers, by the first dry run that tells."""
    reason = "was not asked: no object of this migration passes through it"
    for trial in hook.trials:
        reason = f"was not reached by a dry run of {trial.what}"
        try:
            _send(asker, trial)
        except ApiError as error:
            if f'failed calling webhook "{hook.name}"' in error.message:
                return Severity.FAILURE, f"does not answer: {error.message}"
            answered = f'webhook "{hook.name}" denied' in error.message
            # Validation comes after what changes objects, and before what validates them.
            if answered or (hook.mutating and isinstance(error, InvalidError) and error.status == 422):
                return Severity.OK, ""
            reason += f": {error.message}"
        else:
            if not hook.conditional:
                return Severity.OK, ""
            reason = "was perhaps not asked: it has matchConditions"
    return Severity.UNKNOWN, reason


def _send(asker: ObjectAsker, trial: Trial) -> None:
    if trial.name:
        asker.patch(trial.resource, trial.namespace, trial.name, {}, manager=field_owners.OURS, dry_run=True)
    else:
        asker.create(trial.resource, trial.namespace, trial.body, manager=field_owners.OURS, dry_run=True)


@dataclass(slots=True, frozen=True)
class _ApiService:
    """An API that another server answers."""

    ref: ObjectRef
    group: str
    version: str
    unready: str = ""
    """Why it is not ready on blue either."""


def _api_services(blue: ClusterReader, green: Green, moved: Mapping[ObjectRef, PlanItem]) -> Iterator[_ApiService]:
    """Yield the APIServices of green that move, and those that work on blue."""
    on_green = {ref_of(item): item for item in _listed(green, API_SERVICES) if get(item, "spec", "service")}
    others = on_green.keys() - moved.keys()
    working = {ref_of(item) for item in _listed(blue, API_SERVICES) if _is_available(item)} if others else set()
    for ref, manifest in on_green.items():
        if ref in moved or ref in working:
            unready = moved[ref].unready if ref in moved else ""
            yield _ApiService(ref, str(get(manifest, "spec", "group")), str(get(manifest, "spec", "version")), unready)


def _is_available(manifest: Manifest) -> bool:
    conditions = get(manifest, "status", "conditions") or []
    return any(item.get("type") == "Available" and item.get("status") == "True" for item in conditions)


def _served(asker: ObjectAsker, item: _ApiService, clock: Clock, deadline: float) -> list[Finding]:
    while True:
        try:
            asker.ask(item.group, item.version)
        except ForbiddenError as error:
            hint = "grant reading of /apis/*, as system:discovery does"
            return [Finding("api-services", str(item.ref), Severity.UNKNOWN, error.message, hint)]
        except ApiError as error:
            if item.unready:
                reason = f"does not answer: {error.message} (not ready on blue either: {item.unready})"
                return [Finding("api-services", str(item.ref), Severity.WARNING, reason)]
            if clock.monotonic() >= deadline:
                return [Finding("api-services", str(item.ref), Severity.FAILURE, f"does not answer: {error.message}", _LOOK)]
        else:
            return []
        clock.sleep(_POLL)


def _listed(cluster: ClusterReader, resource: ResourceType) -> list[Manifest]:
    """Return the objects of a kind that have a name; none where the account may not list it, which reading has reported."""
    try:
        return [item for item in cluster.list(resource, unparsed=lambda _: None) if isinstance(get(item, "metadata", "name"), str)]
    except ApiError:
        return []
