"""A node leaves its cluster and its host; the providers' tests say what that does to each."""

from __future__ import annotations

import json

import pytest

from migrator.errors import CommandFailedError, GateFailedError, HostError, MigratorError
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


def test_a_node_that_is_not_drained_in_time_has_a_hint_that_pulumi_can_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget of the last replica holds it for ever, as Longhorn's: a whole cluster could not be destroyed."""

    def late(*_: object, **__: object) -> int:
        raise GateFailedError("green-2 is not drained after 300 s", hint="--disable-eviction deletes past budgets")

    monkeypatch.setattr("migrator.provision.removal.drain", late)
    ready = {"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    nodes = [{"metadata": {"name": name}, **ready} for name in ("green-2", "green-3")]
    control_plane = FakeHost("green-1")
    control_plane.answers = {"get nodes": json.dumps({"items": nodes}), "get node green-2": json.dumps(nodes[0])}
    with pytest.raises(GateFailedError, match="not drained") as caught:
        leave(WORKER, FakeHost("green-2"), control_plane, FakeCluster, lambda _: None)
    assert "`kubectl delete node green-2`" in caught.value.hint
    assert "--disable-eviction" not in caught.value.hint


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
