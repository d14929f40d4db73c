"""Who really runs where at this moment: both sides are asked, at once and for a short time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migrator.migration.bounded import InBackground, each, reason
from migrator.migration.fence import Side, WayBack
from migrator.migration.one_side import act
from migrator.model.one_side import Part, Where
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, Clock
from migrator.rules.field_owners import FENCE
from migrator.rules.one_side.waker import last_writer


@dataclass(slots=True, frozen=True)
class Now:
    """What both sides have answered."""

    running: Mapping[ObjectRef, tuple[Where, ...]]
    """By name on blue, where it runs."""
    writers: Mapping[ObjectRef, Mapping[Where, str]] = field(default_factory=dict)
    """By name on blue, who wrote last on each side to what holds it, and when."""
    silent: tuple[str, ...] = ()
    """What could not be found out, one sentence each."""

    def twice(self) -> list[ObjectRef]:
        """Return what runs on both sides."""
        return sorted(ref for ref, where in self.running.items() if len(where) > 1)


def handed_unseen(parts: Iterable[Part], back: WayBack, clock: Clock) -> str:
    """Return what was handed over by another journal than this one, which may be an older copy, in one sentence. Raises nothing.

    It is stopped on blue, and runs on green or was stopped by this tool.
    """
    now = ask(parts, back, clock)
    found = [
        ref
        for ref, where in sorted(now.running.items())
        if "blue" not in where and ("green" in where or now.writers[ref].get("blue", "").startswith(FENCE))
    ]
    if not found:
        return ""
    return (
        f"stopped on blue, though this journal knows of no hand-over: {', '.join(map(str, found))}; the journal is an older copy, "
        "or the cutover was made elsewhere: restore the newest one and run the same command again, or start them on blue by hand"
    )


def ask(parts: Iterable[Part], back: WayBack, clock: Clock) -> Now:
    """Ask both sides at once; one that does not answer in its time is named. Raises nothing."""
    by_ref = {part.blue: part for part in parts}
    sides: tuple[tuple[Where, Side], ...] = (("blue", back.blue), ("green", back.green))
    asked = [(where, side, InBackground(lambda side=side: side.look(clock), clock)) for where, side in sides]  # type: ignore[misc]
    running: dict[ObjectRef, tuple[Where, ...]] = dict.fromkeys(by_ref, ())
    writers: dict[ObjectRef, dict[Where, str]] = {ref: {} for ref in by_ref}
    silent: list[str] = []
    for where, side, looking in asked:
        try:
            cluster: Blue = looking.result(side.open_seconds + side.seconds)
        except Exception as error:  # noqa: BLE001 - the other side is told all the same
            silent.append(f"what runs on {where}: {reason(error)}")
            continue
        answers = each(by_ref, lambda ref, at=cluster, on=where: act.read(at, by_ref[ref], on), seconds=side.seconds, clock=clock)  # type: ignore[misc]
        for ref, manifest in answers.done.items():
            if manifest is not None:
                writers[ref][where] = last_writer(manifest, by_ref[ref])
                running[ref] = running[ref] if by_ref[ref].is_held(manifest) else (*running[ref], where)
        silent += [f"{by_ref[ref].ref(where)} on {where}: {reason(error)}" for ref, error in sorted(answers.failed.items())]
    return Now(running, writers, tuple(silent))
