"""The proof of a last pass: the source stood still through the whole of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.compare import paired, stamps_digest
from migrator.volumes.agent.entries import ROOT, shown
from migrator.volumes.agent.guards import PassError
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.serve import synced


def require_still(channel: Channel, memory: Memory, root: str) -> int:
    """Return when the target's folder was written back, by its clock.

    Raises PassError unless nobody has used or written the source.
    """
    with ThreadPoolExecutor(1) as pool:  # the target's disk takes its time, too
        settled = pool.submit(synced, root)
        if using := channel.ask("users"):
            raise PassError(f"the source is in use again: {'; '.join(using)}", "keep its workload at 0, and run this again")
        if channel.ask("stamps") != stamps_digest(memory.entries("before.new")):
            _raise_for_what_wrote(channel, memory)
        return settled.result()


def _raise_for_what_wrote(channel: Channel, memory: Memory) -> NoReturn:
    for old, new in paired(memory.entries("before.new"), channel.scan()):
        if old is None or new is None or old.stamp != new.stamp:
            path = shown(old.path if old else new.path if new else ROOT)
            raise PassError(f"something wrote to the source meanwhile: {path}", "stop what writes, and run this again")
    raise PassError("something wrote to the source meanwhile", "stop what writes, and run this again")
