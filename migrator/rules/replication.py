"""Volumes of databases whose operator brings the data by its own means, and takes no volume that it did not make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from migrator.model.manifest import Manifest, get

_REPLICA = "make a replica cluster on green, let it catch up, and promote it there"
_MEMBERS = "let members on green join, or mirror it"


class Means(NamedTuple):
    """Who brings the data, and how."""

    operator: str
    hint: str


# Labels that operators give the claims they make, or the pods that use them.
_LABELS = {
    "cnpg.io/cluster": Means("CloudNativePG", _REPLICA),
    "postgres-operator.crunchydata.com/cluster": Means("Crunchy's operator for PostgreSQL", _REPLICA),
    "strimzi.io/cluster": Means("Strimzi", "mirror it with MirrorMaker"),
    "cassandra.datastax.com/cluster": Means("K8ssandra", "add a data centre on green"),
    "elasticsearch.k8s.elastic.co/cluster-name": Means("Elastic's operator", "restore a snapshot on green, or follow its indices"),
    "mongodb.com/v1.mongodbResourceName": Means("MongoDB's operator", _MEMBERS),
    "v1.min.io/tenant": Means("MinIO's operator", "replicate its buckets"),
    "ceph.rook.io/DeviceSet": Means("Rook", "its disks are a part of blue's Ceph: move what lies in it"),
}
# Values of the label app.kubernetes.io/managed-by.
_MANAGERS = {
    "percona-xtradb-cluster-operator": Means("Percona's operator", _REPLICA),
    "percona-server-mongodb-operator": Means("Percona's operator", _MEMBERS),
    "percona-postgresql-operator": Means("Percona's operator", _REPLICA),
    "tidb-operator": Means("TiDB's operator", "replicate it with TiCDC"),
    "mysql-operator": Means("the operator for MySQL", _REPLICA),
}
_SPILO = Means("Zalando's operator for PostgreSQL", "make a standby cluster on green, and promote it there")


def replicated_by(claim: Manifest, pods: Iterable[Manifest]) -> Means | None:
    """Return who brings the data of a claim by its own means; None for a claim that is copied as any other."""
    for manifest in (claim, *pods):
        labels = get(manifest, "metadata", "labels") or {}
        for name, means in _LABELS.items():
            if name in labels:
                return means
        if labels.get("application") == "spilo" and "cluster-name" in labels:
            return _SPILO
        if manager := _MANAGERS.get(str(labels.get("app.kubernetes.io/managed-by"))):
            return manager
    return None
