"""Guards stand on the side that does not run what they guard, where a person allows them, and nowhere else."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, ForbiddenError, GateFailedError
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.one_side import GuardAnnounced, Guarded
from migrator.migration.copy import CopyOptions
from migrator.migration.state import fold
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.plan import run_plan
from migrator.migration.verbs.retire import run_retire
from migrator.model.kinds import POLICIES, POLICY_BINDINGS
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.one_side import CONFIG, KilledError, Stand, hand_over_alone, new_stand
from tests.support.recorder import Recorder

BOTH = CONFIG + "cutover: {guard: [green, blue]}\nretire: {soak: 0s}\n"
GREEN = CONFIG + "cutover: {guard: [green]}\nretire: {soak: 0s}\n"
POLICY = "ValidatingAdmissionPolicy"


def standing(cluster: FakeCluster) -> list[str]:
    """Return the groups whose policy has a binding."""
    bound = {item["spec"]["policyName"] for item in cluster.list(POLICY_BINDINGS)}
    return [name.split("-t-")[1][:-11] for name in (item["metadata"]["name"] for item in cluster.list(POLICIES)) if name in bound]


def notes(stand: Stand) -> list[str]:
    """Return what a person was told."""
    reporter = stand.session.run.reporter
    assert isinstance(reporter, Recorder)
    return reporter.notes


def sides(stand: Stand) -> tuple[list[str], list[str]]:
    """Return what is guarded on blue and on green."""
    return standing(stand.blue), standing(stand.green)


def kill_at(stand: Stand, record: MigrationRecord) -> None:
    """Let the process be gone once this record is written."""

    def appended(found: MigrationRecord) -> None:
        if found == record:
            raise KilledError

    stand.journal.after_append = appended


def test_guards_change_sides_with_what_they_guard() -> None:
    """By copy, cutover, rollback and retire; each is announced first, and the journal says where they stand."""
    stand = new_stand(BOTH)
    stand.ready()
    assert sides(stand) == ([], ["external-dns"])
    run_cutover(stand.session, CopyOptions())
    assert sides(stand) == (["external-dns"], [])
    assert stand.back() == ()
    assert sides(stand) == ([], ["external-dns"])
    assert fold(stand.journal.entries()).sides.guards == {"green": {"external-dns"}, "blue": set()}
    told = [
        (type(record), record.side, record.rows) for record in stand.journal.records if isinstance(record, GuardAnnounced | Guarded)
    ]
    dns = ("external-dns",)
    made = [(kind, *where) for where in (("green", dns), ("blue", dns), ("green", ())) for kind in (GuardAnnounced, Guarded)]
    assert told == [*made, (Guarded, "blue", ()), (Guarded, "green", dns)]


def test_retire_leaves_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Blue's is removed when the migration is closed; one that cannot be is told, and removed by the next retire."""
    stand = new_stand(BOTH)
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.clock.pass_time(60.0)
    stand.blue.faults.append(Fault("delete", unavailable, times=1))
    path = tmp_path_factory.mktemp("retire") / "a.gz"
    run_retire(stand.session, path)
    assert any("the guard on blue is left" in text for text in notes(stand))
    assert sides(stand) == (["external-dns"], [])
    with pytest.raises(BlockedError, match="retired already"):
        run_retire(stand.session, path)
    assert sides(stand) == ([], [])


def test_without_a_word_in_the_file_nothing_is_asked() -> None:
    """A policy refuses requests of others: nobody makes one unasked."""
    stand = new_stand()
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    assert stand.back() == ()
    asked = [line for line in (*stand.blue.requests, *stand.green.requests) if POLICY in line and not line.startswith("list")]
    assert asked == []
    assert not any(isinstance(record, GuardAnnounced | Guarded) for record in stand.journal.records)


def test_blue_gets_none_unless_it_is_named() -> None:
    """Blue is changed only as a person asked."""
    stand = new_stand(GREEN)
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    assert sides(stand) == ([], [])
    assert not any("create" in line for line in stand.blue.requests)


def test_a_second_copy_writes_nothing_and_another_file_takes_it_away() -> None:
    """What stands is compared with what should; a policy of another migration is left alone."""
    stand = new_stand(GREEN)
    stand.ready()
    name = next(iter(stand.green.list(POLICIES)))["metadata"]["name"]
    other = {"name": "migrator-u-x-1234567890", "labels": {"migrator/guard-of": "u"}}
    stand.green.hold({"apiVersion": POLICIES.api_version, "kind": POLICY, "metadata": other, "spec": {}})
    before = len(stand.journal.records)
    run_copy(stand.session, CopyOptions())
    assert not any(isinstance(record, GuardAnnounced) for record in stand.journal.records[before:])
    stand.session.config = stand.session.config.model_copy(
        update={"cutover": stand.session.config.cutover.model_copy(update={"guard": ()})}
    )
    run_copy(stand.session, CopyOptions())
    names = [item["metadata"]["name"] for item in stand.green.list(POLICIES)]
    assert (name in names, other["name"] in names) == (False, True)
    assert fold(stand.journal.entries()).sides.guards == {"green": frozenset()}


@pytest.mark.parametrize("side", ["green", "blue"])
def test_a_side_that_does_not_allow_it_is_found_by_the_copy(side: str) -> None:
    """Before anything is written: a cutover is no time for it."""
    stand = new_stand(BOTH)
    cluster = stand.green if side == "green" else stand.blue
    cluster.faults.append(Fault("create", forbidden, kind=POLICY))
    with pytest.raises(BlockedError, match=r"cutover\.guard") as caught:
        run_copy(stand.session, CopyOptions())
    assert f"rbac-{side}.yaml" in caught.value.hint
    assert stand.journal.records == []


def test_a_server_that_is_too_old_is_refused_in_one_line() -> None:
    """Kubernetes 1.29 has it as a beta, which is off by default; without a guard in the file nothing is lost by it."""
    stand = new_stand(GREEN)
    stand.green.stop_serving("admissionregistration.k8s.io", POLICY)
    with pytest.raises(BlockedError, match=r"green serves no ValidatingAdmissionPolicy at v1, as Kubernetes 1\.30 does"):
        run_copy(stand.session, CopyOptions())
    assert stand.journal.records == []


def test_a_hand_over_that_was_killed_is_taken_back_with_its_guards() -> None:
    """Killed when blue's was announced and nobody knows whether it stands."""
    stand = new_stand(BOTH)
    stand.ready()
    kill_at(stand, Guarded("blue", ("external-dns",)))
    with pytest.raises(KilledError):
        hand_over_alone(stand)
    stand.journal.after_append = lambda _: None
    assert "the guard on blue was announced and not confirmed" in stand.session.run.state.unknown
    assert stand.back() == ()
    assert sides(stand) == ([], ["external-dns"])
    assert stand.session.run.state.unknown == ()
    assert stand.replicas == (2, 0)


def test_a_guard_that_cannot_be_removed_keeps_nothing_from_blue() -> None:
    """What this tool writes passes it; what is left is listed, and the next rollback removes it."""
    stand = new_stand(BOTH)
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.blue.faults.append(Fault("delete", forbidden, times=1))
    (left,) = stand.back()
    assert left.startswith("the guard on blue is not as it should be")
    assert stand.replicas == (2, 0)
    assert stand.session.run.state.next_command == "migrator rollback"
    assert stand.back() == ()
    assert sides(stand) == ([], ["external-dns"])


def test_a_green_that_is_away_gets_its_guard_from_the_next_rollback() -> None:
    """Blue's is removed all the same."""
    stand = new_stand(BOTH)
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.green.faults.append(Fault("create", unavailable, times=1))
    (left,) = stand.back()
    assert left.startswith("the guard on green is not as it should be")
    assert sides(stand) == ([], [])
    assert stand.back() == ()
    assert sides(stand) == ([], ["external-dns"])


def test_a_guard_that_blue_refuses_undoes_the_hand_over() -> None:
    """It was asked for: without it the hand-over is not what a person allowed."""
    stand = new_stand(BOTH)
    stand.ready()
    stand.blue.faults.append(
        Fault("create", lambda: ForbiddenError("no", status=403), kind=POLICY, times=1, after=1)
    )  # not the copy's dry run
    with pytest.raises(GateFailedError):
        run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (2, 0)
    assert sides(stand) == ([], ["external-dns"])


def test_one_that_does_not_refuse_yet_is_told() -> None:
    """The fake refuses nothing; a real server does within a second."""
    stand = new_stand(GREEN)
    stand.ready()
    assert any(
        "does not keep external-dns from being started: its API server has let a trial pass" in text for text in notes(stand)
    )


def test_the_plan_names_them() -> None:
    """Both sides' policies, before there are any."""
    stand = new_stand(BOTH)
    guards = run_plan(stand.session)[1]["guards"]
    assert [(guard["side"], guard["group"]) for guard in guards] == [("green", "external-dns"), ("blue", "external-dns")]
    stand.ready()
    assert [item["metadata"]["name"] for item in stand.green.list(POLICIES)] == [guards[0]["policy"]]
