"""What a plan hands over, in groups and in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from migrator.model.one_side import OneSide, Part
from migrator.model.plan import Plan


@dataclass(slots=True, frozen=True)
class Group:
    """What is handed over together."""

    row: str
    parts: tuple[Part, ...]
    first: bool
    """Whether it could start others: it is stopped before them and started after them."""

    @property
    def addresses(self) -> bool:
        """Whether it tells the world the addresses of others: it is started after all else, once they have some."""
        return any(part.addresses for part in self.parts)

    @property
    def claims(self) -> list[str]:
        """The claims on blue whose data is handed over with it."""
        return sorted({claim for part in self.parts for claim in part.claims})


def groups_of(parts: Iterable[Part]) -> list[Group]:
    """Return parts in groups: those that could start others before the rest, what publishes addresses last, and else by name."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.row, []).append(part)
    groups = [
        Group(row, tuple(sorted(members, key=lambda part: part.blue)), any(part.first for part in members))
        for row, members in found.items()
    ]
    return sorted(groups, key=lambda group: (not group.first, group.addresses, group.row))


def as_documents(plan: Plan) -> list[dict[str, Any]]:
    """Return the groups of a plan as plain data, in the order of the hand-over."""
    known: dict[Part | None, OneSide] = {item.one_side.part: item.one_side for item in plan.items if item.one_side}
    return [_document(group, known) for group in groups_of(plan.parts())]


def _document(group: Group, known: dict[Part | None, OneSide]) -> dict[str, Any]:
    one = known[group.parts[0]]
    return {
        "group": group.row,
        "why": one.why,
        "held": sorted({known[part].how for part in group.parts}),
        "meanwhile": one.meanwhile,
        "cutover": ", ".join(filter(None, (_at_cutover(group), *dict.fromkeys(known[part].proof for part in group.parts)))),
        "rollback": _at_rollback(group),
        "objects": [str(part.blue) for part in group.parts],
        "claims": group.claims,
    }


def _at_cutover(group: Group) -> str:
    if group.claims:
        return "is stopped on blue, its last changes are copied and proven (or its volumes are handed over), then started on green"
    if group.first:
        return "is stopped on blue before all others, and started on green after them"
    once = " once all that has an address on blue has one there" if group.addresses else ""
    return f"is stopped on blue, waited for until it has stopped, then started on green{once}"


def _at_rollback(group: Group) -> str:
    if group.claims:
        return "is stopped on green, its data is copied back and proven (or its volumes are handed back), then started on blue"
    if group.first:
        return "is stopped on green before all others, and started on blue after them"
    return "is stopped on green, waited for until it has stopped, then started on blue"
