"""Volumes of green that lie in one another: the data of one claim would be put over that of another, and each would be proven."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import replace

from migrator.model.volumes import Place, VolumePlan, Way

Spot = tuple[str, ...]


def told_apart(plans: Iterable[VolumePlan]) -> tuple[VolumePlan, ...]:
    """Return plans; of those whose folders on green are one, or lie in one another, none is copied.

    Several volumes of blue become one folder where green has fewer nodes than blue: volumes that were made by hand name the
    same path on each node (kubernetes#87247). Where blue's are one folder, too, as for files that several applications share
    (local-path-provisioner#485), one copy is enough.
    """
    plans = tuple(plans)
    other = _overlapping(plans)
    return tuple(_refused(plan, plans[other[number]]) if number in other else plan for number, plan in enumerate(plans))


def _overlapping(plans: tuple[VolumePlan, ...]) -> dict[int, int]:
    """Return the number of each plan that overlaps with another one, with the number of that."""
    spots = sorted((_spot(plan.green), number) for number, plan in enumerate(plans) if plan.ready and plan.green)
    found: dict[int, int] = {}
    around: list[tuple[Spot, int]] = []
    for spot, number in spots:
        # In this order what lies in a folder comes right behind it.
        while around and spot[: len(around[-1][0])] != around[-1][0]:
            around.pop()
        if around:
            found.setdefault(number, around[-1][1])
            found.setdefault(around[-1][1], number)
        around.append((spot, number))
    return found


def _spot(place: Place) -> Spot:
    """Return what tells whether one place lies in another one."""
    if place.of_driver:
        # Its PersistentVolume may have several names.
        driver, _, handle = place.path.split("/", 2)
        return "csi", driver, handle
    return "node", place.node, *posixpath.normpath(place.path).strip("/").split("/")


def _refused(plan: VolumePlan, other: VolumePlan) -> VolumePlan:
    reason = f"on green its volume is where that of {other.claim} is: {plan.green}, {other.green}"
    if plan.blue == other.blue:
        hint = f"one copy is enough: name {plan.claim} or {other.claim} in volumes.dataMoved, and stop both for the last pass"
    else:
        hint = "one would be put over the other: give each a folder of its own on green"
    return replace(plan, way=Way.SKIP, reason=reason, hint=hint)
