"""What Pulumi asks of each provider, answered by hosts that are tables: no node and no engine is needed."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from migrator.errors import CommandFailedError, HostError
from migrator.nodes.mark import MARK_FILE
from migrator.provision.provider import HostsProvider, NodeProvider, ReadyProvider, RoutesProvider, Stopped
from migrator.readiness import proxy, weave
from tests.support.crictl import Container, Crictl
from tests.support.facts import node as ready_node
from tests.support.facts import pod
from tests.support.hosts import FakeHost
from tests.support.objects import made
from tests.support.stack_nodes import EXAMINED, Nodes, object_of, reaching, stopped

REFUSED = HostError("green-2 at 10.0.0.2: connection refused", hint="is it on?")
ROUTES = "/etc/systemd/system/migrator-routes.service"


@pytest.fixture
def nodes() -> Nodes:
    """Return a cluster of two nodes on which all is done."""
    return Nodes()


@pytest.fixture
def provider(nodes: Nodes) -> NodeProvider:
    """Return the provider of nodes."""
    return reaching(NodeProvider, nodes)


@pytest.fixture(autouse=True)
def _tracebacks() -> Iterator[None]:
    """A provider that fails hides tracebacks from then on."""
    yield
    if hasattr(sys, "tracebacklimit"):
        del sys.tracebacklimit


@pytest.mark.parametrize("kind", [HostsProvider, NodeProvider, RoutesProvider, ReadyProvider])
def test_a_provider_holds_nothing_and_none_of_it_is_a_secret_by_itself(kind: type[ResourceProvider]) -> None:
    """Pulumi keeps a pickle of it: what it held would be a difference in every stack."""
    assert (vars(kind()), kind().serialize_as_secret_always) == ({}, False)


def test_a_provider_is_kept_by_its_name_and_not_by_its_code() -> None:
    """A later version of the tool then works on the stacks of an earlier one (pulumi#7453)."""
    for kind in (HostsProvider, NodeProvider, RoutesProvider, ReadyProvider):
        assert len(base64.b64decode(serialize_provider(kind()))) < 200


# Hosts


@pytest.fixture
def examined(nodes: Nodes) -> Nodes:
    """Return hosts that are fit and not part of a cluster yet."""
    for host in nodes.hosts.values():
        del host.files[MARK_FILE]
        host.answers["uname -m"] = EXAMINED.format(name=host.name)
        host.fails("/etc/kubernetes/kubelet.conf -o")
        host.accepts("ip route get 10.0.0.1")
    return nodes


def test_hosts_are_examined_and_their_architectures_kept(examined: Nodes) -> None:
    """Nothing of what was asked for is lost from the state."""
    made_one = reaching(HostsProvider, examined).create(examined.all())
    outs = made_one.outs or {}
    assert (made_one.id, outs) == (
        "hosts",
        {**examined.all(), "architectures": ["aarch64"], "iptables": "nft", "slow": "", "uid": outs["uid"]},
    )


def test_a_cluster_gets_a_uid_once(examined: Nodes) -> None:
    """Two stacks of one name have two; one stack keeps its own; one of 0.1.0 gets one with the next `up`."""
    provider = reaching(HostsProvider, examined)
    first, second = ((provider.create(examined.all()).outs or {})["uid"] for _ in range(2))
    assert len({first, second, ""}) == 3
    kept = provider.update("hosts", {**examined.all(), "uid": first}, examined.all())
    assert (kept.outs or {})["uid"] == first
    assert provider.diff("hosts", {**examined.all(), "architectures": ["aarch64"]}, examined.all()).changes
    assert (provider.update("hosts", examined.all(), examined.all()).outs or {})["uid"]


def test_a_cluster_keeps_the_way_of_weave_that_it_was_raised_with(examined: Nodes) -> None:
    """The slow one where a host needs it; a router that changes its way does not start, so a later host must be able to take it."""
    known = "modules_known=yes\nmodules={}\nmark="
    every = {**examined.all(), "cluster": {**examined.cluster, "cni": "weave"}}
    rich, poor = (known.format(" ".join({*weave.MODULES, *proxy.MODULES}.difference(without))) for without in ((), weave.FAST))
    answers = {name: EXAMINED.format(name=name) for name in ("green-1", "green-2")}
    provider = reaching(HostsProvider, examined)

    def second(modules: str) -> None:
        examined.first.answers["uname -m"] = answers["green-1"].replace("mark=", rich)
        examined.second.answers["uname -m"] = answers["green-2"].replace("mark=", modules)

    second(rich)
    fast = provider.create(every).outs or {}
    second(poor)
    slow = provider.create(every).outs or {}
    assert (fast["slow"], slow["slow"]) == ("", "1")
    with pytest.raises(
        Stopped, match="green-2: its kernel has no openvswitch, vport_vxlan, and this cluster's Weave Net takes the fast"
    ):
        provider.update("hosts", fast, every)
    second(rich)
    assert (provider.update("hosts", slow, every).outs or {})["slow"] == "1"
    assert (provider.update("hosts", {"uid": "u"}, every).outs or {})["slow"] == ""


def test_a_host_of_another_clone_of_the_stack_is_refused(examined: Nodes) -> None:
    """A wrong address must not lead to a node of theirs, which has the same name and is marked as theirs."""
    theirs = {"cluster": "migrator/green", "state": "complete", "uid": "of-their-clone"}
    examined.second.files[MARK_FILE] = json.dumps(theirs)
    with pytest.raises(Stopped, match="green-2: is part of another cluster that has the name migrator/green, too"):
        reaching(HostsProvider, examined).create(examined.all())
    del theirs["uid"]
    examined.second.files[MARK_FILE] = json.dumps(theirs)
    assert reaching(HostsProvider, examined).create(examined.all()).outs


def test_another_first_control_plane_is_refused_before_anything_is_done(nodes: Nodes) -> None:
    """As another name it is another resource, and the former one would be reset at the end."""
    renamed = {**nodes.all(), "nodes": [{**nodes.all()["nodes"][0], "name": "green-9"}, nodes.all()["nodes"][1]]}
    (failure,) = HostsProvider().check(nodes.all(), renamed).failures
    assert "green-1 at 10.0.0.1 is the first control plane" in failure.reason
    assert HostsProvider().check(nodes.all(), nodes.all()).failures == []
    assert HostsProvider().check({}, nodes.all()).failures == []


def test_all_that_is_wrong_with_all_hosts_is_said_at_once(examined: Nodes) -> None:
    """A line for each, one hint, and no host was written to."""
    examined.first.answers["uname -m"] = EXAMINED.format(name="green-1").replace("memory=4000", "memory=100")
    examined.second.answers["uname -m"] = REFUSED
    with pytest.raises(Stopped) as caught:
        reaching(HostsProvider, examined).create(examined.all())
    lines = str(caught.value).splitlines()
    assert [line.split(";")[0] for line in lines] == [
        "green-1: has 100 MiB of memory, a control-plane needs 1700",
        "  | green-2: at 10.0.0.2: connection refused",
        "  -> nothing was changed",
    ]
    assert [host.modes for host in examined.hosts.values()] == [{}, {}]


def test_two_hosts_of_one_disk_are_refused(examined: Nodes) -> None:
    """The comparison needs all of them, so it is made after all have answered."""
    examined.second.answers["uname -m"] = EXAMINED.format(name="green-1")
    with pytest.raises(Stopped, match="green-2: has the same machine-id as green-1"):
        reaching(HostsProvider, examined).update("hosts", examined.all(), examined.all())


def test_hosts_are_examined_again_only_when_they_changed(nodes: Nodes) -> None:
    """What an earlier run found out is not a change."""
    old = {**nodes.all(), "architectures": ["aarch64"], "iptables": "nft", "uid": "u"}
    provider = HostsProvider()
    assert not provider.diff("hosts", old, nodes.all()).changes
    assert provider.diff("hosts", old, {**nodes.all(), "nodes": nodes.all()["nodes"][:1]}).changes
    assert provider.diff("hosts", old, {**nodes.all(), "cluster": {**nodes.cluster, "cni": "bridge"}}).changes


# A node


def test_a_node_on_which_all_is_done_is_left_as_it_is(nodes: Nodes, provider: NodeProvider) -> None:
    """A second `up` asks and writes nothing."""
    made_one = provider.create(nodes.props())
    assert (made_one.id, made_one.outs) == ("green-2", {**nodes.props(), "status": "Ready"})
    assert (nodes.first.modes, nodes.second.modes) == ({}, {})


def test_what_is_not_done_is_done_and_said(nodes: Nodes, provider: NodeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    """One action on the node, its name and place among the others on the screen."""
    stopped(nodes.second, "crio")
    provider.update("green-2", nodes.props(), nodes.props())
    assert [line for line in nodes.second.commands if "enable -q --now" in line] != []
    assert "green-2: service crio (" in capsys.readouterr().out


def test_only_the_first_control_plane_hands_out_the_kubeconfig(nodes: Nodes, provider: NodeProvider) -> None:
    """With the fingerprint of its authority, by which it can be known again."""
    outs = provider.create(nodes.props("green-1")).outs or {}
    assert yaml.safe_load(outs["kubeconfig"])["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:6443"
    assert len(outs["fingerprint"].removeprefix("sha256:")) == 64
    assert "kubeconfig" not in (provider.create(nodes.props()).outs or {})


def test_a_kubeconfig_that_was_renewed_on_its_host_is_taken_into_the_state(nodes: Nodes, provider: NodeProvider) -> None:
    """Else the state's runs out after a year, and with it each later `up` (pulumi-digitalocean#77, pulumi#4304)."""
    old, new = provider.create(nodes.props("green-1")).outs or {}, nodes.props("green-1")
    assert not provider.diff("green-1", old, new).changes
    former = nodes.first.answers["cat /etc/kubernetes/admin.conf"]
    assert isinstance(former, str)
    renewed = yaml.safe_load(former)
    renewed["users"][0]["user"] = {"token": "renewed"}
    nodes.first.answers["cat /etc/kubernetes/admin.conf"] = yaml.safe_dump(renewed)
    found = provider.diff("green-1", old, new)
    assert (found.changes, found.replaces) == (True, None)
    assert "renewed" in (provider.update("green-1", old, new).outs or {})["kubeconfig"]
    nodes.first.answers["cat /etc/kubernetes/admin.conf"] = "no kubeconfig"
    assert provider.diff("green-1", old, new).changes


def test_a_failure_is_one_line_with_its_hint(nodes: Nodes, provider: NodeProvider) -> None:
    """No traceback hides it, and no control character of a host reaches the terminal."""
    nodes.second.answers["/proc/swaps"] = HostError("green-2: \x1b[2Jrefused", hint="is it on?")
    with pytest.raises(Stopped) as caught:
        provider.create(nodes.props())
    assert str(caught.value) == "green-2: \\x1b[2Jrefused\n  -> is it on?"
    assert (type(caught.value).__module__, sys.tracebacklimit) == ("builtins", 0)


def test_a_node_that_is_as_it_was_made_shows_no_difference(nodes: Nodes, provider: NodeProvider) -> None:
    """What the cluster said of it earlier is not an input."""
    assert not provider.diff("green-2", {**nodes.props(), "status": "Ready"}, nodes.props()).changes


def test_what_was_changed_by_hand_is_a_difference(nodes: Nodes, provider: NodeProvider) -> None:
    """The host is asked, not the state."""
    stopped(nodes.second, "crio")
    found = provider.diff("green-2", nodes.props(), nodes.props())
    assert (found.changes, found.replaces) == (True, None)


def test_a_host_that_does_not_answer_is_a_difference(nodes: Nodes, provider: NodeProvider) -> None:
    """So that `up` says why; `preview` goes on with the others."""
    nodes.second.answers["/proc/sys/net/bridge"] = REFUSED
    assert provider.diff("green-2", nodes.props(), nodes.props()).changes


@pytest.mark.parametrize("key", ["cluster", "node", "through"])
def test_another_input_is_a_difference(nodes: Nodes, provider: NodeProvider, key: str) -> None:
    """Also where the host has nothing to do for it."""
    old = nodes.props()
    found = provider.diff("green-2", {**old, key: {**old[key], "later": 1}}, old)
    assert (found.changes, found.replaces) == (True, None)


@pytest.mark.parametrize(("key", "value"), [("address", "10.0.0.9"), ("role", "control-plane"), ("name", "green-9")])
def test_another_machine_takes_the_place_of_the_former(nodes: Nodes, provider: NodeProvider, key: str, value: str) -> None:
    """The former leaves the cluster first, and the new one is not asked before it is its turn."""
    found = provider.diff("green-2", nodes.props(), nodes.props(**{key: value}))
    assert (found.changes, found.replaces, found.delete_before_replace) == (True, ["node"], True)
    assert nodes.second.commands == []


@pytest.mark.parametrize(("key", "value"), [("address", "10.0.0.9"), ("role", "worker")])
def test_the_first_control_plane_is_never_reset_by_a_change_of_the_file(
    provider: NodeProvider, nodes: Nodes, key: str, value: str
) -> None:
    """Also where only this node is asked for (`--target`); no host is asked."""
    (failure,) = provider.check(nodes.props("green-1"), nodes.props("green-1", **{key: value})).failures
    assert f"the file has {key} {value} now: its host would be reset" in failure.reason
    assert "make a new stack" in failure.reason
    assert nodes.first.commands == []
    assert provider.check(nodes.props(), nodes.props(**{key: value})).failures == []


@pytest.mark.parametrize(("before", "after", "other"), [("", "", True), ("u", "u", False), ("u", "v", True)])
def test_a_stack_that_was_renamed_keeps_its_nodes(
    provider: NodeProvider, nodes: Nodes, before: str, after: str, *, other: bool
) -> None:
    """Its UID tells; without one the name does."""
    old, new = (
        {**nodes.props(), "cluster": {**nodes.cluster, "id": id_, "uid": uid}}
        for id_, uid in (("migrator/green", before), ("migrator/emerald", after))
    )
    assert bool(provider.diff("green-2", old, new).replaces) is other


@pytest.mark.parametrize(("installed", "words"), [(False, "`migrator upgrade` this one where it is"), (True, "")])
def test_another_version_is_refused_unless_an_upgrade_brought_it(
    nodes: Nodes, provider: NodeProvider, words: str, *, installed: bool
) -> None:
    """A stack keeps its version; one that was upgraded in place is followed by its file."""
    if installed:
        nodes.second.answers["kubelet --version"] = ""
    else:
        nodes.second.fails("kubelet --version")
    old = {**nodes.props(), "cluster": {**nodes.cluster, "kubernetesVersion": "1.36.3"}}
    found = provider.check(old, nodes.props())
    assert found.inputs == nodes.props()
    assert [words in failure.reason for failure in found.failures] == ([True] if words else [])
    assert {failure.property for failure in found.failures} <= {"cluster.kubernetesVersion"}
    assert any("'Kubernetes v1.37.2'" in line for line in nodes.second.commands)


def test_a_host_that_does_not_answer_has_no_other_version(nodes: Nodes, provider: NodeProvider) -> None:
    """What cannot be known is refused, in words and not as an error."""
    nodes.second.answers["kubelet --version"] = REFUSED
    old = {**nodes.props(), "cluster": {**nodes.cluster, "kubernetesVersion": "1.36.3"}}
    assert len(provider.check(old, nodes.props()).failures) == 1


def test_a_new_node_has_any_version(nodes: Nodes, provider: NodeProvider) -> None:
    """There is nothing before it, and no host is asked."""
    assert provider.check({}, nodes.props()).failures == []
    assert nodes.second.commands == []


@pytest.mark.parametrize(("ready", "status"), [(True, "Ready"), (False, "NotReady")])
def test_a_refresh_sees_how_a_node_is(nodes: Nodes, provider: NodeProvider, status: str, *, ready: bool) -> None:
    """In the words of the cluster."""
    nodes.says({"green-2": object_of("green-2", "10.0.0.2", ready=ready)})
    found = provider.read("green-2", nodes.props())
    assert (found.id, (found.outs or {})["status"]) == ("green-2", status)


@pytest.mark.parametrize("gone", ["mark", "node"])
def test_a_node_that_was_taken_out_is_gone_from_the_stack(nodes: Nodes, provider: NodeProvider, gone: str) -> None:
    """Its host has no mark, or its cluster does not know it."""
    if gone == "mark":
        del nodes.second.files[MARK_FILE]
    else:
        nodes.says({"green-2": None})
    found = provider.read("green-2", nodes.props())
    assert (found.id, found.outs) == ("", {})


@pytest.mark.parametrize("silent", ["host", "cluster"])
def test_a_node_that_cannot_be_asked_stays_in_the_stack(nodes: Nodes, provider: NodeProvider, silent: str) -> None:
    """That nobody answers is not a proof that it is gone."""
    if silent == "host":
        nodes.second.answers[f"cat {MARK_FILE}"] = REFUSED
    else:
        del nodes.first.answers["get node green-2 "]
        nodes.first.fails("get node green-2", "The connection to the server 10.0.0.1:6443 was refused")
    found = provider.read("green-2", nodes.props())
    assert (found.id, (found.outs or {})["status"]) == ("green-2", "unreachable")


def test_a_mark_that_cannot_be_read_is_one_line(nodes: Nodes, provider: NodeProvider) -> None:
    """Neither is the node gone, nor is a traceback shown."""
    nodes.second.files[MARK_FILE] = "half"
    with pytest.raises(Stopped, match=r"green-2: .* cannot be read"):
        provider.read("green-2", nodes.props())


@pytest.fixture
def leaving(nodes: Nodes) -> Nodes:
    """Return nodes of which the second leaves: with a pod on it, and a host that can be reset."""
    nodes.says({"green-1": object_of("green-1", "10.0.0.1"), "green-2": object_of("green-2", "10.0.0.2")})
    nodes.fake.hold(made("v1", "Namespace", "shop"), ready_node("green-1"), ready_node("green-2"), pod("web", "green-2"))
    nodes.first.accepts("delete node green-2")

    def left(command: str) -> str:
        if not any("kubeadm reset" in line for line in nodes.second.commands):
            raise CommandFailedError(command, 1, "")
        return ""

    nodes.second.answers[f"test ! -e {MARK_FILE}"] = left
    nodes.second.accepts("kubeadm reset", "systemctl stop", f"rm -f {MARK_FILE}")
    return nodes


def test_a_node_is_emptied_then_taken_out_then_reset(leaving: Nodes, provider: NodeProvider) -> None:
    """In this order: its pods have gone before the cluster forgets it."""
    order: list[str] = []

    def forget(_command: str) -> str:
        order.append(f"deleted after {leaving.fake.requests[-1]}")
        return ""

    leaving.first.answers["delete node green-2"] = forget
    provider.delete("green-2", leaving.props())
    assert "evict Pod shop/web" in leaving.fake.requests
    assert order == ["deleted after list Pod /"]
    assert any("kubeadm reset" in line for line in leaving.second.commands)


def test_packages_stay_unless_the_stack_says_that_they_go(leaving: Nodes, provider: NodeProvider) -> None:
    """They are the host's, and other things may need them."""
    provider.delete("green-2", leaving.props())
    assert not any("pacman" in line for line in leaving.second.commands)
    leaving.cluster |= {"removePackages": True}
    leaving.second.accepts("pacman -R")
    asked = iter(range(100))

    def installed(command: str) -> str:
        if next(asked):
            raise CommandFailedError(command, 1, "was not found")
        return ""

    leaving.second.answers["pacman -Q "] = installed
    provider.delete("green-2", leaving.props())
    assert any("pacman -R" in line and "cri-o" in line for line in leaving.second.commands)


def test_a_dead_node_is_taken_out_of_the_cluster_all_the_same(
    leaving: Nodes, provider: NodeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left on its disk is said."""
    leaving.second.answers = {f"test ! -e {MARK_FILE}": REFUSED}
    leaving.says({"green-2": object_of("green-2", "10.0.0.2", ready=False)})
    provider.delete("green-2", leaving.props())
    assert any("delete node green-2" in line for line in leaving.first.commands)
    assert "its disk still has the cluster's files" in capsys.readouterr().out
    assert leaving.fake.requests == []


@pytest.mark.parametrize("error", [REFUSED, CommandFailedError("kubectl", 1, "x509: certificate has expired")])
def test_a_node_of_a_dead_cluster_is_reset_all_the_same(
    leaving: Nodes, provider: NodeProvider, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """`pulumi destroy` of what is dead: what answers is reset, what stays is said."""
    leaving.first.answers = {"kubectl": error}
    provider.delete("green-2", leaving.props())
    assert any("kubeadm reset" in line for line in leaving.second.commands)
    assert "green-2: its cluster does not answer and still counts it as a node" in capsys.readouterr().out


def test_a_cluster_that_answers_and_refuses_keeps_its_node(leaving: Nodes, provider: NodeProvider) -> None:
    """Nothing is reset that was not emptied."""
    leaving.first.answers = {"get --raw /version": "", "kubectl": CommandFailedError("kubectl", 1, "Forbidden")}
    with pytest.raises(Stopped, match="Forbidden"):
        provider.delete("green-2", leaving.props())
    assert leaving.second.commands == []


def etcd_of(nodes: Nodes, *well: str) -> None:
    """Let the first control plane run an etcd of three members, of which these are well."""
    nodes.inputs["green-2"]["role"] = "control-plane"
    Crictl([Container(pod="etcd-green-1")]).on(nodes.first)
    listed = [{"ID": number, "name": f"green-{number}", "clientURLs": [f"https://{number}"]} for number in (1, 2, 3)]
    statuses = [{"Endpoint": f"https://{name[-1]}", "Status": {"version": "3.6.5"}} for name in well]
    nodes.first.answers |= {"member list": json.dumps({"members": listed}), "endpoint status": json.dumps(statuses)}
    nodes.first.accepts("member remove")


def test_the_etcd_member_of_a_dead_control_plane_is_removed(
    leaving: Nodes, provider: NodeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would count for the majority for ever."""
    leaving.second.answers = {f"test ! -e {MARK_FILE}": REFUSED}
    etcd_of(leaving, "green-1", "green-3")
    provider.delete("green-2", leaving.props())
    assert leaving.first.commands[-1].endswith("member remove 2")
    assert "green-2: its etcd member is removed" in capsys.readouterr().out


def test_an_etcd_member_that_a_reset_has_left_is_removed(leaving: Nodes, provider: NodeProvider) -> None:
    """`kubeadm reset` only warns when it cannot remove it, as with old certificates (weaveworks/wksctl#284, kubernetes#81071)."""
    etcd_of(leaving, "green-1", "green-3")
    provider.delete("green-2", leaving.props())
    assert any("kubeadm reset" in line for line in leaving.second.commands)
    assert leaving.first.commands[-1].endswith("member remove 2")


def test_an_etcd_member_that_must_stay_is_said(leaving: Nodes, provider: NodeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a majority nobody can remove it; the rest of the node goes."""
    leaving.second.answers = {f"test ! -e {MARK_FILE}": REFUSED}
    etcd_of(leaving, "green-1")
    provider.delete("green-2", leaving.props())
    assert not any(line.endswith("member remove 2") for line in leaving.first.commands)
    assert "its etcd member may still be there: etcd's member green-2 stays: 1 of 3 members are healthy" in capsys.readouterr().out


def test_a_dead_first_control_plane_does_not_hold_a_destroy(leaving: Nodes, provider: NodeProvider) -> None:
    """It leaves no cluster, as it is the last one; what is on its disk is said."""
    leaving.first.answers = {f"test ! -e {MARK_FILE}": REFUSED}
    leaving.first.commands.clear()
    provider.delete("green-1", leaving.props("green-1"))
    assert len(leaving.first.commands) == 1


def test_a_host_of_another_cluster_is_not_reset(leaving: Nodes, provider: NodeProvider) -> None:
    """It may have been given away since."""
    leaving.second.files[MARK_FILE] = json.dumps({"cluster": "migrator/blue", "state": "complete"})
    with pytest.raises(Stopped, match="part of cluster migrator/blue"):
        provider.delete("green-2", leaving.props())
    assert not any("kubeadm reset" in line for line in leaving.second.commands)


# All nodes of a stack


def test_each_node_gets_routes_to_the_pods_of_the_others(nodes: Nodes) -> None:
    """And none to its own, nor to a node that is not of this stack."""
    other = object_of("other", "10.0.0.7")
    nodes.says({"green-1": object_of("green-1", "10.0.0.1"), "green-2": object_of("green-2", "10.0.0.2"), "other": other})
    for host in nodes.hosts.values():
        host.accepted.remove("sha256sum --check")
        host.answers["sha256sum --check"] = written(host)
        host.accepts("ip route show", "systemctl daemon-reload")
    made_one = reaching(RoutesProvider, nodes).create(nodes.all())
    assert (made_one.id, made_one.outs) == ("routes", nodes.all())
    lines = {
        host.name: [line for line in host.files[ROUTES].splitlines() if line.startswith("ExecStartPre")]
        for host in nodes.hosts.values()
    }
    assert lines == {
        "green-1": ["ExecStartPre=/usr/bin/ip route replace 10.244.2.0/24 via 10.0.0.2"],
        "green-2": ["ExecStartPre=/usr/bin/ip route replace 10.244.1.0/24 via 10.0.0.1"],
    }


def written(host: FakeHost) -> Any:
    """Return an answer: whether the file of routes was written."""

    def same(command: str) -> str:
        if ROUTES not in host.files:
            raise CommandFailedError(command, 1, "")
        return ""

    return same


def test_all_nodes_ready_is_no_difference(nodes: Nodes) -> None:
    """Only a node that came, went, or is not Ready is."""
    provider = reaching(ReadyProvider, nodes)
    assert not provider.diff("ready", nodes.all(), nodes.all()).changes
    assert provider.diff("ready", {**nodes.all(), "nodes": nodes.all()["nodes"][:1]}, nodes.all()).changes
    nodes.says({"green-2": object_of("green-2", "10.0.0.2", ready=False)})
    assert provider.diff("ready", nodes.all(), nodes.all()).changes


def test_a_cluster_that_cannot_be_asked_is_a_difference(nodes: Nodes) -> None:
    """So that `up` says why."""
    nodes.first.answers["get node green-2"] = REFUSED
    nodes.first.answers.pop("get node green-2 ")
    assert reaching(ReadyProvider, nodes).diff("ready", nodes.all(), nodes.all()).changes


def test_nodes_that_do_not_get_ready_stop_the_run_with_the_reason(nodes: Nodes) -> None:
    """The node's own words; the wait has an end."""
    nodes.says({"green-2": object_of("green-2", "10.0.0.2", ready=False)})
    nodes.first.answers["get pods -A"] = json.dumps({"items": []})
    with pytest.raises(Stopped, match="green-2 is not Ready after 1800 s: container runtime is down"):
        reaching(ReadyProvider, nodes).update("ready", nodes.all(), nodes.all())
    assert nodes.first.clock.monotonic() >= 1800
    longer = {**nodes.all(), "cluster": {**nodes.cluster, "readyTimeout": "1h"}}
    with pytest.raises(Stopped, match="after 3600 s"):
        reaching(ReadyProvider, nodes).update("ready", longer, longer)
