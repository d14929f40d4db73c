"""Stopped means gone, and started means that it works; both for a limited time."""

from __future__ import annotations

import pytest

from migrator.errors import GateFailedError
from migrator.journal.records.traffic import CutoverEnded
from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.progress import not_working, selector_of, still_runs
from migrator.migration.state import Stage
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import DEPLOYMENTS, LEASES, PODS
from migrator.model.manifest import ref_of
from migrator.model.one_side import HeldField, Part
from migrator.model.ref import ObjectRef, ResourceType
from tests.support.objects import crd, made
from tests.support.one_side import DNS, Stand, pod


def test_what_does_not_stop_on_blue_is_not_started_on_green(stand: Stand) -> None:
    """A pod that hangs: after the limit all is taken back, and the pod is named."""
    stand.ready()
    stand.blue.hold(pod("stuck"))
    stand.blue.patch(PODS, "shop", "stuck", {"metadata": {"finalizers": ["example.org/hangs"]}}, manager="k")
    with pytest.raises(GateFailedError, match="is not stopped on blue after 120 s: pod stuck has not ended"):
        run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (2, 0)
    assert "green" not in stand.pods
    assert (stand.session.run.state.stage, stand.session.run.state.handed) == (Stage.ROLLED_BACK, {})


def test_a_lease_that_is_still_renewed_is_a_process_that_still_runs(stand: Stand) -> None:
    """Its node hangs, and its pod was deleted by force."""
    stand.ready()

    def renew() -> None:
        stamp = stand.blue._stamp()
        spec = {"holderIdentity": "dns-7f9c_uuid", "leaseDurationSeconds": 15, "renewTime": stamp}
        stand.blue.patch(LEASES, "shop", "external-dns", {"spec": spec}, manager="p")
        stand.clock.after(2.0, renew)

    stand.blue.hold(made("coordination.k8s.io/v1", "Lease", "external-dns", namespace="shop", spec={}))
    renew()
    with pytest.raises(GateFailedError, match="dns-7f9c_uuid still holds lease external-dns"):
        run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (2, 0)


def test_a_lease_that_nobody_renews_is_waited_for_and_no_longer(stand: Stand) -> None:
    """A process that was killed releases nothing."""
    stand.ready()
    spec = {"holderIdentity": "dns-7f9c_uuid", "leaseDurationSeconds": 15, "renewTime": stand.blue._stamp()}
    stand.blue.hold(made("coordination.k8s.io/v1", "Lease", "external-dns", namespace="shop", spec=spec))
    before = stand.clock.monotonic()
    run_cutover(stand.session, CopyOptions())
    assert 15 <= stand.clock.monotonic() - before < 60
    assert stand.replicas == (0, 2)


def test_what_does_not_start_on_green_goes_back(stand: Stand) -> None:
    """Its image cannot be pulled: after the limit blue's runs again."""
    run_copy(stand.session, CopyOptions())
    stand.control(stand.blue)
    status = {"status": {"observedGeneration": 99, "availableReplicas": 0}}
    stand.green.patch(DEPLOYMENTS, "shop", "dns", status, manager="c", subresource="status")
    assert run_validate(stand.session).good
    with pytest.raises(GateFailedError, match="is not working on green after 300 s: 0 of 2 replicas available"):
        run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (2, 0)
    ended = stand.journal.records[-1]
    assert isinstance(ended, CutoverEnded)
    assert ended.undone == ()


def test_one_that_did_not_work_on_blue_need_not_work_on_green(stand: Stand) -> None:
    """It is handed over as it is."""
    status = {"status": {"observedGeneration": 99, "availableReplicas": 0}}
    stand.blue.patch(DEPLOYMENTS, "shop", "dns", status, manager="c", subresource="status")
    run_copy(stand.session, CopyOptions())
    stand.green.patch(DEPLOYMENTS, "shop", "dns", status, manager="c", subresource="status")
    assert run_validate(stand.session).good
    assert run_cutover(stand.session, CopyOptions()).handed_over == (str(DNS),)
    assert stand.replicas == (0, 2)


@pytest.mark.parametrize(
    ("resource", "path", "held", "labels"),
    [
        (
            ResourceType("pxc.percona.com", "v1", "perconaxtradbclusters", "PerconaXtraDBCluster", True, frozenset()),
            ("spec", "pause"),
            True,
            {"app.kubernetes.io/instance": "db"},
        ),
        (
            ResourceType("kafka.strimzi.io", "v1", "kafkamirrormaker2s", "KafkaMirrorMaker2", True, frozenset()),
            ("spec", "replicas"),
            0,
            {"strimzi.io/cluster": "db", "strimzi.io/kind": "KafkaMirrorMaker2"},
        ),
    ],
)
def test_what_an_operator_makes_of_it_ends_before_it_has_stopped(
    stand: Stand, resource: ResourceType, path: tuple[str, str], held: int, labels: dict[str, str]
) -> None:
    """A field that says so stops nothing by itself; pods of others do not count."""
    ref = ObjectRef(resource.group, resource.kind, "shop", "db")
    part = Part(ref, ref, "row", resource, (HeldField(path, held),))
    stand.blue.hold(crd(resource.plural, resource.kind, resource.group))
    stand.blue.hold(made(f"{resource.group}/v1", resource.kind, "db", namespace="shop", spec={path[1]: held}))
    stand.blue.hold(made("v1", "Pod", "other", namespace="shop", labels={"app.kubernetes.io/instance": "db2"}, spec={}))
    stand.blue.hold(made("v1", "Pod", "db-0", namespace="shop", labels=labels, spec={}))
    assert still_runs(stand.blue, part, "blue") == "pod db-0 has not ended"
    stand.blue.delete(PODS, "shop", "db-0", uid=stand.blue.get(PODS, "shop", "db-0")["metadata"]["uid"])
    assert still_runs(stand.blue, part, "blue") == ""


@pytest.mark.parametrize(("seen", "said"), [(0, "its controller has not seen yet that it was started"), (1, "")])
def test_what_a_status_says_of_the_time_when_it_was_held_is_not_believed(stand: Stand, seen: int, said: str) -> None:
    """Strimzi calls a Kafka Connect of 0 replicas ready; a new generation is seen a moment later."""
    stand.blue.hold(crd("kafkaconnects", "KafkaConnect", "kafka.strimzi.io"))
    status = {"observedGeneration": seen, "conditions": [{"type": "Ready", "status": "True"}]}
    manifest = made("kafka.strimzi.io/v1", "KafkaConnect", "sink", namespace="shop", spec={"replicas": 3}) | {"status": status}
    stand.blue.hold(manifest)
    ref = ref_of(manifest)
    part = Part(ref, ref, "Kafka Connect cluster", stand.blue.type_of(manifest), (HeldField(("spec", "replicas"), 0),))
    assert not_working(stand.blue, part, "blue") == said


def test_a_rollout_that_takes_its_pods_from_another_workload_tells_them_by_its_status() -> None:
    """It has no selector of its own; without one all pods of the namespace would be waited for."""
    spec = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dns"}}
    rollout = made("argoproj.io/v1alpha1", "Rollout", "dns", spec=spec) | {"status": {"selector": "app=dns"}}
    assert selector_of(rollout) == "app=dns"


@pytest.mark.parametrize(("status", "said"), [("True", "its controller has not finished with it"), ("False", "")])
def test_a_controller_that_still_works_on_it_has_not_stopped(stand: Stand, status: str, said: str) -> None:
    """Flux tells so by the condition Reconciling: a suspended object is finished with first."""
    stand.blue.hold(crd("kustomizations", "Kustomization", "kustomize.toolkit.fluxcd.io"))
    conditions = {"conditions": [{"type": "Reconciling", "status": status}]}
    api = "kustomize.toolkit.fluxcd.io/v1"
    manifest = made(api, "Kustomization", "apps", namespace="shop", spec={"suspend": True}) | {"status": conditions}
    stand.blue.hold(manifest)
    ref = ref_of(manifest)
    part = Part(ref, ref, "Flux", stand.blue.type_of(manifest), (HeldField(("spec", "suspend"), held=True),))
    assert still_runs(stand.blue, part, "blue") == said
