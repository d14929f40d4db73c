"""Images that the next CRI-O would not find are told before the drain brings it to light."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.short_names import ShortNames
from tests.support.facts import findings, hop, hosts, pod

TWO = ShortNames(("quay.io", "docker.io"))
CROSSES = {"kubernetes": "1.33.9-1", "cri-o": "1.33.4-1"}


def short(image: str = "nginx:1.25", **more: Any) -> dict[str, Any]:
    """Return a pod with this image."""
    return pod("web", "w1", spec={"containers": [{"name": "main", "image": image}]}, **more)


@pytest.mark.parametrize(
    ("names", "image", "installed", "told"),
    [
        (TWO, "nginx:1.25", CROSSES, "failure"),
        (TWO, "docker.io/library/nginx:1.25", CROSSES, ""),
        (ShortNames(("docker.io",)), "nginx:1.25", CROSSES, ""),
        (ShortNames((), ("docker.io",)), "nginx:1.25", {"cri-o": "1.34.1-1"}, "failure"),
        (ShortNames(()), "nginx:1.25", CROSSES, "warning"),
        (TWO, "nginx:1.25", {"cri-o": "1.34.1-1"}, "warning"),
        (TWO, "nginx:1.25", {"cri-o": "1.37.0-1"}, ""),
        (TWO, "nginx:1.25", {}, ""),
        (ShortNames(), "nginx:1.25", CROSSES, ""),
    ],
)
def test_an_image_without_a_registry_is_looked_for_in_one(
    names: ShortNames, image: str, installed: dict[str, str], told: str
) -> None:
    """A failure where the upgrade makes it so; what is as lost today shows when its pod moves."""
    broken = hosts(short_names=names, installed=installed)
    found = [item for item in findings("runtime", hosts=broken, pods=(short(image),)) if "registry" in item.reason]
    assert [(item.subject, item.severity.value) for item in found] == ([("cp", told)] if told else [])
    assert all("nginx:1.25 (shop/web)" in item.reason for item in found)


def test_strange_images_end_no_look() -> None:
    """A host may run a pod of any form."""
    broken = hosts(short_names=TWO, installed=CROSSES)
    strange = pod("web", "w1", spec={"containers": [{"name": "a"}, {"name": "b", "image": 7}], "initContainers": None})
    assert not [item for item in findings(hosts=broken, pods=(strange,), hops=(hop(),)) if "registry" in item.reason]
