"""Volumes of green that lie in one another."""

from __future__ import annotations

import pytest

from migrator.model.volumes import Place, PlaceKind, VolumePlan, Way
from migrator.rules.volume_places import told_apart


def plan(name: str, blue: str, green: str, way: Way = Way.COPY) -> VolumePlan:
    """Return a claim that is copied from one place to another."""
    return VolumePlan(f"shop/{name}", f"shop/{name}", way, blue=Place.of(blue), green=Place.of(green))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("n1:/mnt/disks/vol1", "n1:/mnt/disks/vol1"),
        ("n1:/mnt/disks/vol1/", "n1:/mnt/disks//vol1"),
        ("n1:/mnt/media", "n1:/mnt/media/films"),
        ("n1:block:/dev/sdb", "n1:block:/dev/sdb"),
        ("n1:csi:d.example.com/pv-a/vol-1", "n2:csi:d.example.com/pv-b/vol-1"),
    ],
)
def test_two_volumes_of_blue_never_become_one_of_green(one: str, other: str) -> None:
    """Each would be proven, and the application of one would begin with the data of the other."""
    found = told_apart([plan("a", "b1:/d", one), plan("alone", "b1:/e", "n1:/mnt/mediathek"), plan("b", "b2:/d", other)])
    assert [item.ready for item in found] == [False, True, False]
    assert "that of shop/b is" in found[0].reason
    assert "that of shop/a is" in found[2].reason
    assert "give each a folder of its own" in found[0].hint


def test_folders_with_a_common_one_above_them_are_two() -> None:
    """So are those of two nodes, and what is not copied is in nobody's way."""
    plans = (
        plan("a", "b1:/d", "n1:/mnt/a"),
        plan("b", "b1:/e", "n1:/mnt/a-b"),
        plan("c", "b1:/f", "n2:/mnt/a"),
        plan("d", "b1:/g", "n1:/mnt/a", Way.OWN),
        VolumePlan("shop/e", "shop/e", Way.COPY, "green has no such claim yet"),
    )
    assert told_apart(plans) == plans


def test_what_several_share_on_blue_is_copied_once() -> None:
    """Two namespaces with one folder of films."""
    found = told_apart([plan("a", "b1:/films", "n1:/films"), plan("b", "b1:/films", "n1:/films")])
    assert [item.way for item in found] == [Way.SKIP, Way.SKIP]
    assert "name shop/a or shop/b in volumes.dataMoved" in found[0].hint
    assert found[0].green == Place("n1", "/films", PlaceKind.FOLDER)
