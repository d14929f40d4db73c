"""The fake cluster keeps the contract that a real API server keeps (tests/integration/test_cluster_contract.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract.clusters import ClusterContract, Place
from tests.support.fake_cluster import FakeCluster
from tests.support.objects import made


class TestFakeCluster(ClusterContract):
    """The suite on the fake."""

    @pytest.fixture
    def place(self) -> Place:
        """Return a fresh fake with the test's namespace; what controllers do is done at once there."""

        def at_once(condition: Callable[[], bool]) -> None:
            assert condition()

        cluster = FakeCluster()
        cluster.hold(made("v1", "Namespace", "mine"))
        return Place(cluster, "mine", at_once)
