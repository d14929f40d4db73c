"""Green is asked what it makes of an object; nothing is written, and a webhook that does not answer is waited for once."""

from __future__ import annotations

import pytest

from migrator.errors import ApiError
from migrator.migration.trials import Trials
from migrator.model.manifest import Manifest
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.objects import config_map


def asked(clock: FakeClock, seconds: float) -> tuple[FakeCluster, Trials]:
    """Return a cluster whose admission takes this long, and the trials on it."""
    green = FakeCluster("green", clock=clock)

    def fill(manifest: Manifest) -> Manifest:
        clock.sleep(seconds)
        return {**manifest, "data": {"filled": "in"}}

    green.defaults["ConfigMap"] = fill
    return green, Trials(green, clock)


def test_a_trial_writes_nothing_and_has_another_name() -> None:
    """One of the same name would be there already."""
    green, trials = asked(FakeClock(), 0)
    long = config_map("a" * 60, owners=[{"kind": "ConfigMap", "name": "p", "uid": "u"}])
    done = trials.make(green.type_of(long), "default", long)
    assert (done["metadata"]["name"], done["data"]) == ("a" * 40 + "-trial", {"filled": "in"})
    assert "ownerReferences" not in done["metadata"]
    assert list(green.list(green.type_of(long))) == []


@pytest.mark.parametrize(("seconds", "again"), [(1.0, True), (9.0, False)])
def test_after_a_slow_trial_there_are_no_more(seconds: float, *, again: bool) -> None:
    """Each would wait for the same webhook."""
    green, trials = asked(FakeClock(), seconds)
    resource = green.type_of(config_map("a"))
    trials.make(resource, "default", config_map("a"))
    if again:
        trials.make(resource, "default", config_map("b"))
    else:
        with pytest.raises(ApiError, match="did not answer in time"):
            trials.make(resource, "default", config_map("b"))
