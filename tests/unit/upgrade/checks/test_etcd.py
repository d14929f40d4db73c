"""What etcd must be before the next minor of Kubernetes, and what a pinned one or one of one's own means."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.facts import KubeadmReading, Member
from migrator.upgrade.checks.table import check
from tests.support.facts import facts, hop, hosts

CONFIG = {"apiVersion": "kubeadm.k8s.io/v1beta4"}


def etcd(member: str, **more: Any) -> list[tuple[str, str, str]]:
    """Return what is found with members of this version."""
    found = check(facts(members=(Member("cp", member, learner=False, healthy=True),), **more))
    return [(item.check, item.severity.value, item.reason) for item in found if item.check in ("etcd", "skew")]


@pytest.mark.parametrize(("version", "found"), [("3.6.5", 1), ("3.6.10", 1), ("3.6.11", 0), ("3.7.0", 0)])
def test_members_reach_the_floor_of_the_next_minor_first(version: str, found: int) -> None:
    """Etcd's guide lets only 3.6.11 and later go to 3.7, which Kubernetes 1.37 brings (kubernetes#141032)."""
    assert ["only safe from 3.6.11" in reason for _, _, reason in etcd(version)] == [True] * found


@pytest.mark.parametrize(("version", "found"), [("3.5.25", 1), ("3.5.26", 0)])
def test_members_of_3_5_reach_their_floor_before_3_6(version: str, found: int) -> None:
    """Kubernetes 1.34 brings 3.6 (etcd#20793)."""
    hops = (hop("1.33.5", "1.34.1"),)
    told = [reason for name, _, reason in etcd(version, version="1.33.5", hops=hops) if name == "etcd"]
    assert ["goes to 3.6 with Kubernetes 1.34: only safe from 3.5.26 on" in reason for reason in told] == [True] * found


def test_a_hop_that_brings_no_new_minor_of_etcd_has_no_floor() -> None:
    """1.36 stays at 3.6."""
    hops = (hop("1.35.1", "1.36.3"),)
    assert [reason for name, _, reason in etcd("3.6.5", version="1.35.1", hops=hops) if name == "etcd"] == []


@pytest.mark.parametrize(("brought", "found"), [("3.6.9-0", 1), ("3.6.12-0", 0), ("", 1)])
def test_over_two_minors_what_the_hop_before_brings_counts(brought: str, found: int) -> None:
    """As its own kubeadm tells; what cannot be asked is taken as unchanged."""
    hops = (hop("1.35.1", "1.36.3"), hop("1.36.3", "1.37.2"))
    kubeadm = KubeadmReading(etcd={hops[0].key: brought} if brought else {})
    told = [reason for name, _, reason in etcd("3.6.5", version="1.35.1", hops=hops, kubeadm=kubeadm) if name == "etcd"]
    assert len(told) == found


def test_a_pinned_etcd_is_told_and_has_no_floor() -> None:
    """No upgrade touches it (kubeadm#3247), so that it goes nowhere that it must not."""
    found = etcd("3.5.21", cluster_config={**CONFIG, "etcd": {"local": {"imageTag": "3.5.21-0"}}})
    assert [(severity, "pins etcd to 3.5.21-0" in reason) for _, severity, reason in found] == [("warning", True)]
    assert "comes with 3.7" in found[0][2]


@pytest.mark.parametrize(("version", "found"), [("3.5.21", ["etcd", "skew"]), ("3.6.5", ["etcd"])])
def test_the_version_of_an_etcd_of_one_s_own_counts_too(version: str, found: list[str]) -> None:
    """Whoever takes the snapshot by themselves (--ignore etcd) is still told of a version that is too old."""
    assert [name for name, _, _ in etcd(version, local_etcd=False)] == found


GIB = 1 << 30


@pytest.mark.parametrize(
    ("member", "arguments", "found"),
    [
        ({"healthy": False, "problem": "memberID:1050 alarm:NOSPACE"}, [], [("failure", "alarm:NOSPACE", "alarm disarm")]),
        ({"healthy": False, "problem": "memberID:1050 alarm:CORRUPT"}, [], [("failure", "alarm:CORRUPT", "crictl logs")]),
        ({"healthy": False}, [], [("failure", "does not answer", "crictl logs")]),
        ({"size": 19 * GIB // 10}, [], [("warning", "of the 2048 MiB", "defrag")]),
        ({"size": 19 * GIB // 10, "quota": 8 * GIB}, [], []),
        ({"size": 19 * GIB // 10}, ["--quota-backend-bytes=8589934592"], []),
        ({"size": 7 * GIB}, ["--quota-backend-bytes=8589934592"], [("warning", "of the 8192 MiB", "quota-backend-bytes")]),
        ({"size": GIB}, [], []),
    ],
    ids=["full", "corrupt", "silent", "nearly full", "a larger quota", "one by a flag", "nearly full with it", "room"],
)
def test_an_etcd_that_takes_no_writes_is_found_before(
    member: dict[str, Any], arguments: list[str], found: list[tuple[str, str, str]]
) -> None:
    """Its alarm stops everything, the upgrade as well (etcd#14497); what it says is told with its cure."""
    one = Member(**{"name": "cp", "version": "3.6.11", "learner": False, "healthy": True, **member})
    manifest = {"kind": "Pod", "metadata": {"name": "etcd"}, "spec": {"containers": [{"command": ["etcd", *arguments]}]}}
    items = [item for item in check(facts(members=(one,), hosts=hosts(manifests={"etcd": manifest}))) if item.check == "etcd"]
    assert [
        (item.severity.value, words in item.reason, cure in item.hint) for item, (_, words, cure) in zip(items, found, strict=True)
    ] == [(severity, True, True) for severity, _, _ in found]


def test_a_member_of_a_control_plane_that_is_gone_is_told_with_its_removal() -> None:
    """`kubeadm reset` without the other members leaves it (kubeadm#1211)."""
    left = Member("cp9", "", learner=False, healthy=False)
    (found,) = [item for item in check(facts(members=(left,))) if item.check == "etcd"]
    assert "no node has its name" in found.reason
    assert "member remove" in found.hint


@pytest.mark.parametrize(
    ("seconds", "found"), [(0.0, []), (0.128, []), (0.256, ["up to 0.3 s"]), (float("inf"), ["more than 8 s"])]
)
def test_a_slow_disk_is_told(seconds: float, found: list[str]) -> None:
    """An SD card carries etcd until images are pulled beside it."""
    told = [item for item in check(facts(hosts=hosts(write_seconds=seconds))) if "disk is slow" in item.reason]
    assert [(item.severity.value, words in item.reason) for item, words in zip(told, found, strict=True)] == [
        ("warning", True)
    ] * len(found)
