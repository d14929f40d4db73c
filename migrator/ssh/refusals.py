"""What ssh and sudo say where no command was run, and what a person does about it. Reads text, and whether a key is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from migrator.config.login import Login
from migrator.errors import HostError
from migrator.untrusted import printable


def _not_let_in(login: Login) -> str:
    # ssh leaves out a key that is not there without a word, at the level that it is asked to tell at.
    if login.key and not Path(login.key).expanduser().exists():
        return f"there is no file {login.key} on this machine: correct `key`"
    return f"user {login.user} with key {login.key or 'of your agent'} is not let in: ssh-copy-id"


_ROWS: tuple[tuple[str, Callable[[Login], str]], ...] = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        lambda login: (
            f"was the host reinstalled? Then: ssh-keygen -R {_entry(login)} -f {_known(login)}; compare the new key, and accept it"
        ),
    ),
    (
        "Host key verification failed|host key is known",
        lambda login: f"compare the key with the host's own, then: ssh-keyscan -p {login.port} {login.address} >> {_known(login)}",
    ),
    (
        "Too many authentication failures",
        lambda _: "ssh offers every key of your agent before the right one: name it, `key` under `ssh` in the stack's file",
    ),
    (
        "UNPROTECTED PRIVATE KEY FILE|Bad owner or permissions",
        lambda login: f"ssh leaves out files that others may read or write: chmod 600 {login.key or '~/.ssh/config ~/.ssh/id_*'}",
    ),
    (
        "no such identity|Identity file .* not accessible|error in libcrypto|invalid format",
        lambda login: f"is {login.key or 'the key'} the path of a private key, on this machine?",
    ),
    (
        "Unable to negotiate|no matching",
        lambda login: (
            "its SSH server is too old for this machine's ssh, or set to other algorithms: update it there; "
            f"or allow what it offers for {login.address} in ~/.ssh/config"
        ),
    ),
    ("Permission denied", _not_let_in),
    (
        "Could not resolve hostname",
        lambda login: f"the name {login.address} is known neither to this machine's DNS nor to ~/.ssh/config",
    ),
    (
        "kex_exchange_identification|Connection (closed|reset) by (?!UNKNOWN)",
        lambda _: (
            "its SSH server ends connections before a login: is this address banned there (fail2ban, MaxStartups), "
            "or is the host still starting?"
        ),
    ),
)
"""Words of OpenSSH, which are English always, and the hint; the first that fits counts."""
_ELSEWHERE = re.compile(r"host key is known for (\S+) and|Host key for (\S+) has changed")
_NO_REASON = re.compile(
    r"^(Connection closed by UNKNOWN|stdio forwarding failed|Host key verification failed|Disconnected from|@+|debug\d:)"
)
# csh and its kin end quotes at a line's end, and take `!` for history: FreeBSD's, and so some firewalls', shell for root.
_CSH = re.compile(r"^Unmatched '+\.|: Event not found\.$", re.MULTILINE)
_OTHER_USER = re.compile(r"log ?in as (?:the )?(?:user )?[\"'`]?([a-z_][\w-]*)", re.IGNORECASE)


def not_started(name: str, error: OSError) -> HostError:
    """Return the error for an ssh that this machine cannot start."""
    hint = "install OpenSSH's client" if isinstance(error, FileNotFoundError) else "see what `ssh -V` says here"
    return HostError(f"{name}: ssh cannot be started: {error.strerror}", hint=hint)


def of_connection(name: str, login: Login, complaint: str) -> HostError:
    """Return the error for an ssh that ended without a connection, or lost it."""
    return HostError(f"{name} at {login.address}: {_reason(complaint)}", hint=_hint(login, complaint))


def of_login(name: str, login: Login, told: str) -> HostError:
    """Return the error for a login that came through, and not as far as a shell of root.

    Neither its words nor its end can be trusted: sudo and shells speak many languages, and images whose root may not log in
    end well (cloud-init: disable_root).
    """
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    said = printable(next((line for line in lines if line.startswith("sudo:")), lines[-1] if lines else "nothing"))[:200]
    other = _OTHER_USER.search(told)
    if other:
        hint = f"`user: {other[1]}` under `ssh` in the file that names the hosts; that user needs sudo without a password"
        return HostError(f"{name}: user {login.user} gets no shell: {said}", hint=hint)
    if _CSH.search(told):
        hint = "give that user another login shell (chsh -s /bin/sh), or name a user who has one"
        return HostError(f"{name}: the login shell of user {login.user} is csh, which reads commands otherwise: {said}", hint=hint)
    if login.user == "root" or not re.search(r"\bsudo\b", told):
        by_hand = f"ssh -p {login.port} {login.user}@{login.address} true"
        hint = f"log in by hand and see: {by_hand}; an expired password, or a login shell such as nologin, stops there"
        return HostError(f"{name}: user {login.user} gets no shell: {said}", hint=hint)
    if "tty" in told:
        return HostError(
            f"{name}: sudo wants a terminal: {said}",
            hint=f"on the host: echo 'Defaults:{login.user} !requiretty' >> /etc/sudoers.d/{login.user}",
        )
    if "not found" in told or "No such file" in told or "Unknown command" in told:
        return HostError(f"{name} has no sudo: {said}", hint="install sudo there (doas does not do), or let root log in by a key")
    return HostError(
        f"{name}: user {login.user} may not use sudo without a password: {said}",
        hint=f"on the host: echo '{login.user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{login.user}",
    )


def _hint(login: Login, complaint: str) -> str:
    asked = _ELSEWHERE.search(complaint)
    found = asked and (asked[1] or asked[2]).strip("[]").partition("]")[0]
    if found and found != login.address:
        return (
            f"that is the key of {printable(found)}, which ~/.ssh/config leads to (ProxyJump, HostKeyAlias): "
            "log in once by hand, and compare it"
        )
    return next(
        (hint(login) for words, hint in _ROWS if re.search(words, complaint)),
        "is it on, and is its address right? Run this again to go on",
    )


def _reason(complaint: str) -> str:
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in complaint:
        return "its host key is not the one that is known"
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    telling = [line for line in lines if not _NO_REASON.match(line)]
    return printable((telling or lines or ["the connection was lost"])[-1])


def _known(login: Login) -> str:
    return login.known_hosts or "~/.ssh/known_hosts"


def _entry(login: Login) -> str:
    """Return how known_hosts names the host: with its port, where that is not the usual one (sshd(8))."""
    return login.address if login.port == 22 else f"'[{login.address}]:{login.port}'"
