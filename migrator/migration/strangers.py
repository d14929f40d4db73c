"""Pods of blue that would go on using a claim when a cutover has stopped what it stops."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from migrator.errors import BlockedError
from migrator.migration.one_side import act
from migrator.migration.one_side.progress import selector_of
from migrator.migration.session import Session
from migrator.model.kinds import PODS
from migrator.model.one_side import Part
from migrator.model.volumes import VolumePlan
from migrator.rules.one_side.table import WORKLOADS


def require_no_strangers(session: Session, plans: Iterable[VolumePlan], due: Collection[Part]) -> None:
    """Raise BlockedError for a claim with a pod that nothing of `due` ends."""
    ending: set[tuple[str, str]] = set()
    for part in due:
        if part.claims and part.resource.type_name in WORKLOADS:
            manifest = act.read(session.blue, part, "blue")
            pods = session.blue.list(PODS, part.blue.namespace, selector_of(manifest)) if manifest else ()
            ending |= {(part.blue.namespace, pod["metadata"]["name"]) for pod in pods}
    for plan in plans:
        namespace = plan.claim.partition("/")[0]
        left = [pod for pod in plan.used_by if (namespace, pod) not in ending]
        if left:
            raise BlockedError(
                f"{plan.claim}: pod {left[0]} uses it on blue, and nothing that this cutover stops ends that pod",
                hint="wait for a Job to end; delete a bare pod; else volumes.claims: way: own, and move its data yourself",
            )
