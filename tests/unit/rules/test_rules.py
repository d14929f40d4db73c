"""Each rule by itself."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.config.load import parse_migration
from migrator.config.schema import Migration
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules import (
    accounts,
    finalizers,
    images,
    injected,
    jobs,
    namespaces,
    ownership,
    person,
    server_fields,
    services,
    storage,
    workloads,
)
from migrator.rules.context import BlueFacts, GreenFacts, RuleContext
from migrator.rules.skip import kind_skip, skip_reason
from migrator.rules.versions import common_version, unserved
from tests.support.objects import config_map, cron_job, deployment, job, made, service


def configured(text: str = "") -> Migration:
    """Return a migration with more lines than the least."""
    return parse_migration(f"name: t\nblue: {{}}\ngreen: {{}}\n{text}", "t.yaml")


PLAIN = RuleContext(configured())


def owned(manifest: Manifest, fields: dict[str, Any], manager: str = "kubectl") -> Manifest:
    """Return the manifest with one entry of field ownership."""
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsV1": fields}
    return {**manifest, "metadata": {**manifest["metadata"], "managedFields": [entry]}}


def test_server_fields_go_and_the_persons_stay() -> None:
    """Status and server-owned metadata go; labels, annotations, finalizers and owners stay."""
    manifest = config_map("a", labels={"l": "1"}, annotations={"a": "1"}, finalizers=["f"])
    manifest["metadata"] |= {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "t",
        "selfLink": "s",
        "generateName": "g",
        "deletionTimestamp": "d",
        "managedFields": [],
    }
    done = server_fields.strip_server_fields({**manifest, "status": {"x": 1}}, PLAIN)
    assert done == config_map("a", labels={"l": "1"}, annotations={"a": "1"}, finalizers=["f"])


def test_controller_annotations_go() -> None:
    """What controllers keep their books in is written anew on green."""
    manifest = config_map(
        "a", annotations={"deployment.kubernetes.io/revision": "4", "pv.kubernetes.io/bind-completed": "yes", "mine": "1"}
    )
    assert server_fields.strip_controller_annotations(manifest, PLAIN)["metadata"]["annotations"] == {"mine": "1"}
    untouched = config_map("a", annotations={"mine": "1"})
    assert server_fields.strip_controller_annotations(untouched, PLAIN) is untouched


@pytest.mark.parametrize(
    ("spec", "fields", "kept"),
    [
        ({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]}, {}, {}),
        (
            {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]},
            {"f:clusterIP": {}},
            {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]},
        ),
        ({"clusterIP": "10.8.0.9", "clusterIPs": ["10.8.0.9"]}, {"f:clusterIP": {}}, {}),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, {}, {"clusterIP": "None", "clusterIPs": ["None"]}),
        ({"healthCheckNodePort": 31000}, {}, {}),
        ({"healthCheckNodePort": 31000}, {"f:healthCheckNodePort": {}}, {"healthCheckNodePort": 31000}),
    ],
    ids=["allocated", "chosen", "out-of-range", "headless", "allocated-check", "chosen-check"],
)
def test_service_allocations(spec: dict[str, Any], fields: dict[str, Any], kept: dict[str, Any]) -> None:
    """Only what a person has set and green can give stays."""
    import ipaddress

    context = RuleContext(configured(), GreenFacts(service_networks=(ipaddress.ip_network("10.96.0.0/12"),)))
    manifest = owned(made("v1", "Service", "s", spec=spec), {"f:spec": fields})
    assert services.reset_allocations(manifest, context).get("spec", {}) == kept


def test_node_ports_one_by_one() -> None:
    """Of two ports the one with a chosen node port keeps it."""
    ports = [{"port": 80, "nodePort": 30080}, {"port": 90, "protocol": "UDP", "nodePort": 30090}]
    fields: dict[str, Any] = {
        "f:spec": {
            "f:ports": {
                'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}, "f:port": {}},
                'k:{"port":90,"protocol":"UDP"}': {"f:port": {}},
            }
        }
    }
    done = services.reset_allocations(owned(made("v1", "Service", "s", spec={"ports": ports}), fields), PLAIN)
    assert done["spec"]["ports"] == [{"port": 80, "nodePort": 30080}, {"port": 90, "protocol": "UDP"}]


def test_last_applied_tells_what_was_chosen() -> None:
    """A node port in kubectl's last-applied annotation was chosen, whatever managedFields say."""
    applied = '{"spec":{"ports":[{"port":80,"nodePort":30080}]}}'
    manifest = made(
        "v1",
        "Service",
        "s",
        annotations={"kubectl.kubernetes.io/last-applied-configuration": applied},
        spec={"ports": [{"port": 80, "nodePort": 30080}]},
    )
    assert services.reset_allocations(manifest, PLAIN)["spec"]["ports"][0]["nodePort"] == 30080


def test_token_secrets() -> None:
    """Blue's signatures go from a hand-made token Secret, other data stays; a generated one is recognised."""
    secret = made("v1", "Secret", "s", type=accounts.TOKEN_TYPE, data={"token": "x", "ca.crt": "y", "namespace": "z", "mine": "1"})
    assert accounts.blank_token(secret, PLAIN)["data"] == {"mine": "1"}
    assert accounts.is_generated_token(owned(secret, {"f:data": {}}, "kube-controller-manager"))
    assert not accounts.is_generated_token(owned(secret, {"f:data": {}}))
    account = made("v1", "ServiceAccount", "robot", secrets=[{"name": "robot-token-x7k2p"}, {"name": "own"}])
    assert accounts.drop_token_references(account, PLAIN)["secrets"] == [{"name": "own"}]


def test_default_account_moves_only_when_changed() -> None:
    """The default account stays unless a person gave it something."""
    account = made("v1", "ServiceAccount", "default", namespace="n")
    assert skip_reason(account, ref_of(account), PLAIN)
    changed = {**account, "imagePullSecrets": [{"name": "login"}]}
    assert not skip_reason(changed, ref_of(changed), PLAIN)


def test_job_identity() -> None:
    """Controller labels and selector carry blue's UID and go; a manual selector stays."""
    manifest = job("j")
    manifest["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    manifest["spec"]["template"]["metadata"]["labels"] |= {"controller-uid": "u", "job-name": "j"}
    done = jobs.drop_controller_identity(manifest, PLAIN)
    assert "selector" not in done["spec"]
    assert done["spec"]["template"]["metadata"]["labels"] == {"app": "j"}
    manual = {**manifest, "spec": {**manifest["spec"], "manualSelector": True}}
    assert jobs.drop_controller_identity(manual, PLAIN) is manual


def test_cronjobs_are_suspended() -> None:
    """A CronJob arrives suspended, whatever it is on blue; one that a cutover suspended on blue still counts as running."""
    manifest = {**cron_job("c", suspend=False), "metadata": {"name": "c", "namespace": "n"}}
    assert jobs.suspend_cronjob(manifest, PLAIN)["spec"]["suspend"] is True
    fenced = jobs.suspend_cronjob(manifest, PLAIN)
    assert not jobs.runs_on_blue(fenced, PLAIN)
    assert jobs.runs_on_blue(fenced, RuleContext(configured(), fenced_cronjobs=frozenset({ref_of(fenced)})))


def test_claims_and_volumes() -> None:
    """Binding state goes, the class is mapped, a volume travels with its claim and is retained."""
    context = RuleContext(configured("map: {storageClasses: {slow: fast}}"), blue=BlueFacts(moving_volumes=frozenset({"own"})))
    claim = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"volumeName": "pv-1", "storageClassName": "slow"})
    done = storage.map_storage_class(storage.clear_claim_binding(claim, context), context)
    assert done["spec"] == {"storageClassName": "fast"}
    kept = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"volumeName": "own"})
    assert storage.clear_claim_binding(kept, context) is kept
    volume = made(
        "v1",
        "PersistentVolume",
        "own",
        spec={
            "claimRef": {"uid": "u", "resourceVersion": "1", "name": "c", "namespace": "n"},
            "persistentVolumeReclaimPolicy": "Delete",
        },
    )
    done = storage.retain_volume(storage.clear_volume_binding(volume, context), context)
    assert done["spec"] == {"claimRef": {"name": "c", "namespace": "n"}, "persistentVolumeReclaimPolicy": "Retain"}


def test_data_left_behind_is_said_until_accounted_for() -> None:
    """A bound claim is noted; volumes.dataMoved accounts for it by name or pattern."""
    claim = made("v1", "PersistentVolumeClaim", "c", namespace="n", spec={"volumeName": "pv-1"})
    assert storage.notes(claim, PLAIN) == ["data is NOT copied: the claim had a volume on blue and is empty on green"]
    assert storage.notes(claim, RuleContext(configured("volumes: {dataMoved: ['n/*']}"))) == [
        "data: accounted for by volumes.dataMoved"
    ]


def test_bare_pod_loses_its_node_and_token() -> None:
    """Node, priority and the injected token volume are green's to set."""
    mount = {"name": "kube-api-access-abcde", "mountPath": "/var/run"}
    spec = {
        "nodeName": "n1",
        "priority": 0,
        "volumes": [{"name": "kube-api-access-abcde"}, {"name": "own"}],
        "containers": [{"name": "m", "volumeMounts": [mount, {"name": "own"}]}],
    }
    done = workloads.unschedule_pod(made("v1", "Pod", "p", spec=spec), PLAIN)
    assert done["spec"] == {"volumes": [{"name": "own"}], "containers": [{"name": "m", "volumeMounts": [{"name": "own"}]}]}


@pytest.mark.parametrize(
    ("child", "owner", "regenerated"),
    [
        ("Pod", "Whatever", True),
        ("ReplicaSet", "Deployment", True),
        ("Job", "CronJob", True),
        ("CertificateRequest", "Certificate", True),
        ("ConfigMap", "Deployment", False),
        ("Deployment", "Widget", False),
    ],
)
def test_regenerated_children(child: str, owner: str, regenerated: bool) -> None:  # noqa: FBT001
    """Children that a controller makes again are left to it; others move with their owner."""
    manifest = made("x/v1", child, "c", owners=[{"kind": owner, "name": "o", "uid": "u", "controller": True}])
    assert bool(ownership.regenerating_owner(manifest)) is regenerated
    loose = made("x/v1", child, "c", owners=[{"kind": owner, "name": "o", "uid": "u"}])
    assert not ownership.regenerating_owner(loose)


def test_lost_owners() -> None:
    """References to owners that are gone or stay go, those that travel stay."""
    travels, stays = ObjectRef("", "ConfigMap", "n", "a"), ObjectRef("", "ConfigMap", "n", "b")
    context = RuleContext(configured(), blue=BlueFacts(uids={"1": travels, "2": stays}, staying=frozenset({stays})))
    manifest = config_map("c", owners=[{"uid": "1"}, {"uid": "2"}, {"uid": "3"}])
    assert ownership.drop_lost_owners(manifest, context)["metadata"]["ownerReferences"] == [{"uid": "1"}]


def test_finalizers() -> None:
    """A finalizer stays when its API group is on green or on its way; the server's own go."""
    context = RuleContext(
        configured(),
        GreenFacts(served_groups=frozenset({"", "cert-manager.io"})),
        BlueFacts(groups=frozenset({"shop.example.com"})),
    )
    manifest = config_map(
        "c",
        finalizers=[
            "kubernetes.io/pvc-protection",
            "finalizer.acme.cert-manager.io",
            "shop.example.com/cleanup",
            "gone.example.org/x",
        ],
    )
    kept = finalizers.drop_absent_finalizers(manifest, context)["metadata"]["finalizers"]
    assert kept == ["finalizer.acme.cert-manager.io", "shop.example.com/cleanup"]


@pytest.mark.parametrize(
    ("image", "mapped"),
    [
        ("nginx", "mirror/hub/library/nginx"),
        ("docker.io/library/nginx:1", "mirror/hub/library/nginx:1"),
        ("team/app@sha256:abc", "mirror/hub/team/app@sha256:abc"),
        ("quay.io/team/app:1", "mirror/team/app:1"),
        ("quay.io/teammate/app:1", "quay.io/teammate/app:1"),
        ("localhost:5000/a", "localhost:5000/a"),
    ],
)
def test_images(image: str, mapped: str) -> None:
    """The longest prefix that ends at a path boundary wins; short names are read as docker.io."""
    assert images.map_image(image, {"docker.io": "mirror/hub", "quay.io/team": "mirror/team"}) == mapped


def test_images_in_every_template() -> None:
    """CronJobs keep their containers deep inside."""
    context = RuleContext(configured("map: {registries: {registry.example.com: m}}"))
    done = images.map_registries(cron_job("c"), context)
    assert get(done, "spec", "jobTemplate", "spec", "template", "spec")["containers"][0]["image"] == "m/team/app:1"


def test_namespace_mapping() -> None:
    """Namespaces are renamed where they are references, and left where they are data."""
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    hook = made(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "w",
        webhooks=[
            {
                "clientConfig": {"service": {"namespace": "shop"}},
                "namespaceSelector": {
                    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "x"]}]
                },
            }
        ],
    )
    done = namespaces.map_namespaces(hook, context)["webhooks"][0]
    assert done["clientConfig"]["service"]["namespace"] == "store"
    assert done["namespaceSelector"]["matchExpressions"][0]["values"] == ["store", "x"]
    data = config_map("c", {"namespace": "shop"}, namespace="shop")
    assert namespaces.map_namespaces(data, context) == config_map("c", {"namespace": "shop"}, namespace="store")
    space = made("v1", "Namespace", "shop", labels={"kubernetes.io/metadata.name": "shop"})
    assert namespaces.map_namespaces(space, context)["metadata"] == {
        "name": "store",
        "labels": {"kubernetes.io/metadata.name": "store"},
    }


def test_a_persons_patch_that_does_not_fit_is_a_mistake() -> None:
    """It names transform, object and reason; kind, name and namespace cannot be changed."""
    from migrator.errors import ConfigError

    manifest = config_map("a", namespace="n")
    text = "transforms: [{name: t, target: {kind: ConfigMap}, jsonPatch: [{op: remove, path: /data/none}]}]"
    with pytest.raises(ConfigError, match="transform t: does not fit ConfigMap/n/a"):
        person.apply_transforms(manifest, manifest, RuleContext(configured(text)))
    text = "transforms: [{name: t, target: {kind: ConfigMap}, mergePatch: {metadata: {name: b}}}]"
    with pytest.raises(ConfigError, match="changes kind, name or namespace"):
        person.apply_transforms(manifest, manifest, RuleContext(configured(text)))


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (made("v1", "ConfigMap", "x", namespace="kube-system"), "system namespace"),
        (made("v1", "ConfigMap", "kube-root-ca.crt", namespace="n"), "published by"),
        (made("rbac.authorization.k8s.io/v1", "ClusterRole", "system:node"), "bootstrap RBAC"),
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
        (made("apiregistration.k8s.io/v1", "APIService", "v1.apps", spec={}), "managed by the API server"),
        (made("v1", "PersistentVolume", "pv", annotations={"pv.kubernetes.io/provisioned-by": "x"}), "created by a provisioner"),
        (made("scheduling.k8s.io/v1", "PriorityClass", "system-node-critical"), "exists on every cluster"),
        (
            made("v1", "ConfigMap", "lock", namespace="n", annotations={"control-plane.alpha.kubernetes.io/leader": "{}"}),
            "leader election",
        ),
    ],
)
def test_what_stays(manifest: Manifest, reason: str) -> None:
    """Each kind of object that stays has its own reason."""
    assert reason in skip_reason(manifest, ref_of(manifest), PLAIN)


def test_a_person_can_include_system_objects_by_name() -> None:
    """move.objects.include wins over the namespace rule; exclude wins over everything."""
    manifest = made("v1", "ConfigMap", "mine", namespace="kube-system")
    selector = "{kind: ConfigMap, namespace: kube-system, name: mine}"
    assert not skip_reason(manifest, ref_of(manifest), RuleContext(configured(f"move: {{objects: {{include: [{selector}]}}}}")))
    both = RuleContext(configured(f"move: {{objects: {{include: [{selector}], exclude: [{selector}]}}}}"))
    assert skip_reason(manifest, ref_of(manifest), both) == "left out by move.objects.exclude"


def resource(group: str, version: str, kind: str, verbs: str = "list create") -> ResourceType:
    """Return a resource type."""
    return ResourceType(group, version, kind.lower() + "s", kind, namespaced=True, verbs=frozenset(verbs.split()))


def test_kinds_that_stay() -> None:
    """Events, Leases, nodes, what cannot be created, and what an aggregated API server stores."""
    for name in ("Event", "Node"):
        assert kind_skip(resource("", "v1", name), PLAIN)
    assert kind_skip(resource("coordination.k8s.io", "v1", "Lease"), PLAIN)
    assert "not stored" in kind_skip(resource("", "v1", "Binding", "create"), PLAIN)
    context = RuleContext(configured(), blue=BlueFacts(aggregated_groups=frozenset({"metrics.k8s.io"})))
    assert "aggregated" in kind_skip(resource("metrics.k8s.io", "v1", "PodMetrics"), context)
    assert not kind_skip(resource("apps", "v1", "Deployment"), PLAIN)


def test_versions() -> None:
    """The storage version wins where both serve it, then green's preference; without any the successor is named."""
    blue = [resource("g", "v1", "K"), resource("g", "v1beta1", "K")]
    picked = [
        common_version(blue, green, stored) for green, stored in ((["v2", "v1"], ""), (["v1", "v1beta1"], "v1beta1"), (["v2"], ""))
    ]
    assert [item and item.version for item in picked] == ["v1", "v1beta1", None]
    hindrance = unserved(resource("extensions", "v1beta1", "Ingress"), [])
    assert "Ingress.networking.k8s.io/v1" in hindrance.cure


def test_autoscaled_replicas_are_not_drift() -> None:
    """What an autoscaler or a certificate injector sets is not compared."""
    manifest = {**deployment("web"), "metadata": {"name": "web", "namespace": "n"}}
    context = RuleContext(configured(), blue=BlueFacts(scaled=frozenset({ref_of(manifest)})))
    paths = injected.volatile_paths(manifest, context)
    assert "replicas" not in injected.stable(manifest, paths)["spec"]
    assert injected.volatile_paths(service("s"), PLAIN) == ()
