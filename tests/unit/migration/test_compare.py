"""What green's admission makes of an object is asked of green; what blue's admission had made is no difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.config.schema import AcceptedAddition
from migrator.migration.compare import Clusters, compare
from migrator.migration.trials import Trials
from migrator.model.manifest import Manifest
from migrator.model.plan import Decision
from migrator.model.verdict import Severity
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import config_map, deployment, made
from tests.support.pairs import Pair, in_shop, pair

INGRESS = made("networking.k8s.io/v1", "Ingress", "page", namespace="shop", spec={"rules": []})
Fill = Callable[[Manifest], Manifest]


def classed(name: str) -> Fill:
    """Return an admission that writes a class into what has none."""
    return lambda manifest: {**manifest, "spec": {"ingressClassName": name, **manifest["spec"]}}


def labelled(**labels: str) -> Fill:
    """Return an admission that sets labels."""

    def fill(manifest: Manifest) -> Manifest:
        return {**manifest, "metadata": {**manifest["metadata"], "labels": {**manifest["metadata"].get("labels", {}), **labels}}}

    return fill


def copied(kind: str, manifest: Manifest, *, blue: Fill | None = None, green: Fill | None = None) -> Pair:
    """Return a pair after a copy, with admission on either side."""
    both = pair()
    for cluster, fill in ((both.blue, blue), (both.green, green)):
        if fill:
            cluster.defaults[kind] = fill
    both.blue.hold(manifest)
    both.copy()
    return both.next_run()


def found(both: Pair, *accepted: AcceptedAddition) -> list[tuple[Severity, str]]:
    """Return severity and reason of each finding."""
    plan, green = both.read()
    moved = list(plan.of(Decision.MOVE))
    refs = {item.uid: item.green for item in moved}
    trials = Trials(both.green, both.clock)
    clusters = Clusters(both.blue, trials, 2, green.live, refs, accepted)
    return [(item.severity, item.reason) for item in compare(moved, clusters)]


def test_an_object_of_a_strange_form_fails_alone() -> None:
    """What green holds is a tenant's, too; the others are compared."""
    both = copied("ConfigMap", config_map("odd", namespace="shop"))
    plan, green = both.read()
    moved = list(plan.of(Decision.MOVE))
    odd = next(item.green for item in moved if item.green.name == "odd")
    live = {**green.live, odd: replace(green.live[odd], body=b"[]", fields=b"[]")}
    clusters = Clusters(both.blue, Trials(both.green, both.clock), 2, live, {item.uid: item.green for item in moved})
    ((severity, reason, subject),) = [(item.severity, item.reason, item.subject) for item in compare(moved, clusters)]
    assert (severity, reason.startswith("cannot be judged: it "), "odd" in subject) == (Severity.FAILURE, True, True)


def test_a_class_that_green_adds_is_a_failure() -> None:
    """The page would be shown by whoever serves that class."""
    assert found(copied("Ingress", INGRESS, green=classed("public"))) == [
        (Severity.FAILURE, "has spec.ingressClassName, which green's admission has added and blue does not have")
    ]


def test_a_class_that_both_add_is_none() -> None:
    """Each cluster has its own default."""
    assert found(copied("Ingress", INGRESS, blue=classed("blue"), green=classed("green"))) == []


def test_what_is_wanted_can_be_accepted() -> None:
    """By target and field; another target or field accepts nothing."""
    both = copied("Ingress", INGRESS, green=classed("public"))

    def accepted(kind: str, field: str) -> AcceptedAddition:
        return AcceptedAddition.model_validate({"target": {"kind": kind}, "fields": [field]})

    assert found(both, accepted("Ingress", "spec.ingress*")) == []
    assert len(found(both, accepted("Ingress", "spec.other"), accepted("Service", "spec.*"))) == 1


def test_a_label_that_green_adds_is_a_warning() -> None:
    """It may mean nothing, and is told."""
    both = copied("ConfigMap", config_map("a", namespace="shop"), green=labelled(audited="yes"))
    assert [(severity, "metadata.labels" in reason) for severity, reason in found(both)] == [(Severity.WARNING, True)]


def test_what_was_added_later_is_not_of_admission() -> None:
    """A dry run does not have it: nobody owns the node that a scheduler chose."""
    both = copied("Ingress", INGRESS, green=classed("public"))
    both.green.defaults.pop("Ingress")
    assert found(both) == []


def test_what_a_person_added_on_green_is_theirs() -> None:
    """No dry run is made for it."""
    both = copied("ConfigMap", config_map("a", namespace="shop"))
    both.green.patch(both.green.type_of(config_map("a")), "shop", "a", {"data": {"more": "x"}}, manager="kubectl")
    both.green.requests.clear()
    assert found(both) == []
    assert not [request for request in both.green.requests if request.startswith("create")]


def test_a_dry_run_that_is_refused_leaves_the_question_open() -> None:
    """What is not known is said to be unknown."""
    both = copied("Ingress", INGRESS, green=classed("public"))
    both.green.faults.append(Fault("create", forbidden, kind="Ingress"))
    ((severity, reason),) = found(both)
    assert severity is Severity.UNKNOWN
    assert reason.startswith("has spec.ingressClassName, which blue does not have; a dry run")


@pytest.mark.parametrize("refused", [False, True])
def test_a_value_of_blue_s_own_admission_is_no_difference(refused: bool) -> None:  # noqa: FBT001
    """Green's has written its own; where green does not tell, the difference stays."""
    both = copied("Deployment", in_shop(deployment("a")), blue=labelled(cluster="blue"), green=labelled(cluster="green"))
    if refused:
        both.green.faults.append(Fault("create", forbidden, kind="Deployment"))
    reasons = [reason for _, reason in found(both)]
    assert reasons == (["differs from blue in metadata.labels.cluster"] if refused else [])


def test_a_value_that_a_person_sent_is_a_difference() -> None:
    """Green's admission has another opinion, and a person must know."""
    both = copied(
        "Deployment",
        in_shop(deployment("a", app="mine")),
        green=lambda manifest: manifest | {"spec": {**manifest["spec"], "replicas": 7}},
    )
    assert found(both) == [(Severity.FAILURE, "differs from blue in spec.replicas")]
