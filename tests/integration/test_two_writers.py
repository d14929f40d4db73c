"""Two runs, one green: only one of them writes, and who has lost its lock is told; on real API servers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import pytest

from migrator.adapters.identity import process_mark
from migrator.testbed.waiting import PATIENCE_SECONDS
from tests.support.objects import config_map, made
from tests.support.sandbox import TYPES, Sandbox, one_line, until

LEASES = TYPES["Lease"]


def lock(sandbox: Sandbox, holder: str, *, process: str = "") -> None:
    """Leave a lock on green, as a run does that was killed; it runs out after 2 s without a renewal."""
    annotations = {"migrator/run": "an-earlier-one", "migrator/process": process}
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 2, "renewTime": "2099-01-01T00:00:00.000000Z"}
    lease = made("coordination.k8s.io/v1", "Lease", "migrator", annotations=annotations, spec=spec)
    sandbox.pair.green.create(LEASES, "kube-system", orjson.dumps(lease), manager="test")


def renew(sandbox: Sandbox, number: int) -> None:
    """Renew that lock, as a run does that is alive."""
    spec = {"renewTime": f"2099-01-01T00:00:{number % 60:02}.000000Z"}
    sandbox.pair.green.patch(LEASES, "kube-system", "migrator", {"spec": spec}, manager="test")


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
    with every(0.5, lambda number: renew(sandbox, number)):
        result = sandbox.run("copy")
    assert (result.code, "is locked by bob@elsewhere/17" in one_line(result)) == (3, True)
    assert sandbox.absent("Namespace", sandbox.namespace)


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
