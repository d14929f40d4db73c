"""What external-dns looks at, and what asks for a name."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.kinds import INGRESSES, SERVICES
from migrator.rules.one_side.names import Keeper, is_published, keeper
from tests.support.objects import deployment, made, service

BOTH = (INGRESSES, SERVICES)


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ({"args": ["--source=service", "--source=ingress", "--policy=sync"]}, Keeper("", BOTH)),
        ({"args": ["--source=service", "--source=ingress"]}, Keeper("", BOTH)),
        ({"args": ["--source", "service", "--namespace", "shop"]}, Keeper("shop", (SERVICES,))),
        ({"command": ["sh", "-c", "external-dns --source=service --namespace=a"]}, Keeper("a", (SERVICES,))),
        ({"env": [{"name": "EXTERNAL_DNS_SOURCE", "value": "service\ningress"}]}, Keeper("", BOTH)),
        ({"args": ["--source=service", "--policy=upsert-only"]}, None),
        ({"args": ["--source=service", "--policy", "create-only"]}, None),
        ({"args": ["--source=service"], "env": [{"name": "EXTERNAL_DNS_POLICY", "value": "upsert-only"}]}, None),
        ({"args": ["--source=crd"]}, None),
        (
            {"args": ["--source=service", "--annotation-prefix=a.example/", "--fqdn-template={{.Name}}.example.test"]},
            Keeper("", (SERVICES,), "a.example/", templated=True),
        ),
        ({}, None),
    ],
)
def test_what_deletes_names_and_where_it_looks(container: dict[str, Any], found: Keeper | None) -> None:
    """A policy that keeps deletes nothing; without one old versions delete."""
    manifest = deployment("dns")
    manifest["spec"]["template"]["spec"]["containers"][0] |= container
    assert keeper(manifest) == found


@pytest.mark.parametrize(
    ("kind", "annotations", "spec", "found"),
    [
        ("Service", {"external-dns.alpha.kubernetes.io/hostname": "a.example.test"}, {}, True),
        ("Service", {}, {}, False),
        ("Ingress", {}, {"rules": [{"host": "a.example.test"}]}, True),
        ("Ingress", {}, {"rules": [{"http": {}}]}, False),
        ("HTTPRoute", {}, {"hostnames": ["a.example.test"]}, True),
        ("HTTPRoute", {}, {"rules": [{"backendRefs": []}]}, False),
        ("Ingress", {"external-dns.alpha.kubernetes.io/controller": "other"}, {"rules": [{"host": "a.example.test"}]}, False),
    ],
)
def test_what_asks_for_a_name(kind: str, annotations: dict[str, str], spec: dict[str, Any], *, found: bool) -> None:
    """By its annotation, or by the hosts of an Ingress; one for another controller does not."""
    api = "v1" if kind == "Service" else "networking.k8s.io/v1"
    assert is_published(made(api, kind, "a", annotations=annotations, spec=spec), Keeper("", BOTH)) is found


def test_a_service_without_annotations_asks_for_none() -> None:
    """The field may be missing."""
    assert not is_published(service("a"), Keeper("", BOTH))


def test_a_template_gives_names_to_what_is_reached_from_outside() -> None:
    """As external-dns' documentation of templates has it; another prefix of annotations is another controller's."""
    templated = Keeper("", BOTH, templated=True)
    assert is_published(service("a", type="LoadBalancer"), templated)
    assert not is_published(service("a"), templated)
    annotated = made("v1", "Service", "a", annotations={"a.example/hostname": "a.example.test"}, spec={})
    assert is_published(annotated, Keeper("", BOTH, "a.example/"))
    assert not is_published(annotated, Keeper("", BOTH))
