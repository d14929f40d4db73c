"""One pass of one volume: announced before, its outcome and proof kept; a pass to blue that breaks is taken back at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from migrator.errors import BlockedError, ConfigError, MigratorError, SourceInUseError
from migrator.journal.records.data import DataPassAnnounced, DataPassEnded, DataProven, DataTakenBack
from migrator.migration.data.state import ClaimData
from migrator.migration.run import Run
from migrator.model.one_side import Where
from migrator.model.volumes import Direction, Job, PassResult, TakenBack
from migrator.ports import VolumeMover
from migrator.volumes.proof import make_proof

# Characters of a claim's name in that of its proof's file.
_LONGEST_NAME = 150
Say = Callable[[str], None]
Users = Callable[[Job], str]
"""Returns who uses the claim on the source's side now; empty for nobody."""


@dataclass(slots=True, frozen=True)
class Movers:
    """How folders are moved in both directions, and where proofs are kept."""

    to_green: VolumeMover
    to_blue: VolumeMover
    proofs: Path
    confirm: Callable[[str], bool]
    green_nodes: tuple[str, ...] = ()
    """The nodes whose hosts are named."""
    blue_nodes: tuple[str, ...] = ()
    lacking: str = ""
    """What the file lacks, so that no folder can be moved; a hand-over needs no host."""

    def require_hosts(self) -> None:
        """Raise ConfigError where no hosts are known."""
        if self.lacking:
            raise ConfigError([self.lacking], hint="name a file for each cluster, as docs/volumes.md shows")

    def nodes(self, side: Where) -> tuple[str, ...]:
        """Return the nodes of a side whose hosts are named."""
        return self.blue_nodes if side == "blue" else self.green_nodes

    def of(self, job: Job) -> VolumeMover:
        """Return the mover for the direction of a pass."""
        return self.to_green if job.direction is Direction.TO_GREEN else self.to_blue


@dataclass(slots=True, frozen=True)
class ClaimOutcome:
    """What came of one claim in one run."""

    claim: str
    result: PassResult | None = None
    error: MigratorError | None = None
    proof: Path | None = None
    handed: str = ""
    """What was handed over, in words; empty where data was copied."""
    seconds: float = 0.0
    """What a hand-over took."""


def run_pass(run: Run, movers: Movers, job: Job, say: Say, users: Users) -> ClaimOutcome:
    """Run one pass; a last one is proven, and its proof kept. Raises MigratorError."""
    run.write(
        DataPassAnnounced(
            claim=job.claim, direction=job.direction.value, source=str(job.source), target=str(job.target), finish=job.finish
        )
    )
    result = movers.of(job).move(job, say)
    seconds, entries, size = result.seconds, result.number("entries"), result.number("bytes")
    run.write(
        DataPassEnded(
            claim=job.claim,
            direction=job.direction.value,
            entries=entries,
            bytes=size,
            received=result.number("received"),
            seconds=seconds,
            left=result.number("leftCount"),
            around=result.around,
        )
    )
    if not job.finish:
        return ClaimOutcome(job.claim, result)
    if not result.document.get("proven"):
        raise BlockedError(f"{job.claim}: a pass of an earlier run has ended, and it was not the last one", hint="run this again")
    if who := users(job):
        raise BlockedError(
            f"{job.claim}: {who} came up during the last pass: it proves nothing",
            hint="scale its workload to 0, and run this again",
        )
    path = _kept(movers, job, result)
    run.write(
        DataProven(
            claim=job.claim,
            direction=job.direction.value,
            digest=result.digest,
            entries=entries,
            bytes=size,
            seconds=seconds,
            proof=str(path),
        )
    )
    return ClaimOutcome(job.claim, result, proof=path)


def once_closed(last_pass: Callable[[], ClaimOutcome], await_closed: Callable[[], None]) -> ClaimOutcome:
    """Run a last pass, and once more where its source was in use for longer than a pass waits; raises MigratorError."""
    try:
        return last_pass()
    except SourceInUseError:
        await_closed()
        return last_pass()


def bring_back_pass(run: Run, movers: Movers, job: Job, say: Say, users: Users) -> ClaimOutcome:
    """Run the last pass to blue; one that breaks is taken back, so that blue's folder is never a mixture.

    Raises MigratorError, which says so where it could not be taken back, either.
    """
    try:
        return run_pass(run, movers, job, say, users)
    except MigratorError as error:
        try:
            take_back(run, movers, job, say, everything=False)
        except MigratorError as second:
            raise BlockedError(
                f"{error.message}; and what it had changed on blue is not taken back yet: {second.message}",
                hint="start nothing on blue: run this again when its host answers",
            ) from error
        raise


def take_back(run: Run, movers: Movers, job: Job, say: Say, *, everything: bool) -> TakenBack:
    """Put back on blue what the broken pass has changed, or all passes since the switch. Raises MigratorError."""
    known = run.state.data.get(job.claim, ClaimData())
    taken = movers.of(job).take_back(job, say, everything=everything)
    if everything and known.back_at is not None and not taken.digest:
        raise BlockedError(
            f"{job.claim}: passes to blue have changed its folder since the switch; what they overwrote is no longer kept there",
            hint="`--data-from last-pass` starts blue with what they brought",
        )
    run.write(DataTakenBack(claim=job.claim, everything=everything, objects=taken.objects))
    return taken


def to_blue(job: Job, known: ClaimData) -> Job:
    """Return the last pass to blue of a volume whose pass to green is given."""
    return replace(
        job,
        source=job.target,
        target=job.source,
        direction=Direction.TO_BLUE,
        finish=True,
        known_target=True,
        undo=int(known.switched_at or 1),
    )


def _kept(movers: Movers, job: Job, result: PassResult) -> Path:
    head = {
        **result.document,
        "claim": job.claim,
        "direction": job.direction.value,
        "from": str(job.source),
        "to": str(job.target),
    }
    content = make_proof(head, movers.of(job).read_list(job))
    movers.proofs.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = movers.proofs / f"{_file_name(job.claim)}-{job.direction.value}-{result.digest[:12]}.proof.gz"
    staged = path.with_suffix(".new")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    return path


def _file_name(claim: str) -> str:
    """Return a claim as a part of a file's name, which has 255 bytes at most; that of a claim and its namespace may have more."""
    plain = claim.replace("/", "_")
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[:_LONGEST_NAME]}-{hashlib.sha256(claim.encode()).hexdigest()[:12]}"
