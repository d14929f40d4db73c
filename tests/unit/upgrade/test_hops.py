"""From a version to another: one minor at a time, with the packages that are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import BlockedError
from migrator.model.upgrade import Hop, Workers
from migrator.model.version import Version, parse_version
from migrator.upgrade.hops import make_hops

AVAILABLE = {"kubernetes": ("1.35.4", "1.36.1", "1.36.3", "1.37.2"), "cri-o": ("1.36.2", "1.37.0"), "crictl": ("1.36.0",)}
INSTALLED = {"kubernetes": "1.35.4", "cri-o": "1.35.1", "crictl": "1.35.0"}


def hops(start: str, target: str, workers: Workers = Workers.EACH_HOP, *kubelets: str, **more: object) -> tuple[Hop, ...]:
    """Return the hops between two versions."""
    return make_hops(
        parse_version(start),
        parse_version(target),
        kubelets=[parse_version(item) for item in kubelets or (start,)],
        installed=more.get("installed", INSTALLED),  # type: ignore[arg-type]
        available=more.get("available", AVAILABLE),  # type: ignore[arg-type]
        workers=workers,
        wanted=more.get("wanted"),  # type: ignore[arg-type]
    )


def test_minors_in_between_are_gone_through_at_their_last_patch() -> None:
    """1.35 to 1.37 goes by 1.36.3, the newest that there is (A2)."""
    assert [str(hop.target) for hop in hops("1.35.4", "1.37.2")] == ["1.36.3", "1.37.2"]


def test_the_runtime_follows_kubernetes_minor_by_minor_where_it_can() -> None:
    """CRI-O of the hop's minor where the source has one (A3); else what is installed stays; what a person names wins."""
    first, second = hops("1.35.4", "1.37.2")
    assert (first.packages["cri-o"], second.packages["cri-o"]) == ("1.36.2", "1.37.0")
    assert (first.packages["crictl"], second.packages["crictl"]) == ("1.36.0", "1.36.0")
    assert hops("1.36.3", "1.37.2", wanted={"cri-o": "1.36.9"})[0].packages["cri-o"] == "1.36.9"


def test_a_package_whose_version_nobody_can_compare_ends_no_plan() -> None:
    """Those of the AUR have epochs, or are of a commit; the source's own takes its place, where it has one."""
    installed = {**INSTALLED, "cri-o": "1:1.35.1", "cni-plugins": "1.9.1.r3.gabc"}
    (first, _) = hops("1.35.4", "1.37.2", installed=installed)
    assert (first.packages["cri-o"], first.packages["cni-plugins"]) == ("1.36.2", "1.9.1.r3.gabc")


@pytest.mark.parametrize(
    ("start", "target", "words"),
    [
        ("1.37.2", "1.36.3", "cannot be downgraded"),
        ("1.36.3", "2.0.0", "no way"),
        ("1.36.3", "1.39.0", "needs 1.38 on its way"),
    ],
)
def test_ways_that_do_not_exist_are_refused(start: str, target: str, words: str) -> None:
    """Back, over a major, past a minor that nobody has built."""
    with pytest.raises(BlockedError, match=words) as caught:
        hops(start, target)
    assert caught.value.hint


def test_workers_last_skip_minors_as_far_as_the_policy_allows() -> None:
    """A kubelet may be three minors behind; before a fourth it has to follow."""
    there = {"kubernetes": tuple(f"1.{minor}.0" for minor in range(30, 38))}
    assert [hop.workers for hop in hops("1.35.4", "1.37.2", Workers.LAST)] == [False, True]
    far = hops("1.30.0", "1.37.0", Workers.LAST, "1.30.0", available=there)
    assert [hop.workers for hop in far] == [False, False, True, False, False, True, True]


def test_nothing_to_do_makes_no_hop_and_workers_left_behind_make_one() -> None:
    """The same version everywhere is done; a worker that stayed is a hop of its own."""
    same = {"kubernetes": ("1.35.4",)}
    assert hops("1.35.4", "1.35.4", available=same) == ()
    assert [hop.workers for hop in hops("1.35.4", "1.35.4", Workers.EACH_HOP, "1.34.0", available=same)] == [True]


@given(start=st.integers(20, 40), length=st.integers(0, 12), behind=st.integers(0, 3), last=st.booleans())
def test_no_hop_ever_breaks_the_skew_policy(start: int, length: int, behind: int, last: bool) -> None:  # noqa: FBT001
    """Each hop is one minor, ends where the next begins, and leaves no kubelet more than three minors behind."""
    there = {"kubernetes": tuple(f"1.{minor}.0" for minor in range(start, start + length + 1))}
    oldest = Version(1, start - behind, 0)
    found = make_hops(
        Version(1, start, 0),
        Version(1, start + length, 0),
        kubelets=[oldest],
        installed={},
        available=there,
        workers=Workers.LAST if last else Workers.EACH_HOP,
    )
    kubelet = oldest.minor
    at = start
    for hop in found:
        assert hop.start.minor == at
        assert hop.target.minor - at <= 1
        at = hop.target.minor
        if at - kubelet > 3:
            # Only a cluster that begins so can be there: the preflight refuses it.
            assert hop is found[0]
        kubelet = at if hop.workers else kubelet
    assert not found or (found[-1].workers and at == start + length)
