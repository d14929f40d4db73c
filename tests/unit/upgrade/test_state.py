"""Where an upgrade stands, from its journal; cut off at any line, it is known what comes next."""

from __future__ import annotations

from typing import Any

from migrator.upgrade.state import Status, fold_upgrade
from tests.support.facts import hop

HOPS = (hop("1.35.4", "1.36.3"), hop("1.36.3", "1.37.2"))
STARTED = {
    "event": "upgrade-started",
    "at": 1_800_000_000,
    "to": "1.37.2",
    "workers": "last",
    "hops": [item.document() for item in HOPS],
}


def step(number: int, action: str, **more: Any) -> dict[str, Any]:
    """Return the line of a step of a hop."""
    return {"event": "step", "hop": HOPS[number].key, "node": "cp", "role": "control-plane", "action": action, **more}


WHOLE: list[dict[str, Any]] = [
    STARTED,
    step(0, "etcd snapshot"),
    step(0, "kubeadm upgrade apply", changes_control_plane=True),
    {"event": "cordoned", "node": "cp"},
    {"event": "uncordoned", "node": "cp"},
    {"event": "hop-ended", "hop": HOPS[0].key},
    step(1, "kubeadm upgrade apply", changes_control_plane=True),
    {"event": "hop-ended", "hop": HOPS[1].key},
    {"event": "upgrade-ended"},
]


def test_each_line_moves_it_on() -> None:
    """Which hop is next, which one a rollback takes back, who is cordoned."""
    at = [fold_upgrade(WHOLE[:count]) for count in range(len(WHOLE) + 1)]
    assert [state.hop for state in at] == [None, *[HOPS[0]] * 5, *[HOPS[1]] * 2, None, None]
    assert [state.last_applied for state in at] == [None] * 3 + [HOPS[0]] * 4 + [HOPS[1]] * 3
    assert [state.cordoned for state in at][4:6] == [{"cp"}, set()]
    assert [state.open for state in at] == [False, *[True] * 8, False]
    assert at[-1].status is Status.DONE


def test_another_upgrade_never_takes_an_old_snapshot_for_its_own() -> None:
    """What is saved carries the time that the upgrade began."""
    again = fold_upgrade([*WHOLE, {**STARTED, "at": 1_900_000_000}])
    assert again.saved_as(HOPS[0]) != fold_upgrade(WHOLE).saved_as(HOPS[0])
    assert again.last_applied is None


def test_a_rollback_ends_the_upgrade_and_can_be_gone_on_with() -> None:
    """Begun and not ended it is under way; ended, there is nothing more to take back."""
    begun = fold_upgrade([*WHOLE[:7], {"event": "rollback-started", "hop": HOPS[1].key}])
    assert begun.status is Status.ROLLING_BACK
    assert begun.last_applied == HOPS[1]
    ended = fold_upgrade([*WHOLE[:7], {"event": "rollback-started", "hop": HOPS[1].key}, {"event": "rollback-ended"}])
    assert ended.status is Status.ROLLED_BACK
    assert ended.last_applied == HOPS[0]
