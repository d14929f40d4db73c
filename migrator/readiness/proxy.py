"""What kube-proxy needs of a host's kernel, by its mode (kops#17915, microk8s#5525, siderolabs/pkgs#951)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from migrator.model.host import HostFacts
from migrator.model.verdict import CheckName, Finding, Severity
from migrator.readiness.weave import BACKENDS

# iptables-legacy, or iptables-nft: its image has both.
_TABLES = (("ip_tables",), BACKENDS["nft"])
CONNECTIONS = ("nf_conntrack",)
"""In every mode: it sets how many connections the kernel keeps, and ends where it cannot."""
BY_MODE: Mapping[str, tuple[str, ...]] = {
    "iptables": ("xt_comment", "xt_conntrack", "xt_addrtype", "xt_statistic"),
    "ipvs": ("ip_vs", "ip_vs_rr", "ip_set", "xt_set"),
    "nftables": ("nf_tables", "nft_fib_ipv4", "nft_numgen", "nft_masq", "nft_nat"),
}
"""Modes, and what each needs beside (its own rules, pkg/proxy)."""
MODULES = (*CONNECTIONS, *(module for needed in BY_MODE.values() for module in needed))
"""All that is asked of a kernel."""


def fit_for_proxy(name: str, facts: HostFacts, mode: str) -> Iterator[Finding]:
    """Yield what keeps kube-proxy from running in this mode; nothing where the host does not tell of modules."""
    if not facts.modules_known:
        return
    lacking = [module for module in (*CONNECTIONS, *BY_MODE.get(mode, ())) if module not in facts.modules]
    if lacking:
        reason = f"its kernel has no {', '.join(lacking)}, which kube-proxy needs (mode {mode}): no Service would have an address"
        hint = "after an update of the kernel boot first; else take a kernel that has them, or another kubeProxy.mode"
        yield Finding(CheckName.NODES, name, Severity.FAILURE, reason, hint)
    elif mode != "nftables" and not any(facts.modules.issuperset(needed) for needed in _TABLES):
        reason = f"its kernel has neither ip_tables nor nf_tables with nft_compat: kube-proxy makes no rules in mode {mode}"
        yield Finding(CheckName.NODES, name, Severity.FAILURE, reason, "set kubeProxy.mode: nftables, or take another kernel")
