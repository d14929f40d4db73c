"""Hosts that do not reach each other: the data goes through this machine, by real sshd and ssh in namespaces."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import BlockedError, HostError
from migrator.ssh.relay import SshRelay
from migrator.volumes.line import Machine
from migrator.volumes.mover import NodeMover
from tests.support.moments import meanwhile, transferring
from tests.support.sandbox import until
from tests.support.trees import described
from tests.support.volume_hosts import SpaceHost, VolumePair, volume_pair

SECONDS = 60


@dataclass(slots=True)
class Apart:
    """Two hosts, each with its own SSH server, which this machine alone reaches."""

    hosts: VolumePair
    folder: Path
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def serve(self, host: SpaceHost, *, forwarding: bool = True) -> None:
        """Start a host's own SSH server, or start it again with other settings."""
        self.end(host)
        settings = self.folder / f"{host.name}.conf"
        settings.write_text(
            f"ListenAddress {host.address}\nPort 22\nHostKey {self.folder}/key\nAuthorizedKeysFile {self.folder}/key.pub\n"
            f"PidFile none\nUsePAM no\nStrictModes no\nAllowTcpForwarding {'yes' if forwarding else 'no'}\n"
        )
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(settings)]
        self.servers[host.name] = subprocess.Popen([*host.inside(), *command], stderr=subprocess.DEVNULL, start_new_session=True)
        until(lambda: subprocess.run([*self.login(host), "true"], check=False, capture_output=True).returncode == 0)

    def end(self, host: SpaceHost) -> None:
        """End it, and the sessions that it has."""
        if server := self.servers.pop(host.name, None):
            for pid in self._children(server.pid):
                os.kill(pid, signal.SIGKILL)
            server.wait()

    def login(self, host: SpaceHost) -> tuple[str, ...]:
        """Return how this machine logs in to a host."""
        options = (
            "BatchMode=yes",
            "ConnectTimeout=5",
            "StrictHostKeyChecking=no",
            f"UserKnownHostsFile={self.folder}/known",
            "LogLevel=ERROR",
        )
        named = [word for option in options for word in ("-o", option)]
        return ("ssh", "-F", "none", "-i", f"{self.folder}/key", *named, f"root@{host.address}")

    def mover(self, *, back: bool = False, relayed: bool = True) -> NodeMover:
        """Return the mover of one direction."""
        blue, green = (Machine(host, host.address, self.login(host)) for host in (self.hosts.blue, self.hosts.green))
        source, target = ({"g": green}, {"b": blue}) if back else ({"b": blue}, {"g": green})
        return NodeMover(source, target, relay=SshRelay(self.folder, SystemClock()) if relayed else None)

    def sessions(self) -> list[int]:
        """Return the processes of ssh of this machine that lead ports."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0] == b"ssh" and str(self.folder).encode() in b" ".join(words) and b"ExitOnForwardFailure=yes" in words:
                found.append(int(path.parent.name))
        return found

    def require_nothing_left(self) -> None:
        """Fail when a session, a socket, a key or a unit is left."""
        assert self.sessions() == []
        assert list(self.folder.glob("r-*")) == []
        assert (self.hosts.blue.units, self.hosts.green.units) == ([], [])
        assert [path for host in (self.hosts.blue, self.hosts.green) for path in (host.folder / "run").iterdir()] == []

    @staticmethod
    def _children(pid: int) -> list[int]:
        found = subprocess.run(["pgrep", "-s", str(pid)], capture_output=True, text=True, check=False).stdout.split()
        return [int(text) for text in found]


@contextmanager
def _apart(folder: Path) -> Iterator[Apart]:
    with volume_pair(apart=True) as hosts:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/key"], check=True)
        Path("/run/sshd").mkdir(exist_ok=True)
        made = Apart(hosts, folder)
        try:
            for host in (hosts.blue, hosts.green):
                made.serve(host)
            yield made
        finally:
            for host in (hosts.blue, hosts.green):
                made.end(host)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """Make them."""
    if not shutil.which("ssh"):
        pytest.skip("needs ssh")
    with _apart(tmp_path_factory.mktemp("relay")) as made:
        yield made


def test_the_data_goes_through_this_machine(apart: Apart) -> None:
    """No session, port or file of a relay stays, nor of one that was prepared in vain."""
    blue, green = apart.hosts.volume("relayed")
    (blue / "file").write_bytes(os.urandom(1 << 20))
    mover = apart.mover()
    mover.prepare(apart.hosts.job("relayed"), connected=False)
    assert len(apart.sessions()) == 2
    mover.release()
    apart.require_nothing_left()
    assert mover.move(apart.hosts.job("relayed"), lambda _: None).equal
    assert described(green) == described(blue)
    apart.require_nothing_left()


@pytest.mark.on_demand
def test_a_last_pass_and_the_way_back_go_through_this_machine(apart: Apart) -> None:
    """Prepared and proven."""
    blue, green = apart.hosts.volume("back")
    (blue / "file").write_bytes(os.urandom(1 << 20))
    mover, job = apart.mover(), apart.hosts.job("back", finish=True)
    mover.prepare(job, connected=True)
    assert mover.move(job, lambda _: None).document["proven"]
    assert described(green) == described(blue)
    (green / "file").write_text("green wrote")
    back = apart.hosts.job("back", back=True, finish=True, known_target=True, undo=1)
    assert apart.mover(back=True).move(back, lambda _: None).document["proven"]
    assert (blue / "file").read_text() == "green wrote"
    apart.require_nothing_left()


@pytest.mark.on_demand
def test_a_relay_that_is_cut_is_opened_again_while_blue_serves(apart: Apart) -> None:
    """Both sessions are killed in the middle: the pass goes on by new ones."""
    blue, green = apart.hosts.volume("cut")
    (blue / "file").write_bytes(os.urandom(3 << 20))
    killed: list[int] = []

    def cut() -> None:
        killed.extend(apart.sessions())
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    with meanwhile(transferring(green, "file"), cut):
        result = apart.mover().move(apart.hosts.job("cut", limit=1500), lambda _: None)
    assert (result.equal, len(killed)) == (True, 2)
    assert described(green) == described(blue)
    apart.require_nothing_left()


def test_without_a_relay_or_with_one_that_a_host_forbids_one_line_tells_what_to_do(apart: Apart) -> None:
    """Nothing was changed, and nothing is left."""
    blue, green = apart.hosts.volume("refused")
    (blue / "file").write_text("x")
    for host in (apart.hosts.blue, apart.hosts.green):
        apart.serve(host, forwarding=False)
        with pytest.raises(HostError, match=f"^{host.name}: no relay through this machine") as refused:
            apart.mover().move(apart.hosts.job("refused"), lambda _: None)
        assert "AllowTcpForwarding" in refused.value.hint
        apart.serve(host)
    assert list(green.iterdir()) == []
    apart.require_nothing_left()


@pytest.mark.on_demand
def test_hosts_apart_do_not_reach_each_other_without_a_relay(apart: Apart) -> None:
    """The hint names the relay. It takes as long as the pass tries again."""
    blue, _ = apart.hosts.volume("direct")
    (blue / "file").write_text("x")
    with pytest.raises(BlockedError, match="was lost") as refused:
        apart.mover(relayed=False).move(apart.hosts.job("direct"), lambda _: None)
    assert "volumes.relay: true" in refused.value.hint
    apart.require_nothing_left()
