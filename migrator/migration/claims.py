"""What clusters tell about claims and their volumes."""

from __future__ import annotations

from dataclasses import replace

from migrator.model.kinds import CLAIMS, NODES, PODS, VOLUMES
from migrator.model.volumes import Way
from migrator.ports import ClusterReader
from migrator.rules.context import RuleContext
from migrator.rules.volumes import ClusterVolumes, plan_volumes


def read_volumes(cluster: ClusterReader) -> ClusterVolumes:
    """Read what a cluster tells about claims."""
    lists = [list(cluster.list(kind, unparsed=lambda _: None)) for kind in (CLAIMS, VOLUMES, PODS, NODES)]
    return ClusterVolumes.of(*lists)


def with_data(context: RuleContext, blue: ClusterReader) -> RuleContext:
    """Return the context with the claims whose data is copied; blue is asked only where hosts are named for that."""
    if context.config.volumes.hosts is None:
        return context
    plans = plan_volumes(read_volumes(blue), ClusterVolumes(), context)
    handed = (claim for part in context.handed.values() for claim in part.claims)
    return replace(context, data_moves=frozenset(plan.claim for plan in plans if plan.way is Way.COPY) | frozenset(handed))
