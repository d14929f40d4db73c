"""What clusters tell about claims and their volumes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from migrator.errors import NotFoundError
from migrator.model.kinds import ATTACHMENTS, CEPH_CLUSTERS, CLAIMS, CSI_NODES, NODES, PODS, SECRETS, SERVICES, VOLUMES
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from migrator.model.volumes import Way
from migrator.ports import ClusterReader
from migrator.rules.context import RuleContext
from migrator.rules.shared_storage import Reach, secrets_of
from migrator.rules.volumes import ClusterVolumes, plan_volumes


def read_volumes(cluster: ClusterReader) -> ClusterVolumes:
    """Read what a cluster tells about claims."""
    claims, volumes, pods, nodes = (listed(cluster, kind) for kind in (CLAIMS, VOLUMES, PODS, NODES))
    return ClusterVolumes.of(claims, volumes, pods, nodes)


def read_storage(cluster: ClusterReader, wanted: Iterable[Manifest] = ()) -> ClusterVolumes:
    """Read that, and what tells whether volumes can be handed over; `wanted` are the other side's, whose Secrets are looked for."""
    claims, volumes, pods, nodes, drivers, attachments, services = (
        listed(cluster, kind) for kind in (CLAIMS, VOLUMES, PODS, NODES, CSI_NODES, ATTACHMENTS, SERVICES)
    )
    secrets = sorted({name for volume in wanted for name in secrets_of(volume)})
    with_ceph = any(str(get(item, "spec", "csi", "driver")).endswith(".ceph.com") for item in volumes)
    reach = Reach.of(
        drivers=drivers,
        services=services,
        nodes=nodes,
        attachments=attachments,
        secrets=[name for name in secrets if one(cluster, SECRETS, *name.split("/"))],
        ceph=_ceph(cluster) if with_ceph else (),
    )
    return ClusterVolumes.of(claims, volumes, pods, nodes, reach)


def listed(cluster: ClusterReader, kind: ResourceType, namespace: str = "") -> list[Manifest]:
    """Return all objects of a kind that can be read."""
    return list(cluster.list(kind, namespace, unparsed=lambda _: None))


def one(cluster: ClusterReader, kind: ResourceType, namespace: str, name: str) -> Manifest | None:
    """Return an object, or None; by a list, since blue's account may list all kinds and get few."""
    return next(iter(cluster.list(kind, namespace, field_selector=f"metadata.name={name}", unparsed=lambda _: None)), None)


def _ceph(cluster: ClusterReader) -> list[Manifest]:
    try:
        return listed(cluster, CEPH_CLUSTERS)
    except NotFoundError:
        return []


def with_data(context: RuleContext, blue: ClusterReader) -> RuleContext:
    """Return the context with the claims whose data a cutover moves, by what `volumes` of the file says."""
    volumes = context.config.volumes
    ways = ({Way.COPY} if volumes.hosts else set()) | ({Way.HAND_OVER} if volumes.hands_over else set())
    plans = plan_volumes(read_volumes(blue), ClusterVolumes(), context)
    handed = (claim for part in context.handed.values() for claim in part.claims)
    return replace(context, data_moves=frozenset(plan.claim for plan in plans if plan.way in ways) | frozenset(handed))
