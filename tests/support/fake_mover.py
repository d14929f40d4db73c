"""Movers of volumes that move nothing, and claims with volumes on one node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.errors import HostError, SourceInUseError
from migrator.model.manifest import Manifest
from migrator.model.volumes import Job, PassResult, Place, TakenBack
from migrator.volumes.agent.compare import root_digest
from migrator.volumes.agent.entries import to_lines
from tests.support.objects import made
from tests.support.volume_trees import entry, root

ENTRIES = [root(), entry(b"a")]
LIST = ("\n".join(to_lines(ENTRIES)) + "\n").encode()


@dataclass
class FakeMover:
    """Fills the port: each pass succeeds, unless its claim is in `broken`."""

    jobs: list[Job] = field(default_factory=list)
    cleaned: list[Job] = field(default_factory=list)
    broken: Mapping[str, Exception] = field(default_factory=dict)
    taken: list[tuple[Job, bool]] = field(default_factory=list)
    using: list[tuple[str, ...]] = field(default_factory=list)
    digest: str = root_digest(ENTRIES)
    """Of a folder that passes were taken back from."""
    stuck: Exception | None = None
    """Why nothing can be taken back."""
    prepared: list[Job] = field(default_factory=list)
    connected: int = 0
    """How many of them need only to be let begin."""
    preparing: Callable[[], None] = lambda: None
    """Called when a pass is to be prepared."""
    released: bool = False
    during: Callable[[], None] = lambda: None
    around: float = 0.0
    """Seconds around each pass."""

    def survey(self, place: Place, *, source: bool, exclude: Sequence[str] = ()) -> Mapping[str, object]:
        """Return a size."""
        if place.path == "/data/broken":
            raise HostError("no route")
        return {"bytes": 10, "source": source, **({"exclude": exclude} if exclude else {})}

    def move(self, job: Job, say: Callable[[str], None]) -> PassResult:
        """Keep the job."""
        say("at work")
        self.jobs.append(job)
        if job.finish and (users := self.users(job.source, source=True)):
            raise SourceInUseError(f"the source is still in use: {users[0]}")
        if job.claim in self.broken:
            raise self.broken[job.claim]
        self.during()
        digest = root_digest(ENTRIES)
        numbers = {"entries": 2, "files": 1, "bytes": 10, "received": 5, "leftCount": 0, "seconds": 4.0, "around": self.around}
        return PassResult(
            {"equal": True, "proven": job.finish, "left": [], "root": {"source": digest, "target": digest}, **numbers}
        )

    def prepare(self, job: Job, *, connected: bool) -> None:
        """Keep the job."""
        self.preparing()
        self.prepared.append(job)
        self.connected += connected

    def release(self) -> None:
        """Forget what no pass has used."""
        self.released = True
        self.prepared = [job for job in self.prepared if job in self.jobs]

    def users(self, place: Place, *, source: bool) -> tuple[str, ...]:
        """Return who uses it at each question."""
        del place, source
        return self.using.pop(0) if self.using else ()

    def take_back(self, job: Job, say: Callable[[str], None], *, everything: bool) -> TakenBack:
        """Keep the job."""
        say("taking back")
        self.taken.append((job, everything))
        if self.stuck:
            raise self.stuck
        return TakenBack(3, self.digest)

    def running(self, job: Job) -> bool:
        """Nothing runs."""
        del job
        return False

    def read_list(self, job: Job) -> bytes:
        """Return a list."""
        del job
        return LIST

    def clean(self, job: Job) -> None:
        """Keep the job."""
        self.cleaned.append(job)


def claims(*names: str) -> list[Manifest]:
    """Return bound claims with their volumes on one node."""
    found = []
    for name in names:
        affinity = {
            "required": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n"]}]}]
            }
        }
        found.append(
            made("v1", "PersistentVolume", f"pv-{name}", spec={"local": {"path": f"/data/{name}"}, "nodeAffinity": affinity})
        )
        spec = {"volumeName": f"pv-{name}"}
        found.append(made("v1", "PersistentVolumeClaim", name, namespace="shop", spec=spec, status={"phase": "Bound"}))
    return found
