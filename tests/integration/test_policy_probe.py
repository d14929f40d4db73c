"""NetworkPolicies are tried by pods on a real API server; a stand-in plays kubelet and network, as no test machine has one that enforces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from migrator.adapters.clock import SystemClock
from migrator.cluster.policy_probe import MARK, PolicyProbe
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import NAMESPACES
from migrator.ports import Green
from migrator.testbed.binaries import Store
from migrator.testbed.planes import pair as bed
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.versions import GREEN
from tests.support.played_pods import PlayedPods
from tests.support.recorder import Recorder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[KubeCluster]:
    """Start a control plane without controllers: pods are played by the test alone."""
    made = bed.Testbed(tmp_path_factory.mktemp("policies"), store, lambda _: None)
    yield made.up((Recipe("green", GREEN, controllers=False),))["green"].cluster(patience=30)
    made.down()


@pytest.mark.parametrize(("enforces", "late"), [(True, 0), (True, 2), (False, 0)])
def test_whether_policies_are_enforced_is_proven(cluster: KubeCluster, late: int, *, enforces: bool) -> None:
    """The server takes the pods under its strictest pod security, in a namespace whose account comes late; nothing stays."""
    played = PlayedPods(cluster)
    played.enforces, played.takes_up_after = enforces, late
    probe = PolicyProbe(cast("Green", played), "agnhost:2.53", 60.0, SystemClock(), Recorder(), settle=20.0 if enforces else 2.0)
    assert probe.enforced() is enforces
    left = cluster.list(NAMESPACES, label_selector=f"{MARK}=yes")
    assert all("deletionTimestamp" in item["metadata"] for item in left)
