"""A volume itself goes to green between stop and start of what uses it, and back; at no moment both sides may use it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from migrator.errors import BlockedError, ForbiddenError, GateFailedError
from migrator.journal.records.one_side import HandOverStep, Paused
from migrator.migration.copy import CopyOptions
from migrator.migration.data.home import DataFrom
from migrator.migration.data.loss import losses
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.plan import run_plan
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import ATTACHMENTS, CLAIMS, CSI_NODES, DEPLOYMENTS, PODS, VOLUMES
from migrator.model.manifest import Manifest, get
from migrator.model.verdict import Finding
from tests.support.fake_cluster import FakeCluster
from tests.support.hand_overs import roll_back, steps_with_data
from tests.support.objects import made
from tests.support.one_side import CONFIG, KilledError, Stand, killed_after, new_stand

TEXT = f"{CONFIG}volumes: {{detachTimeout: 5s, claims: [{{claims: [shop/data], way: handOver}}]}}\n"
DRIVER = "disk.example.com"


@dataclass
class Handed:
    """A Deployment whose claim lies on a disk that both sides reach; copied, with controllers on both sides."""

    base: Stand

    def order(self) -> list[str]:
        """Return the steps of the hand-over with what is done to the volume among them."""
        return steps_with_data(self.base.journal.records)

    def cut_over(self) -> tuple[Paused, ...]:
        """Cut over."""
        return run_cutover(self.base.session, CopyOptions()).pauses

    def ready_again(self) -> bool:
        """Copy and validate."""
        return run_copy(self.base.session, CopyOptions())[1].complete and run_validate(self.base.session).good

    def back(self, data_from: DataFrom = "", *, lost: bool = False) -> tuple[str, ...]:
        """Roll back, and return what was left undone."""
        return roll_back(self.base, self.base.session.movers, data_from, lost=lost)

    def policy(self) -> str:
        """Return the reclaim policy of blue's volume."""
        return str(get(self.base.blue.get(VOLUMES, "", "pv"), "spec", "persistentVolumeReclaimPolicy"))

    def on_green(self) -> list[Manifest]:
        """Return green's volumes."""
        return list(self.base.green.list(VOLUMES))


def attachment(node: str = "n") -> Manifest:
    """Return what says that a node has the disk."""
    spec = {"attacher": DRIVER, "nodeName": node, "source": {"persistentVolumeName": "pv"}}
    return made("storage.k8s.io/v1", "VolumeAttachment", "va", spec=spec)


def let_go(cluster: FakeCluster) -> None:
    """Take all attachments away."""
    for item in list(cluster.list(ATTACHMENTS)):
        cluster.delete(ATTACHMENTS, "", "va", uid=item["metadata"]["uid"])


def made_stand(*, driver: bool = True) -> Handed:
    """Return a stand; without the `driver` on green the disk could not be used there."""
    base = new_stand(TEXT)
    pod = {
        "containers": [{"name": "c", "image": "app:1"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
    }
    base.blue.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"template": {"spec": pod}}}, manager="kubectl")
    spec = {
        "csi": {"driver": DRIVER, "volumeHandle": "disk-7"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {"namespace": "shop", "name": "data", "uid": "blue-uid"},
    }
    annotations = {"pv.kubernetes.io/provisioned-by": DRIVER}
    base.blue.hold(
        made("v1", "PersistentVolume", "pv", annotations=annotations, spec=spec),
        made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"volumeName": "pv"}, status={"phase": "Bound"}),
    )
    if driver:
        drivers = [{"name": DRIVER, "nodeID": "1"}]
        base.green.hold(made("storage.k8s.io/v1", "CSINode", "g", spec={"drivers": drivers}))
    assert run_copy(base.session, CopyOptions())[1].complete
    bound = {"status": {"phase": "Bound"}}
    base.green.patch(CLAIMS, "shop", "data", bound, manager="pv-controller", subresource="status")
    base.control(base.blue)
    base.control(base.green)
    base.clock.pass_time(1.0)
    return Handed(base)


@pytest.fixture
def stand() -> Handed:
    """Return a validated one."""
    made_one = made_stand()
    assert run_validate(made_one.base.session).good
    return made_one


def test_the_volume_goes_between_stop_and_start_and_comes_back(stand: Handed) -> None:
    """Retained on blue, the same disk on green; no host is named and none is asked; nothing is lost either way."""
    (group,) = run_plan(stand.base.session)[1]["oneSide"]
    assert (group["claims"], group["lastPassMs"]) == (["shop/data"], None)
    for _ in range(2):
        have = len(stand.order())
        (pause,) = stand.cut_over()
        assert stand.order()[have:] == ["stop", "stopped", "volume to-green", "to-green by hand-over", "start", "works"]
        assert stand.base.replicas == (0, 2)
        assert (stand.policy(), pause.row) == ("Retain", "data of shop")
        (there,) = stand.on_green()
        assert there["spec"]["csi"] == {"driver": DRIVER, "volumeHandle": "disk-7"}
        (loss,) = losses(stand.base.session.run.state.data)
        assert (loss.rollback, loss.without_green) == ("nothing", "nothing")
        assert stand.back() == ()
        assert stand.order()[-2:] == ["volume to-blue", "to-blue by hand-over"]
        assert stand.base.replicas == (2, 0)
        assert stand.ready_again()


def test_a_disk_that_blue_does_not_let_go_of_stays_there(stand: Handed) -> None:
    """A node that hangs keeps its attachment: green gets nothing, and blue runs again."""
    stand.base.blue.hold(attachment())
    with pytest.raises(GateFailedError, match=r"still uses volume disk-7 .* after 5 s: node n has it attached"):
        stand.cut_over()
    assert (stand.base.replicas, stand.on_green()) == ((2, 0), [])
    let_go(stand.base.blue)
    assert stand.ready_again()
    stand.cut_over()
    assert stand.base.replicas == (0, 2)


def test_a_disk_that_green_does_not_let_go_of_keeps_blue_stopped(stand: Handed) -> None:
    """Two users would destroy it; once it is let go, the same verb starts blue."""
    stand.cut_over()
    stand.base.green.hold(attachment("g"))
    (left,) = stand.back()
    assert "on blue stays stopped: shop/data: green still uses volume pv after 5 s: node g has it attached" in left
    assert stand.base.replicas == (0, 0)
    let_go(stand.base.green)
    assert stand.back() == ()
    assert stand.base.replicas == (2, 0)


def test_without_green_a_person_says_that_it_is_off(stand: Handed) -> None:
    """Nobody else can know whether its machines still write."""
    stand.cut_over()
    left = [text for text in stand.back(lost=True) if "stays stopped" in text]
    assert len(left) == 1
    assert "may still use volume pv: two users would destroy it" in left[0]
    assert stand.base.replicas[0] == 0
    assert [text for text in stand.back("switch", lost=True) if "stays stopped" in text] == []
    assert stand.base.replicas[0] == 2


def test_what_could_not_be_handed_over_stops_nothing() -> None:
    """No driver on green: validate says so, and a cutover does before it stops anything."""
    one = made_stand(driver=False)
    verdict = run_validate(one.base.session)
    (finding,) = [item for item in verdict.findings if item.check == "data"]
    assert isinstance(finding, Finding)
    assert "no node of green has CSI driver disk.example.com" in finding.reason
    drivers = [{"name": DRIVER, "nodeID": "1"}]
    node = made("storage.k8s.io/v1", "CSINode", "g", spec={"drivers": drivers})
    one.base.green.hold(node)
    assert run_validate(one.base.session).good
    (there,) = one.base.green.list(CSI_NODES)
    one.base.green.delete(CSI_NODES, "", "g", uid=there["metadata"]["uid"])
    with pytest.raises(BlockedError, match="no node of green has CSI driver"):
        one.cut_over()
    assert ("stop" in one.order(), one.base.replicas, one.policy()) == (False, (2, 0), "Delete")


def test_an_account_that_may_not_retain_the_volume_stops_nothing(stand: Handed) -> None:
    """Tried by a dry run: a provisioner with policy Delete would delete the disk later."""
    patch = stand.base.blue.patch

    def forbidden(resource: object, *rest: object, **more: object) -> Manifest:
        if resource == VOLUMES:
            raise ForbiddenError("persistentvolumes is forbidden")
        return patch(resource, *rest, **more)  # type: ignore[arg-type]

    stand.base.blue.patch = forbidden  # type: ignore[method-assign]
    with pytest.raises(ForbiddenError):
        stand.cut_over()
    assert ("stop" in stand.order(), stand.base.replicas) == (False, (2, 0))


def test_a_volume_that_nobody_uses_goes_before_anything_stops(stand: Handed) -> None:
    """Its workload stands still on blue already."""
    stand.base.blue.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 0}}, manager="kubectl")
    stand.base.clock.pass_time(2.0)
    assert list(stand.base.blue.list(PODS, "shop")) == []
    assert stand.ready_again()
    stand.cut_over()
    assert stand.order() == ["volume to-green"]


def test_a_cutover_goes_on_wherever_it_was_killed(stand: Handed) -> None:
    """And the way back brings blue up from each of these moments."""
    for number in range(1, 5):
        have = sum(isinstance(record, HandOverStep) for record in stand.base.journal.records)
        stand.base.journal.after_append = killed_after(stand.base, have + number)
        with pytest.raises(KilledError):
            run_cutover(stand.base.session, CopyOptions())
        stand.base.journal.after_append = lambda _: None
        stand.cut_over()
        assert stand.base.replicas == (0, 2)
        assert stand.back() == ()
        assert stand.base.replicas == (2, 0)
        assert stand.ready_again()
