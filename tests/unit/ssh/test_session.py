"""One session for all commands; `ssh` is a program that runs what it is told on this machine."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from migrator.adapters.clock import SystemClock
from migrator.config.login import Login
from migrator.errors import CommandFailedError, HostError
from migrator.ssh.session import SessionHost
from tests.support.sandbox import until
from tests.support.ssh_program import SshProgram

RUNS = 'for word; do :; done\nexec sh -c "exec $word"'


class Ssh(SshProgram):
    """The program, and the host that is reached through it."""

    def host(self, user: str = "root") -> SessionHost:
        """Return a host that is reached through it."""
        return SessionHost("lb1", Login("192.0.2.7", user, 2222), self.folder / "sockets", clock=SystemClock())


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    """Return the program."""
    return Ssh(tmp_path, monkeypatch, RUNS)


def test_commands_share_one_session(ssh: Ssh) -> None:
    """Input, output without an end of line, quotes and errors stay with the command that they belong to."""
    host = ssh.host()
    assert host.run("cat; printf end", stdin=b"a\nb\\n%s") == "a\nb\\n%send"
    assert host.run("""name='a "b"'; echo "$name" >&2; exec echo "$name\n" """) == 'a "b"\n\n'
    with pytest.raises(CommandFailedError, match="no such thing") as caught:
        host.run("echo 'no such thing' >&2; exit 44")
    assert caught.value.code == 44
    assert (host.ok("false"), host.run("echo ok"), len(ssh.processes)) == (False, "ok\n", 1)


def test_a_file_keeps_its_bytes(ssh: Ssh, tmp_path: Path) -> None:
    """More of them than an argument or a pipe can hold, and no shell reads them."""
    content = os.urandom(1 << 18)
    host = ssh.host()
    host.write(str(tmp_path / "a file"), content)
    assert host.read(str(tmp_path / "a file")) == content


def test_what_is_secret_is_in_no_argument(ssh: Ssh) -> None:
    """Neither as it is nor in base64: the command itself is not, either."""
    ssh.host().run("cat > /dev/null; true me", stdin=b"password")
    assert not [word for word in ssh.words if "password" in word or "cGFzc3dv" in word or "true me" in word]


def test_what_runs_on_in_the_background_holds_no_command_up(ssh: Ssh) -> None:
    """It has the output, as a program has that a script leaves behind."""
    assert ssh.host().run("sleep 1000 & echo $!; ", timeout=60).strip().isdecimal()


def test_a_session_that_is_lost_is_an_error_and_the_next_command_opens_another(ssh: Ssh) -> None:
    """What was sent is not sent again: nobody knows whether it was done."""
    host = ssh.host()
    host.run("true")
    with pytest.raises(HostError, match=r"lb1 at 192\.0\.2\.7: the connection was lost"):
        host.run(f"kill -9 {ssh.processes[0]}")
    assert (host.run("echo again"), len(ssh.processes)) == ("again\n", 2)


def test_a_session_that_died_between_two_commands_is_not_noticed(ssh: Ssh) -> None:
    """Nothing was under way."""
    host = ssh.host()
    host.run("true")
    os.kill(ssh.processes[0], signal.SIGKILL)
    until(lambda: Path(f"/proc/{ssh.processes[0]}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert host.run("echo again") == "again\n"


def test_a_command_that_takes_too_long_ends_the_session(ssh: Ssh) -> None:
    """Its answer, should it come, is not taken for the next one's."""
    host = ssh.host()
    with pytest.raises(HostError, match="`sleep 1000` is not done after 0 s"):
        host.run("sleep 1000", timeout=0.1)
    assert (host.run("echo next"), len(ssh.processes)) == ("next\n", 2)


def test_a_host_that_prints_without_end_ends_the_session(ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of what it prints is not taken for the next answer."""
    monkeypatch.setattr("migrator.ssh.host.LONGEST_ANSWER", 1 << 20)
    host = ssh.host()
    with pytest.raises(HostError, match="`yes` prints more than 1 MiB"):
        host.run("yes")
    assert (host.run("echo next"), len(ssh.processes)) == ("next\n", 2)


def test_a_host_that_is_not_reached_is_told_with_what_ssh_says(ssh: Ssh) -> None:
    """And what helps."""
    ssh.does("echo 'pi@192.0.2.7: Permission denied (publickey).' >&2; exit 255")
    for ask in (lambda: ssh.host().run("true"), lambda: ssh.host().forwarded("/s")):
        with pytest.raises(HostError, match="Permission denied") as caught:
            ask()
        assert "ssh-copy-id" in caught.value.hint


def test_sudo_that_asks_for_a_password_is_told_with_the_line_that_mends_it(ssh: Ssh) -> None:
    """The session ends before any command."""
    ssh.does("echo 'sudo: a password is required' >&2; exit 1")
    with pytest.raises(HostError, match="may not use sudo without a password"):
        ssh.host("pi").run("true")


def test_a_login_that_is_none_is_told_with_what_it_says(ssh: Ssh) -> None:
    """Also where it ends well, as images do whose root may not log in."""
    ssh.does('echo \'Please login as the user "ubuntu" rather than the user "root".\'; exit 0')
    with pytest.raises(HostError, match="user root gets no shell: Please login") as caught:
        ssh.host().run("true")
    assert "`user: ubuntu`" in caught.value.hint


def test_what_a_login_shell_prints_by_itself_is_in_no_answer(ssh: Ssh) -> None:
    """It comes before the first one, and lines of it may be anything."""
    ssh.does(f"echo; echo Welcome; echo; echo 'no such theme' >&2\n{RUNS}")
    host = ssh.host()
    assert (host.run("echo yes; echo quiet >&2"), host.run("echo again")) == ("yes\n", "again\n")


def test_a_host_without_base64_writes_no_empty_file(ssh: Ssh, tmp_path: Path) -> None:
    """What needs no input runs there all the same."""
    (tmp_path / "base64").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "base64").chmod(0o755)
    host = ssh.host()
    with pytest.raises(CommandFailedError):
        host.write(str(tmp_path / "file"), b"content")
    assert not (tmp_path / "file.new").exists()
    assert host.run("echo well") == "well\n"


def test_a_login_begins_before_it_is_asked_for(ssh: Ssh, tmp_path: Path) -> None:
    """With the sockets that will be; the first command and the first socket take the same one."""
    host = SessionHost("lb1", Login("192.0.2.7"), tmp_path / "sockets", clock=SystemClock(), forwards=["/run/admin.sock"])
    host.begin()
    until((tmp_path / "pids").exists)  # written after the words
    (way,) = [word.partition(":")[0] for word in ssh.words if word.endswith(":/run/admin.sock")]
    Path(way).touch()
    assert (host.run("echo ok"), str(host.forwarded("/run/admin.sock")), len(ssh.processes)) == ("ok\n", way, 1)


def test_a_login_that_cannot_even_begin_is_told_by_the_first_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without ssh."""
    monkeypatch.setenv("PATH", str(tmp_path))
    host = SessionHost("lb1", Login("192.0.2.7"), tmp_path / "sockets", clock=SystemClock())
    host.begin()
    with pytest.raises(HostError, match="ssh"):
        host.run("true")


def test_commands_of_several_threads_wait_for_each_other(ssh: Ssh) -> None:
    """Each gets its own answer."""
    host, found = ssh.host(), {}

    def ask(number: int) -> None:
        found[number] = host.run(f"echo {number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number}\n" for number in range(8)}


FORWARDS = 'way=; for word; do case "$before" in -L) way=${word%%:*};; esac; before=$word; done\ntest ! -e "$way" || exit 255\n: > "$way"\n'
"""As OpenSSH it binds no socket that is there already."""


def test_a_socket_of_the_host_is_forwarded_by_the_session(ssh: Ssh, tmp_path: Path) -> None:
    """Commands go through the same one; a lost session is opened with the way that it had."""
    ssh.does(f"{FORWARDS}{RUNS}")
    host = ssh.host()
    way = host.forwarded("/run/haproxy.sock")
    assert (way.parent, host.run("echo ok"), host.forwarded("/run/haproxy.sock")) == (tmp_path / "sockets", "ok\n", way)
    assert ssh.words[ssh.words.index("-L") + 1] == f"{way}:/run/haproxy.sock"
    os.kill(ssh.processes[0], signal.SIGKILL)
    until(lambda: Path(f"/proc/{ssh.processes[0]}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert (host.forwarded("/run/haproxy.sock"), host.run("echo ok"), len(ssh.processes)) == (way, "ok\n", 2)


def test_a_session_ends_with_the_host_that_has_it(ssh: Ssh) -> None:
    """Nothing is left behind on either machine."""
    host = ssh.host()
    host.run("true")
    (process,) = ssh.processes
    del host
    until(lambda: not Path(f"/proc/{process}").exists())
