"""Where packages are built and as whom: nothing that the build user may have placed is followed or overwritten as root."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import BlockedError, CommandFailedError, MigratorError

_STATE = Path("/var/lib/migrator-build")
_FOLDERS = {"GOMODCACHE": "go-mod", "GOCACHE": "go-build", "TMPDIR": "tmp"}
# For a command; a build itself is a process of its own, and has no limit.
_SECONDS = 600.0
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def state_folder(work: Path, *, base: Path = _STATE) -> Path:
    """Return the folder of logs, times and the record of what was done to the host: root's own where root asks.

    Everybody else is the build user, and keeps them in the work folder.
    """
    if os.geteuid() != 0:
        return work
    # A folder for each work folder, with a name that cannot contain a path.
    return base / hashlib.sha256(str(work.absolute()).encode()).hexdigest()[:12]


def make_state_folder(folder: Path) -> None:
    """Make the folder of `state_folder` with its parent, for its owner alone; raises BlockedError if others may write there."""
    if os.geteuid() != 0:
        folder.mkdir(parents=True, exist_ok=True)
        return
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    for place in (folder.parent, folder):
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            found = place.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & _WRITABLE_BY_OTHERS:
                raise BlockedError(f"{place}: is not a folder of root alone", hint="look what it is, and remove it") from None


@dataclass(slots=True, frozen=True)
class BuildPlace:
    """Where and as whom packages are built."""

    work: Path
    """Sources and Go's caches; belongs to `user`."""
    user: str
    """Empty: whoever runs this, who must not be root."""
    jobs: int
    source_base: str = ""
    """Another base address of release archives."""

    @property
    def environment(self) -> dict[str, str]:
        """Return where Go and the compilers keep things; the folders are made."""
        self.take()
        folders = {name: self.work / folder for name, folder in _FOLDERS.items()}
        self.run(["mkdir", "-p", "--", *map(str, folders.values())])
        return {name: str(folder) for name, folder in folders.items()}

    def take(self) -> None:
        """Make the work folder and give it to the build user; raises BlockedError if somebody else has a hand in it."""
        if not self.user:
            self.work.mkdir(parents=True, exist_ok=True)
            return
        account = pwd.getpwnam(self.user)
        self.work.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self.work.mkdir(mode=0o755)
        try:
            # By descriptor, and no link: between a look and a chown somebody could put another folder there.
            descriptor = os.open(self.work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise BlockedError(f"{self.work}: is not a folder", hint="remove it, or name another --work") from error
        try:
            found = os.fstat(descriptor)
            if found.st_uid not in (0, account.pw_uid) or found.st_mode & _WRITABLE_BY_OTHERS:
                raise BlockedError(
                    f"{self.work}: {self.user} is to build there, and it is user {found.st_uid}'s, mode {found.st_mode & 0o7777:o}",
                    hint="remove it, or name another --work",
                )
            if found.st_uid == 0:
                os.fchown(descriptor, account.pw_uid, account.pw_gid)
        finally:
            os.close(descriptor)

    def command(self, words: Sequence[str], folder: Path | None = None) -> list[str]:
        """Return a command that runs as the build user, to whom `folder`, which only the caller has written to, is given."""
        if not self.user:
            return list(words)
        account = pwd.getpwnam(self.user)
        if folder is not None:
            self.take()
            run(["chown", "-R", "-h", f"{account.pw_uid}:{account.pw_gid}", folder])
        # Without --clear-groups it would keep root's groups.
        identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        # A build does not outlive who started it.
        return ["setpriv", *identity, "--pdeathsig=TERM", "--", *words]

    def run(self, words: Sequence[str], *, stdin: bytes = b"") -> None:
        """Run a program as the build user; raises CommandFailedError."""
        done = subprocess.run(self.command(words), input=stdin, capture_output=True, check=False, timeout=_SECONDS, cwd="/")
        if done.returncode:
            raise CommandFailedError(" ".join(words[:3]), done.returncode, done.stderr.decode(errors="replace"))

    def remove(self, folder: Path) -> None:
        """Remove a folder of the build user, as that user; Go's modules in it are read-only."""
        self.run(["sh", "-c", 'test ! -e "$1" || chmod -R u+w -- "$1"; rm -rf -- "$1"', "sh", str(folder)])

    def collect(self, file: Path, dest: Path) -> Path:
        """Copy a file that the build user has made to a folder; raises MigratorError for what is not a plain file of theirs."""
        owner = pwd.getpwnam(self.user).pw_uid if self.user else os.geteuid()
        dest.mkdir(parents=True, exist_ok=True)
        partial = dest / f".{file.name}"
        # O_EXCL below refuses what is there, also a link that the build user has planted.
        partial.unlink(missing_ok=True)
        try:
            source = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise MigratorError(f"{file}: cannot be read: {error.strerror}") from error
        with os.fdopen(source, "rb") as made:
            found = os.fstat(source)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != owner or found.st_nlink != 1:
                raise MigratorError(f"{file}: is not a plain file of the build user", hint="nothing was taken; look what built it")
            target = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with os.fdopen(target, "wb") as copy:
                shutil.copyfileobj(made, copy)
        partial.replace(dest / file.name)
        return dest / file.name
