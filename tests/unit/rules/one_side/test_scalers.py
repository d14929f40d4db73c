"""What scales a workload is read as its controller reads it, and held where it could start one from 0."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.context import RuleContext
from migrator.rules.one_side.scalers import is_harmless, scaler, target_of, unknown
from tests.support.contexts import PLAIN, configured
from tests.support.objects import made

SCALED = ObjectRef("keda.sh", "ScaledObject", "shop", "dns")
KEDA = ResourceType("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", namespaced=True, verbs=frozenset({"list"}))


def scaled_object() -> Manifest:
    """Return a ScaledObject that scales a Deployment of its name."""
    spec = {"scaleTargetRef": {"name": "dns"}, "triggers": [{"type": "cron"}]}
    return made("keda.sh/v1alpha1", "ScaledObject", "dns", namespace="shop", spec=spec)


def test_one_that_a_cutover_has_paused_on_blue_is_still_handed_over() -> None:
    """Its fields are those of the journal: what blue had before is no longer on blue."""
    found = scaler(scaled_object(), scaled_object(), KEDA, PLAIN)
    assert found is not None
    assert found[0].part is not None
    handed = RuleContext(configured(), handed={SCALED: found[0].part})
    paused = scaled_object()
    paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused": "true"}
    again = scaler(paused, paused, KEDA, handed)
    assert again is not None
    assert (again[0].active, again[0].runs, again[0].part) == (True, False, found[0].part)


def test_another_kind_is_told_and_an_hpa_of_one_is_harmless() -> None:
    """A HorizontalPodAutoscaler leaves a workload at 0 alone."""
    other = {**scaled_object(), "kind": "WidgetScaler"}
    assert "name it in cutover.oneSide" in unknown(other, SCALED)
    assert scaler(other, other, KEDA, PLAIN) is None
    hpa = made("autoscaling/v2", "HorizontalPodAutoscaler", "h", namespace="shop", spec={"minReplicas": 1})
    assert is_harmless(hpa)
    assert unknown(hpa, SCALED) == ""


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ({"name": "dns"}, "Deployment.apps/shop/dns"),
        ({"name": "dns", "kind": "StatefulSet", "apiVersion": "apps/v1"}, "StatefulSet.apps/shop/dns"),
        ({"name": "dns", "kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1"}, "Rollout.argoproj.io/shop/dns"),
        ({"name": 7}, "None"),
        ("dns", "None"),
        (None, "None"),
    ],
)
def test_the_target_is_read_as_keda_reads_it(target: object, found: str) -> None:
    """A tenant's field may hold anything."""
    manifest = scaled_object()
    manifest["spec"]["scaleTargetRef"] = target
    assert str(target_of(manifest)) == found
