"""Second servers are removed once nobody needs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import CommandFailedError, MigratorError
from migrator.nodes.hop.second_server import remove_left, start_etcd
from tests.support.sandbox import until
from tests.support.second_servers import SECOND, Plane
from tests.support.shell_host import ShellHost


def test_it_stays_while_the_regular_one_is_not_ready() -> None:
    """Nothing else answers."""
    host = Plane([SECOND] * 10_000, left=True)
    with pytest.raises(MigratorError, match="a second one still answers"):
        remove_left(host)
    assert host.units == {"api"}


def test_it_goes_at_once_where_the_regular_one_does_not_share_its_port() -> None:
    """The regular one could not listen before."""
    host = Plane([], left=True)
    host.shares = False
    remove_left(host)
    assert host.units == set()


PROGRAMS = {
    "ss": "cat $HOST/listens 2>/dev/null; true",
    "pgrep": "cat $HOST/etcds",
    "nsenter": 'while test "$1" != --; do shift; done; shift; echo "$SECRET $@" > $HOST/copied; exec "$@"',
    "systemd-run": 'while test "$1" != sh; do shift; done; "$@" >/dev/null 2>&1 & echo $! > $HOST/unit',
}


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[tuple[ShellHost, subprocess.Popen[bytes]]]:
    """Return a host with what stands for an etcd that listens; its copy is ended at the end, too."""
    host = ShellHost(tmp_path)
    for name, text in PROGRAMS.items():
        host.program(name, f"#!/bin/sh\n{text}\n")
    begun = subprocess.Popen(["/bin/sleep", "600"], env={"SECRET": "it's"})
    (tmp_path / "etcds").write_text(f"{begun.pid}\n")
    (tmp_path / "listens").write_text("LISTEN 0 4096 *:2379 *:*\n")
    yield host, begun
    begun.kill()
    begun.wait()
    if (tmp_path / "unit").exists():
        unit = (tmp_path / "unit").read_text().strip()
        subprocess.run(["pkill", "-9", "-P", unit], check=False)


def test_a_second_etcd_begins_when_the_first_has_closed_its_port_and_ends_with_the_next(
    etcd: tuple[ShellHost, subprocess.Popen[bytes]],
) -> None:
    """The first is ended then, so that two never have one folder; program, arguments and environment are its own."""
    host, first = etcd
    start_etcd(host, first.pid)
    assert not host.path("copied").exists()
    assert first.poll() is None
    host.path("listens").write_text("")
    assert first.wait(timeout=30) == -9
    until(lambda: host.path("copied").exists() and host.path("copied").read_text().endswith("\n"))
    assert host.path("copied").read_text().split() == ["it's", os.path.realpath("/bin/sleep"), "600"]
    unit = int(host.path("unit").read_text())
    host.path("etcds").write_text(f"{os.getpid()}\n")
    until(lambda: not Path(f"/proc/{unit}").exists())


@pytest.mark.parametrize("missing", ["ss", "pgrep"])
def test_an_etcd_that_cannot_be_watched_gets_no_second_one(etcd: tuple[ShellHost, subprocess.Popen[bytes]], missing: str) -> None:
    """Else it would be taken to have closed its port."""
    host, first = etcd
    host.program(missing, "#!/bin/sh\nexit 127\n")
    with pytest.raises(CommandFailedError):
        start_etcd(host, first.pid)
    assert not host.path("unit").exists()
    assert first.poll() is None
