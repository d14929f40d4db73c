"""A copy in its order, on two clusters in memory."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, CommandFailedError
from migrator.journal.records.decisive import Retired
from migrator.journal.records.migration import (
    CopyStarted,
    HookStarted,
    WaveAnnounced,
)
from migrator.journal.records.traffic import Shifted
from migrator.migration.copy import CopyOptions
from migrator.migration.rollback import finish
from migrator.migration.state import Stage
from migrator.migration.traffic_back import move_traffic
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.plan import run_plan
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import CONFIG_MAPS, CRON_JOBS
from migrator.model.outcome import Action
from tests.support.fake_cluster.faults import Fault, invalid
from tests.support.objects import config_map, made
from tests.support.verb_stand import NIGHTLY, Stand


def test_a_copy_runs_its_hooks_and_brings_the_objects(stand: Stand) -> None:
    """A hook is recorded by its program: its arguments may be secret."""
    _, result = run_copy(stand.session, CopyOptions())
    assert result.complete
    assert stand.green.get(CRON_JOBS, "shop", "nightly")["spec"]["suspend"] is True
    assert stand.runner.ran == [("before-copy", "secret"), ("after-copy",)]
    assert stand.of(HookStarted) == [HookStarted("beforeCopy", "before-copy"), HookStarted("afterCopy", "after-copy")]
    assert stand.state is Stage.COPIED


def test_a_hook_that_fails_stops_the_verb(stand: Stand) -> None:
    """Nothing was written to green yet."""
    stand.runner.failing = "before-copy"
    with pytest.raises(CommandFailedError):
        run_copy(stand.session, CopyOptions())
    assert stand.of(CopyStarted) == []


def test_a_copy_that_is_refused_for_its_traffic_runs_no_hook(stand: Stand) -> None:
    """A hook may change what serves."""
    run_copy(stand.session, CopyOptions())
    stand.session.run.write(Shifted(100.0, {}))
    before = list(stand.runner.ran)
    with pytest.raises(BlockedError, match="of the traffic"):
        run_copy(stand.session, CopyOptions())
    assert stand.runner.ran == before


def test_a_copy_after_retire_points_to_no_rollback(stand: Stand) -> None:
    """That would be refused, too."""
    run_copy(stand.session, CopyOptions())
    for record in (Shifted(100.0, {}), Retired("archive", 0)):
        stand.session.run.write(record)
    with pytest.raises(BlockedError, match="this migration is retired") as caught:
        run_copy(stand.session, CopyOptions())
    assert "rollback" not in caught.value.hint


def test_an_object_that_somebody_makes_during_a_copy_is_theirs(stand: Stand) -> None:
    """That this run has announced the object makes nothing on green its own: it is neither overwritten nor pruned."""
    theirs = config_map("settings", {"key": "theirs"}, namespace="shop")
    stand.runner.effects["before-copy"] = lambda: stand.green.hold(made("v1", "Namespace", "shop"), theirs)
    _, result = run_copy(stand.session, CopyOptions())
    assert [(outcome.ref.name, outcome.action, outcome.made) for outcome in result.problems] == [
        ("settings", Action.CONFLICT, False)
    ]
    del stand.runner.effects["before-copy"]
    settings = stand.blue.type_of(theirs)
    uid = stand.blue.get(settings, "shop", "settings")["metadata"]["uid"]
    stand.blue.delete(settings, "shop", "settings", uid=uid)
    run_copy(stand.session, CopyOptions(prune=True))
    assert stand.green.get(settings, "shop", "settings")["data"] == {"key": "theirs"}


def test_a_plan_that_is_no_longer_the_plan_is_not_copied(stand: Stand) -> None:
    """What a person approved is what is done, or nothing."""
    _, approved = run_plan(stand.session)
    stand.blue.hold(config_map("more", namespace="shop"))
    with pytest.raises(BlockedError):
        run_copy(stand.session, CopyOptions(), approved)
    assert stand.of(CopyStarted) == []


def test_a_cronjob_that_was_there_and_back_is_still_ours(stand: Stand) -> None:
    """Blue's was edited after the rollback: the next copy brings that, and calls its own suspension no conflict."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    moved = move_traffic("shop", stand.journal.entries(), stand.switch, stand.session.run.reporter, lambda: 0.0)
    assert finish(moved, stand.session.way_back(), run=stand.session.run).undone == ()
    stand.blue.patch(CRON_JOBS, "shop", "nightly", {"spec": {"schedule": "1 1 1 1 *"}}, manager="kubectl")
    assert run_copy(stand.session, CopyOptions())[1].complete
    spec = stand.green.get(CRON_JOBS, "shop", "nightly")["spec"]
    assert (spec["schedule"], spec["suspend"], stand.cronjob_runs_on) == ("1 1 1 1 *", True, (True, False))


def test_a_cronjob_that_somebody_has_resumed_on_green_is_a_conflict(stand: Stand) -> None:
    """It would run on both sides."""
    stand.ready()
    stand.green.patch(CRON_JOBS, "shop", "nightly", {"spec": {"suspend": False}}, manager="kubectl")
    assert not run_validate(stand.session).good
    assert [item.ref for item in run_copy(stand.session, CopyOptions())[1].problems] == [NIGHTLY]


def test_a_copy_blocks_what_green_refuses_before_anything_is_written(stand: Stand) -> None:
    """It is told with green's words, and no attempt to write it is announced; what else there is moves."""
    stand.green.faults.append(Fault("create", invalid, kind="CronJob"))
    _, result = run_copy(stand.session, CopyOptions())
    assert [(item.blue, item.reason) for item in result.blocked] == [(NIGHTLY, "green answered 422: is invalid")]
    assert not result.complete
    assert NIGHTLY not in [ref for record in stand.journal.records if isinstance(record, WaveAnnounced) for ref in record.create]
    assert stand.green.get(CONFIG_MAPS, "shop", "settings")


def test_a_copy_without_anything_new_asks_green_nothing_by_dry_run(stand: Stand) -> None:
    """Only a create is tried, so that copying again stays cheap."""
    run_copy(stand.session, CopyOptions())
    before = len(stand.green.requests)
    run_copy(stand.session, CopyOptions())
    assert not [request for request in stand.green.requests[before:] if request.startswith("create")]
