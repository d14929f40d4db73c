"""What a volume of green does otherwise than blue's."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.volume_notes import notes
from tests.support.objects import made

HOST = {"hostPath": {"path": "/srv"}}
CSI = {"csi": {"driver": "d.example.com", "volumeHandle": "v"}}


def volume(policy: str | None, **spec: Any) -> Manifest:
    """Return a volume."""
    return made("v1", "PersistentVolume", "pv", spec={**spec, **({"persistentVolumeReclaimPolicy": policy} if policy else {})})


def pod(**context: Any) -> Manifest:
    """Return a pod with a security context."""
    return made("v1", "Pod", "p", namespace="shop", spec={"securityContext": context})


@pytest.mark.parametrize(
    ("blue", "green", "told"),
    [("Retain", "Delete", True), (None, "Recycle", True), ("Retain", "Retain", False), ("Delete", "Delete", False)],
)
def test_a_volume_that_was_to_be_kept_is_told_where_green_deletes_it(blue: str | None, green: str, *, told: bool) -> None:
    """Who deletes the claim on green, trusting in what was on blue, would lose the data."""
    found = list(notes(volume(blue, **HOST), volume(green, **HOST), ()))
    assert [f"green deletes it ({green})" in text and "patch PersistentVolume pv" in text for text in found] == [True] * told


@pytest.mark.parametrize(
    ("blue", "green", "context", "told"),
    [
        (HOST, CSI, {"fsGroup": 999}, True),
        (HOST, {"local": {"path": "/d"}}, {"fsGroup": 0}, True),
        (HOST, HOST, {"fsGroup": 999}, False),
        (CSI, CSI, {"fsGroup": 999}, False),
        (HOST, CSI, {"runAsUser": 5}, False),
    ],
)
def test_a_group_that_green_gives_to_all_files_is_told(
    blue: dict[str, Any], green: dict[str, Any], context: dict[str, Any], *, told: bool
) -> None:
    """RabbitMQ's cookie is for its owner alone, and a volume of a driver gives its group the right to write."""
    found = list(notes(volume("Delete", **blue), volume("Delete", **green), [pod(**context), pod()]))
    assert [f"fsGroup {context.get('fsGroup')}" in text for text in found] == [True] * told
