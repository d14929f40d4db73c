"""What may run on one side only is recognised by what it is, and held in a way that fits it."""

from __future__ import annotations

import pytest

from migrator.errors import ConfigError
from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.one_side import HeldField, OneSide
from migrator.model.ref import ResourceType
from migrator.rules.context import RuleContext
from migrator.rules.one_side.recognise import for_green, one_sided, row_of, row_of_pod, without_objects
from migrator.rules.table import hindrance
from tests.support.contexts import PLAIN, configured
from tests.support.objects import cron_job, made
from tests.support.programs import workload

APPS = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True, verbs=frozenset({"list"}))


def found(manifest: Manifest, context: RuleContext = PLAIN) -> OneSide:
    """Return what is said of an object that may run on one side only."""
    one = one_sided(manifest, APPS, context)
    assert one is not None
    return one


@pytest.mark.parametrize(
    ("manifest", "row"),
    [
        (workload("registry.k8s.io/external-dns/external-dns:v0.23.0"), "external-dns"),
        (workload("mirror.example.com:5000/x/external-dns@sha256:00", "--source=service"), "external-dns"),
        (workload("registry.example.com/team/dns:1", "--source=ingress", "--provider=rfc2136", "--txt-owner-id=a"), "external-dns"),
        (workload("x/y", command=["sh", "-c", "exec /app --source=service --provider=aws --registry=txt"]), "external-dns"),
        (workload("quay.io/jetstack/cert-manager-controller:v1.21.2"), "cert-manager"),
        (workload("bitnami/cert-manager:1", "--acme-http01-solver-image=bitnami/acmesolver:1"), "cert-manager"),
        (workload("quay.io/metallb/speaker:v0.16.2", kind="DaemonSet"), "MetalLB speaker"),
        (workload("ghcr.io/kube-vip/kube-vip:v1.0.0", "manager", kind="DaemonSet"), "kube-vip"),
        (workload("hetznercloud/hcloud-cloud-controller-manager:v1"), "cloud controller"),
        (workload("registry.k8s.io/autoscaling/cluster-autoscaler:v1.37.0"), "node autoscaler"),
        (workload("public.ecr.aws/karpenter/controller:1.0"), "node autoscaler"),
        (workload("velero/velero:v1.18.0", "server", "--features="), "Velero"),
        (workload("quay.io/argoproj/argocd:v3", command=["argocd-application-controller"], kind="StatefulSet"), "Argo CD"),
        (workload("quay.io/argoproj/argocd:v3", "/usr/local/bin/argocd-applicationset-controller"), "Argo CD"),
        (workload("quay.io/argoproj/argocd:v3", "/usr/local/bin/argocd-notifications"), "Argo CD notifications"),
        (workload("quay.io/metallb/frr-k8s:v0.0.25", command=["/frr-k8s"], kind="DaemonSet"), "FRR-K8s"),
        (workload("cloudflare/cloudflared:2026.8.0", "tunnel", "run"), "tunnel"),
        (made("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps"), "Flux"),
        (made("helm.toolkit.fluxcd.io/v2", "HelmRelease", "apps"), "Flux"),
        (made("argoproj.io/v1alpha1", "CronWorkflow", "nightly"), "CronWorkflow"),
        (workload("xpkg.upbound.io/crossplane-contrib/provider-aws-s3:v1"), "outside resources"),
        (workload("public.ecr.aws/aws-controllers-k8s/s3-controller:1.0"), "outside resources"),
        (made("cluster.x-k8s.io/v1beta1", "Cluster", "edge"), "Cluster API"),
        (made("chaos-mesh.org/v1alpha1", "Schedule", "nightly"), "Chaos Mesh"),
        (made("velero.io/v1", "Schedule", "nightly"), "Velero Schedule"),
        (workload("registry.example.com/gardener/dns-controller-manager:v0.22"), "DNS controller"),
        (made("postgresql.cnpg.io/v1", "Cluster", "db"), "CloudNativePG"),
        (cron_job("nightly"), "CronJob"),
        (workload("x/external-dns:1", kind="Rollout") | {"apiVersion": "argoproj.io/v1alpha1"}, "external-dns"),
        (made("core.kubestash.com/v1alpha1", "BackupBatch", "all"), "Stash"),
        (made("k8s.mariadb.com/v1alpha1", "Backup", "nightly", spec={"schedule": {"cron": "0 3 * * *"}}), "MariaDB schedule"),
        (made("cluster.open-cluster-management.io/v1beta1", "BackupSchedule", "hub"), "backup of a hub"),
        (made("sources.knative.dev/v1", "PingSource", "minutely"), "PingSource"),
        (
            workload("registry.example.com/kafka:3", command=["/opt/kafka/bin/connect-distributed.sh", "a.properties"]),
            "Kafka Connect",
        ),
        (made("external-secrets.io/v1alpha1", "PushSecret", "p"), "PushSecret"),
        (made("kopiur.home-operations.com/v1alpha1", "SnapshotSchedule", "s"), "kopiur schedule"),
        (made("monitoring.coreos.com/v1", "Prometheus", "k8s", spec={"remoteWrite": [{"url": "u"}]}), "samples for a store"),
        (made("upgrade.cattle.io/v1", "Plan", "p"), "upgrade plan"),
        (made("cilium.io/v2alpha1", "CiliumL2AnnouncementPolicy", "p"), "Cilium announcements"),
        (made("fluxcd.controlplane.io/v1", "FluxInstance", "flux"), "Flux operator"),
        (made("kafka.strimzi.io/v1", "KafkaMirrorMaker2", "m"), "Kafka Connect cluster"),
        (made("pxc.percona.com/v1", "PerconaXtraDBCluster", "db"), "database cluster"),
        (made("acid.zalan.do/v1", "postgresql", "db"), "Zalando PostgreSQL"),
    ],
)
def test_what_it_is_decides(manifest: Manifest, row: str) -> None:
    """An image from any mirror, a fork with the same flags, or the group and kind of an object."""
    recognised = row_of(manifest)
    assert recognised is not None
    assert recognised.name == row


@pytest.mark.parametrize(
    "manifest",
    [
        workload("registry.example.com/shop/web:1", name="external-dns"),
        workload("registry.example.com/shop/external-dns-ui:1"),
        workload("quay.io/metallb/controller:v0.16.2"),
        workload("quay.io/metallb/frr-k8s:v0.0.25", command=["/statuscleaner"]),
        workload("quay.io/jetstack/cert-manager-webhook:v1.21.2"),
        workload("quay.io/jetstack/cert-manager-cainjector:v1.21.2"),
        workload("quay.io/argoproj/argocd:v3", "argocd-server"),
        workload("velero/velero:v1.18.0", "node-agent", kind="DaemonSet"),
        workload("registry.example.com/app", "--source=x", "--provider=y"),
        made("kustomize.config.k8s.io/v1beta1", "Kustomization", "no-object-of-flux"),
        made("example.org/v1", "Schedule", "theirs"),
        made("cluster.example.org/v1", "Cluster", "theirs"),
        workload("registry.example.com/shop/provider-search:1"),
        made("v1", "ConfigMap", "external-dns"),
        workload("registry.k8s.io/ingress-nginx/controller:v1.14", "/nginx-ingress-controller"),
        workload("grafana/grafana:13"),
        workload("registry.k8s.io/metrics-server/metrics-server:v0.9"),
        workload("quay.io/prometheus/node-exporter:v1.11", kind="DaemonSet"),
        made("kafka.strimzi.io/v1", "KafkaTopic", "k"),
        made("monitoring.coreos.com/v1", "Prometheus", "k8s", spec={}),
    ],
)
def test_a_name_decides_nothing(manifest: Manifest) -> None:
    """Nor do two flags that others have, or a kind of the same name in another group."""
    assert row_of(manifest) is None
    assert one_sided(manifest, APPS, PLAIN) is None


@pytest.mark.parametrize(
    ("manifest", "path", "held"),
    [
        (workload("external-dns"), "spec.replicas", 0),
        (workload("metallb/speaker", kind="DaemonSet"), "spec.template.spec.nodeSelector.migrator/held", "one-side"),
        (cron_job("c", suspend=False), "spec.suspend", True),
        (made("velero.io/v1", "Schedule", "s", spec={"schedule": "@daily"}), "spec.paused", True),
        (made("postgresql.cnpg.io/v1", "Cluster", "db"), "metadata.annotations.cnpg.io/reconciliationLoop", "disabled"),
    ],
)
def test_each_kind_is_held_in_its_own_way(manifest: Manifest, path: str, held: object) -> None:
    """Nothing else of it differs on green."""
    manifest["metadata"]["namespace"] = "ns"
    one, green = for_green(found(manifest), manifest, manifest, PLAIN)
    assert one.part is not None
    assert one.part.is_held(green)
    assert not one.part.is_held(manifest)
    field = one.part.fields[0]
    assert (".".join(field.path), get(green, *field.path)) == (path, held)
    assert {**green, "spec": None, "metadata": None} == {**manifest, "spec": None, "metadata": None}


def test_what_each_side_has_while_it_runs_is_kept() -> None:
    """Green gets what a transform wants there; blue gets back what it had."""
    blue = workload("external-dns")
    green = {**blue, "spec": {**blue["spec"], "replicas": 5}}
    one, held = for_green(found(blue), blue, green, PLAIN)
    assert one.part is not None
    assert one.part.fields == (HeldField(("spec", "replicas"), 0, blue=2, green=5),)
    assert held["spec"] == {**green["spec"], "replicas": 0}


def test_one_that_a_cutover_has_stopped_on_blue_keeps_its_values() -> None:
    """What is on blue now is this tool's own."""
    blue = workload("external-dns")
    part = found(blue).part
    assert part is not None
    stopped = {**blue, "spec": {**blue["spec"], "replicas": 0}}
    context = RuleContext(configured(), handed={part.blue: part})
    one, green = for_green(found(stopped, context), stopped, stopped, context)
    assert (one.part, one.active, one.runs) == (part, True, False)
    assert green["spec"]["replicas"] == 0


def test_a_stopped_database_is_not_copied_as_one() -> None:
    """Hibernation stops a running one on blue; on green the new one is not reconciled, and comes up when it is."""
    blue = made("postgresql.cnpg.io/v1", "Cluster", "db", namespace="ns", annotations={"cnpg.io/hibernation": "on"})
    running = made("postgresql.cnpg.io/v1", "Cluster", "db", namespace="ns")
    part = found(running).part
    assert part is not None
    context = RuleContext(configured(), handed={part.blue: part})
    _, green = for_green(found(blue, context), blue, blue, context)
    assert green["metadata"]["annotations"] == {"cnpg.io/reconciliationLoop": "disabled"}


def test_what_does_not_run_on_blue_is_not_active() -> None:
    """A person has stopped it there: it stays so on both sides."""
    stopped = workload("external-dns")
    stopped["spec"]["replicas"] = 0
    assert not found(stopped).active
    assert not found(cron_job("c", suspend=True) | {"metadata": {"name": "c", "namespace": "n"}}).active


MINE = "cutover: {oneSide: [{name: mailer, target: {kind: Deployment, name: mail*}%s}]}"


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("", ("spec", "replicas")),
        (", hold: replicas", ("spec", "replicas")),
        (", hold: field, field: /metadata/annotations/team~1paused, value: 'yes'", ("metadata", "annotations", "team/paused")),
    ],
)
def test_a_person_names_what_only_they_can_know(more: str, path: tuple[str, ...]) -> None:
    """With their own way to hold it."""
    context = RuleContext(configured(MINE % more))
    one = found(workload("registry.example.com/mailer", name="mailer"), context)
    assert one.part is not None
    assert (one.row, one.part.fields[0].path) == ("mailer", path)
    assert one_sided(workload("registry.example.com/mailer", name="other"), APPS, context) is None


def test_a_person_may_let_something_run_on_both_sides() -> None:
    """Their word is stronger than the table."""
    context = RuleContext(configured("cutover: {oneSide: [{name: both, target: {name: any-name}, hold: both}]}"))
    assert one_sided(workload("external-dns"), APPS, context) is None


@pytest.mark.parametrize(
    ("manifest", "hold"),
    [
        (made("v1", "ConfigMap", "x"), "auto"),
        (made("v1", "ConfigMap", "x"), "replicas"),
        (workload("x", name="x"), "nodes"),
        (workload("x", kind="DaemonSet", name="x"), "replicas"),
        (made("v1", "Secret", "x"), "field, field: /metadata/labels/a"),
    ],
)
def test_a_way_that_does_not_fit_is_named(manifest: Manifest, hold: str) -> None:
    """Before anything is changed; with what would fit."""
    manifest["metadata"]["namespace"] = "ns"
    context = RuleContext(configured(f"cutover: {{oneSide: [{{name: mine, target: {{name: x}}, hold: {hold}}}]}}"))
    with pytest.raises(ConfigError) as caught:
        one_sided(manifest, APPS, context)
    assert caught.value.issues == [f"cutover.oneSide mine: {hold.partition(',')[0]} does not hold {ref_of(manifest)}"]


def test_an_entry_that_selects_nothing_is_a_mistake() -> None:
    """A slip of the pen would run something twice."""
    rules = configured(MINE % "").cutover.one_side
    assert without_objects(rules, {"mailer"}) == []
    assert without_objects(rules, {""}) == ["cutover.oneSide mailer: selects no object of blue that moves"]


def test_a_bare_pod_cannot_be_handed_over() -> None:
    """It can neither be stopped and started again nor run twice."""
    pod = made("v1", "Pod", "p", namespace="ns", spec={"containers": [{"name": "c", "image": "registry.k8s.io/external-dns:v1"}]})
    blocked = hindrance(pod, PLAIN)
    assert blocked is not None
    assert "external-dns" in blocked.reason
    other = made("v1", "Pod", "p", namespace="ns", spec={"containers": [{"name": "c", "image": "web"}]})
    assert (row_of_pod(other, PLAIN), hindrance(other, PLAIN)) == ("", None)
    mine = RuleContext(configured("cutover: {oneSide: [{name: mine, target: {kind: Pod}}]}"))
    assert row_of_pod(other, mine).startswith("mine: runs on one side only")
    both = RuleContext(configured("cutover: {oneSide: [{name: mine, target: {kind: Pod}, hold: both}]}"))
    assert hindrance(pod, both) is None


def test_a_descheduler_is_told_and_not_held() -> None:
    """It acts on its own cluster only."""
    one = found(workload("registry.k8s.io/descheduler/descheduler:v0.34"))
    assert (one.part, one.how) == (None, "not held")


def test_strange_values_of_a_field_are_not_taken_for_plain_ones() -> None:
    """A list where a word should be: the object is blocked, as any other that cannot be read."""
    manifest = made("velero.io/v1", "Schedule", "s", namespace="ns", spec={"paused": ["no"]})
    with pytest.raises(TypeError):
        one_sided(manifest, APPS, PLAIN)


def test_a_backup_that_is_made_once_is_no_schedule() -> None:
    """MariaDB's operator takes both from one kind."""
    assert row_of(made("k8s.mariadb.com/v1alpha1", "Backup", "now", spec={"mariaDbRef": {"name": "db"}})) is None


def test_an_operator_s_own_number_of_replicas_is_not_taken_for_one() -> None:
    """Strimzi takes a missing number for 3: green's must start without one; Argo Rollouts' objects say nothing else."""
    connect = found(made("kafka.strimzi.io/v1", "KafkaConnect", "sink", spec={}))
    deployment = found(workload("x/external-dns:1") | {"spec": {"template": workload("x/external-dns:1")["spec"]["template"]}})
    values = [one.part.stop.blue for one in (connect, deployment) if one.part]
    assert values == [None, 1]
