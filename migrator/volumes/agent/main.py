"""The command line of what runs on the hosts; `migrator` calls it, and people need not.

Each command imports what it needs: a host compiles this file anew each time, and small boards are slow.
"""

from __future__ import annotations

import json
import sys
from typing import Any

_FAILED, _REFUSED = 1, 2


def say(text: str) -> None:
    """Print a line at once: somebody follows the log."""
    print(text, flush=True)  # noqa: T201 - this is a program of its own


def pull(path: str) -> int:
    """Run the pass that a file of settings describes, and say at its end what came of it."""
    from migrator.volumes.agent.channel import SourceError
    from migrator.volumes.agent.entries import ListError
    from migrator.volumes.agent.guards import PassError
    from migrator.volumes.agent.passes import result_line
    from migrator.volumes.agent.transfer import TransferError
    from migrator.volumes.agent.tree import TreeError

    try:
        say(result_line({"good": True, **_pulled(path)}))
    except (PassError, TransferError, SourceError, TreeError, ListError, OSError) as error:
        say(result_line({"good": False, "error": str(error), "hint": getattr(error, "hint", "")}))
        return _FAILED
    return 0


def _pulled(path: str) -> dict[str, Any]:
    import shutil
    import tempfile

    from migrator.volumes.agent.channel import Channel, Line
    from migrator.volumes.agent.passes import Pass, Settings, attempt

    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    sockets = tempfile.mkdtemp(prefix="migrator-data-")
    channel = Channel(Line(**given["channel"], sockets=sockets))
    settings = Settings(**given["settings"])
    try:
        return attempt(lambda: Pass(settings, channel, say).run(), say)
    finally:
        channel.close()
        shutil.rmtree(sockets, ignore_errors=True)


def look(words: list[str]) -> int:
    """Answer about one folder, or serve it."""
    from migrator.volumes.agent import serve, users
    from migrator.volumes.agent.tree import TreeError

    try:
        match words:
            case ["serve", root]:
                serve.main(root)
            case ["survey", root]:
                say(json.dumps(serve.survey(root)))
            case ["users", root]:
                say(json.dumps(users.users(root)))
            case _:
                sys.stderr.write("serve ROOT | survey ROOT | users ROOT | pull SETTINGS\n")
                return _REFUSED
    except (serve.RefusedError, TreeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return _FAILED
    return 0


def main(words: list[str]) -> int:
    """Run one command, and return its exit code."""
    match words:
        case ["pull", path]:
            return pull(path)
        case _:
            return look(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
