"""A real API server keeps the contract that the fake of the unit tests keeps."""

from __future__ import annotations

import hashlib

import pytest

from migrator.testbed.planes.deploy import deploy
from tests.contract.clusters import ClusterContract, Place
from tests.support.objects import made
from tests.support.sandbox import Pair, until


class TestRealCluster(ClusterContract):
    """The suite on green."""

    @pytest.fixture
    def place(self, pair: Pair, request: pytest.FixtureRequest) -> Place:
        """Return green, with a namespace that is named after the test."""
        namespace = "contract-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
        deploy(pair.green, [made("v1", "Namespace", namespace)])
        return Place(pair.green, namespace, until)
