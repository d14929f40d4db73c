"""What would start a held workload from 0 is held with it, stopped before it and started after it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.groups import as_documents, groups_of
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.model.manifest import Manifest, get
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster import FakeCluster
from tests.support.objects import crd, cron_job, deployment, made
from tests.support.one_side import CONFIG, Stand, dns, new_stand, steps

PAUSED = "autoscaling.keda.sh/paused"
SCALED = ObjectRef("keda.sh", "ScaledObject", "shop", "dns")


def scaled_object(name: str = "dns", **target: str) -> Manifest:
    """Return a ScaledObject that scales a Deployment of its name."""
    spec = {"scaleTargetRef": target or {"name": name}, "triggers": [{"type": "cron"}]}
    return made("keda.sh/v1alpha1", "ScaledObject", name, namespace="shop", spec=spec)


def hpa(minimum: int | None, name: str = "dns") -> Manifest:
    """Return an autoscaler of external-dns."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec: dict[str, Any] = {"scaleTargetRef": target, "maxReplicas": 3} | ({} if minimum is None else {"minReplicas": minimum})
    return made("autoscaling/v2", "HorizontalPodAutoscaler", name, namespace="shop", spec=spec)


def standing(*objects: Manifest, config: str = CONFIG) -> Stand:
    """Return a migration of external-dns with KEDA's kinds and these objects."""
    stand = new_stand(config)
    for name, kind in (("scaledobjects", "ScaledObject"), ("scaledjobs", "ScaledJob"), ("widgetscalers", "WidgetScaler")):
        stand.blue.hold(crd(name, kind, "keda.sh", ("v1alpha1",), status=True))
    stand.blue.hold(*objects)
    return stand


def item(stand: Stand, ref: ObjectRef) -> PlanItem:
    """Return the decision about an object."""
    plan, _ = stand.session.read_and_plan()
    return next(item for item in plan.items if item.blue == ref)


def pause(cluster: FakeCluster, kind: str = "ScaledObject", name: str = "dns") -> object:
    """Return what pauses KEDA's object."""
    resource = next(item for item in cluster.resources() if item.kind == kind)
    return get(cluster.get(resource, "shop", name), "metadata", "annotations", PAUSED)


def test_one_whose_controller_keeps_books_on_it_is_held_too() -> None:
    """Green gets less of it than blue has: annotations of the controller stay (an HPA's conditions, of autoscaling/v1)."""
    manifest = hpa(0)
    manifest["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/conditions": "[]"}
    found = item(standing(manifest), ObjectRef("autoscaling", "HorizontalPodAutoscaler", "shop", "dns"))
    assert found.original
    assert found.one_side is not None


def test_keda_is_paused_where_its_workload_is_held() -> None:
    """There, back, and before the workload: KEDA would set the replicas back."""
    stand = standing(scaled_object())
    stand.ready()
    assert (pause(stand.blue), pause(stand.green)) == (None, "true")
    run_cutover(stand.session, CopyOptions())
    assert (pause(stand.blue), pause(stand.green)) == ("true", None)
    assert steps(stand)[:2] == ["KEDA stop", "KEDA stopped"]
    assert steps(stand)[-2:] == ["KEDA start", "KEDA works"]
    assert stand.back() == ()
    assert (pause(stand.blue), pause(stand.green)) == (None, "true")
    assert stand.replicas == (2, 0)


def test_the_plan_tells_it() -> None:
    """As a group of its own, with why."""
    stand = standing(scaled_object())
    plan, _ = stand.session.read_and_plan()
    assert [group.row for group in groups_of(plan.parts())] == ["KEDA", "external-dns"]
    keda = as_documents(plan)[0]
    assert keda["why"] == "would start the workload from 0 that is held"
    assert keda["held"] == [f"metadata.annotations[{PAUSED}]: true"]


def test_what_scales_another_workload_runs_on_both_sides() -> None:
    """Green has to scale before it gets traffic."""
    web = deployment("web")
    web["metadata"]["namespace"] = "shop"
    stand = standing(web, scaled_object("web"), hpa(0, "web"))
    for ref in (SCALED._replace(name="web"), ObjectRef("autoscaling", "HorizontalPodAutoscaler", "shop", "web")):
        assert item(stand, ref).one_side is None
    stand.ready()
    assert pause(stand.green, name="web") is None


@pytest.mark.parametrize(("minimum", "held"), [(0, True), (1, False), (2, False), (None, False)])
def test_an_hpa_is_held_where_it_starts_from_0(minimum: int | None, held: bool) -> None:  # noqa: FBT001
    """One with minReplicas of 1 or more leaves a workload at 0 alone."""
    found = item(standing(hpa(minimum)), ObjectRef("autoscaling", "HorizontalPodAutoscaler", "shop", "dns"))
    assert (found.one_side is not None) is held
    if found.one_side and found.one_side.part:
        assert found.one_side.how == "spec.behavior.scaleUp.selectPolicy: Disabled"
        assert (found.one_side.part.stop.blue, found.one_side.part.stop.green) == (None, None)


def test_an_hpa_that_has_scaled_to_0_itself_is_held_by_another_field_than_its_minimum() -> None:
    """Raised from 0 to 1, the minimum would wake the workload (kube-controller-manager 1.36, ScaledToZero)."""
    stand = standing(hpa(0))
    stand.ready()
    resource = next(item for item in stand.blue.resources() if item.kind == "HorizontalPodAutoscaler")

    def seen() -> list[tuple[object, object]]:
        specs = [get(cluster.get(resource, "shop", "dns"), "spec") for cluster in (stand.blue, stand.green)]
        return [(spec["minReplicas"], get(spec, "behavior", "scaleUp", "selectPolicy")) for spec in specs]

    assert seen() == [(0, None), (0, "Disabled")]
    run_cutover(stand.session, CopyOptions())
    assert seen() == [(0, "Disabled"), (0, None)]
    assert stand.back() == ()
    assert seen() == [(0, None), (0, "Disabled")]


def test_a_number_that_a_person_has_set_is_0_while_it_is_held() -> None:
    """KEDA scales to it, whatever else pauses the object."""
    manifest = scaled_object()
    manifest["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "5"}
    found = item(standing(manifest), SCALED).one_side
    assert found is not None
    assert found.part is not None
    assert found.how == "metadata.annotations[autoscaling.keda.sh/paused-replicas]: 0"
    assert found.part.stop.blue == "5"


def test_a_person_s_word_is_stronger() -> None:
    """`both` says that it may run; and what has another name in the file is in that group."""
    rule = "{name: mine, target: {kind: ScaledObject}, hold: %s}"
    both = CONFIG + f"cutover: {{oneSide: [{rule % 'both'}]}}\n"
    assert item(standing(scaled_object(), config=both), SCALED).one_side is None


def test_a_scaler_that_nobody_here_can_pause_is_told() -> None:
    """With what to write into the file; it is seen by validate all the same."""
    unknown = {**scaled_object(), "kind": "WidgetScaler"}
    stand = standing(unknown)
    plan, _ = stand.session.read_and_plan()
    (told,) = [text for text in plan.warnings if "WidgetScaler" in text]
    assert told == (
        "WidgetScaler.keda.sh/shop/dns scales Deployment.apps/shop/dns, which is held: "
        "name it in cutover.oneSide with the field that pauses it (hold: field)"
    )


def test_a_scaled_job_is_held_as_a_cron_job_is() -> None:
    """It starts Jobs by itself, and has no target."""
    job = made(
        "keda.sh/v1alpha1",
        "ScaledJob",
        "mail",
        namespace="shop",
        spec={"jobTargetRef": cron_job("x")["spec"]["jobTemplate"]["spec"]},
    )
    stand = standing(job)
    run_copy(stand.session, CopyOptions())
    assert (pause(stand.blue, "ScaledJob", "mail"), pause(stand.green, "ScaledJob", "mail")) == (None, "true")


def test_keda_that_has_not_paused_yet_has_not_stopped() -> None:
    """Its own condition tells; else it would set the replicas back after the workload was stopped."""
    stand = standing(scaled_object())
    stand.ready()
    resource = next(item for item in stand.blue.resources() if item.kind == "ScaledObject")

    def tell(status: str) -> None:
        conditions = {"conditions": [{"type": "Paused", "status": status}, {"type": "Ready", "status": "True"}]}
        stand.blue.patch(resource, "shop", "dns", {"status": conditions}, manager="keda", subresource="status")

    tell("Unknown")
    stand.clock.after(5.0, lambda: tell("True"))
    began = stand.clock.monotonic()
    run_cutover(stand.session, CopyOptions())
    assert stand.clock.monotonic() - began > 5.0
    assert dns()["spec"]["replicas"] == stand.replicas[1]
