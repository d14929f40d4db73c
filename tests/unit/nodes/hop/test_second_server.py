"""A second API server answers while static pods are restarted, and is gone afterwards, whatever was cut off in between."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from migrator.errors import CommandFailedError, MigratorError
from migrator.nodes.hop.covered import Covered
from migrator.nodes.hop.second_server import CLUSTER_CONFIGURATION, remove_left
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host
from tests.support.hosts import FakeHost

SECOND, REGULAR = "[+]etcd-override-readiness-0 ok\nreadyz check passed", "[+]etcd ok\nreadyz check passed"
AWAY = ""
SHARED = "kube-apiserver\n--permit-port-sharing=true\n"
PODS = {name: json.dumps({"spec": {"containers": [{"name": name, "image": name}]}}) for name in ("kube-apiserver", "etcd")}


class Plane(FakeHost):
    """A control plane with one API server, whose port is asked again and again."""

    def __init__(self, answers: Iterable[str], *, left: bool = False, flags: str = SHARED) -> None:
        super().__init__(
            "cp", accepts=["VmRSS", "test -d /proc/7", "rm -rf /run/migrator/second", f"test -s {MANIFESTS}/etcd.yaml"]
        )
        self.shares = True
        """Whether the manifest that is there in the end lets the port be shared."""
        self.units = {"api"} if left else set[str]()
        said = iter(answers)
        self.answers = {
            "kill -s KILL": lambda _: self._ended(),
            "systemd-run": self._started,
            "systemctl is-active": self._active,
            "journalctl": "no etcd",
            "readyz": lambda _: next(said),
            "cmdline": flags,
            "grep -q -e ' --permit-port-sharing=true$'": "",
            "grep -q -e '--permit-port-sharing' ": self._shares,
            "get configmap kubeadm-config -o json": json.dumps({"data": {"ClusterConfiguration": "apiServer: {}\n"}}),
            "patch configmap kubeadm-config": "",
            "umask 077\nsed 's/": self._wrote,
            "crictl inspectp": json.dumps({"status": {"annotations": {"kubernetes.io/config.source": "file"}}}),
            "crictl inspecti": "{}",
            "crictl inspect ": lambda line: json.dumps({"status": {"imageRef": line.split()[-1]}, "info": {"pid": 7}}),
            "crictl ps": self._listed,
        }
        self.files = {f"{MANIFESTS}/{name}.yaml": text for name, text in PODS.items()}

    def _shares(self, line: str) -> str:
        if not self.shares:
            raise CommandFailedError(line, 1, "")
        return ""

    def _wrote(self, _: str) -> str:
        self.shares = True
        return ""

    def _started(self, line: str) -> str:
        self.units.add("etcd" if "unit=migrator-second-etcd" in line else "api")
        return ""

    def _ended(self) -> str:
        self.units.clear()
        return ""

    def _active(self, line: str) -> str:
        if not any(f"migrator-second-{unit}" in line for unit in self.units):
            raise CommandFailedError(line, 3, "")
        return ""

    def _listed(self, line: str) -> str:
        name = "etcd" if "name=etcd" in line else "kube-apiserver"
        labels = {"container.name": name, "pod.namespace": "kube-system", "pod.name": f"{name}-cp"}
        listed = {"id": name, "podSandboxId": "s", "labels": {f"io.kubernetes.{key}": value for key, value in labels.items()}}
        return json.dumps({"containers": [listed]})


class Swap:
    """Something that restarts static pods; it remembers which second servers there were meanwhile."""

    name = "swap"

    def __init__(self, *, done: bool = False) -> None:
        self.meanwhile: set[str] | None = None
        self._done = done

    def done(self, host: Host) -> bool:
        """Return whether it was done."""
        del host
        return self._done

    def run(self, host: Host) -> None:
        """Look, and be done."""
        assert isinstance(host, Plane)
        self.meanwhile, self._done = set(host.units), True


@pytest.mark.parametrize(("alone", "meanwhile"), [(False, {"api"}), (True, {"api", "etcd"})])
def test_a_second_one_that_is_ready_itself_is_there_until_the_regular_one_is(*, alone: bool, meanwhile: set[str]) -> None:
    """An answer of the other one at the same port proves nothing, in either direction."""
    host, swap, said = Plane([REGULAR, AWAY, SECOND, SECOND, AWAY, REGULAR]), Swap(), list[str]()
    covered = Covered(swap, said.append, alone=alone)
    assert not covered.done(host)
    covered.run(host)
    assert swap.meanwhile == meanwhile
    assert covered.done(host)
    assert said == ["cp: a second API server answers on the same port meanwhile", "cp: the second API server is gone"]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("kube-apiserver\n", "was started without --permit-port-sharing=true"),
        (f"{SHARED}--etcd-servers-overrides=/events#https://e:2379\n", "has --etcd-servers-overrides"),
    ],
)
def test_where_none_can_be_started_it_is_said_and_gone_on(flags: str, reason: str) -> None:
    """The hop is what was asked for."""
    host, swap, said = Plane([], flags=flags), Swap(), list[str]()
    Covered(swap, said.append, alone=True).run(host)
    assert swap.meanwhile == set()
    (line,) = said
    assert reason in line


def test_one_that_does_not_get_ready_is_removed_before_it_is_gone_on() -> None:
    """It would take half of all requests."""
    host, swap, said = Plane([AWAY] * 1000), Swap(), list[str]()
    Covered(swap, said.append, alone=True).run(host)
    assert swap.meanwhile == set()
    assert "is not ready: no etcd" in said[-1]


def test_one_that_an_interrupted_run_has_left_is_used_and_removed() -> None:
    """Killed before the swap, or after it."""
    before, swap = Plane([SECOND, REGULAR], left=True), Swap()
    before.answers["crictl ps"] = '{"containers": []}'
    Covered(swap, lambda _: None, alone=True).run(before)
    assert (swap.meanwhile, before.units) == ({"api"}, set())
    after, done = Plane([SECOND, REGULAR], left=True), Covered(Swap(done=True), lambda _: None)
    assert not done.done(after)
    done.run(after)
    assert after.units == set()
    assert not any("systemd-run" in command for command in (*before.commands, *after.commands))


def test_it_stays_while_the_regular_one_is_not_ready() -> None:
    """Nothing else answers."""
    host = Plane([SECOND] * 10_000, left=True)
    with pytest.raises(MigratorError, match="a second one answers still"):
        remove_left(host)
    assert host.units == {"api"}


def test_it_goes_at_once_where_the_regular_one_does_not_share_its_port() -> None:
    """The regular one could not listen before."""
    host = Plane([], left=True)
    host.shares = False
    remove_left(host)
    assert host.units == set()


def test_one_without_the_flag_restarts_once_and_keeps_it() -> None:
    """It is said before, and written where kubeadm makes the next manifest from; a copy takes over within the same unit."""
    host, swap, said = Plane([SECOND, REGULAR, SECOND, REGULAR]), Swap(), list[str]()
    host.shares = False
    Covered(swap, said.append, alone=True, manifest=CLUSTER_CONFIGURATION).run(host)
    assert "restarts once" in said[0]
    assert swap.meanwhile == {"api", "etcd"}
    assert "permit-port-sharing" in host.given[0]
    (copied,) = [line for line in host.commands if "unit=migrator-second-api" in line and "kill -9 7" in line]
    assert copied.index("/proc/$pid/ns/mnt; mv ") < copied.index("kill -9 7") < copied.index("'--permit-port-sharing=true' '--etcd")


@pytest.mark.parametrize(
    "config", ["apiServer: {extraArgs: [{name: permit-port-sharing, value: 'false'}]}", "[]", "apiServer: {extraArgs: x}"]
)
def test_a_port_that_a_person_does_not_want_shared_is_not(config: str) -> None:
    """Nothing is changed, and the hop goes on."""
    host, swap, said = Plane([]), Swap(), list[str]()
    host.shares = False
    host.answers["get configmap kubeadm-config -o json"] = json.dumps({"data": {"ClusterConfiguration": config}})
    Covered(swap, said.append, alone=True, manifest=CLUSTER_CONFIGURATION).run(host)
    assert swap.meanwhile == set()
    assert "ClusterConfiguration does not let it share its port" in said[-1]
    assert not any("patch" in line or "kill -9 7" in line for line in host.commands)
