"""Two runs, one green: only one of them writes, and who has lost its lock is told; on real API servers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
import yaml

from migrator.adapters.clock import SystemClock
from migrator.adapters.identity import process_mark
from migrator.kube.access import load_access
from migrator.kube.cluster import KubeCluster
from migrator.kube.transport import Transport
from migrator.testbed.waiting import PATIENCE_SECONDS
from tests.support.guarded import done, guarded
from tests.support.objects import config_map, made
from tests.support.relay import relay
from tests.support.sandbox import TYPES, Sandbox, freeze_when, one_line, until

LEASES = TYPES["Lease"]


def lock(sandbox: Sandbox, holder: str, *, process: str = "", at: str = "green") -> None:
    """Leave a lock on green or blue, as a run does that was killed; it runs out after 2 s without a renewal."""
    annotations = {"migrator/run": "an-earlier-one", "migrator/process": process}
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 2, "renewTime": "2099-01-01T00:00:00.000000Z"}
    lease = made("coordination.k8s.io/v1", "Lease", "migrator", annotations=annotations, spec=spec)
    cluster = sandbox.pair.green if at == "green" else sandbox.pair.blue
    cluster.create(LEASES, "kube-system", orjson.dumps(lease), manager="test")


def renew(cluster: KubeCluster, number: int) -> None:
    """Renew that lock, as a run does that is alive."""
    spec = {"renewTime": f"2099-01-01T00:00:{number % 60:02}.000000Z"}
    cluster.patch(LEASES, "kube-system", "migrator", {"spec": spec}, manager="test")


@contextmanager
def every(seconds: float, work: Callable[[int], None]) -> Iterator[None]:
    """Do something again and again."""
    done = threading.Event()

    def repeat() -> None:
        number = 0
        while not done.wait(seconds):
            number += 1
            work(number)

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture
def no_lock(sandbox: Sandbox) -> Iterator[None]:
    """Take away what a test left of the lock, which all tests share."""
    yield
    sandbox.pair.green.delete(
        LEASES, "kube-system", "migrator", uid=sandbox.green("Lease", "migrator", "kube-system")["metadata"]["uid"]
    )


def test_a_dead_holder_loses_the_lock(sandbox: Sandbox) -> None:
    """One of a killed run on this machine at once, one of elsewhere once it was not renewed, whatever its clock said."""
    sandbox.on_blue(config_map("a"))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock(sandbox, "root@here/7", process=process_mark(gone.pid))
    result = sandbox.run("copy")
    assert (result.code, "watching" in result.err) == (0, False), result.err
    lock(sandbox, "bob@elsewhere/17")
    result = sandbox.run("copy")
    assert (result.code, "is locked by bob@elsewhere/17: watching for 2 s" in result.err) == (0, True), result.err


@pytest.mark.usefixtures("no_lock")
def test_a_holder_that_lives_keeps_the_lock(sandbox: Sandbox) -> None:
    """A run of another machine whose renewals are seen."""
    sandbox.on_blue(config_map("a"))
    lock(sandbox, "bob@elsewhere/17")
    with every(0.5, lambda number: renew(sandbox.pair.green, number)):
        result = sandbox.run("copy")
    assert (result.code, "is locked by bob@elsewhere/17" in one_line(result)) == (3, True)
    assert sandbox.absent("Namespace", sandbox.namespace)


@pytest.mark.on_demand
def test_a_cutover_changes_nothing_while_another_tool_holds_blue(sandbox: Sandbox, tmp_path: Path) -> None:
    """Another migration of this blue has another green, and meets this one on blue alone; once it has ended the cutover goes on."""
    blue = sandbox.pair.blue
    with guarded(sandbox, tmp_path, []):
        lock(sandbox, "bob@elsewhere/17", at="blue")
        with every(0.5, lambda number: renew(blue, number)):
            refused = sandbox.run("cutover", "--yes")
        assert (refused.code, "blue is locked by bob@elsewhere/17" in one_line(refused)) == (3, True), refused.err
        assert sandbox.blue("Deployment", "dns")["spec"]["replicas"] == 2
        assert (sandbox.green("Deployment", "dns")["spec"]["replicas"], sandbox.events("hand-over")) == (0, [])
        assert "blue is locked by bob@elsewhere/17: watching for 2 s" in done(sandbox, "cutover", "--yes")
        assert sandbox.blue("Deployment", "dns")["spec"]["replicas"] == 0


def test_a_stopped_run_that_has_lost_its_lock_writes_nothing_when_it_goes_on(sandbox: Sandbox) -> None:
    """SIGSTOP for longer than the lock lasts: another run has taken over meanwhile, and has ended, too."""
    sandbox.on_blue(config_map("a"), config_map("b"))
    waiting, go = sandbox.folder / "waiting", sandbox.folder / "go"
    sandbox.configure(hooks={"beforeCopy": [["sh", "-c", f"touch {waiting}; while [ ! -e {go} ]; do sleep 0.1; done"]]})
    child = sandbox.start("copy")
    try:
        until(waiting.exists)
        child.send_signal(signal.SIGSTOP)
        sandbox.configure()
        other = sandbox.run("copy", "--state-dir", str(sandbox.folder / "elsewhere"))
        assert other.code == 0, other.err
        uid = sandbox.green("ConfigMap", "a")["metadata"]["uid"]
        sandbox.pair.green.delete(TYPES["ConfigMap"], sandbox.namespace, "a", uid=uid)
    finally:
        go.touch()
        child.send_signal(signal.SIGCONT)
        _, err = child.communicate(timeout=PATIENCE_SECONDS)
    lines = [line for line in err.decode().splitlines() if line.startswith("migrator:")]
    assert (child.returncode, len(lines), "this run's lock on green was" in lines[0]) == (3, 1, True), err
    assert sandbox.absent("ConfigMap", "a")


@contextmanager
def losing(sandbox: Sandbox, name: str, *, times: int) -> Iterator[None]:
    """Reach green through a server that loses the answers to creates of one object, which green has carried out."""
    left = [times]

    def loses(method: str, _path: str, body: bytes) -> bool:
        hit = method == "POST" and left[0] > 0 and orjson.loads(body)["metadata"]["name"] == name
        left[0] -= hit
        return hit

    access = load_access(str(sandbox.pair.kubeconfig), "green", cluster="green", relative_to=sandbox.folder)
    with relay(Transport(access, "green", clock=SystemClock()), loses) as url:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "green", "cluster": {"server": url}}],
            "users": [{"name": "green", "user": {}}],
            "contexts": [{"name": "green", "context": {"cluster": "green", "user": "green"}}],
        }
        file = sandbox.folder / "relay.kubeconfig"
        file.write_text(yaml.safe_dump(content))
        sandbox.configure(green={"kubeconfig": str(file), "context": "green"})
        yield
    sandbox.configure()


def test_a_create_whose_answer_was_lost_is_ours(sandbox: Sandbox) -> None:
    """The client sends it again and sees that it is there; later changes of blue reach it, and prune deletes it."""
    sandbox.on_blue(config_map("a", {"x": "1"}), config_map("b"))
    with losing(sandbox, "a", times=1):
        result = sandbox.json("copy")
    assert (result.code, result.document["problems"]) == (0, []), result.err
    assert {line["ref"].rpartition("/")[2]: line["made"] for line in sandbox.events("outcome")}["a"] is True
    sandbox.pair.blue.patch(TYPES["ConfigMap"], sandbox.namespace, "a", {"data": {"x": "2"}}, manager="kubectl-edit")
    assert sandbox.run("copy").code == 0
    assert sandbox.green("ConfigMap", "a")["data"] == {"x": "2"}
    uid = sandbox.blue("ConfigMap", "a")["metadata"]["uid"]
    sandbox.pair.blue.delete(TYPES["ConfigMap"], sandbox.namespace, "a", uid=uid)
    assert sandbox.json("copy", "--prune", "--yes").document["counts"]["deleted"] == 1
    assert sandbox.absent("ConfigMap", "a")


def test_a_foreign_object_of_the_same_content_is_not_taken_after_a_lost_answer(sandbox: Sandbox) -> None:
    """Green answered nothing, the run was given up, and somebody else has put the object there in the meantime."""
    sandbox.on_blue(config_map("a", {"x": "1"}))
    sandbox.on_green(made("v1", "Namespace", sandbox.namespace))
    child = sandbox.start("copy")
    freeze_when(child, lambda: bool(sandbox.events("wave")))
    child.kill()
    child.communicate()
    if sandbox.absent("ConfigMap", "a"):
        sandbox.on_green(config_map("a", {"x": "1"}), manager="somebody")
        ours = False
    else:
        ours = True
    assert sandbox.run("copy").code == 0
    uid = sandbox.blue("ConfigMap", "a")["metadata"]["uid"]
    sandbox.pair.blue.delete(TYPES["ConfigMap"], sandbox.namespace, "a", uid=uid)
    assert sandbox.run("copy", "--prune", "--yes").code == 0
    assert sandbox.absent("ConfigMap", "a") is ours
