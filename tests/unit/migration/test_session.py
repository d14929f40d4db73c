"""What two clusters must be to each other before anything is read, and what reading them returns."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.migration.fence import Side, WayBack
from migrator.migration.session import Session
from migrator.model.plan import Decision, Unreadable
from migrator.ports import Blue
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.journals import migration_run
from tests.support.migrations import migration_session
from tests.support.objects import config_map, made
from tests.support.recorder import Recorder


def session(blue: FakeCluster, green: FakeCluster, *, allow_older: bool = False) -> tuple[Session, Recorder]:
    """Return a session of these clusters, and what a person sees of it."""
    run, _, _, recorder = migration_run()
    opened = migration_session(blue, green, run, allow_older=allow_older)
    return opened, recorder


@pytest.mark.parametrize(("skew", "warned"), [(0.0, False), (59.0, False), (61.0, True), (-3600.0, True)])
def test_clocks_that_differ_are_a_warning(skew: float, warned: bool) -> None:  # noqa: FBT001
    """A minute is where leases and certificates begin to fail; the run goes on."""
    blue = FakeCluster("blue", clock=FakeClock(1_000_000.0))
    green = FakeCluster("green", clock=FakeClock(1_000_000.0 + skew))
    opened, recorder = session(blue, green)
    assert opened.preflight() == {"blue": blue.identity(), "green": green.identity()}
    assert ("the clocks of blue and green differ" in " ".join(recorder.notes)) is warned


def test_one_cluster_is_no_pair() -> None:
    """Two contexts that lead to one cluster are refused: a copy would overwrite what it reads."""
    cluster = FakeCluster("blue")
    with pytest.raises(BlockedError, match="blue and green are the same cluster"):
        session(cluster, cluster)[0].preflight()


def test_green_of_an_older_minor_version_is_refused() -> None:
    """Unless a person allows it; an older patch of the same minor version serves the same APIs."""
    blue = FakeCluster("blue", version="v1.37.2")
    older, patch = FakeCluster("green", version="v1.36.9"), FakeCluster("green", version="v1.37.0")
    with pytest.raises(BlockedError, match=r"green is older than blue \(v1.36.9 < v1.37.2\)"):
        session(blue, older)[0].preflight()
    assert session(blue, older, allow_older=True)[0].preflight()["green"] == older.identity()
    assert session(blue, patch)[0].preflight()["green"] == patch.identity()


def test_what_neither_side_lets_be_read_is_in_one_plan() -> None:
    """Kinds unreadable on blue and on green stand side by side, and one warning names both; the rest is planned."""
    blue, green = FakeCluster("blue"), FakeCluster("green")
    blue.hold(made("v1", "Namespace", "shop"), config_map("settings", namespace="shop"))
    blue.faults.append(Fault("list", forbidden, kind="Secret"))
    green.faults.append(Fault("list", forbidden, kind="ConfigMap"))
    plan, reading = session(blue, green)[0].read_and_plan()
    refused = "green answered 403"
    assert plan.unreadable == (Unreadable("Secret", refused), Unreadable("ConfigMap", refused))
    assert plan.warnings == ("not readable with this account, so not moved: ConfigMap, Secret",)
    assert reading.unreadable == (Unreadable("ConfigMap", refused),)
    assert {"shop", "settings"} <= {item.blue.name for item in plan.of(Decision.MOVE)}


def test_an_undo_asks_clusters_of_its_own_where_there_are_some() -> None:
    """Those that it is given do not ask the lock on green, and are not waited for as long."""
    blue, green = FakeCluster("blue"), FakeCluster("green")
    opened, _ = session(blue, green)
    assert looked_at(opened) == (blue, green)
    others = FakeCluster("blue"), FakeCluster("green")
    opened.undo_on = WayBack(Side(lambda: others[0], 60.0), Side(lambda: others[1], 60.0))
    assert looked_at(opened) == others


def looked_at(opened: Session) -> tuple[Blue, Blue]:
    """Return the clusters that an undo asks."""
    back = opened.way_back()
    return back.blue.look(opened.run.clock), back.green.look(opened.run.clock)


def test_a_plan_warns_of_the_memory_that_it_takes() -> None:
    """Before green is read, and in the plan that is kept."""
    blue, green = FakeCluster("blue"), FakeCluster("green")
    blue.hold(made("v1", "Namespace", "shop"), config_map("settings", {"a": "x" * 1000}, namespace="shop"))
    opened, recorder = session(blue, green)
    opened.free_memory = lambda: 10_000_000
    plan, _ = opened.read_and_plan()
    (warning,) = [text for text in plan.warnings if "of memory" in text]
    assert warning in recorder.notes
    opened.free_memory = lambda: 2**34
    assert not any("of memory" in text for text in opened.read_and_plan()[0].warnings)
