"""Whether what a controller publishes has its addresses on green: one that starts before them takes them for gone.

external-dns with its policy `sync` deletes the records of a Service that has no address.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.errors import GateFailedError
from migrator.migration.bounded import each, reason
from migrator.migration.fence import Between
from migrator.migration.one_side.groups import Group
from migrator.migration.run import Run
from migrator.model.events import Step
from migrator.model.manifest import Manifest, get
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.ports import Blue

# Where an object's status tells the addresses that somebody outside has given it.
_GIVEN = {
    "Service": ("status", "loadBalancer", "ingress"),
    "Ingress.networking.k8s.io": ("status", "loadBalancer", "ingress"),
    "Gateway.gateway.networking.k8s.io": ("status", "addresses"),
}
# Controllers give addresses in seconds.
_POLL_SECONDS = 1.0
# For each round of requests, as long as a hand-over waits for one.
_PATIENCE_SECONDS = 150.0
# A type and a namespace: what one list reads.
_Place = tuple[ResourceType, str]


def addresses_first(plan: Plan, blue: Blue, green: Blue, run: Run, *, limit: float) -> Between:
    """Return what waits, before such a group starts on green, until all that has an address on blue has one on green.

    It raises GateFailedError when `limit` seconds are over.
    """
    items = [item for item in plan.of(Decision.MOVE) if item.resource and item.resource.type_name in _GIVEN]

    def wait(group: Group) -> None:
        if not group.addresses:
            return
        there = _addressed(blue, {(_type(item), item.blue.namespace) for item in items}, run)
        wanted = {item.green: item for item in items if item.blue in there}
        _await(group, green, wanted, run, limit)

    return wait


def _await(group: Group, green: Blue, wanted: dict[ObjectRef, PlanItem], run: Run, limit: float) -> None:
    ends = run.clock.monotonic() + limit
    told = False
    while left := sorted(wanted.keys() - _addressed(green, {(_type(item), ref.namespace) for ref, item in wanted.items()}, run)):
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        if run.clock.monotonic() >= ends:
            raise GateFailedError(
                f"{left[0]}{more} has no address on green after {limit:g} s, and has one on blue: "
                f"{group.row} would take it for gone",
                hint="see what gives it one there (`kubectl describe` of it); cutover.startTimeout gives it longer",
            )
        if not told:
            run.reporter.emit(Step(f"{group.row}: waiting for an address of {left[0]}{more} on green"))
            told = True
        run.clock.sleep(_POLL_SECONDS)


def _addressed(cluster: Blue, places: set[_Place], run: Run) -> set[ObjectRef]:
    """Return which objects have an address; raises GateFailedError for a list that fails."""
    answers = each(places, lambda place: list(cluster.list(*place)), seconds=_PATIENCE_SECONDS, clock=run.clock)
    for (resource, _), error in answers.failed.items():
        raise GateFailedError(f"{resource.type_name} cannot be read on {cluster.name}: {reason(error)}") from error
    return {ref for (resource, _), found in answers.done.items() for ref in _with_address(resource, found)}


def _with_address(resource: ResourceType, found: list[Manifest]) -> Iterator[ObjectRef]:
    for manifest in found:
        if get(manifest, *_GIVEN[resource.type_name]):
            metadata = manifest["metadata"]
            yield ObjectRef(resource.group, resource.kind, metadata["namespace"], metadata["name"])


def _type(item: PlanItem) -> ResourceType:
    assert item.resource is not None  # noqa: S101 - those without are left out above
    return item.resource
