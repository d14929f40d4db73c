"""A control plane that is asked: what passes is waited for, what does not is told at once."""

from __future__ import annotations

import pytest

from migrator.errors import CommandFailedError, HostError
from migrator.nodes.control_plane import answers, ask, get_node, get_nodes, internal_address
from tests.support.hosts import FakeHost


def test_a_control_plane_that_takes_a_breath_is_asked_again() -> None:
    """Etcd elects a leader when a member joins, an API server that starts forbids everything; what will not pass is said at once."""
    young = 'Error from server (Forbidden): nodes is forbidden: User "kubernetes-admin" cannot list resource "nodes"'
    late = "Error from server: etcdserver: leader changed"
    given: list[str | Exception] = [*(CommandFailedError("kubectl", 1, text) for text in (late, young)), "fine"]
    answers = iter(given)

    def answer(_: str) -> str:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    host = FakeHost()
    host.answers["get nodes"] = answer
    assert ask(host, "kubectl get nodes") == "fine"
    host.fails("get pods", "Error from server (Forbidden)")
    with pytest.raises(CommandFailedError):
        ask(host, "kubectl get pods")
    assert sum("get pods" in command for command in host.commands) == 1


def test_a_control_plane_that_stays_away_is_an_error_after_a_minute_and_a_half() -> None:
    """It is asked once a second, on the host's clock."""
    host = FakeHost()
    host.fails("get nodes", "dial tcp: connection refused")
    with pytest.raises(CommandFailedError, match="connection refused"):
        ask(host, "kubectl get nodes")
    assert 90 < host.clock.monotonic() < 93


def test_no_node_of_a_name_is_none() -> None:
    """Kubectl prints nothing then, and ends well."""
    host = FakeHost(accepts=["get node a "])
    host.answers["get nodes"] = '{"items": [{"metadata": {"name": "b"}}]}'
    assert get_node(host, "a") is None
    assert [item["metadata"]["name"] for item in get_nodes(host)] == ["b"]


def test_the_address_of_a_node_is_the_internal_one() -> None:
    """A node that has not told its addresses yet has an empty one."""
    addresses = [{"type": "Hostname", "address": "a"}, {"type": "InternalIP", "address": "10.0.0.1"}]
    assert internal_address({"status": {"addresses": addresses}}) == "10.0.0.1"
    assert internal_address({}) == ""


@pytest.mark.parametrize(
    ("answer", "there"), [("v1.37.2", True), (CommandFailedError("kubectl", 1, "refused"), False), (HostError("no route"), False)]
)
def test_an_api_server_is_there_when_it_answers_now(answer: str | Exception, there: bool) -> None:  # noqa: FBT001
    """It is asked once, and not waited for."""
    host = FakeHost()
    host.answers["get --raw /version"] = answer
    assert answers(host) is there
    assert len(host.commands) == 1
