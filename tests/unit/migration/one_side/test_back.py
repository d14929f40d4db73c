"""Which side runs what can always be taken back; what one side does not do keeps nothing else from being done."""

from __future__ import annotations

import datetime
import threading
from dataclasses import replace

import pytest

from migrator.errors import UnavailableError
from migrator.migration.copy import CopyOptions
from migrator.migration.fence import Side, WayBack
from migrator.migration.one_side.back import Returned, hand_back
from migrator.migration.verbs.cutover import run_cutover
from migrator.model.kinds import PODS
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.journals import migration_run
from tests.support.one_side import DNS, NIGHTLY, NIGHTLY_GREEN, STAMP, Pair, Stand, pod, ran, runs


def test_what_is_already_on_its_side_gets_no_write(pair: Pair) -> None:
    """Handing back twice is handing back once."""
    pair.over()
    assert pair.back() == []
    pair.blue.requests.clear()
    pair.green.requests.clear()
    assert pair.back() == []
    assert not any(line.startswith("patch") for line in (*pair.blue.requests, *pair.green.requests))


@pytest.mark.parametrize(
    ("side", "words", "sides"),
    [
        ("green", "CronJob.batch/store/nightly on green may still run: green did not answer", (True, True)),
        ("blue", "CronJob.batch/shop/nightly on blue is still stopped: blue did not answer", (False, False)),
    ],
)
def test_what_cannot_be_taken_back_is_told(pair: Pair, side: str, words: str, sides: tuple[bool, bool]) -> None:
    """Blue does not wait for green; the next run tries again what is left."""
    pair.over()
    cluster = pair.green if side == "green" else pair.blue
    cluster.faults.append(Fault("patch", lambda: UnavailableError(f"{side} did not answer"), times=1))
    assert pair.back() == [words]
    assert pair.sides == sides
    assert pair.back() == []
    assert pair.sides == (True, False)


@pytest.mark.parametrize(("side", "count"), [("green", 0), ("blue", 0), ("", 1)])
def test_what_is_back_runs_on_blue_and_on_blue_alone(pair: Pair, side: str, count: int) -> None:
    """A rollback reports it, so it counts only once both sides have answered."""
    over = pair.over()
    if side:
        cluster = pair.green if side == "green" else pair.blue
        cluster.faults.append(Fault("patch", lambda: UnavailableError(f"{side} did not answer"), times=1))
    sides = (Side(lambda: pair.blue, 1.0), Side(lambda: pair.green, 1.0))
    returned = hand_back(pair.run.state.handed, WayBack(*sides), pair.run.clock)
    assert (len(over), len(returned.back)) == (1, count)


def test_the_time_of_the_last_run_goes_with_a_cronjob_in_both_directions(pair: Pair) -> None:
    """Else the side that resumes runs again what the other one has done."""
    runs(pair.blue, NIGHTLY, "2026-01-02T03:00:00Z")
    pair.over()
    assert ran(pair.green, NIGHTLY_GREEN) == "2026-01-02T03:00:00Z"
    runs(pair.green, NIGHTLY_GREEN, "2026-01-03T03:00:00Z")
    assert pair.back() == []
    assert ran(pair.blue, NIGHTLY) == "2026-01-03T03:00:00Z"


def test_a_green_that_does_not_tell_is_taken_to_have_run_until_now(pair: Pair) -> None:
    """A run too few is better than one that was done twice."""
    pair.over()
    pair.green.faults.append(Fault("list", unavailable))
    assert len(pair.back()) == 1
    assert ran(pair.blue, NIGHTLY) == datetime.datetime.fromtimestamp(pair.blue.server_time(), datetime.UTC).strftime(STAMP)


def test_a_bug_on_one_side_is_a_sentence_and_shows_no_data(pair: Pair) -> None:
    """Nothing keeps blue from its CronJobs."""
    pair.over()

    def broken() -> FakeCluster:
        raise KeyError("secret")

    returned = hand_back(pair.run.state.handed, WayBack(Side(lambda: pair.blue, 1.0), Side(broken, 1.0)), pair.run.clock)
    assert returned == Returned((), ["CronJob.batch/store/nightly on green may still run: a bug: KeyError"])
    assert pair.sides[0]


def test_a_silent_green_does_not_hold_blue_up(pair: Pair) -> None:
    """It is waited for as long as its side says, and no longer; the process does not wait for it at its end."""
    pair.over()
    answer = threading.Event()

    def silent() -> FakeCluster:
        answer.wait()
        return pair.green

    returned = hand_back(pair.run.state.handed, WayBack(Side(lambda: pair.blue, 1.0), Side(silent, 0.0)), pair.run.clock)
    answer.set()
    assert returned == Returned((), ["CronJob.batch/store/nightly on green may still run: no answer within 0 s"])
    assert pair.sides[0]


def test_a_green_whose_pod_does_not_end_keeps_it_from_blue(stand: Stand) -> None:
    """It answers, so nothing need run twice: blue's is started by the next rollback."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.green.hold(pod("stuck"))
    stand.green.patch(PODS, "shop", "stuck", {"metadata": {"finalizers": ["example.org/hangs"]}}, manager="k")
    assert stand.back() == (f"{DNS} is still stopped on blue: on green pod stuck has not ended",)
    assert stand.replicas == (0, 0)
    stand.green.patch(PODS, "shop", "stuck", {"metadata": {"finalizers": None}}, manager="k")
    assert stand.back() == ()
    assert stand.replicas == (2, 0)


def test_a_green_that_does_not_answer_keeps_nothing_from_blue(stand: Stand) -> None:
    """It may still run there, and that is said."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.green.faults.append(Fault("patch", unavailable, kind="Deployment"))
    undone = stand.back()
    assert [text.partition(":")[0] for text in undone] == [f"{DNS} on green may still run"]
    assert stand.replicas == (2, 2)


def test_a_rollback_tells_what_an_older_journal_does_not_know(stand: Stand) -> None:
    """It was restored from a backup of before the cutover: blue's would stay stopped, and the rollback said that all was well."""
    stand.ready()
    older = list(stand.journal.records)
    run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (0, 2)
    run, stand.journal, _, _ = migration_run(*older)
    stand.session = replace(stand.session, run=replace(run, clock=stand.clock))
    (told,) = stand.back()
    assert told.startswith(f"stopped on blue, though this journal knows of no hand-over: {DNS}; the journal is an older copy")


def test_a_rollback_before_any_cutover_has_nothing_to_tell(stand: Stand) -> None:
    """What runs on blue only runs there."""
    stand.ready()
    assert stand.back() == ()
