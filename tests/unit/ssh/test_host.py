"""Commands go through a program named `ssh`; here it is one that runs them on this machine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from migrator.adapters.clock import SystemClock
from migrator.config.login import Login
from migrator.errors import CommandFailedError, HostError
from migrator.ssh.host import SshHost, login_line, newer_options
from migrator.ssh.session import SessionHost
from migrator.testbed.sshd import ssh_server
from tests.support.clock import FakeClock
from tests.support.ssh_program import SshProgram

RUNS = 'for word; do :; done\nexec sh -c "$word"'
"""The last word is the command, as it is for OpenSSH."""


class Ssh(SshProgram):
    """The program, and the host that is reached through it."""

    def host(self, user: str = "root", **login: str) -> SshHost:
        """Return a host that is reached through it."""
        return SshHost("green-1", Login("192.0.2.7", user, 2222, **login), self.folder / "sockets", clock=FakeClock())


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    """Return the program."""
    return Ssh(tmp_path, monkeypatch, RUNS)


def test_a_command_gets_its_input_and_gives_its_output(ssh: Ssh) -> None:
    """What is secret goes through standard input, and is in no argument."""
    assert ssh.host().run("cat; echo end", stdin=b"secret ") == "secret end\n"
    assert not any("secret" in word for word in ssh.words)


@pytest.mark.usefixtures("ssh")
@pytest.mark.parametrize("kind", [SshHost, SessionHost])
def test_programs_of_root_are_found_on_the_path_of_a_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: type[SshHost]
) -> None:
    """Sudoers without secure_path: `modprobe`, `sysctl` and `ip` of Debian would not be there; the user's own come first."""
    monkeypatch.setenv("PATH", ":".join(path for path in os.environ["PATH"].split(":") if "sbin" not in path))
    host = kind("green-1", Login("192.0.2.7"), tmp_path / "sockets", clock=FakeClock())
    assert host.run("command -v chroot").endswith("sbin/chroot\n")
    assert host.run("echo $PATH").startswith(f"{os.environ['PATH']}:")


def test_quotes_and_dollars_reach_the_host_as_they_are(ssh: Ssh) -> None:
    """The shell that runs the line is the only one that reads it."""
    assert ssh.host().run("""name='a "b"'; echo "$name $((1+1))" | sed 's/b/c/'""") == 'a "c" 2\n'


def test_a_host_is_known_by_its_key_and_nobody_is_asked(ssh: Ssh) -> None:
    """No question can stop a run; a key that is not known is refused."""
    ssh.host(key="/keys/id", known_hosts="/keys/known").run("true")
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentityFile=/keys/id", "UserKnownHostsFile=/keys/known"} <= set(
        ssh.words
    )
    assert ssh.words[:2] == ["-p", "2222"]
    assert "root@192.0.2.7" in ssh.words


@pytest.mark.parametrize(
    ("path", "value"),
    [("/my keys/id", '"/my keys/id"'), ("/100%/id", "/100%%/id"), ('/a"b\\c #d', '"/a\\"b\\\\c #d"'), ("/keys/id", "/keys/id")],
)
def test_a_path_is_one_value_whatever_is_in_it(ssh: Ssh, path: str, value: str) -> None:
    """Ssh splits a value at spaces: a file of keys was taken for two, and no host was known; `%` begins a token (ssh_config(5))."""
    ssh.host(key=path, known_hosts=path).run("true")
    assert {f"IdentityFile={value}", f"UserKnownHostsFile={value}"} <= set(ssh.words)


@pytest.mark.skipif(not shutil.which("ssh"), reason="needs ssh")
def test_ssh_itself_reads_such_a_path(tmp_path: Path) -> None:
    """With the sockets of connections in such a folder, too."""
    folder = tmp_path / "a 100% b"
    host = SshHost("green-1", Login("192.0.2.7", known_hosts=f"{folder}/known"), folder, clock=FakeClock())
    said = subprocess.run([*host.login[:1], "-G", *host.login[1:]], capture_output=True, text=True, check=True).stdout
    settings = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    assert settings["userknownhostsfile"] == f"{folder}/known"
    assert settings["controlpath"].startswith(f"{folder}/")


def test_sockets_of_connections_are_the_users_alone(ssh: Ssh, tmp_path: Path) -> None:
    """Whoever can open one is root on the host."""
    ssh.host()
    assert (tmp_path / "sockets").stat().st_mode & 0o777 == 0o700


def test_another_user_becomes_root_through_sudo_without_a_question(ssh: Ssh) -> None:
    """What sudo refuses is told with the line that permits it."""
    ssh.says("sudo: a password is required", code=1)
    with pytest.raises(HostError, match="user pi may not use sudo without a password") as caught:
        ssh.host("pi").run("true")
    assert ssh.words[-1].startswith("sudo -n -- sh -c")
    assert "NOPASSWD" in caught.value.hint


@pytest.mark.parametrize(
    ("told", "code", "user", "words", "hint"),
    [
        ("sudo: Ein Passwort ist notwendig", 1, "pi", "may not use sudo without a password", "NOPASSWD"),
        ("sudo: sorry, you must have a tty to run sudo", 1, "pi", "wants a terminal", "!requiretty"),
        ("bash: line 1: sudo: command not found", 127, "pi", "has no sudo", "doas does not do"),
        ('Please login as the user "ubuntu" rather than the user "root".', 142, "root", "gets no shell", "`user: ubuntu`"),
        ('Please login as the user "opc" rather than the user "root".', 0, "root", "gets no shell", "`user: opc`"),
        ("This account is currently not available.", 1, "root", "gets no shell: This account", "nologin"),
        ("", 0, "root", "gets no shell", "log in by hand"),
    ],
    ids=["German", "requiretty", "doas", "an image of Ubuntu", "an old image of it", "nologin", "nothing at all"],
)
def test_a_login_that_runs_no_command_is_no_answer(ssh: Ssh, told: str, code: int, user: str, words: str, hint: str) -> None:
    """Whatever it ends with, and in whatever language: `ok` would say yes to every question (cloud-init#2367)."""
    ssh.does(f"echo {shlex.quote(told)}; exit {code}")
    for ask in (ssh.host(user).run, ssh.host(user).ok):
        with pytest.raises(HostError, match=words) as caught:
            ask("true")
        assert hint in caught.value.hint


def test_what_a_login_shell_prints_by_itself_is_in_no_answer(ssh: Ssh, tmp_path: Path) -> None:
    """Fish reads its settings for each command, and bash ~/.bashrc (fish-shell#3473)."""
    ssh.does(f"echo Welcome to $0; echo 'no such theme' >&2\n{RUNS}")
    (tmp_path / "file").write_bytes(b"\x00one")
    assert ssh.host().run("echo yes; echo quiet >&2") == "yes\n"
    assert ssh.host().read(str(tmp_path / "file")) == b"\x00one"
    with pytest.raises(CommandFailedError, match=r"ended with 3: mine$"):
        ssh.host().run("echo mine >&2; exit 3")


@pytest.mark.parametrize("text", ["", "plain", "it's", r"printf '\\n%s\'", "a\nb", "'", "\\", "~ $HOME *"])
def test_fish_reads_a_line_as_other_shells_do(text: str) -> None:
    r"""Between single quotes it takes `\\` and `\'` for escapes, so none of them is there (supacode#585)."""
    line = login_line(["printf", "%s", text])
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout.decode() == text
    assert not [part for part in re.findall(r"'([^']*)'(?=[^']|$)", re.sub(r'"[^"]*"', "", line)) if "\\" in part]


def test_a_command_that_fails_keeps_its_code_and_words(ssh: Ssh) -> None:
    """`ok` is the same question without an error."""
    with pytest.raises(CommandFailedError, match=r"green-1: .*ended with 3: no such thing"):
        ssh.host().run("echo no such thing >&2; exit 3")
    assert not ssh.host().ok("exit 3")
    assert ssh.host().ok("true")


@pytest.mark.parametrize(
    ("complaint", "hint"),
    [
        ("WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!", "ssh-keygen -R '[192.0.2.7]:2222'"),
        ("Host key verification failed.", "ssh-keyscan -p 2222 192.0.2.7"),
        ("pi@192.0.2.7: Permission denied (publickey).", "ssh-copy-id"),
        ("connect to host 192.0.2.7: No route to host", "is it on"),
    ],
)
def test_a_connection_that_fails_has_the_hint_for_its_cause(ssh: Ssh, complaint: str, hint: str) -> None:
    """It is an error of the host, not of the command, and `ok` does not hide it."""
    ssh.says(complaint)
    for ask in (ssh.host().run, ssh.host().ok):
        with pytest.raises(HostError) as caught:
            ask("true")
        assert hint in caught.value.hint


def test_a_command_that_takes_too_long_is_an_error_with_the_time(ssh: Ssh) -> None:
    """The command is named by its first line."""
    ssh.does("exec sleep 1000")
    with pytest.raises(HostError, match="`first` is not done after 0 s"):
        ssh.host().run("first\nsecond", timeout=0.2)


def test_a_host_that_prints_without_end_is_an_error(ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is named (test_bounded.py)."""
    monkeypatch.setattr("migrator.ssh.host.LONGEST_ANSWER", 1 << 20)
    with pytest.raises(HostError, match="green-1: `yes` prints more than 1 MiB"):
        ssh.host().run("yes")


def test_a_file_is_replaced_at_once_with_its_mode_and_folders(ssh: Ssh, tmp_path: Path) -> None:
    """Never half of it, and never readable for others in between; its bytes come back as they are."""
    target = tmp_path / "a b" / "file"
    host = ssh.host()
    host.write(str(target), b"\x00one", mode=0o600)
    host.write(str(target), b"\x00two", mode=0o640)
    assert host.read(str(target)) == b"\x00two"
    assert target.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["file"]
    with pytest.raises(CommandFailedError, match="No such file"):
        host.read(str(tmp_path / "none"))


def test_a_file_is_on_the_disk_before_it_gets_its_name_and_then_its_name(
    ssh: Ssh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark that a power cut leaves empty is none: the host would be taken for one that was made by hand."""
    programs, log, target = tmp_path / "programs", tmp_path / "log", tmp_path / "marks" / "node.json"
    programs.mkdir()
    (programs / "sync").write_text(f'#!/bin/sh\necho "$1" $(ls "{target.parent}") >> "{log}"\n')
    (programs / "sync").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    ssh.host().write(str(target), b"{}")
    assert log.read_text().splitlines() == [f"{target}.new node.json.new", f"{target.parent} node.json"]


SETTINGS = {
    "a command of one's own": "RemoteCommand tmux new -A\nRequestTTY force\n",
    "no input": "StdinNull yes\n",
    "no session": "SessionType none\n",
    "in the background": "ForkAfterAuthentication yes\n",
    "a port that is taken": "LocalForward 127.0.0.1:@PORT@ 127.0.0.1:22\nExitOnForwardFailure yes\n",
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("kind", [SshHost, SessionHost])
def test_a_persons_settings_for_terminals_keep_no_command_from_its_input(
    settings: str, kind: type[SshHost], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `StdinNull` files were written empty, and that was a success; the others are as common (vscode-remote-release#481)."""
    if not newer_options() and "LocalForward" not in settings and "RemoteCommand" not in settings:
        pytest.skip("this OpenSSH does not know them")
    real = shutil.which("ssh")
    # The path of a socket is short (unix(7)).
    with ssh_server(tmp_path / "server") as server, tempfile.TemporaryDirectory() as sockets:
        (tmp_path / "settings").write_text(f"Host *\n{settings.replace('@PORT@', str(server.port))}")
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {real} -F {tmp_path}/settings -o ControlPersist=no "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        access = server.access
        login = Login("127.0.0.1", str(access["user"]), server.port, str(access["key"]), str(access["knownHosts"]))
        host = kind("green-1", login, Path(sockets), clock=SystemClock())
        assert host.run("cat; echo end", stdin=b"input ", timeout=20) == "input end\n"


def test_a_file_that_does_not_come_whole_is_not_put_in_place(ssh: Ssh, tmp_path: Path) -> None:
    """A line that is cut ends the text early, and the shell there goes on."""
    ssh.does('for word; do :; done\nhead -c 3 | sh -c "$word"')
    (tmp_path / "f").write_text("before")
    with pytest.raises(CommandFailedError, match="did not come whole"):
        ssh.host().write(str(tmp_path / "f"), b"content")
    assert (tmp_path / "f").read_text() == "before"


def test_a_machine_without_ssh_is_told_what_to_install(ssh: Ssh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a small container has none; it was reported as a file that is not there."""
    host = ssh.host()
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(HostError, match="green-1: ssh cannot be started: No such file") as caught:
        host.run("true")
    assert caught.value.hint == "install OpenSSH's client"
