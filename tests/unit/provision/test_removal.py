"""A node leaves its cluster and its host; the providers' tests say what that does to each."""

from __future__ import annotations

import pytest

from migrator.errors import CommandFailedError, HostError, MigratorError
from migrator.nodes.mark import MARK_FILE
from migrator.provision.removal import forget_member, leave, reset_host
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.nodes import WORKER, spec

REFUSED = HostError("green-1 at 10.0.0.1: connection refused")


@pytest.mark.parametrize(
    ("version", "leaves"), [(REFUSED, False), (CommandFailedError("kubectl", 1, "timeout"), False), ("v1.37.2", None)]
)
def test_only_a_cluster_that_does_not_answer_is_left_without_its_word(version: str | Exception, leaves: bool | None) -> None:  # noqa: FBT001
    """One that answers, and fails at this one question, is an error: nothing is reset then."""
    control_plane = FakeHost("green-1")
    control_plane.answers = {"get --raw /version": version, "kubectl": REFUSED}
    said: list[str] = []
    if leaves is None:
        with pytest.raises(MigratorError, match="connection refused"):
            leave(WORKER, FakeHost("green-2"), control_plane, FakeCluster, said.append)
    else:
        assert leave(WORKER, FakeHost("green-2"), control_plane, FakeCluster, said.append) is leaves
        assert "still counts it as a node" in said[-1]


def test_a_host_that_is_reset_already_is_there() -> None:
    """Nothing is done to it."""
    host = FakeHost("green-2", accepts=[f"test ! -e {MARK_FILE}"])
    assert reset_host(host, spec(), lambda _: None)
    assert len(host.commands) == 1


def test_an_external_etcd_has_no_member_of_a_node() -> None:
    """It is not asked."""
    host = FakeHost("green-1")
    host.fails("test -e /etc/kubernetes/manifests/etcd.yaml")
    said: list[str] = []
    forget_member(WORKER, host, said.append)
    assert (said, len(host.commands)) == ([], 1)
