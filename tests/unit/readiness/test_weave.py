"""What a host's kernel and packet filter mean for Weave Net."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrator.model.host import HostFacts
from migrator.model.verdict import Severity
from migrator.readiness import weave

GOOD = HostFacts(modules=frozenset(weave.MODULES), modules_known=True, iptables="nft")
ALL = frozenset(weave.MODULES)


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        ({"modules": ALL - {"dummy"}}, Severity.FAILURE, "no dummy, which Weave Net needs"),
        ({"modules": ALL - {"xt_set"}}, Severity.FAILURE, "no xt_set, which Weave Net needs"),
        ({"modules": ALL - {"nft_compat"}}, Severity.FAILURE, "no nft_compat, which iptables-nft of Weave Net needs"),
        ({"modules": ALL - {"nf_tables"}, "iptables": "legacy"}, Severity.FAILURE, "no nf_tables, which iptables-nft of Weave Net"),
        (
            {"modules": ALL - {"ip_tables"}, "iptables": "legacy"},
            Severity.FAILURE,
            "no ip_tables, which iptables-legacy of Weave Net",
        ),
        ({"legacy_tables": frozenset({"nat", "filter"})}, Severity.WARNING, r"tables of iptables-legacy (filter, nat) beside"),
        ({"modules_known": False, "modules": frozenset()}, Severity.WARNING, "does not tell which modules its kernel has"),
    ],
)
def test_each_lack_has_its_finding(change: dict[str, Any], severity: Severity, words: str) -> None:
    """What Weave Net cannot do without is a failure, the slow way a warning; a good host has none."""
    assert list(weave.fit_for_weave("a", GOOD)) == []
    (found,) = weave.fit_for_weave("a", replace(GOOD, **change))
    assert (found.severity, found.subject) == (severity, "a")
    assert words in found.reason
    assert found.hint


@pytest.mark.parametrize("iptables", ["nft", "legacy"])
def test_a_kernel_without_the_other_back_end_is_no_finding(iptables: str) -> None:
    """Arch has nft by default, and newer kernels have no legacy tables; a host on legacy must have both."""
    facts = replace(GOOD, iptables=iptables, modules=ALL - ({"ip_tables", "iptable_nat"} if iptables == "nft" else set()))
    assert list(weave.fit_for_weave("a", facts)) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (GOOD, "nft"),
        (replace(GOOD, iptables="legacy"), "legacy"),
        (replace(GOOD, iptables=""), "nft"),
        (replace(GOOD, iptables="", modules=ALL - {"nf_tables"}), "legacy"),
        (HostFacts(), "nft"),
    ],
)
def test_the_back_end_is_the_host_s_own_or_what_its_kernel_can_do(facts: HostFacts, expected: str) -> None:
    """A bare host gets iptables with the packages."""
    assert weave.backend_of(facts) == expected


def test_hosts_of_different_back_ends_are_found() -> None:
    """The router's setting is one for all; the fewer are named first."""
    legacy = replace(GOOD, iptables="legacy")
    assert weave.one_backend({"a": GOOD, "b": GOOD}) == []
    (found,) = weave.one_backend({"a": GOOD, "b": legacy, "c": GOOD})
    assert found.severity is Severity.FAILURE
    assert found.reason == "iptables is iptables-legacy on b, and iptables-nft on a, c"


@pytest.mark.parametrize(
    ("was_slow", "marked", "slow", "severity"),
    [
        (None, False, True, Severity.WARNING),
        (True, False, True, None),
        (False, False, False, Severity.FAILURE),
        (False, True, False, Severity.WARNING),
    ],
)
def test_all_routers_take_one_way_and_keep_it(
    *, was_slow: bool | None, severity: Severity | None, marked: bool, slow: bool
) -> None:
    """One that was to take the fast way and could not does not start again (weave#3634); what is a node already is only told of."""
    poor = replace(GOOD, modules=ALL - {"openvswitch"}, marked=marked)
    found_slow, findings = weave.way({"a": GOOD, "b": poor}, was_slow=was_slow)
    assert found_slow is slow
    assert [(item.subject, item.severity) for item in findings] == ([("b", severity)] if severity else [])
    assert all("no openvswitch" in item.reason for item in findings)


@pytest.mark.parametrize("was_slow", [None, False])
def test_hosts_that_can_or_do_not_tell_take_the_fast_way(*, was_slow: bool | None) -> None:
    """As routers do where nothing is said."""
    assert weave.way({"a": GOOD, "b": HostFacts()}, was_slow=was_slow) == (False, [])
