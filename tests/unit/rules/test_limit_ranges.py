"""Limits that blue's objects exceed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.limit_ranges import limits_on_green, refusing_limits
from tests.support.contexts import configured
from tests.support.objects import config_map, made

LIMITS = [
    # With what the API server fills in.
    {
        "type": "Container",
        "max": {"memory": "1Gi"},
        "min": {"cpu": "50m"},
        "default": {"memory": "512Mi"},
        "defaultRequest": {"memory": "512Mi", "cpu": "50m"},
    },
    {"type": "Pod", "max": {"memory": "3Gi"}},
    {"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}},
]


def limited(*limits: Any) -> RuleContext:
    """Return a context in which namespace n of blue, which is m on green, has a LimitRange."""
    facts = BlueFacts(limits=frozenset({("n", "limits", orjson.dumps(limits).decode())}))
    return RuleContext(configured("map: {namespaces: {n: m}}"), blue=facts)


def pod(*resources: Manifest, kind: str = "Pod", api: str = "v1") -> Manifest:
    """Return a pod, or a workload with such pods, as it is on green."""
    spec = {"containers": [{"name": str(number), "resources": item} for number, item in enumerate(resources)]}
    return made(api, kind, "x", namespace="m", spec=spec if kind == "Pod" else {"template": {"spec": spec}})


def claim(storage: str, namespace: str = "m") -> Manifest:
    """Return a claim."""
    return made("v1", "PersistentVolumeClaim", "c", namespace=namespace, spec={"resources": {"requests": {"storage": storage}}})


@pytest.mark.parametrize(
    ("manifest", "refused"),
    [
        (claim("20Gi"), True),
        (claim("10Gi"), False),
        (claim("20Gi", "other"), False),
        (pod({"limits": {"memory": "2Gi"}}), True),
        (pod({"limits": {"memory": "1024Mi"}, "requests": {"cpu": "0.05"}}), False),
        (pod({"requests": {"cpu": "10m"}}), True),
        (pod({}), False),
        (pod(*[{"limits": {"memory": "1Gi"}}] * 4), True),
        (pod({"limits": {"memory": "2Gi"}}, kind="Deployment", api="apps/v1"), True),
        (config_map("c", namespace="m"), False),
    ],
    ids=["claim", "claim that fits", "elsewhere", "most", "fits", "least", "defaults", "sum of containers", "template", "no pod"],
)
def test_limits_that_would_refuse_what_is_there(manifest: Manifest, *, refused: bool) -> None:
    """A LimitRange is asked at a create only: what exceeds it on blue would not get into green after it."""
    found = refusing_limits(manifest, ref_of(manifest), limits_on_green(limited(*LIMITS)))
    assert [str(ref) for ref in found] == (["LimitRange/m/limits"] if refused else [])


def asked(limit: Any, manifest: Manifest) -> bool:
    """Return whether a LimitRange of one item would refuse an object."""
    return bool(refusing_limits(manifest, ref_of(manifest), limits_on_green(limited(limit))))


@pytest.mark.parametrize(
    ("limit", "resources", "refused"),
    [
        ({"type": "Pod", "max": {"memory": "3Gi"}}, {}, True),
        ({"type": "Pod", "max": {"memory": "3Gi"}}, {"requests": {"memory": "1Gi"}}, True),
        ({"type": "Pod", "min": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, False),
        ({"type": "Pod", "max": {"cpu": "1"}}, {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}, True),
        ({"type": "Container", "min": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}, {}, False),
        ({"type": "Container", "min": {"cpu": "1"}}, {"requests": {"cpu": "1"}, "limits": {"cpu": "500m"}}, True),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}}, True),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}, False),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, {"requests": {"cpu": "1"}}, True),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, {}, True),
    ],
    ids=[
        *("no limit", "a request is no limit", "a limit is a request", "request above", "filled in", "limit below"),
        *("ratio", "ratio kept", "ratio without limit", "ratio without both"),
    ],
)
def test_what_is_not_said_is_refused_too(limit: Manifest, resources: Manifest, *, refused: bool) -> None:
    """A bound asks for a value of each pod, unless a default of the namespace gives it one."""
    assert asked(limit, pod(resources)) is refused


def test_a_claim_is_asked_for_each_bound() -> None:
    """Also for the lower one, and for what it does not name."""
    assert asked({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}}, claim("500Mi"))
    assert asked({"type": "PersistentVolumeClaim", "max": {"requests.example.com/x": "1"}}, claim("500Mi"))
    assert not asked({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "1Gi"}}, claim("1Gi"))


def test_an_init_container_counts_where_it_is_the_larger_one() -> None:
    """It does not run beside the others."""
    limit = {"type": "Pod", "max": {"memory": "2Gi"}}
    manifest = pod({"limits": {"memory": "1Gi"}})
    manifest["spec"]["initContainers"] = [{"name": "i", "resources": {"limits": {"memory": "2Gi"}}}]
    assert not asked(limit, manifest)
    manifest["spec"]["initContainers"].append({"name": "j", "resources": {"limits": {"memory": "3Gi"}}})
    assert asked(limit, manifest)
