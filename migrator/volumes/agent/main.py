"""The command line of what runs on the hosts; `migrator` calls it, and people need not.

Each command imports what it needs: a host compiles this file anew each time, and small boards are slow.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

# Exit codes: one that may succeed when it is run again, one that will not.
_FAILED, _REFUSED = 1, 2


def say(text: str) -> None:
    """Print one line at once: somebody follows the log.

    What the other host has said may be in it, and a line break of its own would begin a line that looks like a result.
    """
    text = "\\n".join(text.encode("utf-8", "backslashreplace").decode().splitlines())
    print(text, flush=True)  # noqa: T201 - this is a program of its own


def pull(path: str) -> int:
    """Run the pass that a file of settings describes, and say at its end what came of it."""
    from migrator.volumes.agent.attempts import result_line
    from migrator.volumes.agent.channel import SourceError
    from migrator.volumes.agent.entries import ListError
    from migrator.volumes.agent.guards import PassError, SourceInUseError
    from migrator.volumes.agent.restore import RestoreError
    from migrator.volumes.agent.transfer import TransferError
    from migrator.volumes.agent.tree import TreeError

    try:
        say(result_line({"good": True, **_pulled(path)}))
    except (PassError, TransferError, SourceError, TreeError, ListError, RestoreError, OSError) as error:
        in_use = isinstance(error, SourceInUseError)
        say(result_line({"good": False, "error": str(error), "hint": getattr(error, "hint", ""), "sourceInUse": in_use}))
        return _FAILED
    return 0


def _pulled(path: str) -> dict[str, Any]:
    import shutil
    import tempfile
    from contextlib import nullcontext

    from migrator.volumes.agent.attempts import LONG_PAUSES, SHORT_PAUSES, attempt
    from migrator.volumes.agent.begin import await_begin
    from migrator.volumes.agent.block import is_device
    from migrator.volumes.agent.block_pass import BlockPass
    from migrator.volumes.agent.channel import Channel, Line
    from migrator.volumes.agent.exclude import Exclude
    from migrator.volumes.agent.guards import PassError, require_there
    from migrator.volumes.agent.mounted import busy
    from migrator.volumes.agent.passes import Pass
    from migrator.volumes.agent.settings import Settings

    given = _given(path)
    try:
        settings = Settings(**given["settings"])
        line = Line(**given["channel"], sockets=tempfile.mkdtemp(prefix="migrator-data-"))
    except TypeError as error:
        raise PassError(f"{path} holds settings of another version: {error}", "run this again") from error
    channel = Channel(line, Exclude.of(settings.exclude))
    of_device = is_device(settings.root)
    kind = BlockPass if of_device else Pass
    # A relay that is lost comes back with the next run of `migrator`; while a workload stands still, nobody waits for that.
    pauses = LONG_PAUSES if line.relayed and not settings.finish else SHORT_PAUSES

    def connect_anew() -> None:
        channel.renew(Line(**_given(path)["channel"], sockets=line.sockets))

    try:
        await_begin(settings, channel, say)
        require_there("target", settings.root, settings.volume, there=of_device or os.path.isdir(settings.root))
        with busy(settings.root) if settings.volume else nullcontext():
            return attempt(lambda: kind(settings, channel, say).run(), say, connect_anew, pauses=pauses)
    except Exception:
        if settings.undo:
            _taken_back(settings.root, settings.undo, everything=False)
        raise
    finally:
        channel.close()
        shutil.rmtree(line.sockets, ignore_errors=True)


def _given(path: str) -> dict[str, Any]:
    """Return the settings; raises PassError for a file that was cut, or is of another version."""
    from migrator.volumes.agent.guards import PassError

    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return {name: dict(found[name]) for name in ("settings", "channel")}
    except (ValueError, TypeError, KeyError) as error:
        raise PassError(f"{path} holds no settings: {type(error).__name__}", "run this again") from error


def _taken_back(root: str, log: str, *, everything: bool) -> dict[str, Any]:
    from migrator.volumes.agent.block import is_device
    from migrator.volumes.agent.block_undo import BlockUndo
    from migrator.volumes.agent.undo import UndoLog

    if is_device(root):
        return BlockUndo(log).take_back(root, everything=everything)
    return UndoLog(log).take_back(root, everything=everything, say=say)


def undo(root: str, log: str, *, everything: bool) -> int:
    """Take back what a broken pass has changed in a folder, or all passes since the switch, and say at its end what came of it."""
    from migrator.volumes.agent.attempts import result_line
    from migrator.volumes.agent.entries import ListError
    from migrator.volumes.agent.restore import RestoreError
    from migrator.volumes.agent.tree import TreeError

    try:
        say(result_line({"good": True, "left": [], **_taken_back(root, log, everything=everything)}))
    except (RestoreError, TreeError, ListError, OSError) as error:
        say(result_line({"good": False, "error": str(error), "hint": "nothing was started; run this again when that is fixed"}))
        return _FAILED
    return 0


def serve(root: str, *more: str) -> int:
    """Answer the request that sshd hands over (SSH_ORIGINAL_COMMAND, sshd(8)) about one folder."""
    from migrator.volumes.agent.senders import RefusedError, become

    request = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    try:
        become(request, root)
        from migrator.volumes.agent import serve

        serve.main(request, root, *more[:2])
    except (RefusedError, OSError) as error:
        return _failed(error)
    return 0


def look(words: list[str]) -> int:
    """Answer about one folder."""
    from migrator.volumes.agent import block, mounted, serve, users
    from migrator.volumes.agent.tree import TreeError

    try:
        match words:
            case ["survey", root, *exclude]:
                say(json.dumps(serve.survey(root, *exclude[:1])))
            case ["users", root, *pod]:
                say(json.dumps(block.users(root) if block.is_device(root) else users.users(root, *pod[:1])))
            case ["mounted", driver, volume, handle, *pod]:
                say(mounted.mount_point(driver, volume, handle, *pod[:1]))
            case ["mapped", driver, volume, handle, *pod]:
                say(mounted.device(driver, volume, handle, *pod[:1]))
            case _:
                sys.stderr.write(
                    "serve ROOT [MEMORY [POD]] | survey ROOT [EXCLUDE] | users ROOT [POD] | "
                    "mounted|mapped DRIVER VOLUME HANDLE [POD] | pull SETTINGS | undo ROOT LOG broken|everything\n"
                )
                return _REFUSED
    except (mounted.NotMountedError, TreeError, OSError, ValueError) as error:
        return _failed(error)
    return 0


def _failed(error: Exception) -> int:
    sys.stderr.write(f"{error}\n")
    return _FAILED


def main(words: list[str]) -> int:
    """Run one command, and return its exit code."""
    match words:
        case ["pull", path]:
            return pull(path)
        case ["undo", root, log, "broken" | "everything" as what]:
            return undo(root, log, everything=what == "everything")
        case ["serve", root, *more]:
            return serve(root, *more)
        case _:
            return look(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
