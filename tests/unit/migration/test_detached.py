"""Who on a side still holds a volume: its pods first, then attachments and nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.migration.detached import await_let_go, holder
from migrator.model.kinds import NODES
from migrator.model.volumes import VolumePlan, Way
from tests.support.claims_stand import stand
from tests.support.objects import made

PLAN = VolumePlan("shop/data", "shop/data", Way.HAND_OVER, volume="pv", storage="volume v of d")
CSI = {"driver": "d", "volumeHandle": "v"}


def test_pods_attachments_and_nodes_are_asked_in_turn(tmp_path: Path) -> None:
    """The end of the pods is not enough: a kubelet unmounts after them, and a driver detaches last."""
    one = stand(tmp_path)
    one.blue.hold(made("v1", "PersistentVolume", "pv", spec={"csi": CSI}))
    assert holder(one.blue, "shop/data", PLAN) == ""
    one.blue.patch(NODES, "", "n", {"status": {"volumesInUse": ["kubernetes.io/csi/d^v"]}}, manager="k", subresource="status")
    assert holder(one.blue, "shop/data", PLAN) == "node n has it in use"
    one.blue.hold(
        made("storage.k8s.io/v1", "VolumeAttachment", "va", spec={"nodeName": "m", "source": {"persistentVolumeName": "pv"}})
    )
    assert "node m has it attached" in holder(one.blue, "shop/data", PLAN)
    one.hold("blue", "busy", "data")
    assert holder(one.blue, "shop/data", PLAN) == "pod busy uses it"
    assert holder(one.green, "shop/data", PLAN) == ""


def test_the_wait_ends_at_its_limit(tmp_path: Path) -> None:
    """With who holds it; one that is let go of in time is waited for."""
    one = stand(tmp_path)
    one.hold("blue", "busy", "data")
    with pytest.raises(BlockedError, match=r"blue still uses volume v of d after 3 s: pod busy uses it"):
        await_let_go(one.session.run, one.blue, "shop/data", PLAN, 3.0)
    await_let_go(one.session.run, one.green, "shop/data", PLAN, 3.0)
