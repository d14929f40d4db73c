"""API versions that minors stop serving."""

from __future__ import annotations

from migrator.upgrade.checks.removed import Removed, removed_between, removed_by

CIDR = Removed("networking.k8s.io", "v1beta1", "ServiceCIDR", 37)


def test_what_goes_between_two_minors_is_neither_gone_before_nor_later() -> None:
    """The target's own removals are part of it, the start's are not."""
    assert {item.minor for item in removed_between(32, 37)} == {34, 35, 37}
    assert CIDR in removed_between(36, 37)
    assert CIDR not in removed_between(37, 38)
    assert CIDR not in removed_between(35, 36)


def test_nothing_goes_within_a_minor() -> None:
    """Nor on a way back."""
    assert (removed_between(37, 37), removed_between(37, 36)) == ([], [])


def test_each_kind_of_a_row_is_an_entry_with_its_name() -> None:
    """As the API server names it in its metrics and its discovery."""
    names = [item.name for item in removed_between(36, 37)]
    assert names == [
        "certificates.k8s.io/v1alpha1/ClusterTrustBundle",
        "networking.k8s.io/v1beta1/IPAddress",
        "networking.k8s.io/v1beta1/ServiceCIDR",
        "storage.k8s.io/v1beta1/VolumeAttributesClass",
    ]


def test_no_version_is_removed_twice() -> None:
    """One row for each kind at a version."""
    names = [item.name for item in removed_by(99)]
    assert len(names) == len(set(names)) == len(list(removed_by(40)))
