"""A field that holds an object, as a person reads it and as a server gets it."""

from __future__ import annotations

import pytest

from migrator.model.one_side import HeldField, OneSide, Part, value_at, without_fields
from migrator.model.ref import ObjectRef, ResourceType
from tests.support.objects import deployment

REPLICAS = HeldField(("spec", "replicas"), 0, blue=2, green=3)
PAUSED = HeldField(("metadata", "annotations", "example.org/paused"), "yes")
REF = ObjectRef("apps", "Deployment", "shop", "web")
PART = Part(
    REF,
    REF._replace(namespace="store"),
    "r",
    ResourceType("apps", "v1", "deployments", "Deployment", True, frozenset()),
    (REPLICAS,),
)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (REPLICAS, "spec.replicas: 0"),
        (HeldField(("spec", "suspend"), held=True), "spec.suspend: true"),
        (PAUSED, "metadata.annotations[example.org/paused]: yes"),
    ],
)
def test_words(field: HeldField, words: str) -> None:
    """As in a manifest."""
    assert field.words == words


def test_patch() -> None:
    """One branch, with the value at its end; None removes it (RFC 7396)."""
    assert REPLICAS.patch(2) == {"spec": {"replicas": 2}}
    assert PAUSED.patch(None) == {"metadata": {"annotations": {"example.org/paused": None}}}


def test_a_field_that_is_not_there_has_the_server_s_default() -> None:
    """One replica of a workload of `apps`; nothing else has one, and other operators have numbers of their own."""
    assert value_at({"apiVersion": "apps/v1", "spec": {}}, ("spec", "replicas")) == 1
    assert value_at({"apiVersion": "kafka.strimzi.io/v1", "spec": {}}, ("spec", "replicas")) is None
    assert value_at({"apiVersion": "apps/v1", "spec": {}}, ("spec", "suspend")) is None
    with pytest.raises(TypeError):
        value_at({"spec": {"replicas": {}}}, ("spec", "replicas"))


def test_each_side_has_its_own_name_and_value() -> None:
    """A namespace may be called otherwise on green, and a transform may want other replicas."""
    assert (PART.ref("blue"), PART.ref("green")) == (PART.blue, PART.green)
    assert (REPLICAS.running("blue"), REPLICAS.running("green")) == (2, 3)


def test_held() -> None:
    """Green's manifest with the first field held, and the others as it will run."""
    two = Part(REF, REF, "r", PART.resource, (PAUSED, REPLICAS))
    manifest = two.held(deployment("web", 0))
    assert (manifest["spec"]["replicas"], manifest["metadata"]["annotations"]) == (3, {"example.org/paused": "yes"})
    assert two.is_held(manifest)
    assert two.stop is REPLICAS


def test_without_fields() -> None:
    """What holds is not compared."""
    assert "replicas" not in without_fields(deployment("web"), [("spec", "replicas")])["spec"]


def test_how() -> None:
    """A person reads how it is held."""
    assert (OneSide("r", "w", "m", PART).how, OneSide("r", "w", "m", None).how) == ("spec.replicas: 0", "not held")
