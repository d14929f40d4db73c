"""What stays on blue, and why."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.skip import kind_skip, skip_reason
from tests.support.contexts import PLAIN, configured, owned
from tests.support.objects import made, resource

SNAPSHOT = "snapshot.storage.k8s.io/v1"


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (made("v1", "ConfigMap", "x", namespace="kube-system"), "system namespace"),
        (made("v1", "ConfigMap", "kube-root-ca.crt", namespace="n"), "published by"),
        (made("rbac.authorization.k8s.io/v1", "ClusterRole", "migrator-blue"), "the account of this tool itself"),
        (made("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "migrator-green"), "the account of this tool itself"),
        (owned(made("rbac.authorization.k8s.io/v1", "ClusterRole", "system:coredns"), {}, "kubeadm"), "bootstrap RBAC"),
        (made("rbac.authorization.k8s.io/v1", "ClusterRole", "system:coredns"), "bootstrap RBAC"),
        (made("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "kubeadm:node-proxier"), "bootstrap RBAC"),
        (made("v1", "PersistentVolume", "pv", status={"phase": "Released"}), "its claim is gone"),
        (made(SNAPSHOT, "VolumeSnapshotContent", "c", spec={"source": {"volumeHandle": "v"}}), "taken by a storage driver"),
        (made(SNAPSHOT, "VolumeSnapshot", "s", namespace="n", spec={"source": {"persistentVolumeClaimName": "c"}}), "taken anew"),
        (
            made("rbac.authorization.k8s.io/v1", "ClusterRole", "admin", labels={"kubernetes.io/bootstrapping": "rbac-defaults"}),
            "bootstrap RBAC",
        ),
        (made("v1", "Service", "kubernetes", namespace="default"), "exists on every cluster"),
        (made("v1", "Pod", "p", namespace="n", status={"phase": "Succeeded"}), "finished pod"),
        (made("v1", "Pod", "p", namespace="n", annotations={"kubernetes.io/config.mirror": "x"}), "static pod"),
        (
            made(
                "discovery.k8s.io/v1",
                "EndpointSlice",
                "e",
                namespace="n",
                labels={"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
            ),
            "created again",
        ),
        (owned(made("v1", "Endpoints", "old", namespace="n"), {}, "kube-controller-manager"), "left by the Endpoints controller"),
        (made("apiregistration.k8s.io/v1", "APIService", "v1.apps", spec={}), "managed by the API server"),
        (made("v1", "PersistentVolume", "pv", annotations={"pv.kubernetes.io/provisioned-by": "x"}), "created by a provisioner"),
        (
            made("v1", "PersistentVolume", "pv", spec={"iscsi": {}, "accessModes": ["ReadWriteOnce"]}, status={"phase": "Bound"}),
            "a disk for one user",
        ),
        (made("scheduling.k8s.io/v1", "PriorityClass", "system-node-critical"), "exists on every cluster"),
        (made("v1", "ConfigMap", "openshift-service-ca.crt", namespace="n"), "published by"),
        (made("v1", "ConfigMap", "istio-ca-root-cert", namespace="n", labels={"istio.io/config": "true"}), "published by"),
        (made("v1", "ConfigMap", "istio-ca-crl", namespace="n", labels={"istio.io/config": "true"}), "published by"),
        (
            made(
                "operators.coreos.com/v1alpha1",
                "ClusterServiceVersion",
                "etcd.v1",
                namespace="n",
                labels={"operators.coreos.com/etcd.n": ""},
            ),
            "installed by a Subscription",
        ),
        (
            made("v1", "ConfigMap", "lock", namespace="n", annotations={"control-plane.alpha.kubernetes.io/leader": "{}"}),
            "leader election",
        ),
    ],
)
def test_what_stays(manifest: Manifest, reason: str) -> None:
    """Each kind of object that stays has its own reason."""
    assert reason in skip_reason(manifest, ref_of(manifest), PLAIN)


@pytest.mark.parametrize(
    "manifest",
    [
        owned(made("rbac.authorization.k8s.io/v1", "ClusterRole", "system:metrics-server"), {}, "kubectl-client-side-apply"),
        made("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "system:vip-agent"),
        owned(made("rbac.authorization.k8s.io/v1", "ClusterRole", "system:coredns"), {}, "helm"),
        made("v1", "ConfigMap", "istio-ca-root-cert", namespace="n"),
        owned(made("v1", "Endpoints", "db", namespace="n"), {}, "kubectl-client-side-apply"),
        made("v1", "Endpoints", "db", namespace="n"),
        made("operators.coreos.com/v1alpha1", "ClusterServiceVersion", "by-hand.v1", namespace="n"),
        made("v1", "PersistentVolume", "pv", spec={"rbd": {}}, status={"phase": "Available"}),
        made("v1", "PersistentVolume", "share", spec={"nfs": {}, "accessModes": ["ReadWriteOnce"]}, status={"phase": "Bound"}),
        made("v1", "PersistentVolume", "many", spec={"csi": {}, "accessModes": ["ReadWriteMany"]}, status={"phase": "Bound"}),
        made(SNAPSHOT, "VolumeSnapshotContent", "c", spec={"source": {"snapshotHandle": "snap-1"}}),
        made(SNAPSHOT, "VolumeSnapshot", "s", namespace="n", spec={"source": {"volumeSnapshotContentName": "c"}}),
        made("apps/v1", "ControllerRevision", "vm-1", namespace="n", data={}),
    ],
    ids=lambda manifest: f"{manifest['kind']} {manifest['metadata']['name']}",
)
def test_what_somebody_made_moves_whatever_its_name(manifest: Manifest) -> None:
    """An object is judged by who made it and what it is."""
    assert skip_reason(manifest, ref_of(manifest), PLAIN) == ""


@pytest.mark.parametrize(("owner", "moves"), [("StatefulSet", False), ("DaemonSet", False), ("VirtualMachine", True)])
def test_revisions_of_other_controllers_are_data(owner: str, *, moves: bool) -> None:
    """StatefulSets and DaemonSets make their revisions again; a virtual machine needs the one that it names."""
    owners = [{"apiVersion": "x/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}]
    manifest = made("apps/v1", "ControllerRevision", "r", namespace="n", owners=owners)
    assert (skip_reason(manifest, ref_of(manifest), PLAIN) == "") is moves


def test_a_person_can_include_system_objects_by_name() -> None:
    """move.objects.include wins over the namespace rule; exclude wins over everything."""
    manifest = made("v1", "ConfigMap", "mine", namespace="kube-system")
    selector = "{kind: ConfigMap, namespace: kube-system, name: mine}"
    assert not skip_reason(manifest, ref_of(manifest), RuleContext(configured(f"move: {{objects: {{include: [{selector}]}}}}")))
    both = RuleContext(configured(f"move: {{objects: {{include: [{selector}], exclude: [{selector}]}}}}"))
    assert skip_reason(manifest, ref_of(manifest), both) == "left out by move.objects.exclude"


def test_kinds_that_stay() -> None:
    """Events, Leases, nodes, what cannot be created, and what an aggregated API server stores."""
    for name in ("Event", "Node"):
        assert kind_skip(resource("", "v1", name), PLAIN)
    assert kind_skip(resource("coordination.k8s.io", "v1", "Lease"), PLAIN)
    assert "not stored" in kind_skip(resource("", "v1", "Binding", "create"), PLAIN)
    context = RuleContext(configured(), blue=BlueFacts(aggregated_groups=frozenset({"metrics.k8s.io"})))
    assert "aggregated" in kind_skip(resource("metrics.k8s.io", "v1", "PodMetrics"), context)
    assert not kind_skip(resource("apps", "v1", "Deployment"), PLAIN)


@pytest.mark.parametrize(
    ("group", "kind", "stays"),
    [
        ("cilium.io", "CiliumBGPNodeConfig", True),
        ("cilium.io", "CiliumBGPNodeConfigOverride", False),
        ("projectcalico.org", "IPAMBlock", True),
        ("projectcalico.org", "IPPool", False),
        ("deuxfleurs.fr", "GarageNode", True),
        ("dex.coreos.com", "AuthRequest", True),
        ("dex.coreos.com", "SigningKey", False),
        ("submariner.io", "Endpoint", True),
        ("hwameistor.io", "LocalVolumeReplica", True),
        ("hwameistor.io", "LocalDiskClaim", False),
        ("storage.hpe.com", "HPEVolumeInfo", True),
        ("nodemaintenance.medik8s.io", "NodeMaintenance", True),
        ("resource.k8s.io", "ResourcePoolStatusRequest", True),
        ("lifecycle.k8s.io", "EvictionRequest", True),
        ("resource.k8s.io", "DeviceClass", False),
    ],
)
def test_what_tells_of_one_node_or_is_asked_of_it_stays(group: str, kind: str, *, stays: bool) -> None:
    """Green may have a node of the same name, which would be drained, or announce blue's routes."""
    assert bool(kind_skip(resource(group, "v1", kind), PLAIN)) is stays


@pytest.mark.parametrize(("spec", "stays"), [({"bucketClaim": {"name": "b"}}, True), ({"existingBucketID": "b"}, False)])
def test_a_bucket_that_a_driver_made_stays(spec: dict[str, Any], *, stays: bool) -> None:
    """Green's driver would delete it in the store that both reach."""
    manifest = made("objectstorage.k8s.io/v1alpha1", "Bucket", "b", spec=spec)
    assert bool(skip_reason(manifest, ref_of(manifest), PLAIN)) is stays


@pytest.mark.parametrize(
    ("spec", "stays"), [({"trustBundle": "x"}, False), ({"signerName": "a.example/b", "trustBundle": "x"}, True)]
)
def test_a_trust_bundle_without_a_signer_moves(spec: dict[str, str], *, stays: bool) -> None:
    """Pods that mount it by its name would not start; that of a signer is published by green's own."""
    manifest = made("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "ca", spec=spec)
    assert bool(skip_reason(manifest, ref_of(manifest), PLAIN)) is stays


@pytest.mark.parametrize(
    ("group", "kind", "stays"),
    [
        ("longhorn.io", "Replica", True),
        ("topolvm.io", "LogicalVolume", True),
        ("objectbucket.io", "ObjectBucket", True),
        ("objectbucket.io", "ObjectBucketClaim", False),
        ("internal.linstor.linbit.com", "Nodes", True),
        ("longhorn.io", "RecurringJob", False),
        ("longhorn.io", "Setting", False),
        ("example.com", "Replica", False),
    ],
)
def test_records_of_storage_drivers_stay(group: str, kind: str, *, stays: bool) -> None:
    """They tell of blue's disks; what a person has set moves."""
    assert bool(kind_skip(resource(group, "v1", kind), PLAIN)) is stays


@pytest.mark.parametrize(
    ("name", "mapping", "stays"),
    [
        ("rook-ceph-mon-endpoints", '{"node":{"a":{"Name":"node-1"}}}', True),
        ("rook-ceph-mon-endpoints", '{"node":{}}', False),
        ("rook-ceph-mon-endpoints", "{}", False),
        ("rook-ceph-mon-endpoints", "[]", False),
        ("rook-ceph-mon-endpoints", "{", False),
        ("rook-ceph-mon-endpoints", "", False),
        ("other", '{"node":{"a":{}}}', False),
    ],
)
def test_monitors_of_blues_own_ceph_stay(name: str, mapping: str, *, stays: bool) -> None:
    """Green's Rook would take them for its own, and replace them; those of an external Ceph are needed on green."""
    found = made("v1", "ConfigMap", name, namespace="rook-ceph", data={"data": "a=10.0.0.1:6789", "mapping": mapping})
    assert bool(skip_reason(found, ref_of(found), PLAIN)) is stays


@pytest.mark.parametrize(
    ("annotations", "stays"),
    [
        ({"leader": "db-0", "acquireTime": "t", "renewTime": "t", "ttl": "30", "optime": "1"}, True),
        ({"leader": "db-0", "sync_standby": "db-1"}, True),
        ({"control-plane.alpha.kubernetes.io/leader": "{}"}, True),
        ({"leader": "Ann"}, False),
    ],
)
def test_elections_of_blue_stay(annotations: dict[str, str], *, stays: bool) -> None:
    """Patroni's have the address of a pod of blue."""
    found = made("v1", "Endpoints", "db", namespace="shop")
    found["metadata"]["annotations"] = annotations
    assert bool(skip_reason(found, ref_of(found), PLAIN)) is stays
