"""A last pass that is connected before its workload stops, on two hosts in namespaces: real sshd, rsync and tar."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.volumes.mover import unit_name
from tests.support.sandbox import until
from tests.support.trees import described
from tests.support.volume_hosts import VolumePair, volume_pair

READY = "ready to begin"


@pytest.fixture(scope="module")
def hosts() -> Iterator[VolumePair]:
    """Make two hosts."""
    with volume_pair() as made:
        yield made


def is_ready(hosts: VolumePair, name: str) -> bool:
    """Return whether the prepared pass of a volume is connected, and waits."""
    log = hosts.green.folder / f"log/migrator-data-{unit_name(hosts.job(name))}.log"
    return log.exists() and log.read_text().splitlines()[-1:] == [READY]


def require_nothing_left(hosts: VolumePair) -> None:
    """Fail when a key, a server's file or a unit is left."""
    assert (hosts.blue.units, hosts.green.units) == ([], [])
    assert [path for host in (hosts.blue, hosts.green) for path in (host.folder / "run").iterdir()] == []


def test_what_is_written_while_a_pass_waits_is_brought_and_proven(hosts: VolumePair) -> None:
    """All that it says of both sides it has asked after it was let begin; until then nobody finds the volume in use."""
    blue, green = hosts.volume("waits")
    (blue / "file").write_bytes(b"before")
    (blue / "goes").write_bytes(b"x")
    mover, job = hosts.mover, hosts.job("waits", finish=True)
    mover.move(hosts.job("waits"), lambda _: None)
    mover.prepare(job, connected=True)
    until(lambda: is_ready(hosts, "waits"))
    times = (blue / "file").stat()
    (blue / "file").write_bytes(b"behind")
    os.utime(blue / "file", ns=(times.st_atime_ns, times.st_mtime_ns))
    (blue / "goes").unlink()
    (blue / "new").write_bytes(b"late")
    assert (mover.users(job.source, source=True), mover.users(job.target, source=False)) == ((), ())
    result = mover.move(job, lambda _: None)
    assert (result.equal, result.document["proven"]) == (True, True)
    assert described(green) == described(blue)
    assert (green / "file").read_bytes() == b"behind"
    require_nothing_left(hosts)


def test_a_connection_that_is_cut_while_a_pass_waits_is_made_anew(hosts: VolumePair) -> None:
    """As one that is cut in the pass; the server is still there."""
    blue, green = hosts.volume("cut")
    (blue / "file").write_bytes(b"x")
    mover, job = hosts.mover, hosts.job("cut", finish=True)
    mover.prepare(job, connected=True)
    until(lambda: is_ready(hosts, "cut"))
    logins = [pid for pid in hosts.green.processes() if Path(f"/proc/{pid}/comm").read_text() == "ssh\n"]
    assert logins
    for pid in logins:
        os.kill(pid, signal.SIGKILL)
    assert mover.move(job, lambda _: None).equal
    assert (green / "file").read_bytes() == b"x"
    require_nothing_left(hosts)


def test_nothing_is_left_of_a_pass_that_was_not_let_begin(hosts: VolumePair) -> None:
    """The cutover was refused, or broke before."""
    blue, green = hosts.volume("released")
    (blue / "file").write_bytes(b"x")
    mover = hosts.mover
    mover.prepare(hosts.job("released", finish=True), connected=True)
    until(lambda: is_ready(hosts, "released"))
    mover.release()
    require_nothing_left(hosts)
    assert list(green.iterdir()) == []


def test_the_next_run_ends_what_a_killed_one_has_prepared(hosts: VolumePair) -> None:
    """It waits for a file that only the killed run would have removed."""
    blue, green = hosts.volume("killed")
    (blue / "file").write_bytes(b"x")
    hosts.mover.prepare(hosts.job("killed", finish=True), connected=True)
    until(lambda: is_ready(hosts, "killed"))
    result = hosts.mover.move(hosts.job("killed"), lambda _: None)
    assert (result.equal, result.document["proven"], (green / "file").read_bytes()) == (True, False, b"x")
    require_nothing_left(hosts)
