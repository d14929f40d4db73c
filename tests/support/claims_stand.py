"""A session whose claims have volumes, with movers that do nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migrator.migration.data.passes import Movers
from migrator.migration.data.verbs import Choice
from migrator.migration.session import Session
from tests.support.contexts import configured
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_mover import FakeMover, claims
from tests.support.journals import MemoryJournal, migration_run
from tests.support.migrations import migration_session
from tests.support.objects import made
from tests.support.recorder import Recorder


@dataclass
class Stand:
    """Two clusters with claims, a session, and movers that do nothing."""

    session: Session
    journal: MemoryJournal[object]
    shown: Recorder
    blue: FakeCluster
    green: FakeCluster
    movers: Movers
    there: FakeMover
    back: FakeMover
    answers: list[bool]

    def hold(self, side: str, pod: str, claim: str) -> None:
        """Let a pod use a claim."""
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]
        body = made("v1", "Pod", pod, namespace="shop", spec={"nodeName": "n", "volumes": volumes, "containers": []})
        {"blue": self.blue, "green": self.green}[side].hold({**body, "status": {"phase": "Running"}})

    def of(self, *kinds: type) -> list[object]:
        """Return the records of these classes."""
        return [record for record in self.journal.records if isinstance(record, kinds)]


def stand(tmp_path: Path, *names: str, text: str = "") -> Stand:
    """Return a stand whose clusters have these claims."""
    run, journal, clock, shown = migration_run()
    blue, green = FakeCluster("blue", clock=clock), FakeCluster("green", clock=clock)
    for cluster in (blue, green):
        cluster.hold(
            made("v1", "Namespace", "shop"), made("v1", "Node", "n", labels={"kubernetes.io/hostname": "n"}), *claims(*names)
        )
    session = migration_session(blue, green, run, config=configured(text))
    there, back, answers = FakeMover(), FakeMover(), list[bool]()
    movers = Movers(there, back, tmp_path / "proofs", lambda _: answers.pop(0))
    return Stand(session, journal, shown, blue, green, movers, there, back, answers)  # type: ignore[arg-type]


ALL = Choice()
