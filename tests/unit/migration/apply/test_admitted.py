"""An object of ours that green's admission changed on its way is known again."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, killed
from tests.support.objects import config_map
from tests.support.pairs import in_green, pair

MAP = ObjectRef("", "ConfigMap", "shop", "a")


def locked(manifest: Manifest) -> Manifest:
    """Change a value, as a policy of green does."""
    return {**manifest, "data": {**manifest["data"], "mode": "locked"}}


@pytest.mark.parametrize("ours", [True, False])
def test_what_a_killed_copy_created_is_ours_also_where_admission_changed_it(*, ours: bool) -> None:
    """A dry run tells what green makes of it; what somebody else made meanwhile is a conflict."""
    both = pair(config_map("a", namespace="shop", data={"mode": "open", "x": "1"}), workers=1)
    both.green.defaults["ConfigMap"] = locked
    both.green.faults.append(Fault("create", killed, kind="ConfigMap", lost_answer=ours))
    with pytest.raises(KeyboardInterrupt):
        both.copy()
    both.green.faults.clear()
    if not ours:
        both.green.hold(config_map("a", namespace="shop", data={"mode": "locked", "x": "2"}))
    second = both.next_run()
    assert [problem.action for problem in second.copy().problems] == ([] if ours else [Action.CONFLICT])
    assert in_green(both.green, MAP)["data"] == {"mode": "locked", "x": "1" if ours else "2"}
    assert second.next_run().run.state.written[MAP].made is ours
