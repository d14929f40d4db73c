"""kubeadm's runs: begun, broken, gone on with, refused."""

from __future__ import annotations

import functools
import json
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.nodes.kubeadm import Init, Join
from migrator.nodes.mark import COMPLETE, STARTED, read_mark, write_mark
from migrator.testbed.planes.certs import make_authority
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, WORKER, spec

MARK = "/var/lib/migrator/node.json"
CONFIG = "/run/migrator/kubeadm.yaml"
RUNNING = "ActiveState=active\nSubState=running\nExecMainStatus=0\n"
ENDED = "ActiveState=active\nSubState=exited\nExecMainStatus=0\n"
FAILED = "ActiveState=failed\nSubState=failed\nExecMainStatus=1\n"
TOKEN = "abcdef.0123456789abcdef"


def plane() -> FakeHost:
    """Return a control plane that hands out a token."""
    host = FakeHost("green-1")
    host.answers = {"token create": f"{TOKEN}\n", "cat /etc/kubernetes/pki/ca.crt": certificate()}
    host.accepts("get node green-2", "wait --for=create node/green-2", "delete node green-2")
    return host


@functools.cache
def certificate() -> str:
    """Return an authority's certificate."""
    with tempfile.TemporaryDirectory() as folder:
        return make_authority(Path(folder)).path.read_text()


def empty(name: str = "green-2") -> FakeHost:
    """Return a host without Kubernetes, on which kubeadm ends well."""
    host = FakeHost(name, accepts=(f"cat {MARK}", "kubeadm init", "kubeadm join", "kubeadm reset", "systemctl stop"))
    host.fails("test -e /etc/kubernetes/kubelet.conf")
    host.fails("test -s /etc/kubernetes/kubelet.conf")
    return host


def test_a_join_token_is_never_in_a_command_and_its_file_is_private() -> None:
    """It goes to the unit through a file that only root reads, in memory, and that is gone when kubeadm ends."""
    host, control_plane_host = empty(), plane()
    Join(WORKER, spec(), control_plane_host).run(host)
    assert not any(TOKEN in command for command in (*host.commands, *control_plane_host.commands))
    (given,) = host.given
    document = yaml.safe_load(given)
    assert document["discovery"]["bootstrapToken"]["token"] == TOKEN
    assert document["nodeRegistration"]["taints"] == [{"key": "night", "value": "yes", "effect": "NoSchedule"}]
    run = next(command for command in host.commands if "kubeadm join" in command)
    assert f"umask 077; mkdir -p /run/migrator; cat > {CONFIG}" in run
    assert f"--unit=migrator-kubeadm-join --property=RemainAfterExit=yes '--property=ExecStopPost=/usr/bin/rm -f {CONFIG}'" in run
    assert "--ttl 15m" in next(command for command in control_plane_host.commands if "token create" in command)


def test_a_token_that_expired_during_join_is_one_line_and_the_next_run_takes_a_new_one() -> None:
    """What broke is reset before it is tried again; the message has no token in it."""
    host, control_plane_host = empty(), plane()
    host.fails(
        "kubeadm join",
        f"error: could not find a JWS signature for token ID abcdef\nusing token {TOKEN}\nerror execution phase preflight",
    )
    with pytest.raises(MigratorError) as caught:
        Join(WORKER, spec(), control_plane_host).run(host)
    assert TOKEN not in caught.value.message
    assert "run this again" in caught.value.hint
    assert json.loads(host.files[MARK])["state"] == "started"
    del host.answers["kubeadm join"]
    Join(WORKER, spec(), control_plane_host).run(host)
    assert any("kubeadm reset" in command for command in host.commands)
    assert sum("token create" in command for command in control_plane_host.commands) == 2
    assert json.loads(host.files[MARK]) == {"cluster": "migrator/green", "state": "complete"}


def test_a_node_is_not_begun_anew_because_nobody_could_be_asked() -> None:
    """A cluster that has forgotten the node says so; one that is away says nothing."""
    host, control_plane_host = FakeHost("green-2", accepts=["test -s /etc/kubernetes/kubelet.conf"]), plane()
    write_mark(host, spec(), COMPLETE)
    assert not Join(WORKER, spec(), control_plane_host).done(host)
    control_plane_host.fails("get node green-2", "dial tcp 10.0.0.1:6443: connect: connection refused")
    with pytest.raises(CommandFailedError):
        Join(WORKER, spec(), control_plane_host).done(host)


def test_init_announces_before_it_acts() -> None:
    """Killed in the middle, the host says what was under way."""
    host = empty("green-1")
    host.fails("kubeadm init")
    with pytest.raises(MigratorError):
        Init(FIRST, spec()).run(host)
    assert json.loads(host.files[MARK]) == {"cluster": "migrator/green", "state": "started"}


def test_a_control_plane_that_was_complete_is_never_reset() -> None:
    """Its etcd may be all that is left of a cluster."""
    host = FakeHost(accepts=["test -s /etc/kubernetes/kubelet.conf"])
    write_mark(host, spec(), COMPLETE)
    with pytest.raises(BlockedError, match="nothing on it was changed"):
        Init(FIRST, spec()).run(host)
    assert not any("kubeadm reset" in command for command in host.commands)


def test_another_machine_of_the_same_name_is_not_pushed_out() -> None:
    """A node of that name that is another machine stays in the cluster."""
    host, control_plane_host = empty(), plane()
    host.answers["cat /etc/machine-id"] = "this-machine"
    status = {"nodeInfo": {"machineID": "other-machine"}, "addresses": [{"type": "InternalIP", "address": "10.0.0.99"}]}
    control_plane_host.answers["get node green-2"] = json.dumps({"metadata": {"name": "green-2"}, "status": status})
    with pytest.raises(BlockedError, match="another machine"):
        Join(WORKER, spec(), control_plane_host).run(host)
    assert not any("delete node" in command for command in control_plane_host.commands)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("refused", [True, False])
def test_a_control_plane_whose_disk_is_gone_joins_as_a_new_member(
    monkeypatch: pytest.MonkeyPatch, *, known: bool, refused: bool
) -> None:
    """Its member of before goes first: etcd ends at one whose log is gone (kubeadm#2138; panic: tocommit is out of range)."""
    host, control_plane_host = empty(), plane()
    control_plane_host.answers["upload-certs"] = "key\n"
    control_plane_host.accepts("test -e /etc/kubernetes/manifests/etcd.yaml")
    host.answers["cat /etc/machine-id"] = "new-disk"
    if known:
        status = {"nodeInfo": {"machineID": "old-disk"}, "addresses": [{"type": "InternalIP", "address": WORKER.address}]}
        control_plane_host.answers["get node green-2"] = json.dumps({"metadata": {"name": "green-2"}, "status": status})
    removed: list[str] = []

    def remove(asked: object, name: str) -> bool:
        assert asked is control_plane_host
        assert not any("kubeadm join" in command for command in host.commands)
        removed.append(name)
        if refused:
            raise BlockedError("etcd's member green-2 stays")
        return True

    monkeypatch.setattr("migrator.nodes.kubeadm.remove_member", remove)
    join = Join(replace(WORKER, role="control-plane"), spec(), control_plane_host)
    if known and refused:
        with pytest.raises(BlockedError, match="stays"):
            join.run(host)
    else:
        join.run(host)
    assert removed == ["green-2"]
    assert any("kubeadm join" in command for command in host.commands) is not (known and refused)


def test_init_passes_the_stack_s_settings_on() -> None:
    """Ranges, endpoint and a person's own settings reach kubeadm; the token that it makes in any case is nobody's: it is gone in a minute and not printed."""
    host = empty("green-1")
    wanted = spec(
        kubeadm={"apiServer": {"extraArgs": [{"name": "v", "value": "4"}]}},
        kubelet={"maxPods": 50},
        ignore_preflight_errors=("Swap",),
    )
    Init(FIRST, wanted).run(host)
    documents = {item["kind"]: item for item in yaml.safe_load_all(host.given[0])}
    assert documents["ClusterConfiguration"]["networking"] == {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/12"}
    names = [item["name"] for item in documents["ClusterConfiguration"]["apiServer"]["extraArgs"]]
    assert names == ["v", "permit-port-sharing"]
    assert documents["KubeletConfiguration"]["maxPods"] == 50
    assert documents["InitConfiguration"]["bootstrapTokens"] == [{"ttl": "1m0s"}]
    assert any("kubeadm init" in command and "--skip-token-print" in command for command in host.commands)
    assert any("--ignore-preflight-errors=Swap" in command for command in host.commands)


def test_ignored_checks_are_one_word_of_the_shell() -> None:
    """They come from a stack's file and go to the shell of root."""
    host = empty("green-1")
    Init(FIRST, spec(ignore_preflight_errors=("Swap", "x; reboot"))).run(host)
    (command,) = (item for item in host.commands if "kubeadm init" in item)
    words = shlex.split(command)
    script = words[words.index("-c") + 1]
    assert shlex.split(script)[:6][-1] == "--ignore-preflight-errors=Swap,x; reboot"


def running(action: Init | Join, *states: str) -> FakeHost:
    """Return a host on which an earlier run has begun kubeadm; its unit is in these states, one after the other."""
    host = empty("green-1" if isinstance(action, Init) else "green-2")
    write_mark(host, spec(), STARTED)
    left = list(states)
    host.answers["systemctl show -p ActiveState"] = lambda _: left.pop(0) if len(left) > 1 else left[0]
    host.accepts("cat /var/log/migrator/migrator-kubeadm-")
    return host


@pytest.mark.parametrize("action", [Init(FIRST, spec()), Join(WORKER, spec(), plane())])
def test_a_kubeadm_that_still_runs_is_waited_for_and_not_begun_twice(action: Init | Join) -> None:
    """The connection was lost, kubeadm was not; nothing of it is reset while it works."""
    host = running(action, RUNNING, RUNNING, ENDED)
    action.run(host)
    assert not any("systemd-run" in command or "kubeadm reset" in command for command in host.commands)
    mark = read_mark(host)
    assert mark is not None
    assert mark.state == COMPLETE


@pytest.mark.parametrize("left", [ENDED, FAILED])
def test_what_an_earlier_kubeadm_has_left_is_reset_and_begun_anew(left: str) -> None:
    """That its unit ended while nobody looked proves nothing of this host now."""
    action = Init(FIRST, spec())
    host = running(action, left)
    host.answers["systemctl show -p ActiveState"] = lambda _: (
        ENDED if any("systemd-run" in line for line in host.commands) else left
    )
    action.run(host)
    reset, begun = (next(n for n, line in enumerate(host.commands) if word in line) for word in ("kubeadm reset", "systemd-run"))
    assert reset < begun


def test_a_kubeadm_that_fails_while_it_is_waited_for_is_begun_anew() -> None:
    """Its configuration may have been another one; the error that is told is that of the second try."""
    action = Init(FIRST, spec())
    host = running(action, RUNNING, FAILED, FAILED, ENDED)
    action.run(host)
    assert any("kubeadm reset" in command for command in host.commands)
