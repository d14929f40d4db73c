"""A default class comes after what asks for none."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.model.ref import ObjectRef
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.defaults import filled_in_by, is_default
from tests.support.contexts import configured
from tests.support.objects import made, service

PUBLIC = ObjectRef("networking.k8s.io", "IngressClass", "", "public")
FAST = ObjectRef("storage.k8s.io", "StorageClass", "", "fast")
CONTEXT = RuleContext(configured(), blue=BlueFacts(defaults=frozenset({PUBLIC, FAST})))


@pytest.mark.parametrize(
    ("manifest", "default"),
    [
        (
            made("networking.k8s.io/v1", "IngressClass", "a", annotations={"ingressclass.kubernetes.io/is-default-class": "true"}),
            True,
        ),
        (
            made("networking.k8s.io/v1", "IngressClass", "a", annotations={"ingressclass.kubernetes.io/is-default-class": "false"}),
            False,
        ),
        (
            made(
                "storage.k8s.io/v1", "StorageClass", "a", annotations={"storageclass.beta.kubernetes.io/is-default-class": "true"}
            ),
            True,
        ),
        (made("storage.k8s.io/v1", "StorageClass", "a"), False),
        (made("v1", "ConfigMap", "a", annotations={"storageclass.kubernetes.io/is-default-class": "true"}), False),
    ],
)
def test_a_default_is_told_by_its_annotation(manifest: Manifest, *, default: bool) -> None:
    """Each kind has its own."""
    assert is_default(manifest, ref_of(manifest)) is default


def ingress(**fields: object) -> Manifest:
    """Return an Ingress."""
    annotations = fields.pop("annotations", {})
    return made("networking.k8s.io/v1", "Ingress", "i", namespace="n", annotations=annotations, spec=fields)


def claim(**fields: object) -> Manifest:
    """Return a claim."""
    annotations = fields.pop("annotations", {})
    return made("v1", "PersistentVolumeClaim", "c", namespace="n", annotations=annotations, spec=fields)


@pytest.mark.parametrize(
    ("manifest", "late"),
    [
        (ingress(), [PUBLIC]),
        (ingress(ingressClassName="internal"), []),
        (ingress(annotations={"kubernetes.io/ingress.class": "internal"}), []),
        (claim(), [FAST]),
        (claim(storageClassName=""), []),
        (claim(storageClassName="slow"), []),
        (claim(annotations={"volume.beta.kubernetes.io/storage-class": "slow"}), []),
        (service("s"), []),
    ],
)
def test_what_asks_for_no_class_comes_before_the_default(manifest: Manifest, late: list[ObjectRef]) -> None:
    """An internal page would be published; an empty class of a claim says that it wants none."""
    assert filled_in_by(manifest, ref_of(manifest), CONTEXT) == late
