"""The time in which a rollback loses nothing: which hops have it, how long it lasts, what keeps it from its end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from migrator.errors import BlockedError, GateFailedError
from migrator.journal.records.upgrade import FinishStarted, RecordedHop, StepStarted, UpgradeRecord, UpgradeStarted, WindowOpened
from migrator.model.upgrade import RunOptions, StepId, Workers
from migrator.model.verdict import CheckName
from migrator.upgrade.node import Paused
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.window import emulation, etcd_of, require_window, soak
from tests.support.facts import facts, hop, host, node
from tests.support.fake_cluster import FakeCluster
from tests.support.hosts import FakeHost
from tests.support.journals import MemoryJournal
from tests.support.nodes import FIRST, WORKER
from tests.support.recorder import Recorder
from tests.support.sessions import session_of

HOP = replace(hop("1.36.3", "1.37.2"), emulated="1.36")
SAID = {"gitVersion": "v1.37.2", "minor": "37", "emulationMinor": "36"}
ASKED = 'apiserver_requested_deprecated_apis{group="g",version="v1beta1",resource="r",subresource="",removed_release="1.37"} 1\n'


def images(etcd: str) -> tuple[str, ...]:
    """Return kubeadm's images."""
    return ("registry.k8s.io/kube-apiserver:v1.37.2", f"registry.k8s.io/etcd:{etcd}")


@pytest.mark.parametrize(
    ("start", "target", "before", "after", "wanted"),
    [
        ("1.36.3", "1.37.2", "3.6.9", "3.6.10-0", "1.36"),
        ("1.36.3", "1.37.2", "3.6.9", "3.7.0-0", "1.36"),
        ("1.37.1", "1.37.2", "3.7.0", "3.7.1-0", "1.37"),
        ("1.35.4", "1.36.3", "3.6.9", "3.6.10-0", "1.35"),
    ],
    ids=["the same etcd", "a proven etcd", "a patch", "an older minor"],
)
def test_a_hop_can_emulate_where_etcd_serves_both(start: str, target: str, before: str, after: str, wanted: str) -> None:
    """The minor that it leaves, which the old control plane can go on with."""
    assert emulation(hop(start, target), facts(), images(after), before) == (wanted, "")


@pytest.mark.parametrize(
    ("start", "target", "before", "after", "why"),
    [
        (
            "1.35.4",
            "1.36.3",
            "3.6.9",
            "3.7.0-0",
            "etcd 3.7.0 was not proven to serve an API server of 1.35.4, which has had etcd 3.6.9",
        ),
        ("1.36.3", "1.37.2", "3.6.9", "3.8.0-0", "etcd 3.8.0 was not proven"),
        ("1.33.1", "1.34.4", "3.6.9", "3.6.9-0", "1.34.4 does not emulate older minors in all of its components"),
        ("1.36.3", "1.37.2", "", "3.7.0-0", "it is not known which etcd runs"),
        ("1.36.3", "1.37.2", "3.6.9", "latest", "it is not known which etcd runs"),
    ],
)
def test_a_hop_that_cannot_emulate_says_why(start: str, target: str, before: str, after: str, why: str) -> None:
    """It goes in one step."""
    emulated, reason = emulation(hop(start, target), facts(), images(after), before)
    assert emulated == ""
    assert why in reason


def test_etcd_elsewhere_is_no_obstacle() -> None:
    """The hop does not change it."""
    assert emulation(hop(), facts(local_etcd=False), (), "") == ("1.36", "")


def test_a_person_s_own_emulation_is_left_alone() -> None:
    """Two flags of one name would end the control plane."""
    own = {"kube-apiserver": {"spec": {"containers": [{"command": ["kube-apiserver", "--emulated-version=kube=1.35"]}]}}}
    read = facts(hosts=(host("cp", "control-plane", manifests=own),))
    assert emulation(hop(), read, images("3.6.9-0"), "3.6.9") == (
        "",
        "cp: its manifests have --emulated-version already, which is left alone",
    )


def test_kubelets_alone_emulate_nothing() -> None:
    """The control plane is at the version already."""
    assert emulation(hop("1.37.2", "1.37.2"), facts(), (), "") == ("", "")


def test_etcd_is_found_among_the_images() -> None:
    """Whatever its registry and release number."""
    assert (etcd_of(["r:5000/x/etcd:v3.6.9-1", "r/pause:3.10"]), etcd_of([])) == ("3.6.9", "")


def emulating(
    *, seconds: float = 0.0, hold: bool = False, said: dict[str, str] | None = None, **more: Any
) -> tuple[UpgradeSession, Recorder, MemoryJournal[UpgradeRecord]]:
    """Return a session whose control plane has just been made to emulate the old minor."""
    first = FakeHost(FIRST.name)
    first.answers["get --raw /version"] = json.dumps(said or SAID)
    cluster = FakeCluster(version="v1.37.2")
    cluster.metrics_text = more.get("metrics", "")
    cluster.hold(node(FIRST.name), node(WORKER.name, version=more.get("kubelet", "1.36.3")))
    session, shown, journal = session_of(first, FakeHost(WORKER.name), cluster)
    begun = UpgradeStarted(target=HOP.target, workers=Workers.EACH_HOP, hops=(RecordedHop.of(HOP),), soak=seconds, hold=hold)
    session.write(begun)
    step = StepStarted(
        hop=HOP.key, node=FIRST.name, role="control-plane", action="x", id=StepId.EMULATING_FIRST, changes_control_plane=True
    )
    session.write(step)
    return session, shown, journal


def texts(shown: Recorder) -> list[str]:
    """Return what a person saw."""
    return [str(getattr(event, "text", "")) for event in shown.events]


def records(journal: MemoryJournal[UpgradeRecord]) -> list[type]:
    """Return what was written about the time in which a rollback loses nothing."""
    return [type(item) for item in journal.records if isinstance(item, WindowOpened | FinishStarted)]


def test_without_a_soak_it_goes_on_at_once_and_says_what_ends() -> None:
    """In one go, for scripts; before the old minor is left, the loss of a rollback from then on is said."""
    session, shown, journal = emulating()
    soak(session, HOP, RunOptions())
    assert records(journal) == [WindowOpened, FinishStarted]
    assert not session.state.in_window(HOP)
    assert any("from here on a rollback goes back to the snapshot of" in text for text in texts(shown))


def test_a_soak_lasts_as_long_as_was_said_also_over_an_interruption() -> None:
    """Its time counts from when all control planes emulated, as the journal has it."""
    session, _, journal = emulating(seconds=3600)
    session.write(WindowOpened(HOP.key))
    session.clock.sleep(3000)
    begun = session.clock.now()
    soak(session, HOP, RunOptions())
    assert session.clock.now() - begun == pytest.approx(600, abs=1)
    assert records(journal) == [WindowOpened, FinishStarted]


def test_a_held_control_plane_waits_for_a_person() -> None:
    """However often the run is resumed; `finish` goes on."""
    session, _, journal = emulating(hold=True)
    for _ in range(2):
        with pytest.raises(Paused, match=r"emulates 1\.36: .*rollback.* loses nothing now, .*finish"):
            soak(session, HOP, RunOptions())
    assert session.state.window == HOP
    soak(session, HOP, RunOptions(finish=True))
    assert records(journal) == [WindowOpened, FinishStarted]
    assert session.state.window is None


def test_a_person_may_end_a_soak_before_its_time() -> None:
    """With `finish`."""
    session, _, _ = emulating(seconds=1e6)
    begun = session.clock.now()
    soak(session, HOP, RunOptions(finish=True))
    assert session.clock.now() == begun


def test_an_api_server_that_fails_in_its_soak_is_not_raised() -> None:
    """A minute of it ends the run; the way back loses nothing."""
    session, _, journal = emulating(seconds=3600)
    cluster = session.cluster
    assert isinstance(cluster, FakeCluster)
    looked = iter(range(1000))
    cluster.healthy = lambda: next(looked) < 5  # type: ignore[method-assign]
    with pytest.raises(GateFailedError, match=r"is not ready for 60 s, while it emulates 1\.36") as caught:
        soak(session, HOP, RunOptions())
    assert "loses nothing" in caught.value.hint
    assert records(journal) == [WindowOpened]


@pytest.mark.parametrize(
    ("more", "why", "check"),
    [
        ({"metrics": ASKED}, "g/v1beta1 r: a client has asked for it", CheckName.REMOVED_APIS),
        ({"kubelet": "1.37.2"}, "green-2: its kubelet is 1.37.2, newer than the 1.36 that is emulated", CheckName.SKEW),
        ({"said": SAID | {"emulationMinor": "37"}}, "green-1: its API server is 1.37.2 and emulates 37, not 36", CheckName.SKEW),
        ({"said": {"gitVersion": "v1.37.2", "minor": "37"}}, "emulates nothing, not 36", CheckName.SKEW),
    ],
)
def test_it_is_not_raised_while_something_speaks_against_it(more: dict[str, Any], why: str, check: CheckName) -> None:
    """Clients of what ends with the old minor, and users of what only the new one has; a person may ignore either."""
    session, shown, journal = emulating(**more)
    with pytest.raises(BlockedError) as caught:
        soak(session, HOP, RunOptions())
    assert why in caught.value.message
    assert "finish --ignore" in caught.value.hint
    assert records(journal) == [WindowOpened]
    soak(session, HOP, RunOptions(finish=True, ignored=frozenset({check})))
    assert any(f"{why}" in text and "(ignored)" in text for text in texts(shown))
    assert records(journal) == [WindowOpened, FinishStarted]


def test_the_old_minor_does_not_go_on_where_the_new_one_was_in_use() -> None:
    """It may not know what was written then: only the snapshot is a way back."""
    session, _, _ = emulating(said=SAID | {"emulationMinor": "37"})
    with pytest.raises(BlockedError, match=r"this can hold what 1\.36\.3 does not know") as caught:
        require_window(session, HOP)
    assert "--from-snapshot" in caught.value.hint


@pytest.mark.parametrize("said", [{}, {"gitVersion": "v1.36.3", "minor": "36", "emulationMinor": "36"}], ids=["away", "old"])
def test_an_api_server_that_is_away_or_old_keeps_nobody_from_going_back(said: dict[str, str]) -> None:
    """The new one may not start at all; then nothing of it is in use."""
    session, _, _ = emulating()
    first = session.hosts[FIRST.name]
    assert isinstance(first, FakeHost)
    first.answers["get --raw /version"] = json.dumps(said) if said else ""
    cluster = session.cluster
    assert isinstance(cluster, FakeCluster)
    cluster.ready = bool(said)
    require_window(session, HOP)
