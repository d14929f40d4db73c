"""A password that an operator makes up is another one on each cluster."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.rules.made_up import overwritten
from tests.support.objects import made


def generated(kind: str) -> dict[str, Any]:
    """Return what names a generator."""
    return {"sourceRef": {"generatorRef": {"apiVersion": "generators.external-secrets.io/v1alpha1", "kind": kind, "name": "g"}}}


@pytest.mark.parametrize(
    ("kind", "spec", "told"),
    [
        ("ExternalSecret", {"dataFrom": [generated("Password")]}, True),
        ("ExternalSecret", {"data": [{"secretKey": "id", **generated("UUID")}]}, True),
        ("ClusterExternalSecret", {"externalSecretSpec": {"dataFrom": [generated("SSHKey")]}}, True),
        ("ExternalSecret", {"dataFrom": [generated("ECRAuthorizationToken")]}, False),
        ("ExternalSecret", {"dataFrom": [{"extract": {"key": "db"}}]}, False),
        ("ExternalSecret", {}, False),
        ("PushSecret", {"dataFrom": [generated("Password")]}, False),
    ],
)
def test_a_generator_of_random_values_is_told(kind: str, spec: dict[str, Any], *, told: bool) -> None:
    """A token that is another one at each time, and a value of a store, are none."""
    manifest = made("external-secrets.io/v1", kind, "a", spec=spec)
    assert bool(overwritten(manifest, f"{kind}.external-secrets.io")) is told
