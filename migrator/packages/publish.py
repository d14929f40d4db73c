"""Create a pacman repository from packages, and copy it to a host."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import BlockedError
from migrator.untrusted import for_shell

REPOSITORY = "migrator"
_TO = re.compile(r"(?P<user>[^-:@\s][^:@\s]*@)?(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^-:@\s\[][^:@\s]*):(?P<folder>.+)")
# 200 MB for each version and architecture, over the line of a home.
_COPY_SECONDS = 3600.0


def publish(files: Sequence[Path], repository: Path, *, key: str = "") -> Path:
    """Add packages to a repository and return its database; with the id of a GPG key, packages and database are signed.

    Raises BlockedError when there is nothing to add, CommandFailedError with the words of gpg or repo-add.
    """
    if not files:
        raise BlockedError("there are no packages to publish", hint="`migrator packages build` makes them")
    repository.mkdir(parents=True, exist_ok=True)
    added = []
    for file in files:
        target = repository / file.name
        if file.resolve() != target.resolve():
            # A web server may be giving out the folder: nobody must get half a package.
            partial = target.with_name(f".{target.name}")
            shutil.copy(file, partial)
            partial.replace(target)
        if key:
            run(["gpg", "--batch", "--yes", "--detach-sign", "--local-user", key, target], hint="is the key on this machine?")
        added.append(target)
    database = repository / f"{REPOSITORY}.db.tar.gz"
    signing = ["--sign", "--key", key] if key else []
    run(["repo-add", "--quiet", *signing, database, *added], environment={"LC_ALL": "C"}, hint="repo-add is part of pacman")
    return database


def send(repository: Path, to: str) -> None:
    """Copy a repository to `user@host:/folder`; files there are replaced only after a complete transfer."""
    found = _TO.fullmatch(to)
    if not found:
        raise BlockedError(f"{to}: no host and folder, as in user@host:/srv/packages or user@[fd00::1]:/srv/packages")
    user, host, folder = found["user"] or "", found["host"], found["folder"]
    login = f"{user}{host.strip('[]')}"
    # A shell there takes `~/` for the home folder, and nothing else is to be read in it.
    quoted = f"~/{for_shell(folder[2:])}" if folder.startswith("~/") else for_shell(folder)
    names = sorted(entry.name for entry in repository.iterdir() if not entry.name.startswith("."))
    run(["ssh", "--", login, f"mkdir -p {quoted}/.new"])
    run(["scp", "-q", "--", *(repository / name for name in names), f"{user}{host}:{folder}/.new/"], timeout=_COPY_SECONDS)
    # The same for the remote folder: a rename for each file.
    run(["ssh", "--", login, f"mv -f {quoted}/.new/* {quoted}/ && rmdir {quoted}/.new"])


def build_user() -> str:
    """Return the build user for root: the user of sudo, or nobody; empty for all other users."""
    if os.geteuid() != 0:
        return ""
    return os.environ.get("SUDO_USER") or "nobody"
