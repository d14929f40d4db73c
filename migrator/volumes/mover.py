"""Moves a volume's folder between two hosts: a server on the one, a unit that pulls on the other; this machine only watches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from migrator.errors import BlockedError, CommandFailedError, HostError, SourceInUseError
from migrator.model.volumes import Job, PassResult, Place, TakenBack
from migrator.nodes.detached import Detached, SecretFile
from migrator.nodes.paths import STATE
from migrator.ports import Host, Relay
from migrator.untrusted import for_shell, printable
from migrator.volumes.agent.exclude import Exclude
from migrator.volumes.bundle import put_agent
from migrator.volumes.line import Lines, Machine, write_settings
from migrator.volumes.paths import real_path, volume_words
from migrator.volumes.server import Server, require_programs

# A first pass of a large volume over a slow line takes days; the next run joins it.
_SECONDS = 7 * 24 * 3600
# For a last pass, whose server must not outlive a run that was killed for long.
_PREPARED_SECONDS = 12 * 3600
_RESULT = "RESULT "
T = TypeVar("T")


class NodeMover:
    """Fills the port `VolumeMover` over SSH."""

    def __init__(
        self, source: Mapping[str, Machine], target: Mapping[str, Machine], *, port: int = 0, relay: Relay | None = None
    ) -> None:
        """Take the hosts of both clusters by the names of their nodes, for the direction from `source` to `target`."""
        self._source, self._target, self._port = source, target, port
        self._lines = Lines(relay)
        # By unit: the hosts of its source and of its target, and the pass that has not begun.
        self._prepared: dict[str, tuple[Host, Host, Detached]] = {}

    def survey(self, place: Place, *, source: bool, exclude: Sequence[str] = ()) -> Mapping[str, object]:
        """Return what a folder holds, and how full its file system is; raises CommandFailedError, HostError or BlockedError."""
        machine = _machine(self._source if source else self._target, place)
        require_programs(machine.host)
        agent = put_agent(machine.host)
        path = real_path(machine.host, place)
        left_out = f" {for_shell(Exclude(exclude).text)}" if exclude else ""
        document: Mapping[str, object] = _told(machine.host, f"{agent} survey {for_shell(path)}{left_out}", dict, timeout=3600)
        return document

    def move(self, job: Job, say: Callable[[str], None]) -> PassResult:
        """Run one pass, or join the one that still runs; raises BlockedError with what it says.

        Raises SourceInUseError where a last pass finds that somebody uses its source.
        """
        source, target = _machine(self._source, job.source), _machine(self._target, job.target)
        unit = unit_name(job)
        prepared = self._prepared.pop(unit, None)
        # One that an earlier run has prepared, and was killed, has settings of that run.
        running = prepared[2] if prepared else _detached(unit, "the pass that an earlier run began")
        _let_begin(running, target.host, unit, ours=prepared is not None)
        joined = not prepared and running.runs(target.host)
        if joined:
            self._lines.open_again(unit, source, target, _memory(job))
        elif not prepared:
            running = self._begun(job, source, target, unit, _SECONDS)
        clock = target.host.clock
        began = clock.monotonic()
        # Interrupted here, it goes on without us, and needs its server and its line.
        said = _said(running, target.host, say)
        Server(unit).stop(source.host)
        self._lines.close(unit)
        result = _result(job, said)
        if joined:
            return result
        return PassResult({**result.document, "around": round(max(0.0, clock.monotonic() - began - result.seconds), 3)})

    def prepare(self, job: Job, *, connected: bool) -> None:
        """Do all for the next pass of a volume that can be done while its workload still runs; `release` takes it back.

        With `connected`, its program runs already, which takes memory of both hosts, and waits to be let begin.
        Nothing is done where a port was chosen: servers of several volumes would want it at once.
        """
        source, target, unit = _machine(self._source, job.source), _machine(self._target, job.target), unit_name(job)
        if self._port or self.running(job):
            return
        begun = self._begun(job, source, target, unit, _PREPARED_SECONDS, wait=connected)
        self._prepared[unit] = source.host, target.host, begun
        if connected:
            begun.begin(target.host)

    def release(self) -> None:
        """End passes that were prepared and did not begin, and their servers; what is on a host that is away ends by itself."""
        while self._prepared:
            unit, (source, target, begun) = self._prepared.popitem()
            with suppress(HostError, CommandFailedError):
                target.run(f"systemctl stop {begun.unit} 2>/dev/null; rm -f {_key_path(unit)} {_wait_path(unit)}")
            with suppress(HostError, CommandFailedError):
                Server(unit).stop(source)
            self._lines.close(unit)

    def read_list(self, job: Job) -> bytes:
        """Return the list of all entries that the last `finish` has proven, as the target's host keeps it."""
        host = _machine(self._target, job.target).host
        return host.read(f"{_memory(job)}/proof.list")

    def users(self, place: Place, *, source: bool) -> tuple[str, ...]:
        """Return who uses a folder on its host, in words."""
        machine = _machine(self._source if source else self._target, place)
        path, agent = real_path(machine.host, place), put_agent(machine.host)
        found = _told(machine.host, f"{agent} users {for_shell(path)} {for_shell(place.pod)}", list, timeout=600)
        return tuple(printable(str(text)) for text in found)

    def take_back(self, job: Job, say: Callable[[str], None], *, everything: bool) -> TakenBack:
        """End a pass that still runs, and put back what it has changed in its target, or what all passes since the switch have.

        Raises BlockedError or HostError; it may be done again.
        """
        host, unit = _machine(self._target, job.target).host, unit_name(job)
        host.run(f"systemctl stop migrator-data-{unit} 2>/dev/null; rm -f {_key_path(unit)} {_wait_path(unit)}; true")
        if not host.ok(f"test -d {_undo_folder(job)}"):
            return TakenBack()
        root, what = real_path(host, job.target), "everything" if everything else "broken"
        command = f"python3 -IS {put_agent(host)} undo {for_shell(root)} {_undo_folder(job)} {what}"
        document = _result(job, _said(_detached(unit, command), host, say)).document
        return TakenBack(int(document["undone"]), str(document["digest"]))

    def running(self, job: Job) -> bool:
        """Return whether a pass of this volume runs now."""
        return _detached(unit_name(job), "").runs(_machine(self._target, job.target).host)

    def clean(self, job: Job) -> None:
        """End what runs for this volume on both hosts, and remove all that this tool keeps there of it."""
        unit = unit_name(job)
        for machine in (_machine(self._source, job.source), _machine(self._target, job.target)):
            host = machine.host
            Server(unit).stop(host)
            host.run(
                f"systemctl stop migrator-data-{unit} 2>/dev/null; systemctl reset-failed migrator-data-{unit} 2>/dev/null; "
                f"rm -rf {_key_path(unit)} {_wait_path(unit)} {STATE}/volumes/{unit} /var/log/migrator/migrator-data-{unit}.log; "
                f"ls -d {STATE}/volumes/*/ > /dev/null 2>&1 || rm -rf {STATE}/volumes"
            )

    def _begun(self, job: Job, source: Machine, target: Machine, unit: str, seconds: int, *, wait: bool = False) -> Detached:
        with ThreadPoolExecutor(1) as pool:  # both hosts take their time
            far = pool.submit(real_path, source.host, job.source)
            require_programs(target.host)
            target_path = real_path(target.host, job.target)
            agent, source_path = put_agent(target.host), far.result()
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
        server = Server(unit, job.source.pod)
        with ExitStack() as unless_done:
            unless_done.callback(server.stop, source.host)
            serving = server.start(
                source.host,
                source_path,
                public_key=public,
                address=self._lines.listens_at(source),
                client=self._lines.asked_from(target),
                port=self._port,
                seconds=seconds,
                memory=_memory(job.opposite),
            )
            folder = _memory(job)
            unless_done.callback(self._lines.close, unit)
            line = self._lines.open(unit, source, target, serving, key=_key_path(unit), folder=folder)
            settings = _settings(job, target_path, folder)
            if wait:
                settings |= {"wait_while": _wait_path(unit), "wait_seconds": _PREPARED_SECONDS}
                target.host.write(_wait_path(unit), b"", mode=0o600)
            write_settings(target.host, folder, settings, line, serving)
            unless_done.pop_all()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        return _detached(unit, f"python3 -IS {agent} pull {folder}/settings.json", SecretFile(_key_path(unit), private))


def _told(host: Host, question: str, kind: type[T], *, timeout: float) -> T:
    """Return what the program on a host answers in its last line; raises HostError where that is something else."""
    said = host.run(f"python3 -IS {question}", timeout=timeout)
    try:
        found = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise HostError(
            f"{host.name} answers with something else: {printable(said.strip()[-200:]) or 'nothing'}",
            hint="log in there, and see what `python3` is, and what a login prints",
        )
    return found


def _settings(job: Job, root: str, folder: str) -> dict[str, Any]:
    """Return what the program on the target's host is told."""
    return {
        "root": root,
        "memory": folder,
        "finish": job.finish,
        "full": job.full,
        "accept_deletions": job.accept_deletions,
        "known_target": job.known_target,
        "devices": job.devices,
        "limit": job.limit,
        "undo": _undo_folder(job) if job.undo else "",
        "exclude": Exclude(job.exclude).text,
        "volume": volume_words(job.target),
        "source_volume": volume_words(job.source),
        "pod": job.target.pod,
    }


def _detached(unit: str, command: str, secret: SecretFile | None = None) -> Detached:
    return Detached(f"migrator-data-{unit}", command, float(_SECONDS), secret=secret)


def _said(running: Detached, host: Host, say: Callable[[str], None]) -> str:
    """Return what a unit has said when it has ended, whether well or not: its last line tells."""
    try:
        return running.run(host, lambda text: _tell(text, say))
    except CommandFailedError as error:
        return error.output


def unit_name(job: Job) -> str:
    """Return the name by which one volume in one direction is known on hosts."""
    text = f"{job.direction} {job.claim} {job.source.key} {job.target.key}"
    # Names of claims may be longer than a unit's name may be (systemd.unit(5): 255 characters).
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _memory(job: Job) -> str:
    """Return where the target's host keeps what it knows of a volume."""
    return f"{STATE}/volumes/{unit_name(job)}"


def _undo_folder(job: Job) -> str:
    return f"{_memory(job)}/undo/{job.undo}"


def _key_path(unit: str) -> str:
    return f"/run/migrator/data-{unit}.key"


def _wait_path(unit: str) -> str:
    """Return the file that holds a prepared pass back; in /run, so that it does not outlive a power cut."""
    return f"/run/migrator/data-{unit}.wait"


def _let_begin(prepared: Detached, host: Host, unit: str, *, ours: bool) -> None:
    """Let a prepared pass begin; one that is not `ours` is ended: an earlier run has prepared it, and was killed."""
    waits, end = _wait_path(unit), "" if ours else f"systemctl stop {prepared.unit} 2>/dev/null; "
    host.run(f"test -e {waits} && {{ {end}rm -f {waits}; }}; true")


def _machine(machines: Mapping[str, Machine], place: Place) -> Machine:
    if place.node not in machines:
        raise BlockedError(
            f"node {place.node} is in no file of hosts",
            hint="volumes.hosts names a file for each cluster; add the node's address to its `nodes`",
        )
    return machines[place.node]


def _tell(text: str, say: Callable[[str], None]) -> None:
    if _RESULT not in text:
        say(printable(text))


def _last_words(said: str) -> dict[str, Any] | None:
    """Return what the last line of a pass tells; None where there is none, or half of one (a full disk, a power cut)."""
    lines = [line for line in said.splitlines() if line.startswith(_RESULT)]
    try:
        document = json.loads(lines[-1][len(_RESULT) :]) if lines else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and "good" in document else None


def _result(job: Job, said: str) -> PassResult:
    document = _last_words(said)
    if document is None:
        raise HostError(
            f"{job.target.node}: the pass of {job.claim} was cut off: {printable(said.strip()[-300:])}",
            hint="run this again to continue",
        )
    if not document["good"]:
        kind = SourceInUseError if document.get("sourceInUse") else BlockedError
        raise kind(f"{job.claim}: {printable(document['error'])}", hint=printable(document["hint"]))
    document["left"] = [printable(text) for text in document["left"]]
    return PassResult(document)
