"""What runs on blue only is stopped there before it is started on green, and each step is known before it is made."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, JournalError, MigratorError, UnavailableError
from migrator.journal.records.one_side import HandedBack, HandedOver, HandOverAnnounced, HandOverStep, PartRecord
from migrator.migration.copy import CopyOptions
from migrator.migration.fence import Side, WayBack
from migrator.migration.one_side.back import hand_back
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import CRON_JOBS, DEPLOYMENTS
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.one_side import (
    DNS,
    NIGHTLY,
    NIGHTLY_GREEN,
    PARTS,
    PAUSED,
    STEPS,
    KilledError,
    Pair,
    Stand,
    hand_over_alone,
    killed_after,
    steps,
)


def test_what_runs_on_blue_is_turned_over_and_nothing_else(pair: Pair) -> None:
    """A CronJob that a person has suspended stays so on both sides; one that is not moved runs on."""
    assert pair.over() == [NIGHTLY]
    assert pair.sides == (False, True)
    assert pair.suspended(pair.green, PAUSED._replace(namespace="store"))
    assert not pair.suspended(pair.blue, NIGHTLY._replace(name="left"))
    assert pair.suspended(pair.green, NIGHTLY_GREEN._replace(name="left"))
    steps = [HandOverStep("CronJob", step) for step in STEPS]
    assert pair.journal.records == [HandOverAnnounced((PartRecord.of(PARTS[0]),)), *steps, HandedOver((NIGHTLY,))]


def test_the_announcement_is_on_disk_before_blue_is_touched(pair: Pair) -> None:
    """After a power cut in between, CronJobs that run nowhere would be nobody's."""
    on_disk: list[int] = []
    pair.blue.faults.append(Fault("patch", lambda: on_disk.append(pair.journal.synced) or unavailable(), times=1, after=2))  # type: ignore[func-returns-value]
    with pytest.raises(UnavailableError):
        pair.over()
    assert on_disk == [1]
    assert pair.journal.records == [HandOverAnnounced((PartRecord.of(PARTS[0]),)), HandOverStep("CronJob", "stop")]


def test_a_cronjob_that_is_gone_from_blue_since_the_plan_ends_nothing(pair: Pair) -> None:
    """A person has deleted it: there is nothing to turn over, and nothing to take back."""
    uid = pair.blue.get(CRON_JOBS, "shop", "nightly")["metadata"]["uid"]
    pair.blue.delete(CRON_JOBS, "shop", "nightly", uid=uid)
    assert pair.over() == []
    assert (
        hand_back({NIGHTLY: PARTS[0]}, WayBack(Side(lambda: pair.blue, 1), Side(lambda: pair.green, 1)), pair.run.clock).left == []
    )


def test_without_a_way_back_nothing_is_turned_over(pair: Pair) -> None:
    """An account of an older deploy/rbac-blue.yaml could suspend blue's CronJobs, and not tell them what green has run."""
    pair.blue.faults.append(Fault("patch", forbidden, times=1))
    with pytest.raises(BlockedError, match="the way back is not open") as caught:
        pair.over()
    assert "rbac-blue.yaml" in caught.value.hint
    assert (pair.sides, pair.journal.records) == ((True, False), [])


def test_a_cronjob_is_suspended_on_one_side_before_it_runs_on_the_other(pair: Pair) -> None:
    """In both directions: it never runs on both. The first request to blue is a dry run."""
    both = pair.blue.requests = pair.green.requests
    pair.over()
    pair.back()
    blue, green = "patch CronJob shop/nightly", "patch CronJob store/nightly"
    assert [line for line in both if line in (blue, green)] == [blue, blue, green, green, blue]


def test_without_cronjobs_nothing_is_written(pair: Pair) -> None:
    """Neither into the journal nor to a cluster."""
    pair.blue.patch(CRON_JOBS, "shop", "nightly", {"spec": {"suspend": True}}, manager="kubectl")
    pair.blue.requests.clear()
    assert pair.over() == []
    assert pair.back() == []
    assert pair.journal.records == []
    assert not any(line.startswith("patch") for line in (*pair.blue.requests, *pair.green.requests))


def test_what_cannot_be_announced_is_not_done(pair: Pair) -> None:
    """Otherwise nobody would know what to take back."""
    pair.journal.full = True
    with pytest.raises(JournalError):
        pair.over()
    assert pair.sides == (True, False)


def test_a_fence_that_was_cut_off_is_known_and_done_again(pair: Pair) -> None:
    """Announced and half done: it is taken back, or continued, as if it were whole."""
    pair.green.faults.append(Fault("patch", unavailable, times=1))
    with pytest.raises(UnavailableError):
        pair.over()
    assert pair.sides == (False, False)
    assert list(pair.run.state.handed) == [NIGHTLY]
    assert pair.over() == [NIGHTLY]
    assert pair.sides == (False, True)


def test_a_cutover_hands_it_over_and_a_rollback_hands_it_back(stand: Stand) -> None:
    """At no moment there are pods on both sides."""
    stand.ready()
    both: list[list[str]] = []

    def watch() -> None:
        both.append(stand.pods)
        stand.clock.after(0.5, watch)

    watch()
    result = run_cutover(stand.session, CopyOptions())
    assert (result.handed_over, stand.replicas, stand.pods) == ((str(DNS),), (0, 2), ["green", "green"])
    assert steps(stand) == [f"external-dns {step}" for step in ("stop", "stopped", "start", "works")]
    assert stand.back() == ()
    assert (stand.replicas, stand.pods) == ((2, 0), ["blue", "blue"])
    assert HandedBack() in stand.journal.records
    assert stand.session.run.state.handed == {}
    assert [pods for pods in both if len(set(pods)) > 1] == []


def test_it_goes_there_and_back_as_often_as_a_person_likes(stand: Stand) -> None:
    """Each time as the first."""
    stand.ready()
    for _ in range(3):
        run_cutover(stand.session, CopyOptions())
        assert stand.replicas == (0, 2)
        assert stand.back() == ()
        assert stand.replicas == (2, 0)
        assert run_copy(stand.session, CopyOptions())[1].complete
        assert run_validate(stand.session).good


def test_an_account_that_may_not_stop_it_on_blue_is_told_before_anything_is_done(stand: Stand) -> None:
    """With the file that grants it."""
    stand.ready()
    stand.blue.faults.append(Fault("patch", forbidden, kind="Deployment", times=1))
    with pytest.raises(BlockedError, match=r"the way back is not open for Deployment\.apps/shop/dns") as caught:
        run_cutover(stand.session, CopyOptions())
    assert "rbac-blue.yaml" in caught.value.hint
    assert steps(stand) == []
    assert stand.replicas == (2, 0)


def test_a_blue_that_does_not_say_whether_it_may_be_stopped_is_told_before_anything_is_done(stand: Stand) -> None:
    """The way back could not be promised."""
    stand.ready()
    stand.blue.faults.append(Fault("patch", unavailable, kind="Deployment"))
    with pytest.raises(MigratorError, match=r"cannot be stopped on blue"):
        run_cutover(stand.session, CopyOptions())
    assert steps(stand) == []
    assert stand.replicas == (2, 0)


def test_a_killed_hand_over_goes_on_at_any_step(stand: Stand) -> None:
    """The journal knows how many replicas there were, although blue has none any more."""
    stand.ready()
    for number in range(1, 5):
        stand.journal.after_append = killed_after(stand, len(steps(stand)) + number)
        with pytest.raises(KilledError):
            hand_over_alone(stand)
        stand.journal.after_append = lambda _: None
        assert run_cutover(stand.session, CopyOptions()).handed_over == (str(DNS),)
        assert stand.replicas == (0, 2)
        assert stand.back() == ()
        assert run_copy(stand.session, CopyOptions())[1].complete
        assert run_validate(stand.session).good


def test_one_that_is_awake_on_green_at_the_cutover_is_not_handed_over(stand: Stand) -> None:
    """An operator woke it between the verdict and the cutover."""
    stand.ready()
    stand.green.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 1}}, manager="operator", subresource="scale")
    with pytest.raises(BlockedError, match="the last copy was not complete"):
        run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (2, 1)
    assert steps(stand) == []
