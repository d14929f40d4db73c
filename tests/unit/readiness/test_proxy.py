"""What kube-proxy needs of a kernel."""

from __future__ import annotations

import pytest

from migrator.model.host import HostFacts
from migrator.readiness import proxy

LEGACY = {"ip_tables"}
NFT = {"nf_tables", "nft_compat"}
COMMON = {"nf_conntrack", *proxy.BY_MODE["iptables"]}


@pytest.mark.parametrize(
    ("mode", "modules", "words"),
    [
        ("iptables", COMMON | LEGACY, ""),
        ("iptables", COMMON | NFT, ""),
        ("iptables", COMMON | {"nf_tables"}, "neither ip_tables nor nf_tables with nft_compat"),
        ("iptables", (COMMON | NFT) - {"nf_conntrack"}, "has no nf_conntrack, which"),
        ("iptables", (COMMON | NFT) - {"xt_statistic"}, "has no xt_statistic"),
        ("nftables", {"nf_conntrack", *proxy.BY_MODE["nftables"]}, ""),
        ("nftables", {"nf_conntrack", *proxy.BY_MODE["nftables"]} - {"nft_fib_ipv4"}, "has no nft_fib_ipv4"),
        ("ipvs", {"nf_conntrack", *proxy.BY_MODE["ipvs"], *NFT}, ""),
        ("ipvs", {"nf_conntrack", *NFT}, "has no ip_vs, ip_vs_rr, ip_set, xt_set"),
        ("kernelspace", {"nf_conntrack", *NFT}, ""),
    ],
)
def test_a_kernel_without_what_the_mode_needs_is_refused(mode: str, modules: set[str], words: str) -> None:
    """An image of a board, or a kernel with nftables alone (microk8s#5525)."""
    found = list(proxy.fit_for_proxy("a", HostFacts(modules=frozenset(modules), modules_known=True), mode))
    assert [item.severity.value for item in found] == (["failure"] if words else [])
    assert all(words in item.reason for item in found)


def test_a_host_that_does_not_tell_of_modules_is_let_be() -> None:
    """As a container without kmod."""
    assert list(proxy.fit_for_proxy("a", HostFacts(), "iptables")) == []
