"""A cluster in memory that behaves like an API server; `tests/contract` holds it to a real one."""

from tests.support.fake_cluster.cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault

__all__ = ["FakeCluster", "Fault"]
