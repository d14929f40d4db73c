"""Groups that a kubelet looks for as it starts."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.reserved_cgroups import reserved_cgroups


@pytest.mark.parametrize(
    ("settings", "paths"),
    [
        ({"enforceNodeAllocatable": ["pods", "kube-reserved"], "kubeReservedCgroup": "/podruntime.slice"}, ["podruntime.slice"]),
        ({"enforceNodeAllocatable": ["system-reserved-compressible"], "systemReservedCgroup": "/system.slice"}, ["system.slice"]),
        ({"enforceNodeAllocatable": ["kube-reserved"], "kubeReservedCgroup": "/kube-reserved"}, ["kube.slice/kube-reserved.slice"]),
        (
            {"enforceNodeAllocatable": ["kube-reserved"], "kubeReservedCgroup": "/a/b", "cgroupDriver": "cgroupfs"},
            ["a/b"],
        ),
        ({"enforceNodeAllocatable": ["pods"], "kubeReservedCgroup": "/podruntime.slice"}, []),
        ({"enforceNodeAllocatable": ["kube-reserved"], "kubeReservedCgroup": ""}, []),
        ({"enforceNodeAllocatable": "kube-reserved", "kubeReservedCgroup": ["x"]}, []),
        ({"enforceNodeAllocatable": [["kube-reserved"]], "kubeReservedCgroup": 7}, []),
    ],
)
def test_a_group_is_looked_for_where_its_driver_puts_it(settings: dict[str, Any], paths: list[str]) -> None:
    """As systemd nests slices; what is not enforced need not be there."""
    assert [group.path for group in reserved_cgroups(settings)] == paths
