"""What the next start of HAProxy would lose is told or changed; the files themselves are in test_configuration_file.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.config.haproxy import Configuration
from migrator.errors import TrafficError
from migrator.traffic.machine import on_this_machine
from migrator.traffic.restart import Restart
from migrator.traffic.runtime_api import RuntimeApi
from tests.support.clock import FakeClock
from tests.support.runtime_api import FakeHAProxy, answering

SHARES = {"blue": 0, "green": 100}


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[FakeHAProxy]:
    """Serve a backend whose process is not seen from here, as in a container."""
    with answering(FakeHAProxy(tmp_path)) as running:
        running.answers["show info"] = "Name: HAProxy\nPid: 0\n\n"
        yield running


def restart(balancer: FakeHAProxy, *, state_file: bool = False, configuration: Configuration = "print") -> Restart:
    """Return what is known of its next start."""
    reached = on_this_machine("s", "state", balancer.folder, configuration)
    reached = reached._replace(machine=None, state_file=reached.state_file if state_file else None)
    return Restart(RuntimeApi(reached.endpoint, FakeClock()), reached, "shop")


def test_without_a_state_file_the_lines_to_change_are_told(balancer: FakeHAProxy) -> None:
    """By the shares that a start has to give, where haproxy.cfg itself is not seen."""
    (text,) = restart(balancer).lost(lambda: SHARES, None)
    assert text.startswith("a restart of HAProxy would lose these weights: in backend shop of haproxy.cfg")
    assert "`server blue ... weight 0`, `server green ... weight 100`" in text


def test_a_state_file_keeps_all(balancer: FakeHAProxy) -> None:
    """Unless haproxy.cfg is seen not to load it."""
    assert restart(balancer, state_file=True).lost(lambda: SHARES, None) == ()


def test_a_file_that_is_to_be_changed_and_is_not_found_is_an_error_before_the_cutover(balancer: FakeHAProxy) -> None:
    """And not at its end only; a state file makes the change needless."""
    with pytest.raises(TrafficError, match=r"haproxy\.cfg is not found") as caught:
        list(restart(balancer, configuration="write").notices(SHARES))
    assert "take `configuration` out" in caught.value.hint
    with pytest.raises(TrafficError, match=r"haproxy\.cfg is not found"):
        restart(balancer, configuration="write").lost(lambda: SHARES, print)
    assert not any("is changed" in text for text in restart(balancer, state_file=True, configuration="write").notices(SHARES))
