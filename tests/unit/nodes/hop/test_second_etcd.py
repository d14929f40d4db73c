"""Two etcds never have one folder, and each hand-over between them waits for nothing but the data; real processes, files and locks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import CommandFailedError
from migrator.nodes.hop.second_etcd import await_next, serve_now, start_etcd
from migrator.nodes.paths import KUBEADM_COPIES, MANIFESTS, SECOND_ETCD, SECOND_FOLDER
from tests.support.sandbox import until
from tests.support.shell_host import ShellHost

ETCD = """
import fcntl, os, pathlib, sys, time
host = pathlib.Path(sys.argv[1])
port = next(flag for flag in reversed(sys.argv) if flag.startswith("--listen-client-urls=")).rpartition(":")[2]
(host / "ports" / port).write_text(str(os.getpid()))
with (host / "db").open("a") as data:
    fcntl.flock(data, fcntl.LOCK_EX)
    with (host / "served").open("a") as served:
        print(port, os.environ["SECRET"], file=served)
    time.sleep(600)
"""
FLAGS = ("--listen-client-urls=https://127.0.0.1:2379", "--listen-peer-urls=https://127.0.0.1:2380")
TABLES = """#!/bin/sh
case "$*" in *" -I "*) touch $HOST/redirected $HOST/was-redirected ;; *" -D "*) rm $HOST/redirected ;; esac
"""
PROGRAMS = {
    # Whether the process that has opened a port is there, and is no zombie.
    "ss": '#!/bin/sh\npid=$(cat $HOST/ports/${2##*:} 2>/dev/null) && ps -o stat= -p $pid | grep "^[^Z]"; true\n',
    "nsenter": '#!/bin/sh\nwhile test "$1" != --; do shift; done; shift; exec "$@"\n',
    "systemd-run": f'#!/bin/sh\nwhile test "$1" != sh; do shift; done; "$@" >/dev/null 2>&1 & echo $! > $HOST/units/{SECOND_ETCD}\n',
    "iptables": TABLES,
    "curl": "#!/bin/sh\nexit 7\n",
    "ip6tables": "#!/bin/sh\nexit 1\n",
}


class Etcds:
    """A host with an etcd that serves."""

    def __init__(self, root: Path) -> None:
        self.host = ShellHost(root)
        for name, text in PROGRAMS.items():
            self.host.program(name, text)
        (root / "ports").mkdir()
        self.host.write(f"{MANIFESTS}/etcd.yaml", b"old\n")
        os.utime(self.host.path(f"{MANIFESTS}/etcd.yaml"), (0, 0))
        self._begun: list[subprocess.Popen[bytes]] = []
        self.first = self.begin()
        until(lambda: self.served == ["2379 it's"])

    def begin(self, *flags: str) -> subprocess.Popen[bytes]:
        """Start what stands for an etcd: it opens its port, waits for the lock of the data, and serves."""
        program = self.host.root / "etcd.py"
        program.write_text(ETCD)
        command = [sys.executable, str(program), str(self.host.root), *(flags or FLAGS)]
        self._begun.append(subprocess.Popen(command, env={"SECRET": "it's"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return self._begun[-1]

    @property
    def served(self) -> list[str]:
        """Who got the data, in order."""
        file = self.host.root / "served"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def redirected(self) -> bool:
        """Whether connections to the regular port go to the second one."""
        return (self.host.root / "redirected").exists()

    def close(self) -> None:
        """End all of them."""
        for begun in self._begun:
            begun.kill()
            begun.wait()
        for port in (self.host.root / "ports").iterdir():
            subprocess.run(["kill", "-9", port.read_text()], check=False, capture_output=True)


def has_ended(pid: int) -> bool:
    """Return whether a process has ended; whoever has inherited it may be late to ask for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def etcds(tmp_path: Path) -> Iterator[Etcds]:
    """Return a host with an etcd."""
    made = Etcds(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("why", ["a new manifest", "told to", "ended"])
def test_a_second_etcd_has_the_data_between_two_regular_ones(etcds: Etcds, why: str) -> None:
    """It waits for the data beside the first, as the next one waits for it; both have their ports by then."""
    start_etcd(etcds.host, etcds.first.pid)
    until((etcds.host.root / "ports/22379").exists)
    assert (etcds.served, etcds.redirected, etcds.first.poll()) == (["2379 it's"], False, None)
    match why:
        case "a new manifest":
            later = time.time() + 60
            os.utime(etcds.host.path(f"{MANIFESTS}/etcd.yaml"), (later, later))
        case "told to":
            etcds.host.run(f"( {serve_now()} ) >/dev/null 2>&1 &")
        case _:
            etcds.first.kill()
    etcds.first.wait(timeout=30)
    until(lambda: etcds.served == ["2379 it's", "22379 it's"])
    until(lambda: etcds.redirected)
    second = int((etcds.host.root / "ports/22379").read_text())
    etcds.begin()
    until(lambda: etcds.served == ["2379 it's", "22379 it's", "2379 it's"])
    until(lambda: not etcds.redirected and has_ended(second))
    (etcds.host.root / "units" / SECOND_ETCD).unlink()
    await_next(etcds.host)


@pytest.mark.parametrize("moved", [True, False])
def test_connections_wait_from_when_kubeadm_has_written_the_next_manifest_aside(etcds: Etcds, moved: bool) -> None:  # noqa: FBT001
    """The kubelet may end etcd sooner than a rule could follow; where the manifest stays aside, they get the regular one again."""
    start_etcd(etcds.host, etcds.first.pid, aside_seconds=30 if moved else 0.1)
    until((etcds.host.root / "ports/22379").exists)
    aside = f"{KUBEADM_COPIES}/kubeadm-upgraded-manifests123/etcd.yaml"
    etcds.host.write(aside, b"next\n")
    later = time.time() + 60
    os.utime(etcds.host.path(aside), (later, later))
    until((etcds.host.root / "was-redirected").exists)
    assert (etcds.served, etcds.first.poll()) == (["2379 it's"], None)
    if moved:
        assert etcds.redirected
        # As kubeadm moves it: the old one goes first.
        etcds.host.path(f"{MANIFESTS}/etcd.yaml").unlink()
        until(lambda: etcds.served == ["2379 it's", "22379 it's"])
        assert etcds.first.wait(timeout=30) != 0
    until(lambda: etcds.redirected == moved)


@pytest.mark.parametrize("lacks", ["ss", "iptables", "a lock", "the usual ports"])
def test_where_the_data_are_not_sure_to_be_safe_none_is_started(etcds: Etcds, lacks: str) -> None:
    """The hop goes on without, and says so."""
    pid = etcds.first.pid
    match lacks:
        case "a lock":
            pid = etcds.begin().pid
        case "the usual ports":
            etcds.close()
            pid = etcds.begin("--listen-client-urls=https://127.0.0.1:2379", "--listen-peer-urls=https://127.0.0.1:7001").pid
            until(lambda: len(etcds.served) == 2)
        case program:
            etcds.host.program(program, "#!/bin/sh\nexit 127\n")
    with pytest.raises(CommandFailedError):
        start_etcd(etcds.host, pid)
    assert not (etcds.host.root / "units" / SECOND_ETCD).exists()


def test_one_that_nobody_would_reach_leaves_the_regular_one_alone(etcds: Etcds) -> None:
    """A kernel may lack what the rule needs, which is seen when the rule is set."""
    etcds.host.program("iptables", '#!/bin/sh\ncase "$*" in *" -I "*) touch $HOST/tried; exit 1 ;; esac\n')
    start_etcd(etcds.host, etcds.first.pid)
    etcds.host.run(f"touch {SECOND_FOLDER}/etcd.go")
    unit = int((etcds.host.root / "units" / SECOND_ETCD).read_text())
    until(lambda: has_ended(unit))
    assert (etcds.host.root / "tried").exists()
    assert (etcds.served, etcds.first.poll()) == (["2379 it's"], None)


def test_one_that_is_told_to_serve_before_its_first_line_has_run_serves(etcds: Etcds) -> None:
    """A busy host starts a unit late; what an earlier one left says nothing to it."""
    etcds.host.run(f"mkdir -p {SECOND_FOLDER}; touch {SECOND_FOLDER}/etcd.go")
    late = (
        f"#!/bin/sh\ntest ! -e {etcds.host.path(SECOND_FOLDER)}/etcd.go || exit 1\ntouch {etcds.host.path(SECOND_FOLDER)}/etcd.go\n"
    )
    etcds.host.program("systemd-run", late + PROGRAMS["systemd-run"])
    start_etcd(etcds.host, etcds.first.pid)
    until(lambda: etcds.served == ["2379 it's", "22379 it's"])
    assert etcds.first.wait(timeout=30) != 0


def test_one_that_is_told_to_serve_before_it_has_opened_its_port_opens_it_first(etcds: Etcds) -> None:
    """A connection that is refused is tried again only after a second, while the regular one would be gone."""
    host = etcds.host
    asked = "case $2 in *:22379) echo >> $HOST/asked-for-it ;; esac\n"
    host.program("ss", PROGRAMS["ss"].replace("#!/bin/sh\n", f"#!/bin/sh\n{asked}"))
    # Once before it is started, and once more by the unit that is told to serve.
    slow = "until test $(wc -l < $HOST/asked-for-it) -gt 1; do sleep 0.02; done\n"
    host.program("nsenter", PROGRAMS["nsenter"].replace("#!/bin/sh\n", f"#!/bin/sh\n{slow}"))
    early = "test -e $HOST/ports/22379 || touch $HOST/too-early\n"
    host.program("iptables", TABLES.replace("#!/bin/sh\n", f"#!/bin/sh\n{early}"))
    host.program(
        "systemd-run", f"#!/bin/sh\ntouch {host.path(SECOND_FOLDER)}/etcd.go\nrm -f $HOST/too-early\n" + PROGRAMS["systemd-run"]
    )
    start_etcd(host, etcds.first.pid)
    until(lambda: etcds.redirected)
    assert not (host.root / "too-early").exists()


MEMBER = 10276657743932975437
ASKED = rf"""#!/bin/sh
case "$*" in
  */members) printf 'HTTP/1.1 200 OK\r\nX-Etcd-Cluster-Id: cdf818194e3a8c32\r\n\r\n[%s{{"id":{MEMBER},"name":"a"}}]' "$(cat $HOST/others)" ;;
  */version) echo '{{"etcdserver":"3.7.3","etcdcluster":"3.7.0"}}' ;;
  *) echo "$*" > $HOST/asked; for word; do case "$word" in @*) cp "${{word#@}}" $HOST/sent ;; esac; done ;;
esac
"""


@pytest.mark.parametrize("others", ["", '{"id":7,"name":"b"},'])
def test_the_next_one_is_asked_to_elect_itself_where_it_is_the_only_member(etcds: Etcds, others: str) -> None:
    """It has the member's own number, as a protobuf writes it, and the cluster's; of several members none is asked."""
    (etcds.host.root / "others").write_text(others)
    etcds.host.program("curl", ASKED)
    start_etcd(etcds.host, etcds.first.pid)
    etcds.host.run(f"touch {SECOND_FOLDER}/etcd.go")
    etcds.first.wait(timeout=30)
    until(lambda: len(etcds.served) == 2)
    etcds.begin()
    until(lambda: len(etcds.served) == 3)
    unit = int((etcds.host.root / "units" / SECOND_ETCD).read_text())
    until(lambda: has_ended(unit))
    if others:
        assert not (etcds.host.root / "asked").exists()
        return
    asked = (etcds.host.root / "asked").read_text()
    assert "X-Etcd-Cluster-ID: cdf818194e3a8c32" in asked
    assert "https://127.0.0.1:2380/raft?[1-50]" in asked
    number = bytes.fromhex("cdd2918bd2b881cf8e01")
    assert (etcds.host.root / "sent").read_bytes() == b"\x08\x0e\x10" + number + b"\x18" + number
