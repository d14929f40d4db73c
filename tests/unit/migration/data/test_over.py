"""Data goes to green between stop and start, and comes back before blue starts; whatever breaks, nobody writes on half of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from migrator.config.load import parse_migration
from migrator.errors import BlockedError, GateFailedError, HostError
from migrator.journal.records.one_side import HandOverStep, Paused
from migrator.migration.copy import CopyOptions
from migrator.migration.data.home import DataFrom
from migrator.migration.data.over import DataOver, _job, predicted_pass
from migrator.migration.data.passes import Movers
from migrator.migration.data.state import ClaimData
from migrator.migration.data.verbs import Choice, copy_data
from migrator.migration.one_side.over import ready_to_hand_over
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.validate import run_validate
from migrator.model.events import Step
from migrator.model.kinds import CLAIMS, DEPLOYMENTS
from migrator.model.manifest import Manifest
from tests.support.fake_mover import FakeMover, claims
from tests.support.hand_overs import roll_back, steps_with_data
from tests.support.holding import holders, run_holders
from tests.support.objects import cron_job, deployment, made
from tests.support.one_side import CONFIG, KilledError, Stand, killed_after, new_stand, steps
from tests.support.recorder import Recorder

ROW = "data of shop"


@dataclass
class DataStand:
    """A Deployment with a claim on blue, copied and validated, with controllers on both sides."""

    base: Stand
    there: FakeMover
    home: FakeMover
    movers: Movers

    @property
    def known(self) -> ClaimData:
        """What the journal knows of the claim."""
        return self.base.session.run.state.data["shop/data"]

    def order(self) -> list[str]:
        """Return the steps of the hand-over with the passes among them."""
        return steps_with_data(self.base.journal.records)

    def cut_over(self) -> tuple[Paused, ...]:
        """Cut over."""
        return run_cutover(self.base.session, CopyOptions()).pauses

    def back(self, data_from: DataFrom = "", *, lost: bool = False) -> tuple[str, ...]:
        """Roll back, and return what was left undone."""
        return roll_back(self.base, lambda: self.movers, data_from, lost=lost)


@pytest.fixture
def stand(tmp_path: Path) -> DataStand:
    """Return it."""
    return made_stand(tmp_path)


def made_stand(tmp_path: Path, *, csi: bool = False, modes: tuple[str, ...] = ("ReadWriteOnce",)) -> DataStand:
    """Return it, where `csi` with volumes that a driver keeps."""
    base = new_stand()
    config = parse_migration(f"{CONFIG}volumes: {{hosts: {{blue: b, green: g}}}}\n", "migration.yaml")
    there, home = FakeMover(), FakeMover()
    movers = Movers(there, home, tmp_path / "proofs", lambda _: False)
    base.session.config, base.session.movers = config, lambda: movers
    node = made("v1", "Node", "n", labels={"kubernetes.io/hostname": "n"})
    spec = {
        "containers": [{"name": "c", "image": "app:1"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
    }
    base.blue.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"template": {"spec": spec}}}, manager="kubectl")
    volume, claim = claims("data")
    volume["metadata"]["annotations"] = {"pv.kubernetes.io/provisioned-by": "rancher.io/local-path"}
    if csi:
        node["status"] = {"images": [{"names": ["registry.k8s.io/pause:3.10"]}]}
        volume["spec"] = {"csi": {"driver": "disk.example.com", "volumeHandle": "1"}, "accessModes": [*modes]}
        run_holders(base.clock, base.blue, base.green)
    base.blue.hold(node, volume, claim)
    assert run_copy(base.session, CopyOptions())[1].complete
    if csi:
        volume["spec"]["csi"]["volumeHandle"] = "2"
    base.green.hold(node, volume)
    base.green.patch(CLAIMS, "shop", "data", {"spec": claim["spec"]}, manager="pv-controller")
    base.green.patch(CLAIMS, "shop", "data", {"status": {"phase": "Bound"}}, manager="pv-controller", subresource="status")
    copy_data(base.session, movers, Choice())
    base.control(base.blue)
    base.control(base.green)
    base.clock.pass_time(1.0)
    assert run_validate(base.session).good
    return DataStand(base, there, home, movers)


def test_the_last_pass_is_between_stop_and_start(stand: DataStand) -> None:
    """One more pass comes before, while blue serves; the pause is measured in its parts."""
    (pause,) = stand.cut_over()
    expected = ["pass to-green", "pass to-green", "stop", "stopped", "last pass to-green", "to-green by pass", "start", "works"]
    assert stand.order() == expected
    assert stand.base.replicas == (0, 2)
    assert pause.row == ROW
    assert pause.milliseconds == pause.stop + pause.data + pause.start
    assert (stand.there.prepared, stand.there.connected, stand.there.released) == (stand.there.jobs[-1:], 1, True)


def test_a_volume_that_closes_late_gets_another_last_pass(stand: DataStand) -> None:
    """The first one is refused, and its source is watched until nobody has it open."""
    busy = ("process 7 (db) has it open",)
    stand.there.using = [busy, busy, (), ()]
    stand.cut_over()
    assert stand.order()[3:6] == ["stopped", "last pass to-green", "last pass to-green"]
    assert (stand.there.using, stand.base.replicas) == ([], (0, 2))


def test_a_group_without_data_has_no_pause_to_predict(stand: DataStand) -> None:
    """A CronJob beside the database has a turn of its own, and brings nothing."""
    stand.base.blue.hold(cron_job("nightly") | {"metadata": {"name": "nightly", "namespace": "shop"}})
    assert run_copy(stand.base.session, CopyOptions())[1].complete
    assert run_validate(stand.base.session).good
    stand.cut_over()
    shown = stand.base.session.run.reporter
    assert isinstance(shown, Recorder)
    predicted = [event.text for event in shown.events if isinstance(event, Step) and "predicted downtime" in event.text]
    assert [text.split(":")[0] for text in predicted] == [ROW]
    assert "CronJob works" in steps(stand.base)


def test_the_predicted_pause_holds_all_that_is_measured(stand: DataStand) -> None:
    """What is around a pass, from the first cutover on; stop and start once they were measured."""
    clock, shown = stand.base.clock, stand.base.session.run.reporter
    assert isinstance(shown, Recorder)
    stand.there.around = 1.5
    stand.there.during = lambda: clock.pass_time(stand.there.around + 1.5 * 4.0)
    pauses: list[Paused] = []
    for _ in range(2):
        pauses += stand.cut_over()
        assert stand.back() == ()
        assert run_copy(stand.base.session, CopyOptions())[1].complete
        assert run_validate(stand.base.session).good
    said = [event.text for event in shown.events if isinstance(event, Step) and f"{ROW}: predicted downtime" in event.text]
    assert "predicted downtime: 7500 ms for the data, plus stop and start, which were not measured yet" in said[0]
    assert [pause.data for pause in pauses] == [7500, 7500]
    whole = 7500 + pauses[0].stop + pauses[0].start
    assert f"predicted downtime: {whole} ms (7500 ms for the data, the rest for stop and start, as the last time)" in said[1]


def test_what_green_has_written_comes_back_before_blue_starts(stand: DataStand) -> None:
    """And the next cutover is as the first."""
    for _ in range(2):
        stand.cut_over()
        assert stand.back() == ()
        assert stand.order()[-2:] == ["last pass to-blue", "to-blue by pass"]
        assert stand.base.replicas == (2, 0)
        assert run_copy(stand.base.session, CopyOptions())[1].complete
        assert run_validate(stand.base.session).good
    assert (stand.home.prepared, stand.home.connected, stand.home.released) == (stand.home.jobs, 2, True)


def test_a_way_back_that_cannot_be_prepared_goes_on(stand: DataStand) -> None:
    """Its pass connects by itself."""

    def away() -> None:
        raise HostError("no route")

    stand.cut_over()
    stand.home.preparing = away
    assert stand.back() == ()
    assert (stand.home.prepared, stand.base.replicas) == ([], (2, 0))


def test_a_last_pass_that_fails_starts_blue_again_at_once(stand: DataStand) -> None:
    """Green has written nothing: nothing is brought back."""
    stand.there.during = lambda: _break(stand)
    with pytest.raises(GateFailedError, match="green is full"):
        stand.cut_over()
    assert stand.base.replicas == (2, 0)
    assert stand.home.jobs == []
    assert "start" not in stand.order()


def _break(stand: DataStand) -> None:
    if stand.there.jobs[-1].finish:
        raise HostError("green is full")


def test_a_pause_that_would_be_too_long_stops_nothing(stand: DataStand) -> None:
    """The pass before, with some slack, is longer than the budget."""
    config = f"{CONFIG}volumes: {{hosts: {{blue: b, green: g}}, downtimeBudget: 5s}}\n"
    stand.base.session.config = parse_migration(config, "migration.yaml")
    with pytest.raises(BlockedError, match=r"predicted downtime 6\.0 s is longer than the budget of 5 s; nothing was stopped"):
        stand.cut_over()
    assert "stop" not in stand.order()
    assert stand.base.replicas == (2, 0)


def test_a_claim_that_something_else_uses_stops_nothing(stand: DataStand) -> None:
    """A Job's pod, or one that nobody controls, would go on writing."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "backup", "uid": "j", "controller": True}
    stand.base.blue.hold(using_pod("stranger", owners=[owner]))
    with pytest.raises(BlockedError, match="pod stranger uses it on blue"):
        stand.cut_over()
    assert "stop" not in stand.order()


def test_pods_that_may_take_longer_to_end_than_is_waited_are_told(stand: DataStand) -> None:
    """A database that waits for its clients: the person can give it longer, before it stands still for nothing."""
    patch = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 600}}}}
    stand.base.blue.patch(DEPLOYMENTS, "shop", "dns", patch, manager="kubectl")
    assert run_copy(stand.base.session, CopyOptions())[1].complete
    stand.base.control(stand.base.blue)
    assert run_validate(stand.base.session).good
    stand.cut_over()
    shown = stand.base.session.run.reporter
    assert isinstance(shown, Recorder)
    (told,) = [text for text in shown.notes if "may take 600 s" in text]
    assert "cutover.stopTimeout" in told


def using_pod(name: str, **more: Any) -> Manifest:
    """Return a pod that uses the claim."""
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    body = made("v1", "Pod", name, namespace="shop", spec={"nodeName": "n", "volumes": volumes, "containers": []}, **more)
    return {**body, "status": {"phase": "Running"}}


def test_a_workload_that_is_woken_in_the_pause_is_not_switched(stand: DataStand) -> None:
    """An autoscaler or an operator has started a pod on blue during the last pass: blue goes on."""

    def wake() -> None:
        if stand.there.jobs[-1].finish:
            stand.base.blue.hold(using_pod("woken"))

    stand.there.during = wake
    with pytest.raises(GateFailedError, match="pod woken came up during the last pass"):
        stand.cut_over()
    assert stand.base.replicas == (2, 0)
    assert "to-green by pass" not in stand.order()


def test_a_volume_that_stays_open_on_the_host_is_not_switched(stand: DataStand) -> None:
    """Pods are gone by the API, and a process has a file open all the same."""
    stand.there.using = [("process 7 (db) has it open",)] * 10_000
    with pytest.raises(GateFailedError, match=r"still in use on n after 120 s: process 7"):
        stand.cut_over()
    assert stand.base.replicas == (2, 0)


def test_a_cutover_goes_on_wherever_it_was_killed(stand: DataStand) -> None:
    """Green that has begun to write is not copied over; green that has not gets the last difference again."""
    for number in range(1, 5):
        have = sum(isinstance(record, HandOverStep) for record in stand.base.journal.records)
        stand.base.journal.after_append = killed_after(stand.base, have + number)
        with pytest.raises(KilledError):
            run_cutover(stand.base.session, CopyOptions())
        stand.base.journal.after_append = lambda _: None
        begun = stand.base.replicas[1] > 0
        passes = len(stand.there.jobs)
        stand.cut_over()
        assert stand.base.replicas == (0, 2)
        assert (len(stand.there.jobs) > passes) == (not begun)
        assert stand.back() == ()
        assert run_copy(stand.base.session, CopyOptions())[1].complete
        assert run_validate(stand.base.session).good


def test_without_green_the_person_chooses(stand: DataStand) -> None:
    """Blue stays stopped, one line says what may be chosen and how old it is; the choice starts it."""
    stand.cut_over()
    stand.base.clock.pass_time(600)
    left = [text for text in stand.back(lost=True) if "on blue stays stopped" in text]
    assert len(left) == 1
    assert "--data-from switch (of the switch, 1" in left[0]
    assert stand.base.replicas[0] == 0
    assert stand.known.green_writes
    assert "no pass has come back" in " ".join(stand.back("last-pass", lost=True))
    left = [text for text in stand.back("switch", lost=True) if "stays stopped" in text]
    assert left == []
    assert stand.base.replicas[0] == 2
    assert [everything for _, everything in stand.home.taken] == [True]
    assert stand.order()[-1] == "to-blue by switch"


def test_a_way_back_that_breaks_keeps_blue_stopped_and_is_taken_back(stand: DataStand) -> None:
    """The next rollback goes on; when green's data cannot be had, the person chooses."""
    stand.cut_over()
    stand.home.broken = {"shop/data": HostError("the link is cut")}
    (left,) = stand.back()
    assert "on blue stays stopped: shop/data: the link is cut" in left
    assert (stand.base.replicas, stand.known.half) == ((0, 0), False)
    stand.home.broken = {}
    assert stand.back() == ()
    assert stand.base.replicas == (2, 0)


def test_a_folder_that_is_not_what_was_proven_is_not_started_on(stand: DataStand) -> None:
    """Somebody has written to blue's folder since the switch."""
    stand.cut_over()
    stand.home.digest = "other"
    (left,) = stand.back("switch")
    assert "is not what was proven at the switch" in left
    assert stand.base.replicas[0] == 0


def test_a_statefulset_that_deletes_its_claims_when_it_is_stopped_is_not_stopped() -> None:
    """`whenScaled: Delete`: 0 replicas would take blue's data away."""
    stateful = deployment("db", 1)
    stateful["kind"] = "StatefulSet"
    stateful["metadata"]["namespace"] = "shop"
    stateful["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": "Delete"}
    base = new_stand()
    base.blue.hold(stateful)
    base.session.config = parse_migration(
        f"{CONFIG}cutover: {{oneSide: [{{name: db, target: {{kind: StatefulSet}}}}]}}\n", "migration.yaml"
    )
    plan, _ = base.session.read_and_plan()
    with pytest.raises(BlockedError, match="would lose its claims when it is stopped"):
        ready_to_hand_over(plan, base.blue, base.green, base.session.run)


def test_the_way_back_is_predicted_before_green_is_stopped(stand: DataStand) -> None:
    """With the same measured parts as the way there; a longer one than the budget is told, and nobody is asked."""
    shown = stand.base.session.run.reporter
    assert isinstance(shown, Recorder)
    (pause,) = stand.cut_over()
    stand.base.session.config = parse_migration(
        f"{CONFIG}volumes: {{hosts: {{blue: b, green: g}}, downtimeBudget: 5s}}\n", "migration.yaml"
    )
    assert stand.back() == ()
    whole = 6000 + pause.stop + pause.start
    said = [event.text for event in shown.events if isinstance(event, Step) and "back to blue: " in event.text]
    (text,) = said
    assert text.startswith(f"{ROW}: back to blue: predicted downtime: {whole} ms (6000 ms for the data, ")
    assert text.endswith("; the budget is 5 s")
    assert f"{ROW}: the predicted downtime is longer than the budget" in shown.notes
    assert stand.base.replicas == (2, 0)


def test_volumes_are_held_mounted_before_green_is_stopped(tmp_path: Path) -> None:
    """The pause of a way back holds no start of a pod; and none is left."""
    stand = made_stand(tmp_path, csi=True)
    stand.cut_over()
    before = len(stand.order())
    assert stand.back() == ()
    order = stand.order()[before:]
    assert sorted(order[:2]) == ["blue is held", "green is held"]
    assert order[2:] == ["last pass to-blue", "blue is let go", "green is let go", "to-blue by pass"]
    assert [*holders(stand.base.blue), *holders(stand.base.green)] == []


def using(stand: DataStand, node: str) -> None:
    """Let a pod of green's workload have the volume mounted on a node, until the workload is stopped."""
    body = using_pod("dns-9", labels={"app": "dns"})
    body["spec"]["nodeName"] = node
    stand.base.green.hold(body)


@pytest.mark.parametrize(
    ("node", "mode", "early"), [("m", "ReadWriteOnce", 1), ("elsewhere", "ReadWriteOnce", 0), ("m", "ReadWriteOncePod", 0)]
)
def test_a_disk_that_green_has_to_itself_is_held_when_it_has_stopped(tmp_path: Path, node: str, mode: str, early: int) -> None:
    """Beside its pod, on another node or with a volume for one pod, a second one would never come up."""
    stand = made_stand(tmp_path, csi=True, modes=(mode,))
    stand.cut_over()
    using(stand, node)
    held: list[int] = []
    stand.home.during = lambda: held.append(len(holders(stand.base.green)))
    before = len(stand.base.green.requests)
    assert stand.back() == ()
    requests = stand.base.green.requests[before:]
    stopped = next(number for number, text in enumerate(requests) if text.startswith("patch Deployment "))
    assert [sum(text.startswith("create Pod ") for text in requests[:stopped]), *held] == [early, 1]


def test_a_claim_that_vanished_on_blue_stops_nothing(stand: DataStand) -> None:
    """Somebody has deleted it since it was copied; what uses it still runs."""
    session = stand.base.session
    with pytest.raises(BlockedError, match="shop/gone: the claim is gone on blue"):
        DataOver(session, lambda: stand.movers, 120.0)._plans({"shop/gone"})
    assert stand.base.replicas[0] == 2


def test_a_claim_that_was_never_copied_stops_nothing(stand: DataStand) -> None:
    """Its pause is not known."""
    over = DataOver(stand.base.session, lambda: stand.movers, 120.0)
    plans = over._plans({"shop/data"})
    stand.base.session.run.state.data.pop("shop/data")  # type: ignore[attr-defined]
    with pytest.raises(BlockedError, match="shop/data: was not copied yet, so the pause is not known") as caught:
        over._require_ready(plans, ())
    assert "`migrator data copy`" in caught.value.hint
    assert predicted_pass(("shop/data",), stand.base.session) is None
    assert predicted_pass((), stand.base.session) is None


def test_a_pod_that_uses_a_claim_on_green_already_stops_nothing(stand: DataStand) -> None:
    """It would write while data is copied."""
    over = DataOver(stand.base.session, lambda: stand.movers, 120.0)
    ready = over._plans({"shop/data"})
    used = {claim: replace(plan, used_on_green=("early",)) for claim, plan in ready.items()}
    with pytest.raises(BlockedError, match="shop/data: pod early uses it on green already"):
        over._require_ready(used, ())


def test_a_place_that_is_not_known_is_no_pass(stand: DataStand) -> None:
    """The reason and what to do are those of the plan."""
    (plan,) = DataOver(stand.base.session, lambda: stand.movers, 120.0)._plans({"shop/data"}).values()
    for unknown in (replace(plan, blue=None), replace(plan, green=None)):
        with pytest.raises(BlockedError, match="shop/data: no node has it") as caught:
            _job(replace(unknown, reason="no node has it", hint="look there"))
        assert caught.value.hint == "look there"
    assert _job(plan).claim == "shop/data"
