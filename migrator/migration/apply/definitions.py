"""Write CRDs: few at a time, and one question for all that are waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from migrator.errors import ApiError
from migrator.model.kinds import DEFINITIONS
from migrator.model.manifest import Manifest, get
from migrator.model.outcome import Action, Outcome
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.ports import Clock, Green

AT_ONCE = 8
"""CRDs that are written at the same time: each makes the API server build its schemas anew, and more at once take longer."""
# How long no further CRD may become usable before the wait ends.
_SECONDS = 60.0
_POLL = 0.1
# The list of all schemas is long, and the server busy: for this part of the time that it took, nothing is asked.
_REST = 0.5
# So many are asked for by name, instead of a list of all.
_FEW = 4


def apart(items: Iterable[PlanItem]) -> tuple[list[PlanItem], list[PlanItem]]:
    """Return CRDs, and what is none."""
    parts: tuple[list[PlanItem], list[PlanItem]] = [], []
    for item in items:
        parts[item.green.type_name != DEFINITIONS.type_name].append(item)
    return parts


def is_new(outcome: Outcome) -> bool:
    """Return whether it is that of a CRD whose objects can perhaps not be written yet."""
    return outcome.action is Action.CREATED and outcome.ref.type_name == DEFINITIONS.type_name


def unusable(created: Iterable[ObjectRef], green: Green, clock: Clock) -> Iterator[tuple[ObjectRef, str]]:
    """Wait until objects of new CRDs can be written; yield each CRD whose objects cannot, with the reason."""
    pending = set(created)
    deadline = clock.monotonic() + _SECONDS
    while pending:
        began = clock.monotonic()
        try:
            ended = dict(_ended(green, sorted(pending)))
        except ApiError as error:
            ended = dict.fromkeys(pending, error.message)
        now = clock.monotonic()
        # Progress moves the deadline: hundreds of CRDs may take minutes, and only a server that makes none of them has failed.
        if ended:
            deadline = now + _SECONDS
        elif now > deadline:
            ended = {ref: f"{ref} is not established on green after {_SECONDS:.0f} s" for ref in pending}
        pending -= ended.keys()
        yield from ((ref, why) for ref, why in ended.items() if why)
        if pending:
            clock.sleep(max(_POLL, _REST * (now - began)))


def _ended(green: Green, refs: Sequence[ObjectRef]) -> Iterator[tuple[ObjectRef, str]]:
    """Yield each CRD that is usable, with an empty string, or that will not be, with the reason."""
    few = (green.get(DEFINITIONS, "", ref.name) for ref in refs)
    # An object that cannot be parsed is none of those that were just written.
    found = few if len(refs) <= _FEW else green.list(DEFINITIONS, unparsed=lambda _: None)
    wanted = {ref.name: ref for ref in refs}
    for manifest in found:
        ref = wanted.get(get(manifest, "metadata", "name") or "")
        conditions = _conditions(manifest)
        if ref is None:
            continue
        if get(conditions, "Established", "status") == "True":
            yield ref, ""
        # Established stays False as long as another CRD has one of the names (apiextensions.k8s.io/v1, NamesAccepted).
        elif get(conditions, "NamesAccepted", "status") == "False":
            yield ref, f"green did not accept {ref}: {get(conditions, 'NamesAccepted', 'message')}"


def _conditions(manifest: Manifest) -> dict[str, Manifest]:
    return {part["type"]: part for part in get(manifest, "status", "conditions") or []}
