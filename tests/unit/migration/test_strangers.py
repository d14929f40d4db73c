"""What a cutover does not stop would go on using a claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.migration.strangers import require_no_strangers
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.one_side import HeldField, Part
from migrator.model.ref import ObjectRef
from migrator.model.volumes import VolumePlan, Way
from tests.support.claims_stand import stand
from tests.support.objects import deployment, made

WEB = ObjectRef("apps", "Deployment", "shop", "web")
PART = Part(WEB, WEB, "data of shop", DEPLOYMENTS, (HeldField(("spec", "replicas"), 0, 1, 1),), claims=("shop/data",))


def test_only_pods_that_nothing_stops_are_in_the_way(tmp_path: Path) -> None:
    """Those of the workload end with it; a bare one, or one of a Job, does not."""
    one = stand(tmp_path)
    web = deployment("web", 1)
    web["metadata"]["namespace"] = "shop"
    one.blue.hold(web, made("v1", "Pod", "web-1", namespace="shop", labels={"app": "web"}, spec={"containers": []}))
    plan = VolumePlan("shop/data", "shop/data", Way.COPY, used_by=("web-1",))
    require_no_strangers(one.session, [plan], [PART])
    with pytest.raises(BlockedError, match="pod web-1 uses it on blue, and nothing that this cutover stops ends that pod"):
        require_no_strangers(one.session, [plan], [])
    backup = VolumePlan("shop/data", "shop/data", Way.HAND_OVER, used_by=("web-1", "backup"))
    with pytest.raises(BlockedError, match="pod backup uses it"):
        require_no_strangers(one.session, [backup], [PART])
