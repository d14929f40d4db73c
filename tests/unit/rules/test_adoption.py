"""A machine that has changed sides is found among green's nodes, and a volume stays where it lies."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest, get
from migrator.rules.adoption import at_node, machines, same_machine
from tests.support.objects import made


def node(name: str, machine: str = "", board: str = "", address: str = "") -> Manifest:
    """Return a node."""
    info = {"machineID": machine, "systemUUID": board}
    addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": "same"}] if address else []
    return made("v1", "Node", name, status={"nodeInfo": info, "addresses": addresses})


@pytest.mark.parametrize(
    ("blue", "green", "found"),
    [
        ([node("b", machine="M1")], [node("g1", machine="m2"), node("g2", machine="m1")], "g2"),
        ([node("b", machine="m1", board="u1")], [node("g", machine="new", board="U1")], "g"),
        ([node("b", address="10.0.0.1")], [node("g", address="10.0.0.1")], "g"),
        ([node("b", machine="m1", address="10.0.0.1")], [node("g1", machine="m1"), node("g2", address="10.0.0.1")], "g1"),
        ([node("b", machine="m1")], [node("g1", machine="m1"), node("g2", machine="m1")], ""),
        ([node("b", machine="m1", address="10.0.0.1")], [node("g", machine="m9", address="10.0.0.9")], ""),
        ([node("b")], [node("b")], ""),
        ([], [node("b")], "b"),
        ([], [node("g")], ""),
    ],
)
def test_the_same_machine_is_found(blue: list[Manifest], green: list[Manifest], found: str) -> None:
    """By its machine ID, else its board, else its address; two that fit are none, and a gone node is known by its name."""
    assert same_machine("b", machines(blue), machines(green)) == found


def test_a_volume_of_an_adopted_disk_is_the_same_folder_on_the_other_node() -> None:
    """Only its affinity changes."""
    volume = made("v1", "PersistentVolume", "pv", spec={"local": {"path": "/d"}, "nodeAffinity": {"required": {}}})
    done = at_node(volume, "host-g")
    assert done["spec"]["local"] == {"path": "/d"}
    (term,) = get(done, "spec", "nodeAffinity", "required", "nodeSelectorTerms")
    assert term["matchExpressions"] == [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["host-g"]}]
    made_if_missing = made("v1", "PersistentVolume", "pv", spec={"hostPath": {"path": "/d", "type": "DirectoryOrCreate"}})
    assert at_node(made_if_missing, "host-g")["spec"]["hostPath"] == {"path": "/d", "type": "Directory"}
