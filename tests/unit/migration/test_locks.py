"""A cutover holds the locks of both clusters; going back asks neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migrator.errors import BlockedError, ForbiddenError, GateFailedError, LockLostError, UnavailableError
from migrator.migration.copy import CopyOptions
from migrator.migration.locks import both_locked
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.validate import run_validate
from migrator.ports import HeldLock, Reporter
from tests.support.fake_cluster import FakeCluster
from tests.support.one_side import new_stand
from tests.support.recorder import Recorder


class Forbidding(FakeCluster):
    """A cluster whose account may hold no Lease."""

    @contextmanager
    def lock(self, holder: str, reporter: Reporter) -> Iterator[HeldLock]:  # type: ignore[override]  # noqa: ARG002
        """Refuse."""
        raise ForbiddenError(f"{self.name} answered 403: leases is forbidden", status=403)
        yield


def test_both_are_held_and_let_go() -> None:
    """Green's first, always: two runs cannot wait for each other."""
    blue, green = FakeCluster("blue"), FakeCluster("green")
    with both_locked(blue, green, "a@host/1", Recorder()):
        assert blue.held
        assert green.held
    assert not any(cluster.held for cluster in (blue, green))


def test_another_run_on_blue_is_kept_away() -> None:
    """It may move the same blue to another green, with another journal."""
    stand = new_stand()
    stand.ready()
    before = len(stand.journal.records)
    with stand.blue.lock("b@other/2", Recorder()), pytest.raises(BlockedError, match="blue is locked by b@other/2"):
        run_cutover(stand.session, CopyOptions())
    assert (stand.replicas, stand.green.held, len(stand.journal.records)) == ((2, 0), None, before)


def test_only_a_cutover_needs_blue_s() -> None:
    """Copy, validate and rollback change nothing there that two could take for theirs, and going back waits for nobody."""
    stand = new_stand()
    with stand.blue.lock("b@other/2", Recorder()):
        stand.ready()
    run_cutover(stand.session, CopyOptions())
    with stand.blue.lock("b@other/2", Recorder()), stand.green.lock("b@other/2", Recorder()):
        assert stand.back() == ()
    assert stand.replicas == (2, 0)
    run_copy(stand.session, CopyOptions())
    assert run_validate(stand.session).good


def test_an_account_that_may_hold_none_on_blue_goes_on_and_is_told() -> None:
    """An older deploy/rbac-blue.yaml does not allow it."""
    shown = Recorder()
    green = FakeCluster("green")
    with both_locked(Forbidding("blue"), green, "a@host/1", shown) as lock:
        assert green.held
        lock.require()
        lock.check()
    assert len(shown.notes) == 1
    assert "apply deploy/rbac-blue.yaml again" in shown.notes[0]


def test_a_lock_that_is_lost_on_either_side_ends_the_cutover() -> None:
    """A blue that is silent does not: green is where the traffic goes."""
    blue, green = FakeCluster("blue"), FakeCluster("green")
    with both_locked(blue, green, "a@host/1", Recorder()) as lock:
        assert blue.held
        assert green.held
        blue.held.silence = UnavailableError("blue does not answer")
        lock.require()
        blue.held.taken_by = "b@other/2"
        for ask in (lock.check, lock.require):
            with pytest.raises(LockLostError):
                ask()
        blue.held.taken_by, green.held.taken_by = "", "b@other/2"
        for ask in (lock.check, lock.require):
            with pytest.raises(LockLostError):
                ask()


def test_a_lock_on_blue_that_is_taken_over_undoes_the_hand_over() -> None:
    """The next write to blue asks it first."""
    stand = new_stand()
    stand.ready()

    def taken(record: object) -> None:
        if type(record).__name__ == "HandOverAnnounced" and stand.blue.held:
            stand.blue.held.taken_by = "b@other/2"

    stand.journal.after_append = taken
    with pytest.raises(GateFailedError, match="taken over by b@other/2"):
        run_cutover(stand.session, CopyOptions())
