"""The data of claims: what is asked before a pass, what is written into the journal, and what one failure leaves of the others."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.errors import BlockedError, ConfigError, HostError
from migrator.journal.records.data import DataCleaned, DataPassAnnounced, DataPassEnded, DataProven, DataTakenBack
from migrator.journal.records.decisive import Retired
from migrator.migration.data.passes import take_back
from migrator.migration.data.verbs import Choice, bring_back, clean_data, copy_data, finish_data, plan_data, surveyed
from migrator.model.kinds import PODS
from migrator.model.plan import DataPlan
from migrator.model.volumes import Direction, PassResult
from migrator.rules.storage import data_plan
from migrator.volumes.proof import check_proof
from tests.support.claims_stand import ALL, Stand, stand
from tests.support.fake_mover import claims
from tests.support.objects import made


def test_a_pass_is_announced_before_and_its_end_kept(tmp_path: Path) -> None:
    """In the journal, with where data comes from and goes to."""
    one = stand(tmp_path, "data")
    (outcome,) = copy_data(one.session, one.movers, ALL)
    assert outcome.result is not None
    assert outcome.result.equal
    announced, ended = one.journal.records
    assert isinstance(announced, DataPassAnnounced)
    assert (announced.claim, announced.source, announced.target) == ("shop/data", "n:/data/data", "n:/data/data")
    assert isinstance(ended, DataPassEnded)
    assert not one.session.run.state.data["shop/data"].open


def test_one_claim_that_fails_does_not_end_the_others(tmp_path: Path) -> None:
    """It stays open in the journal, since nobody knows what runs there."""
    one = stand(tmp_path, "a", "b")
    one.there.broken = {"shop/a": HostError("no route")}
    outcomes = {item.claim: item.error for item in copy_data(one.session, one.movers, ALL)}
    assert str(outcomes["shop/a"]) == "no route"
    assert outcomes["shop/b"] is None
    assert one.session.run.state.data["shop/a"].open


def test_a_claim_in_use_on_green_is_left_and_said(tmp_path: Path) -> None:
    """Nobody writes under a pod."""
    one = stand(tmp_path, "a", "b")
    one.hold("green", "early", "a")
    assert [item.claim for item in copy_data(one.session, one.movers, ALL)] == ["shop/b"]
    assert any("shop/a: not copied: pod early uses it on green" in text for text in one.shown.notes)


@pytest.mark.parametrize("side", ["blue", "green"])
def test_the_last_pass_wants_a_workload_that_stands_still(tmp_path: Path, side: str) -> None:
    """On both sides, before anything is changed."""
    one = stand(tmp_path, "data")
    copy_data(one.session, one.movers, ALL)
    one.hold(side, "busy", "data")
    with pytest.raises(BlockedError, match=f"pod busy still uses it on {side}"):
        finish_data(one.session, one.movers, ALL)
    assert len(one.there.jobs) == 1


def test_a_copy_without_hosts_is_refused_before_anything_else_is_said_of_a_claim(tmp_path: Path) -> None:
    """Also where the only claim is in use on green, so that nothing would be copied."""
    one = stand(tmp_path, "data")
    one.hold("green", "early", "data")
    without = replace(one.movers, lacking="t.yaml: volumes.hosts: is missing")
    with pytest.raises(ConfigError, match=r"volumes\.hosts: is missing"):
        copy_data(one.session, without, ALL)


def test_the_pause_is_predicted_and_asked_for(tmp_path: Path) -> None:
    """From the last pass, with some slack; a claim that was never copied has no prediction."""
    one = stand(tmp_path, "data", text="volumes: {downtimeBudget: 5s}")
    with pytest.raises(BlockedError, match="was not copied yet"):
        finish_data(one.session, one.movers, ALL)
    copy_data(one.session, one.movers, ALL)
    one.answers.append(False)
    with pytest.raises(BlockedError, match="the pause was not accepted"):
        finish_data(one.session, one.movers, ALL)
    one.answers.append(True)
    assert finish_data(one.session, one.movers, ALL)[0].error is None
    assert one.answers == []


def finished(one: Stand) -> Path:
    """Copy and finish, and return the proof."""
    copy_data(one.session, one.movers, ALL)
    (outcome,) = finish_data(one.session, one.movers, ALL)
    assert outcome.error is None
    assert outcome.proof is not None
    return outcome.proof


def test_a_proof_is_kept_and_accounts_for_the_data(tmp_path: Path) -> None:
    """For its owner only; validate takes the claim as copied from then on, until the next pass."""
    one = stand(tmp_path, "data")
    path = finished(one)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert check_proof(path).wrong == ()
    (proven,) = one.of(DataProven)
    assert isinstance(proven, DataProven)
    assert proven.proof == str(path)
    claim = claims("data")[1]
    assert data_plan(claim, one.session.context()) is DataPlan.COPIED
    copy_data(one.session, one.movers, ALL)
    assert data_plan(claim, one.session.context()) is DataPlan.NOT_COPIED


def test_a_claim_of_any_length_has_a_proof(tmp_path: Path) -> None:
    """A claim may have 253 characters, and a file's name 255: the last pass failed after the workload had stopped."""
    path = finished(stand(tmp_path, "d" * 253))
    assert len(path.name) < 230
    assert check_proof(path).wrong == ()


def test_a_workload_that_wakes_up_in_the_pause_voids_the_proof(tmp_path: Path) -> None:
    """An autoscaler or an operator has started a pod on blue meanwhile."""
    one = stand(tmp_path, "data")
    copy_data(one.session, one.movers, ALL)
    one.there.during = lambda: one.hold("blue", "woken", "data")
    (outcome,) = finish_data(one.session, one.movers, ALL)
    assert "pod woken came up during the last pass" in str(outcome.error)
    assert one.of(DataProven) == []


def test_the_end_of_an_ordinary_pass_that_was_joined_proves_nothing(tmp_path: Path) -> None:
    """A run before this one had begun it."""
    one = stand(tmp_path, "data")
    copy_data(one.session, one.movers, ALL)
    whole = one.there.move
    one.there.move = lambda job, say: PassResult({**whole(job, say).document, "proven": False})  # type: ignore[method-assign]
    (outcome,) = finish_data(one.session, one.movers, ALL)
    assert "it was not the last one" in str(outcome.error)


def test_the_way_back_needs_a_proof_of_the_way_there(tmp_path: Path) -> None:
    """Without it blue has its own data, which is not overwritten; with it green's folder is the source."""
    one = stand(tmp_path, "data")
    with pytest.raises(BlockedError, match="was never proven on green"):
        bring_back(one.session, one.movers, ALL)
    finished(one)
    (outcome,) = bring_back(one.session, one.movers, ALL)
    assert outcome.error is None
    (job,) = one.back.jobs
    switched = one.session.run.state.data["shop/data"].switched_at
    assert switched
    assert (job.direction, job.finish, job.undo, job.known_target) == (Direction.TO_BLUE, True, int(switched), True)
    assert one.back.taken == []
    assert not one.session.run.state.data["shop/data"].proven


def test_a_way_back_that_breaks_is_taken_back_at_once(tmp_path: Path) -> None:
    """Blue's folder is never a mixture of both; a host that went away with it is to be asked again, and the journal says so."""
    one = stand(tmp_path, "data")
    finished(one)
    one.back.broken = {"shop/data": HostError("green is gone")}
    (outcome,) = bring_back(one.session, one.movers, ALL)
    assert str(outcome.error) == "green is gone"
    assert [everything for _, everything in one.back.taken] == [False]
    assert one.of(DataTakenBack) == [DataTakenBack(claim="shop/data", everything=False, objects=3)]
    assert not one.session.run.state.data["shop/data"].half
    one.back.stuck = HostError("blue is gone, too")
    (outcome,) = bring_back(one.session, one.movers, ALL)
    assert "is not taken back yet: blue is gone, too" in str(outcome.error)
    assert one.session.run.state.data["shop/data"].half


def test_claims_are_chosen_by_name(tmp_path: Path) -> None:
    """A name that no claim has is an error, and so is a choice that cannot be copied."""
    one = stand(tmp_path, "a", "b", text="volumes: {claims: [{claims: [shop/b], way: own}]}")
    copy_data(one.session, one.movers, Choice(("shop/a",), full=True))
    assert [(job.claim, job.full) for job in one.there.jobs] == [("shop/a", True)]
    with pytest.raises(BlockedError, match="is named shop/x"):
        copy_data(one.session, one.movers, Choice(("shop/x",)))
    with pytest.raises(BlockedError, match="no claim can be copied now"):
        copy_data(one.session, one.movers, Choice(("shop/b",)))


def test_cleaning_is_announced_and_covers_both_directions(tmp_path: Path) -> None:
    """What the way back has kept goes, too."""
    one = stand(tmp_path, "data")
    assert clean_data(one.session, one.movers, ALL) == ["shop/data"]
    assert [job.direction for job in (*one.there.cleaned, *one.back.cleaned)] == [Direction.TO_GREEN, Direction.TO_BLUE]
    assert one.of(DataCleaned) == [DataCleaned("shop/data")]


def test_what_is_not_copied_from_host_to_host_leaves_nothing_to_clean(tmp_path: Path) -> None:
    """It says that, and nothing of a copy that nobody wants."""
    one = stand(tmp_path, "a", "b", text="volumes: {claims: [{claims: [shop/b], way: skip}]}")
    assert clean_data(one.session, one.movers, ALL) == ["shop/a"]
    with pytest.raises(BlockedError, match="none of these claims is copied from host to host now"):
        clean_data(one.session, one.movers, Choice(("shop/b",)))
    assert not any("not copied" in text for text in one.shown.notes)


def test_what_alone_makes_blue_whole_again_is_not_cleaned_away(tmp_path: Path) -> None:
    """A pass to blue was cut off: its folder is a mixture of both until that is taken back."""
    one = stand(tmp_path, "data")
    finished(one)
    one.back.broken = {"shop/data": HostError("green is gone")}
    one.back.stuck = HostError("blue is gone, too")
    bring_back(one.session, one.movers, ALL)
    with pytest.raises(BlockedError, match="a pass to blue was cut off") as caught:
        clean_data(one.session, one.movers, ALL)
    assert "rollback" in caught.value.hint
    assert (one.back.cleaned, one.of(DataCleaned)) == ([], [])


def test_the_data_of_the_switch_is_not_promised_where_what_came_after_it_cannot_be_undone(tmp_path: Path) -> None:
    """`data clean` has removed what passes to blue had overwritten: blue's folder is that of the last pass, also when asked again."""
    one = stand(tmp_path, "data")
    finished(one)
    (outcome,) = bring_back(one.session, one.movers, ALL)
    assert outcome.error is None
    (job,) = one.back.jobs
    one.back.digest = ""
    for _ in range(2):
        with pytest.raises(BlockedError, match="what they overwrote is no longer kept") as caught:
            take_back(one.session.run, one.movers, job, lambda _: None, everything=True)
        assert "--data-from last-pass" in caught.value.hint
    assert one.of(DataTakenBack) == []
    one.back.digest = "abc"
    assert take_back(one.session.run, one.movers, job, lambda _: None, everything=True).digest == "abc"


def test_sizes_are_looked_at_on_blue_and_one_that_is_not_known_is_said(tmp_path: Path) -> None:
    """A host that does not answer does not end the plan."""
    one = stand(tmp_path, "broken", "data")
    found = surveyed(one.session, one.movers, plan_data(one.session))
    assert isinstance(found["shop/broken"], HostError)
    assert found["shop/data"] == {"bytes": 10, "source": True}
    assert one.journal.records == []
    assert list(one.blue.list(PODS)) == []


def test_the_pause_of_a_way_back_is_predicted_and_asked_for(tmp_path: Path) -> None:
    """Before anything is written on blue, against the same budget."""
    one = stand(tmp_path, "data", text="volumes: {downtimeBudget: 5s}")
    copy_data(one.session, one.movers, ALL)
    one.answers += [True, False, True]
    finish_data(one.session, one.movers, ALL)
    with pytest.raises(BlockedError, match="the pause was not accepted") as refused:
        bring_back(one.session, one.movers, ALL)
    assert "on green again" in refused.value.hint
    assert one.back.jobs == []
    assert bring_back(one.session, one.movers, ALL)[0].error is None


def test_a_retired_migration_copies_nothing(tmp_path: Path) -> None:
    """Blue may be anything by now."""
    one = stand(tmp_path, "data")
    one.session.run.write(Retired("archive", 0))
    for verb in (copy_data, finish_data, bring_back, clean_data):
        with pytest.raises(BlockedError, match="the migration is retired"):
            verb(one.session, one.movers, ALL)
    assert one.there.jobs == []


def test_a_pattern_names_claims_of_any_namespace(tmp_path: Path) -> None:
    """As in the rules of migration.yaml; letters of another case name nothing."""
    one = stand(tmp_path, "a", "b")
    copy_data(one.session, one.movers, Choice(("*/b", "shop/a*")))
    assert sorted(job.claim for job in one.there.jobs) == ["shop/a", "shop/b"]
    with pytest.raises(BlockedError, match=r"is named Shop/a"):
        copy_data(one.session, one.movers, Choice(("Shop/a",)))


def test_a_claim_that_is_moved_by_own_means_is_passed_over_in_silence(tmp_path: Path) -> None:
    """The person has said so; the others are copied."""
    one = stand(tmp_path, "a", "b", text="volumes: {claims: [{claims: [shop/b], way: own}]}")
    assert [item.claim for item in copy_data(one.session, one.movers, ALL)] == ["shop/a"]
    assert not any("shop/b" in text for text in one.shown.notes)


def test_what_is_left_out_and_the_rate_come_with_each_pass(tmp_path: Path) -> None:
    """From the first rule that names the claim."""
    rules = "{claims: [shop/a], exclude: ['*.tmp'], bandwidth: 20M, devices: true}, {claims: ['*/*'], bandwidth: 1G}"
    one = stand(tmp_path, "a", "b", text=f"volumes: {{claims: [{rules}]}}")
    copy_data(one.session, one.movers, ALL)
    jobs = {job.claim: job for job in one.there.jobs}
    assert (jobs["shop/a"].exclude, jobs["shop/a"].limit, jobs["shop/a"].devices) == (("*.tmp",), 20480, True)
    assert (jobs["shop/b"].exclude, jobs["shop/b"].limit, jobs["shop/b"].devices) == ((), 1 << 20, False)


def test_a_workload_that_is_woken_on_green_voids_the_way_back(tmp_path: Path) -> None:
    """It would write what blue never gets; its data is taken back on blue."""
    one = stand(tmp_path, "data")
    finished(one)
    one.back.during = lambda: one.hold("green", "woken", "data")
    (outcome,) = bring_back(one.session, one.movers, ALL)
    assert "pod woken" in str(outcome.error)
    assert one.session.run.state.data["shop/data"].proven_at is None


def test_a_pod_that_has_ended_is_no_user(tmp_path: Path) -> None:
    """A Job's pod stays as an object."""
    one = stand(tmp_path, "data")
    copy_data(one.session, one.movers, ALL)
    for side in (one.blue, one.green):
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
        for phase in ("Succeeded", "Failed"):
            body = made("v1", "Pod", phase.lower(), namespace="shop", spec={"volumes": volumes, "containers": []})
            side.hold({**body, "status": {"phase": phase}})
    assert [item.error for item in finish_data(one.session, one.movers, ALL)] == [None]
    assert [item.error for item in bring_back(one.session, one.movers, ALL)] == [None]


def test_cleaning_twice_is_cleaning_once_more(tmp_path: Path) -> None:
    """What hosts keep may have come back; the journal tells of both."""
    one = stand(tmp_path, "a", "b")
    assert clean_data(one.session, one.movers, Choice(("shop/a",))) == ["shop/a"]
    assert clean_data(one.session, one.movers, ALL) == ["shop/a", "shop/b"]
    assert [job.claim for job in one.there.cleaned] == ["shop/a", "shop/a", "shop/b"]
    assert len(one.of(DataCleaned)) == 3


def test_hosts_that_are_lacking_are_told_before_a_last_pass_stops_for_them(tmp_path: Path) -> None:
    """In both directions, and before cleaning."""
    one = stand(tmp_path, "data")
    finished(one)
    without = replace(one.movers, lacking="t.yaml: volumes.hosts: is missing")
    records = len(one.journal.records)
    for verb in (finish_data, bring_back, clean_data):
        with pytest.raises(ConfigError, match=r"volumes\.hosts: is missing"):
            verb(one.session, without, ALL)
    assert len(one.journal.records) == records
