"""The temporary SSH server; real ones run in tests/integration/test_volumes.py."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.volumes.server import Server, require_programs
from tests.support.hosts import FakeHost


def host() -> FakeHost:
    """Return a host that has all programs."""
    made = FakeHost("blue-1", accepts=["systemctl stop", "ssh-keygen", "systemd-run", "create_connection", "test -e"])
    made.answers["for name in"] = "\n"
    made.answers["ssh-keygen -q"] = lambda command: "\n".join(
        ("41234" if "bind" in command else "2222", "yes", "ssh-ed25519 AAAA comment", "")
    )
    return made


def started(one: FakeHost, root: str = "/srv/data", port: int = 0) -> Server:
    """Start a server."""
    server = Server("abc")
    serving = server.start(one, root, public_key="ssh-ed25519 KEY", address="10.0.0.1", client="10.0.1.1", port=port, seconds=60)
    assert (serving.port, serving.host_key) == (port or 41234, "ssh-ed25519 AAAA")
    return server


def test_its_key_opens_one_folder_for_one_host() -> None:
    """The command is forced, and nothing is forwarded; files are for root alone."""
    one = host()
    folder = started(one).folder
    line = one.files[f"{folder}/authorized_keys"]
    assert line.startswith('restrict,from="10.0.1.1",command="test ')
    assert '\\"$SSH_ORIGINAL_COMMAND\\" = tar && exec tar -C /srv/data ' in line
    assert "; exec python3 -IS /var/lib/migrator/volumes/.agent-" in line
    assert 'serve /srv/data" ssh-ed25519 KEY' in line
    assert set(one.modes.values()) == {0o600}
    settings = one.files[f"{folder}/sshd_config"]
    for wanted in ("PermitRootLogin forced-commands-only", "PasswordAuthentication no", "AllowTcpForwarding no", "Port 41234"):
        assert wanted in settings


def test_it_sees_a_file_system_that_cannot_be_written_and_ends_by_itself() -> None:
    """And takes its files along."""
    one = host()
    started(one)
    (unit,) = (command for command in one.commands if "systemd-run" in command)
    assert "--property=ReadOnlyPaths=/" in unit
    assert "--property=ReadWritePaths=/proc" in unit, "PAM of Debian lets nobody in without its loginuid"
    assert "--property=RuntimeMaxSec=60" in unit
    assert "--property=KillSignal=SIGKILL --property=TimeoutStopSec=1" in unit, "a pause does not wait for an orderly end"
    assert "ExecStopPost=+/usr/bin/rm -rf /run/migrator/migrator-data-abc-source" in unit


@pytest.mark.parametrize("root", ['/srv/a" b', "/srv/$(id)", "/srv/a\\b", "/srv/a'b"])
def test_a_folder_of_any_name_stays_one_word(root: str) -> None:
    """Sshd takes the quotes of the option off, and a shell those of the word."""
    import shlex

    one = host()
    line = one.files[f"{started(one, root).folder}/authorized_keys"]
    inner = line.partition('command="')[2].rpartition('" ssh-ed25519')[0]
    words = shlex.split(inner.replace('\\"', '"').replace("\\\\", "\\"))
    assert (words[-1], words[words.index("-C") + 1], words.count(root)) == (root, root, 2)


def test_what_an_earlier_run_left_is_ended_first() -> None:
    """Two servers of one volume never meet; a port that was chosen is taken."""
    one = host()
    started(one, port=2222)
    (prepared,) = [text for text in one.commands if "ssh-keygen -q" in text]
    assert prepared.index("systemctl stop migrator-data-abc-source") < prepared.index("rm -rf") < prepared.index("ssh-keygen -q")
    assert not any("bind" in text for text in one.commands)


def test_a_server_that_does_not_come_up_is_told() -> None:
    """With where its words are."""
    one = host()
    one.fails("create_connection")
    one.accepted.remove("create_connection")
    with pytest.raises(BlockedError, match="does not answer at 10") as caught:
        started(one)
    assert "journalctl -u migrator-data-abc-source" in caught.value.hint


def test_programs_that_are_missing_are_named() -> None:
    """All at once, an old Python among them."""
    one = FakeHost("blue-1")
    one.answers["for name in"] = "rsync\npython3 (3.11 or newer)\n"
    with pytest.raises(BlockedError, match=r"blue-1 has no rsync, python3 \(3.11 or newer\)"):
        require_programs(one)
