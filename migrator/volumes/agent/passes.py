"""One pass: bring the target's folder to the source's state, read both sides, repair, and tell what is left.

A `copy` runs while the source is in use, and may be repeated. A `finish` wants a source that stands still, and proves it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from migrator.volumes.agent import guards, lists, target, transfer
from migrator.volumes.agent.channel import Channel
from migrator.volumes.agent.compare import (
    Difference,
    Totals,
    changed,
    differences,
    paired,
    root_digest,
    root_digests,
    same,
    totals,
)
from migrator.volumes.agent.entries import ROOT, parent, place
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.agent.guards import PassError, SourceInUseError, users_of_source
from migrator.volumes.agent.memory import Memory
from migrator.volumes.agent.serve import probe
from migrator.volumes.agent.settings import Settings
from migrator.volumes.agent.still import require_still
from migrator.volumes.agent.transfer import Options, Say
from migrator.volumes.agent.tree import LEFT_OUT, Tree
from migrator.volumes.agent.undo import UndoLog
from migrator.volumes.agent.users import users

# Nanoseconds: stamps are taken from a clock that ticks a few times a second, and some file systems keep whole seconds.
_MARGIN = 2_000_000_000
# Later than any stamp: nobody but this program writes on the target, so an equal stamp is trusted however young it is.
_FOREVER = 1 << 62
# What still differs after so many, while nobody writes, is a fault of a disk or a program.
_ROUNDS = 3
# Names of what differs; the count is told, too.
_SHOWN = 10
# File systems that stamp a write through a mapped page when it is written back; on others all content is read each time.
_STAMPED = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"})


class Pass:
    """One pass of one volume."""

    def __init__(self, settings: Settings, channel: Channel, say: Say) -> None:
        self.settings, self.channel, self.say = settings, channel, say
        self.memory = Memory(settings.memory)
        self.undo = UndoLog(settings.undo) if settings.undo else None
        self.exclude = Exclude.of(settings.exclude)
        self.tree = Tree(settings.root, self.exclude)
        self.received = 0
        self.times: dict[str, float] = {}
        self.rounds = 0

    def run(self) -> dict[str, Any]:
        """Do it, and return what came of it; raises PassError, TransferError, SourceError, TreeError or OSError."""
        begun = time.monotonic()
        there, here = self._timed("look", self._checked)
        unchanged: dict[str, Any] | None = self._timed("unchanged", lambda: self._unchanged(there, here, begun))
        if unchanged:
            return unchanged
        self._timed("undo", self._keep_before)
        self._timed("transfer", lambda: self._transfer(there))
        since = self._timed("read", lambda: self._read(there))
        left = self._timed("repair", self._repair)
        seconds = time.monotonic() - begun
        result = self._compared(left, there, here, seconds)
        settled = 0
        if self.settings.finish:
            if left:
                raise PassError(f"{len(left)} objects differ after {_ROUNDS} rounds: {'; '.join(left[:3])}")
            settled = self._timed("still", lambda: require_still(self.channel, self.memory, self.settings.root)) - _MARGIN
            self._save_proof()
            result |= {"excluded": self.channel.ask("excluded")} if self.exclude else {}
        self.memory.settle("source", "target")
        self.memory.forget("before.new", "here.new", "looked.new")
        # The best so far: a pass that brings little is mostly waiting.
        rate = max(self.memory.binding.rate, self.received / max(self.times["transfer"], 0.001))
        rounds = self.memory.binding.rounds + 1
        self.memory.bind(
            stage="copied",
            since=since - _MARGIN,
            settled=settled,
            rounds=rounds,
            rate=rate,
            exclude=self.exclude.text,
            digest=result["root"]["source"] if result["equal"] else "",
        )
        if self.undo:
            self.undo.close()
        return {**result, "seconds": round(time.monotonic() - begun, 3), "times": self.times}

    def _unchanged(self, there: dict[str, Any], here: dict[str, Any], begun: float) -> dict[str, Any] | None:
        """Return what came of a pass of two equal trees to which nothing has happened since; None where there is more to do."""
        known = self.memory.binding
        if not self._expects_no_change() or self._everything(there):
            return None
        # Without opening a file: both lists are of lstat(2).
        if not same(self.memory.entries("source"), self.memory.entries("before.new"), known.since):
            return None
        if not same(self.memory.entries("target"), self.memory.entries("here.new"), _FOREVER):
            return None
        roots = {"source": known.digest, "target": known.digest}
        result = self._result([], there, here, time.monotonic() - begun, totals(self.memory.entries("before.new")), roots)
        self.memory.forget("before.new", "here.new")
        self.memory.bind(since=self.began - _MARGIN, settled=0, rounds=known.rounds + 1)
        return {**result, "seconds": round(time.monotonic() - begun, 3), "times": self.times}

    def _expects_no_change(self) -> bool:
        """Return whether both sides were equal after the last pass, and may still be."""
        return not (self.settings.finish or self.settings.full or self.undo) and bool(self.memory.binding.digest)

    def _timed(self, name: str, act: Callable[[], Any]) -> Any:
        begun = time.monotonic()
        value = act()
        self.times[name] = round(time.monotonic() - begun, 3)
        return value

    def _checked(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Look at both sides; raises PassError before anything is changed."""
        with ThreadPoolExecutor(1) as pool:  # the other host takes its time for its first answer
            far = pool.submit(self._looked_at_source)
            here, in_use = probe(self.settings.root), users(self.settings.root, self.settings.pod)
            if self._expects_no_change():
                self.memory.hold("here", self.tree.scan())
            there, using = far.result()
        if self.settings.known_target and self.memory.binding.stage == "new":
            lists.take_over(self.memory, self.channel)
        known = self.memory.binding
        volumes = self.settings.source_volume, self.settings.volume
        guards.require_same_folders(known, there, here, volumes)
        if in_use:
            raise PassError(f"the target is in use: {in_use[0]}", "scale its workload to 0 there, and run this again")
        if using:
            raise SourceInUseError(using)
        # By the source's own clock, since its change times are compared with it.
        self.began = self.channel.ask("sync")
        self.memory.hold_lines("before", self.channel.lines("scan"))
        counted = totals(self.memory.entries("before.new"))
        if counted.devices and not self.settings.devices:
            raise PassError(
                f"there are device files in it, which may give access to the host's disks: {', '.join(counted.devices)}",
                "volumes.claims: devices: true copies them",
            )
        self.room = guards.require_room(self.tree, counted, here)
        if not self.settings.accept_deletions:
            trusted = known.stage != "new" or self.settings.known_target
            guards.require_content(self.memory, self.tree, counted, there, trusted=trusted)
        self.memory.bind(source=guards.identity(there, volumes[0]), target=guards.identity(here, volumes[1]))
        return there, here

    def _looked_at_source(self) -> tuple[dict[str, Any], list[str]]:
        """Return what the source's folder is, and for a last pass who uses it."""
        return self.channel.ask("probe"), users_of_source(self.channel) if self.settings.finish else []

    def _transfer(self, there: dict[str, Any]) -> None:
        settings, known = self.settings, self.memory.binding
        target.free_flags(self.tree, self.memory.entries("target"))
        filling = known.stage == "filling"
        if known.stage == "new":
            guards.require_kept(settings.root, self.channel)
            # Before the first byte: a pass that breaks now is continued, and what it brought is known as ours.
            self.memory.bind(stage="filling")
            if (
                not settings.limit
                and not self.exclude
                and not [name for name in os.listdir(settings.root) if name != os.fsdecode(LEFT_OUT)]
            ):
                self.say(f"first stream from {there['path']}")
                self.received += transfer.stream(self.channel, settings.root, self.say)
                # What it cannot bring, such as sockets, and what changed meanwhile, is found when both sides are read.
                return
        paths = None
        # Only then lists of both sides are there that a list of changes can be made from.
        if known.stage == "copied" and not self._everything(there):
            paths = changed(self.memory.entries("source"), self.memory.entries("before.new"), known.since)
        if paths == []:
            return
        self.say("copying what differs" if paths is None else f"copying {len(paths)} objects")
        options = Options(
            in_place=(filling and not self.undo) or not self.room.for_largest,
            again=paths is not None,
            vanishing=not settings.finish,
            limit=settings.limit,
            undo=self._backup(),
            delete_first=not self.room.for_all and not self.undo,
            exclude=self.exclude,
        )
        self.received += transfer.rsync(self.channel, settings.root, options, self.say, paths)

    def _keep_before(self) -> None:
        """Keep the target's list as it is before the first change, so that a broken pass can be taken back."""
        if not self.undo:
            return
        if self.undo.open:
            self.say("continuing the interrupted pass")
            return
        known, name = self.memory.binding, "target"
        has_list = known.stage == "copied" and known.exclude == self.exclude.text
        if not (has_list and same(self.memory.entries(name), self.tree.scan(), _FOREVER)):
            name = "target.new"
            self._read_target(everything=not has_list)
        self.undo.begin(self.memory.path(name), self.exclude.text)
        self.memory.forget("target.new")

    def _backup(self) -> str:
        return self.undo.backup() if self.undo else ""

    def _everything(self, there: dict[str, Any]) -> bool:
        """Return whether all content is read on both sides."""
        known = self.memory.binding
        fresh = known.stage != "copied" or known.exclude != self.exclude.text
        return self.settings.full or fresh or there["kind"] not in _STAMPED

    def _read(self, there: dict[str, Any]) -> int:
        """Make whole lists of both sides, and return since when a change on the source may not be in them."""
        everything, since = self._everything(there), self.memory.binding.since
        self.say("reading and comparing both sides" if everything else "comparing what may have changed")
        with ThreadPoolExecutor(1) as pool:
            far = pool.submit(self._read_source, since, everything=everything)
            here = self._read_target(everything=everything)
            # Of what may have changed; both sides read at the same time.
            self.times["content"] = round(max(here, far.result()), 3)
        return int(self.began)

    def _read_source(self, since: int, *, everything: bool) -> float:
        if everything:
            begun = time.monotonic()
            self.memory.keep_lines("source", self.channel.lines("read"))
            return time.monotonic() - begun
        return lists.renew(self.memory, "source", "before.new", self.channel.look, since)

    def _read_target(self, *, everything: bool) -> float:
        if everything:
            begun = time.monotonic()
            self.memory.keep("target", self.tree.read())
            return time.monotonic() - begun
        self.memory.hold("here", self.tree.scan())
        seconds = lists.renew(self.memory, "target", "here.new", self.tree.look, _FOREVER)
        self.memory.forget("here.new")
        return seconds

    def _repair(self) -> list[str]:
        """Bring what still differs, in a few rounds; return what is left."""
        finishing, root = self.settings.finish, self.settings.root
        # A source in use changes all the time: two rounds, and the next pass brings the rest.
        for round_left in reversed(range(_ROUNDS + 1 if finishing else 2)):
            self._complete()
            wrong = self._without_kept(list(differences(self.memory.entries("source.new"), self.memory.entries("target.new"))))
            if not wrong or not round_left:
                return [str(item) for item in wrong]
            self.rounds += 1
            self.say(f"{len(wrong)} objects differ; copying them again")
            target.free_flags(self.tree, self.memory.entries("target.new"))
            options = Options(
                vanishing=not finishing,
                limit=self.settings.limit,
                in_place=not self.room.for_largest,
                delete_first=not self.room.for_all and not self.undo,
                exclude=self.exclude,
            )
            # A name of several is brought right only together with the others, and the root only by a walk.
            paths = [item.path for item in wrong if not {"extra", "hard link"} & set(item.what) and item.path != ROOT]
            if paths:
                with_folders = sorted({*paths, *map(parent, paths)} - {ROOT}, key=place)
                self.received += transfer.rsync(
                    self.channel, root, replace(options, again=True, undo=self._backup()), self.say, with_folders
                )
            if len(paths) < len(wrong):
                self.received += transfer.rsync(self.channel, root, replace(options, undo=self._backup()), self.say)
            self._look_again([item.path for item in wrong])
        raise AssertionError("the last round returns")

    def _without_kept(self, wrong: list[Difference]) -> list[Difference]:
        """Return differences but for folders that stay on the target for what is left out in them; its list names them no more."""
        extra = [item.path for item in wrong if item.what == ("extra",)]
        if not (self.exclude and extra):
            return wrong
        out = self.tree.excluded()
        kept = {path for path in extra if any(name.startswith(path + b"/") for name in out)}
        if kept:
            self.say(f"{len(kept)} folders that are gone from the source stay for what is left out in them")
            lists.replace(self.memory, "target", sorted(kept, key=place), iter(()))
        return [item for item in wrong if item.path not in kept]

    def _look_again(self, paths: list[bytes]) -> None:
        """Read these objects again on both sides, and on the target also what changed along with them."""
        self.memory.hold("fresh", self.channel.look(paths))
        lists.replace(self.memory, "source", paths, self.memory.entries("fresh.new"))
        self.memory.settle("target")
        self._read_target(everything=False)
        self.memory.forget("fresh.new")

    def _complete(self) -> None:
        """Set what rsync does not, and read the objects again that this changed."""
        both = paired(self.memory.entries("source.new"), self.memory.entries("target.new"))
        changed = target.finish(self.tree, ((a, b) for a, b in both if a and b and a.kind == b.kind))
        if changed:
            fresh = self.memory.hold("fresh", self.tree.look(changed))
            lists.replace(self.memory, "target", changed, self.memory.entries(fresh))
            self.memory.forget("fresh.new")

    def _compared(self, left: list[str], there: dict[str, Any], here: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return what came of a pass that has made new lists."""
        # Lists without a difference have one digest; a proof does not rely on that.
        if not left and not self.settings.finish:
            source = target_digest = root_digest(self.memory.entries("source.new"))
        else:
            source, target_digest = root_digests(self.memory.entries("source.new"), self.memory.entries("target.new"))
        counted = totals(self.memory.entries("source.new"))
        return self._result(left, there, here, seconds, counted, {"source": source, "target": target_digest})

    def _result(
        self,
        left: list[str],
        there: dict[str, Any],
        here: dict[str, Any],
        seconds: float,
        counted: Totals,
        roots: dict[str, str],
    ) -> dict[str, Any]:
        return {
            "equal": not left,
            "proven": self.settings.finish,
            "left": left[:_SHOWN],
            "leftCount": len(left),
            **counted.document(),
            "received": self.received,
            "repairs": self.rounds,
            "source": there,
            "target": here,
            "root": roots,
            "versions": transfer.versions(),
            "passSeconds": round(seconds, 3),
        }

    def _save_proof(self) -> None:
        self.memory.keep_text("proof", self.memory.entries("source.new"))
        self.memory.settle("proof")
