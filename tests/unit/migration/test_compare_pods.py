"""What green's admission adds to the pods of a workload is told, unless blue's pods have it, too."""

from __future__ import annotations

from typing import Any

import orjson

from migrator.config.schema import AcceptedAddition
from migrator.errors import InvalidError
from migrator.migration.compare_pods import PodSides, compare_pods
from migrator.migration.trials import Trials
from migrator.model.manifest import Manifest
from migrator.model.plan import Decision
from migrator.model.verdict import Severity
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import cron_job, deployment, made, pod_template
from tests.support.pairs import Pair, in_shop, pair

MESH = {"name": "mesh", "image": "registry.example.com/mesh:1"}


def injecting(manifest: Manifest) -> Manifest:
    """Add a container and a class, as an admission does."""
    spec = manifest["spec"]
    return {**manifest, "spec": {**spec, "containers": [*spec["containers"], MESH], "priorityClassName": "high"}}


def with_pods(*containers: dict[str, Any], green: bool = True) -> Pair:
    """Return a pair after a copy; blue's pod has these containers besides, and green's admission adds its own."""
    both = pair(in_shop(deployment("front")))
    spec = pod_template("front")["spec"]
    spec = {**spec, "containers": [*spec["containers"], *containers], "nodeName": "n1"}
    owner = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "front-1", "uid": "u", "controller": True}]
    both.blue.hold(made("v1", "Pod", "front-1-a", namespace="shop", labels={"app": "front"}, owners=owner, spec=spec))
    both.copy()
    if green:
        both.green.defaults["Pod"] = injecting
    return both


def found(both: Pair, *accepted: AcceptedAddition) -> list[tuple[Severity, str]]:
    """Return severity and first path of each finding."""
    moved = list(both.read()[0].of(Decision.MOVE))
    sides = PodSides(both.blue, Trials(both.green, both.clock), 2, accepted)
    return [(item.severity, item.reason.split(",")[0]) for item in compare_pods(moved, sides)]


def test_a_container_is_a_failure_and_anything_else_a_warning() -> None:
    """Blue's pods have neither."""
    assert found(with_pods()) == [
        (Severity.FAILURE, "its pods get spec.containers[mesh]"),
        (Severity.WARNING, "its pods get spec.priorityClassName"),
    ]


def test_what_blue_s_pods_have_is_none() -> None:
    """Its own admission added that container there."""
    assert [severity for severity, _ in found(with_pods(MESH))] == [Severity.WARNING]
    assert found(with_pods(green=False)) == []


def test_what_is_wanted_can_be_accepted() -> None:
    """By the workload, and the field of its pods."""
    wanted = {"target": {"kind": "Deployment"}, "fields": ["spec.containers[[]mesh]", "spec.priority*"]}
    plain = {"target": {"kind": "Deployment"}, "fields": ["spec.containers[mesh]", "spec.priority*"]}
    assert len(found(with_pods(), AcceptedAddition.model_validate(wanted))) == 1
    assert found(with_pods(), AcceptedAddition.model_validate(plain)) == []


def test_without_a_pod_on_blue_only_containers_are_told() -> None:
    """Nobody knows what else blue's admission adds."""
    both = pair(in_shop(cron_job("nightly")))
    both.copy()
    both.green.defaults["Pod"] = injecting
    assert found(both) == [(Severity.FAILURE, "its pods get spec.containers[mesh]")]


def validated(manifest: Manifest) -> Manifest:
    """Refuse a pod that mounts what it does not have, as validation does, which comes after admission."""
    names = {item["name"] for item in manifest["spec"].get("volumes") or []}
    mounts = [item for container in manifest["spec"]["containers"] for item in container.get("volumeMounts") or []]
    if any(item["name"] not in names for item in mounts):
        raise InvalidError("spec.containers[0].volumeMounts[0].name: Not found", status=422)
    return injecting(manifest)


def test_a_pod_of_a_stateful_set_has_the_volumes_of_its_claims() -> None:
    """Without them no API server takes a pod of its template, so that nothing was found of what admission adds."""
    database = in_shop(deployment("db"))
    database["kind"] = "StatefulSet"
    database["spec"]["volumeClaimTemplates"] = [made("v1", "PersistentVolumeClaim", "data", spec={})]
    template = database["spec"]["template"]["spec"]
    template["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    template["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/scratch"}]
    both = pair(database)
    both.copy()
    both.green.defaults["Pod"] = validated
    assert found(both) == [(Severity.FAILURE, "its pods get spec.containers[mesh]")]


def test_a_pod_that_green_refuses_is_no_difference() -> None:
    """Its workload will not be ready, and that is told."""
    both = with_pods()
    both.green.faults.append(Fault("create", forbidden, kind="Pod"))
    assert found(both) == []


def mirroring(manifest: Manifest) -> Manifest:
    """Take the image from elsewhere, as an admission does."""
    spec = manifest["spec"]
    return {**manifest, "spec": {**spec, "containers": [{**item, "image": "mirror/front:1"} for item in spec["containers"]]}}


def test_another_value_than_the_template_s_is_a_failure() -> None:
    """Blue's pods have what the template says; what is wanted can be accepted."""
    both = with_pods(green=False)
    both.green.defaults["Pod"] = mirroring
    ((severity, reason),) = found(both)
    assert (severity, reason.split(":")[0]) == (Severity.FAILURE, "its pods get another value in spec.containers[main].image")
    wanted = {"target": {"kind": "Deployment"}, "fields": ["spec.containers[[]*].image", "spec.containers[*].image"]}
    assert found(both, AcceptedAddition.model_validate(wanted)) == []


def test_a_value_that_blue_s_admission_changes_alike_is_none() -> None:
    """Both clusters take the image from the same mirror."""
    both = with_pods(green=False)
    pods = both.blue.type_of({"apiVersion": "v1", "kind": "Pod"})
    (pod,) = both.blue.list(pods, "shop")
    both.blue.replace(pods, "shop", pod["metadata"]["name"], orjson.dumps(mirroring(pod)), manager="webhook")
    both.green.defaults["Pod"] = mirroring
    assert found(both) == []
