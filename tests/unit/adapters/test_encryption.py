"""What is encrypted can be decrypted by the person's key only, and a program that fails is found before it matters."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from migrator.adapters.encryption import ProgramSealer
from migrator.errors import BlockedError, CommandFailedError
from migrator.ports import ByteSink
from tests.support.clock import interrupt

SECRET = os.urandom(300_000)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder of PATH besides the system's own programs of the shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    """Put a program on PATH."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def sealed(sealer: ProgramSealer, data: bytes = SECRET) -> bytes:
    """Encrypt in two pieces."""
    target = io.BytesIO()
    with sealer.sealing(target) as file:
        file.write(data[:100_000])
        file.write(data[100_000:])
    return target.getvalue()


@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_gpg_encrypts_to_a_key_of_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the plaintext is nowhere on the disk; a key that is not known is refused beforehand."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    generate = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", "me@example.com", "default", "default", "never"]
    subprocess.run(generate, check=True, capture_output=True)
    sealer = ProgramSealer("me@example.com")
    closed = sealed(sealer)
    opened = subprocess.run(["gpg", "--batch", "--decrypt"], input=closed, capture_output=True, check=True)
    assert (sealer.suffix, opened.stdout) == (".gpg", SECRET)
    assert SECRET[:64] not in closed
    with pytest.raises(BlockedError, match=r"gpg does not encrypt to nobody@example\.com: "):
        ProgramSealer("nobody@example.com")
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


@pytest.mark.skipif(not shutil.which("age"), reason="needs age")
def test_age_encrypts_to_a_recipient(tmp_path: Path) -> None:
    """Which is named by its public key."""
    identity = tmp_path / "key"
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True).stdout.strip()
    sealer = ProgramSealer(recipient)
    closed = sealed(sealer)
    opened = subprocess.run(["age", "--decrypt", "--identity", str(identity)], input=closed, capture_output=True, check=True)
    assert (sealer.suffix, opened.stdout) == (".age", SECRET)


@pytest.mark.parametrize(("recipient", "name"), [("age1xyz", "age"), ("ssh-ed25519 AAAA me", "age"), ("me@example.com", "gpg")])
def test_a_program_that_is_missing_is_one_line(programs: Path, recipient: str, name: str) -> None:
    """Found before anything is asked or written."""
    with pytest.raises(BlockedError, match=f"{name} is not on PATH") as caught:
        ProgramSealer(recipient)
    assert "install it" in caught.value.hint
    assert list(programs.iterdir()) == []


@pytest.mark.parametrize("recipient", ["", "-d", "--output"])
def test_an_option_is_no_recipient(recipient: str) -> None:
    """It would be the program's to read."""
    with pytest.raises(BlockedError, match="is not a recipient"):
        ProgramSealer(recipient)


def test_a_program_that_ends_early_is_an_error_with_its_words(programs: Path) -> None:
    """Not a broken pipe, which would end the command as if its reader had gone."""
    program(programs, "age", "if read -r line; then echo no room >&2; exit 3; fi; echo head")
    with pytest.raises(CommandFailedError, match="no room"):
        sealed(ProgramSealer("age1xyz"))


def test_a_full_disk_is_the_disks_error(programs: Path) -> None:
    """The program goes on, and is not blamed."""
    program(programs, "age", "echo head; exec /bin/cat")

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device", str(type(data)))

    with pytest.raises(OSError, match="No space left"), ProgramSealer("age1xyz").sealing(Full()) as file:
        file.write(SECRET)


def test_an_interruption_ends_the_program(programs: Path) -> None:
    """^C while blue is read: nothing of it stays behind."""
    program(programs, "age", "echo head; exec /bin/cat")
    file = io.BytesIO()
    with pytest.raises(KeyboardInterrupt), ProgramSealer("age1xyz").sealing(file) as pipe:
        interrupted_after(pipe)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def interrupted_after(pipe: ByteSink) -> None:
    """Write, and press ^C."""
    pipe.write(b"x")
    interrupt()


def test_a_program_that_waits_for_a_person_is_told(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gpg's agent may ask at another terminal, and nobody answers: that is no bug of ours."""
    monkeypatch.setattr("migrator.adapters.encryption._SECONDS", 0.2)
    program(programs, "gpg", "exec /bin/sleep 1000")
    with pytest.raises(BlockedError, match=r"gpg does not encrypt to me: not done within 0\.2 s"):
        ProgramSealer("me")
