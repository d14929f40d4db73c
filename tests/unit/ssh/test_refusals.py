"""What ssh says where there is no connection, and the hint for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.config.login import Login
from migrator.ssh.refusals import of_connection, of_login

CLOSED = "Connection closed by UNKNOWN port 65535"


@pytest.mark.parametrize(
    ("complaint", "reason", "hint"),
    [
        (
            "Received disconnect from 10.0.0.5 port 22:2: Too many authentication failures\nDisconnected from 10.0.0.5 port 22",
            "Too many authentication failures",
            "`key` under `ssh`",
        ),
        (
            (
                f"No ED25519 host key is known for jump.example and you have requested strict checking.\n"
                f"Host key verification failed.\n{CLOSED}"
            ),
            "host key is known for jump.example",
            "ProxyJump",
        ),
        (
            (
                "No ED25519 host key is known for [10.0.0.5]:2222 and you have requested strict checking.\n"
                "Host key verification failed."
            ),
            "No ED25519 host key is known",
            "ssh-keyscan -p 22 10.0.0.5",
        ),
        (
            f"channel 0: open failed: connect failed: No route to host\nstdio forwarding failed\n{CLOSED}",
            "No route to host",
            "is it on",
        ),
        (
            "Unable to negotiate with 10.0.0.5 port 22: no matching host key type found. Their offer: ssh-rsa",
            "Their offer",
            "too old",
        ),
        (
            "@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\npi@10.0.0.5: Permission denied (publickey).",
            "Permission denied",
            "chmod 600",
        ),
        ("kex_exchange_identification: read: Connection reset by peer", "Connection reset", "fail2ban"),
        ("ssh: Could not resolve hostname pi1.local: Name or service not known", "pi1.local", "~/.ssh/config"),
        ('Load key "/keys/id": error in libcrypto\npi@10.0.0.5: Permission denied (publickey).', "denied", "private key"),
        ("", "the connection was lost", "is it on"),
    ],
    ids=[
        *("an agent with many keys", "an unknown jump host", "the host's own key", "behind a jump host", "an old server"),
        *("a key for all to read", "banned", "no such name", "no key", "nothing said"),
    ],
)
def test_each_cause_has_its_hint(complaint: str, reason: str, hint: str) -> None:
    """The line that tells most is shown, and not the last one, which with a jump host tells nothing."""
    error = of_connection("pi1", Login("10.0.0.5"), complaint)
    assert reason in error.message
    assert hint in error.hint


def test_a_host_on_another_port_is_named_as_known_hosts_has_it() -> None:
    """`ssh-keygen -R ADDRESS` alone finds only what is on port 22 (sshd(8))."""
    changed = "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key for [10.0.0.5]:2222 has changed"
    assert "-R '[10.0.0.5]:2222'" in of_connection("pi1", Login("10.0.0.5", port=2222), changed).hint
    assert "-R 10.0.0.5 " in of_connection("pi1", Login("10.0.0.5"), changed.splitlines()[0]).hint


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    """OpenSSH goes on without it, and is not let in."""
    key = tmp_path / "id"
    denied = "pi@10.0.0.5: Permission denied (publickey)."
    assert f"there is no file {key}" in of_connection("pi1", Login("10.0.0.5", key=str(key)), denied).hint
    key.write_text("")
    assert "ssh-copy-id" in of_connection("pi1", Login("10.0.0.5", key=str(key)), denied).hint


def test_a_login_shell_that_reads_commands_otherwise_is_named() -> None:
    """FreeBSD's root has csh; what it makes of a script of several lines tells nobody what is wrong."""
    error = of_login("fw", Login("10.0.0.5"), "Unmatched '''.\nwhile: Expression Syntax.\ndo: Command not found.\n")
    assert "login shell of user root is csh" in error.message
    assert "chsh -s /bin/sh" in error.hint
    assert "is csh" in of_login("fw", Login("10.0.0.5"), "b: Event not found.\n").message
    assert "is csh" not in of_login("fw", Login("10.0.0.5"), "This account is currently not available.").message
