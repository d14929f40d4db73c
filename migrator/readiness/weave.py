"""What a host's kernel and packet filter mean for Weave Net: what it cannot do without, and what makes it slow.

Source: Weave Net 2.9.0 (github.com/rajch/weave: net/bridge.go, common/odp/odp.go, npc/, prog/weave-kube/init.sh and launch.sh).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from migrator.model.host import HostFacts
from migrator.model.verdict import Finding, Severity

LINKS = ("bridge", "dummy", "veth")
"""Its links; the dummy sets the bridge's MTU."""
POLICIES = ("ip_set", "ip_set_hash_ip", "ip_set_hash_net", "ip_set_list_set", "xt_set", "nfnetlink_log", "xt_NFLOG")
"""Its network policies: pods by their addresses in sets, and a log of what was dropped."""
FAST = ("openvswitch", "vport_vxlan")
"""Its fast way, on which the kernel carries packets; without it a program of the router does (sleeve)."""
BACKENDS: Mapping[str, tuple[str, ...]] = {
    "nft": ("nf_tables", "nft_compat"),
    "legacy": ("ip_tables", "iptable_filter", "iptable_nat", "iptable_mangle"),
}
"""Back ends of iptables, and what each needs of the kernel."""
MODULES = (*LINKS, *POLICIES, *FAST, *(module for needed in BACKENDS.values() for module in needed))
"""All that is asked of a kernel."""
_CHECK = "host"
_BOOT = "after an update of the kernel boot first, as its modules lie in a folder of its release"


def fit_for_weave(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield what keeps Weave Net from running on a host, and what makes it slow there."""
    if not facts.modules_known:
        reason = "does not tell which modules its kernel has, so whether Weave Net runs, and on its fast way, is not known"
        yield Finding(_CHECK, name, Severity.WARNING, reason, f"kmod must be there; {_BOOT}")
        return
    backend = backend_of(facts)
    # The init container of 2.9.0 sets a rule with iptables-nft, whatever the back end is that the router is told to take.
    for what, needed in (
        ("", (*LINKS, *POLICIES)),
        ("iptables-nft of ", BACKENDS["nft"]),
        (f"iptables-{backend} of ", BACKENDS[backend]),
    ):
        lacking = [module for module in needed if module not in facts.modules]
        if lacking:
            reason = f"its kernel has no {', '.join(lacking)}, which {what}Weave Net needs"
            yield Finding(_CHECK, name, Severity.FAILURE, reason, f"{_BOOT}; else take a kernel that has them, or another cni")
            return
    if backend == "nft" and facts.legacy_tables:
        reason = (
            f"has tables of iptables-legacy ({', '.join(sorted(facts.legacy_tables))}) beside those of nft, and both are in force"
        )
        yield Finding(
            _CHECK, name, Severity.WARNING, reason, "see `iptables-legacy-save`; what made them may drop the pods' packets"
        )


def backend_of(facts: HostFacts) -> str:
    """Return the back end of a host's iptables; where it comes with the packages later, the one that its kernel can do."""
    if facts.iptables in BACKENDS:
        return facts.iptables
    return "legacy" if facts.modules_known and not set(BACKENDS["nft"]) <= set(facts.modules) else "nft"


def way(facts: Mapping[str, HostFacts], *, was_slow: bool | None) -> tuple[bool, list[Finding]]:
    """Return whether all routers are to take the slow way, and the findings about it; `was_slow` is what they were told before.

    A router that is to take the fast way and cannot falls back, and then never starts again: it finds a bridge of another kind than
    the one that it is to make (weave#3634). So all are told the slow way where one host needs it, and a way once taken is kept.
    """
    lacking = {
        name: [module for module in FAST if module not in item.modules] for name, item in facts.items() if item.modules_known
    }
    poor = {name: modules for name, modules in lacking.items() if modules}
    if was_slow is None:
        reason = "its kernel has no {}: Weave Net takes its slow way on all nodes, packets go through a program (sleeve)"
        hint = f"{_BOOT}; else take a kernel with CONFIG_OPENVSWITCH_VXLAN; a cluster keeps the way that it was raised with"
        return bool(poor), [
            Finding(_CHECK, name, Severity.WARNING, reason.format(", ".join(modules)), hint) for name, modules in poor.items()
        ]
    if was_slow:
        return True, []
    reason = "its kernel has no {}, and this cluster's Weave Net takes the fast way: a router would start here once, and not again"
    return False, [
        Finding(
            _CHECK,
            name,
            Severity.WARNING if facts[name].marked else Severity.FAILURE,
            reason.format(", ".join(modules)),
            f"{_BOOT}; else take a kernel with CONFIG_OPENVSWITCH_VXLAN, or another host",
        )
        for name, modules in poor.items()
    ]


def one_backend(facts: Mapping[str, HostFacts]) -> list[Finding]:
    """Return a finding where hosts have different back ends: the pod network has one setting for all of them."""
    by_backend: dict[str, list[str]] = {}
    for name, item in facts.items():
        by_backend.setdefault(backend_of(item), []).append(name)
    if len(by_backend) < 2:
        return []
    fewer, more = sorted(by_backend.items(), key=lambda item: len(item[1]))
    reason = f"iptables is iptables-{fewer[0]} on {_names(fewer[1])}, and iptables-{more[0]} on {_names(more[1])}"
    hint = "give all hosts the same (`pacman -S iptables` is nft, iptables-legacy the other), as Weave Net has one setting for all"
    return [Finding(_CHECK, fewer[1][0], Severity.FAILURE, reason, hint)]


def _names(names: Collection[str]) -> str:
    return ", ".join(names)
