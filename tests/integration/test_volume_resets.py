"""A host, a server or a line that is lost in a pass: blue is as it was, nothing is left, and the next pass goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import BlockedError, CommandFailedError, HostError, MigratorError
from migrator.model.volumes import Job
from tests.support.moments import Moment, meanwhile, transferring
from tests.support.trees import described
from tests.support.volume_hosts import SpaceHost, VolumePair, volume_pair

# KiB a second: what is brought takes some seconds.
_SLOW = 4000


@pytest.fixture(scope="module")
def hosts() -> Iterator[VolumePair]:
    """Make two hosts."""
    with volume_pair() as made:
        yield made


def moved(hosts: VolumePair, job: Job) -> MigratorError | None:
    """Run a pass, and return what ended it."""
    try:
        (hosts.back if job.undo else hosts.mover).move(job, lambda _: None)
    except (BlockedError, CommandFailedError, HostError) as error:
        return error
    return None


def changed(hosts: VolumePair, name: str) -> tuple[Path, Path]:
    """Return a pair of volumes that were equal, and have a large change on blue."""
    blue, green = hosts.volume(name)
    (blue / "kept").write_bytes(os.urandom(1000))
    assert moved(hosts, hosts.job(name)) is None
    (blue / "large").write_bytes(os.urandom(16 << 20))
    return blue, green


def require_nothing_left(hosts: VolumePair) -> None:
    """Fail when a unit, a key or a server's folder is still there."""
    assert (hosts.blue.units, hosts.green.units) == ([], [])
    assert [path for host in (hosts.blue, hosts.green) for path in (host.folder / "run").iterdir()] == []


@pytest.mark.on_demand
@pytest.mark.parametrize("finish", [False, True], ids=["pass", "last-pass"])
def test_a_server_that_is_killed_ends_a_pass_soon_and_the_next_one_goes_on(hosts: VolumePair, *, finish: bool) -> None:
    """Case 24: nobody starts it again, so that a workload which stands still need not wait; its key went with it."""
    name = f"sshd-{finish}"
    blue, green = changed(hosts, name)
    with meanwhile(transferring(green, "large"), hosts.blue.lose_all_processes):
        error = moved(hosts, hosts.job(name, finish=finish, limit=_SLOW))
    assert error is not None
    assert f"the temporary SSH server at {hosts.blue.address} is gone" in error.message
    assert "\n" not in error.message
    # The second try has found it: a third one, 10 s later, was not needed.
    assert "again in 10 s" not in said_by(hosts.green)
    require_nothing_left(hosts)
    assert moved(hosts, hosts.job(name, finish=True)) is None
    assert described(green) == described(blue)


def said_by(host: SpaceHost) -> str:
    """Return what the last pass has said there."""
    logs = sorted((host.folder / "log").glob("migrator-data-*.log"), key=lambda path: path.stat().st_mtime_ns)
    return logs[-1].read_text()


@pytest.mark.on_demand
@pytest.mark.parametrize("moment", ["scan", "transfer", "look", "stamps"])
@pytest.mark.parametrize("side", ["blue", "green"])
def test_a_host_that_is_reset_in_a_last_pass_leaves_nothing_and_the_next_one_goes_on(
    hosts: VolumePair, side: str, moment: str
) -> None:
    """Case 27: whichever host, whatever the pass does; blue was only read."""
    name = f"reset-{side}-{moment}"
    blue, green = changed(hosts, name)
    before = described(blue)
    host: SpaceHost = getattr(hosts, side)
    with Moment(hosts, green, moment) as there:

        def reset() -> None:
            host.lose_all_processes()
            there.let_go()

        with meanwhile(there.reached, reset):
            error = moved(hosts, hosts.job(name, finish=True, limit=_SLOW))
    assert error is not None
    assert "\n" not in error.message
    assert moved(hosts, hosts.job(name, finish=True)) is None
    assert described(green) == described(blue) == before
    require_nothing_left(hosts)


@pytest.mark.on_demand
def test_a_line_that_is_cut_for_a_moment_is_waited_for(hosts: VolumePair) -> None:
    """Case 24: the connection lives on, and the pass ends as if nothing had been."""
    blue, green = changed(hosts, "cut")
    back: list[threading.Timer] = []

    def cut() -> None:
        hosts.blue.run(f"ip link set mv{os.getpid()}a down")
        back.append(threading.Timer(5.0, lambda: hosts.blue.run(f"ip link set mv{os.getpid()}a up")))
        back[0].start()

    with meanwhile(transferring(green, "large"), cut):
        assert moved(hosts, hosts.job("cut", finish=True, limit=_SLOW)) is None
    back[0].join()
    assert "again in" not in said_by(hosts.green)
    assert described(green) == described(blue)
