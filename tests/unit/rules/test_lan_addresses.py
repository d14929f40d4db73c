"""Two clusters in one network: an address is of one pod."""

from __future__ import annotations

import pytest

from migrator.model.manifest import put
from migrator.rules.lan_addresses import given_twice
from migrator.rules.one_side.recognise import row_of
from tests.support.objects import made
from tests.support.programs import workload

NAD = "NetworkAttachmentDefinition.k8s.cni.cncf.io"


@pytest.mark.parametrize(
    ("networks", "row"),
    [
        ('[{"name": "iot", "namespace": "kube-system", "ips": ["192.168.70.20/24"], "mac": "c6:07:27:af:fb:53"}]', "fixed address"),
        ('[{"name": "iot"}, {"name": "dhcp", "mac": "c6:07:27:af:fb:53"}]', "fixed address"),
        ('{"name": "iot", "ips": "10.64.109.201/23"}', "fixed address"),
        ('[{"name": "iot"}]', ""),
        ("kube-system/iot@net1, other", ""),
        ("[1]", ""),
    ],
)
def test_a_pod_with_an_address_of_its_own_runs_on_one_side(networks: str, row: str) -> None:
    """As an IP or an Ethernet address; a name alone asks for any."""
    manifest = put(
        workload("a.example/app:1"),
        ("spec", "template", "metadata", "annotations"),
        {"k8s.v1.cni.cncf.io/networks": networks},
    )
    found = row_of(manifest)
    assert (found.name if found else "") == row


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ('{"type": "macvlan", "ipam": {"type": "host-local", "subnet": "10.10.10.0/24"}}', True),
        ('{"plugins": [{"type": "ipvlan", "ipam": {"type": "whereabouts", "range": "10.93.96.0/20"}}, {"type": "sbr"}]}', True),
        ('{"type": "macvlan", "ipam": {"type": "dhcp"}}', False),
        ('{"type": "macvlan", "ipam": {}}', False),
        ("{", False),
        (None, False),
    ],
)
def test_a_range_that_both_clusters_give_addresses_of_is_told(config: str | None, *, told: bool) -> None:
    """Each gives what its own list has free (multus-cni#529); a server of DHCP knows of both."""
    manifest = made("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", "lan", namespace="n", spec={"config": config})
    assert bool(given_twice(manifest, NAD)) is told
