"""A class that names folders by claims would give green's claim the folder of blue's."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef
from migrator.rules.named_folders import names_namespace, place_of
from tests.support.objects import made
from tests.support.pairs import in_green, pair


def nfs(provisioner: str = "cluster.local/nfs-client", **parameters: str) -> Manifest:
    """Return a class of shared storage."""
    return {**made("storage.k8s.io/v1", "StorageClass", "nfs"), "provisioner": provisioner, "parameters": parameters}


BY_CLAIM = nfs(pathPattern="${.PVC.namespace}/${.PVC.name}")
CLAIM = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"storageClassName": "nfs", "volumeName": "pvc-1"}) | {
    "status": {"phase": "Bound"}
}
REF = ObjectRef("", "PersistentVolumeClaim", "shop", "data")


@pytest.mark.parametrize(
    ("parameters", "is_named"),
    [
        ({"pathPattern": "${.PVC.namespace}/${.PVC.name}"}, True),
        ({"server": "nas", "share": "/x", "subDir": "${pvc.metadata.name}"}, True),
        ({"server": "nas", "share": "/x", "subDir": "${pvc.metadata.name}-${pv.metadata.name}"}, False),
        ({"subPathPattern": "${.PVC.name}"}, False),
        ({"subPathPattern": "${.PVC.name}", "ensureUniqueDirectory": "false"}, True),
        ({"server": "nas", "share": "/x"}, False),
    ],
)
def test_a_name_without_that_of_the_volume_is_one_folder(parameters: dict[str, str], is_named: object) -> None:
    """With it, there is a UID in each."""
    assert bool(place_of(nfs(**parameters))) is is_named


def test_a_folder_on_a_host_is_another_one() -> None:
    """Each cluster has its own hosts."""
    assert place_of(nfs("rancher.io/local-path", pathPattern="{{ .PVC.Name }}")) == ()
    assert names_namespace(place_of(BY_CLAIM))


@pytest.mark.parametrize(
    ("config", "on_green", "name"),
    [
        ("", [], "pvc-1"),  # it waits, and the StatefulSet on green that uses it makes no other
        ("", [BY_CLAIM], "pvc-1"),
        ("", [nfs(pathPattern="green/${.PVC.name}")], None),
        ("", [nfs()], None),
        ("volumes: {dataMoved: [shop/data]}", [], None),
        ("volumes: {claims: [{claims: [shop/data], way: copy}]}", [], None),
        ("map: {namespaces: {shop: store}}", [], None),
    ],
)
def test_a_claim_does_not_get_blues_folder(config: str, on_green: list[Manifest], name: str | None) -> None:
    """Two databases would write to it, and whoever deletes green's claim deletes the data of blue's."""
    both = pair(CLAIM, BY_CLAIM, config=config)
    both.green.hold(*on_green)
    both.copy()
    ref = REF._replace(namespace="store") if "store" in config else REF
    assert in_green(both.green, ref)["spec"].get("volumeName") == name
    assert [outcome.ref for outcome in both.copy().problems if outcome.ref == ref] == []
    notes = " ".join(both.item(REF).notes)
    assert ("green's claim blue's own folder" in notes) is (name is not None)
