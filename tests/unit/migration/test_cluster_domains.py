"""The domain in which Services have their names."""

from __future__ import annotations

import pytest

from migrator.migration.cluster_domains import other_domain
from migrator.model.verdict import Severity
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import made


def cluster(*zones: str) -> FakeCluster:
    """Return a cluster whose CoreDNS serves these zones, with the Corefile that kubeadm writes."""
    found = FakeCluster()
    if zones:
        text = f".:53 {{\n    errors\n    kubernetes {' '.join(zones)} in-addr.arpa ip6.arpa {{\n       ttl 30\n    }}\n}}\n"
        found.hold(made("v1", "ConfigMap", "coredns", namespace="kube-system", data={"Corefile": text}))
    return found


@pytest.mark.parametrize(
    ("blue", "green", "missing"),
    [
        (("cluster.local",), ("home.lan",), "domain cluster.local, those of green in home.lan"),
        (("cluster.local",), ("home.lan", "Cluster.Local."), ""),
        (("cluster.local",), ("cluster.local",), ""),
        (("cluster.local",), (), ""),
        ((), ("home.lan",), ""),
    ],
)
def test_a_domain_that_green_does_not_serve_is_told(blue: tuple[str, ...], green: tuple[str, ...], missing: str) -> None:
    """Full names of Services in settings and in the data of databases would find nothing."""
    found = list(other_domain(cluster(*blue), cluster(*green)))
    assert [item.severity for item in found] == ([Severity.WARNING] if missing else [])
    assert all(missing in item.reason for item in found)


def test_a_setting_that_may_not_be_read_is_unknown() -> None:
    """And no reason to refuse a good verdict."""
    blue = cluster("cluster.local")
    blue.faults.append(Fault("list", forbidden, "ConfigMap"))
    (found,) = other_domain(blue, cluster())
    assert found.severity is Severity.UNKNOWN
