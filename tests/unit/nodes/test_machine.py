"""Whether a host is the machine that it was."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.nodes.machine import is_machine, require_same_machine
from migrator.readiness.hosts import machine_of, same_machine
from tests.support.facts import node
from tests.support.hosts import FakeHost

MACHINE = "2f1c9d6c1f0e4b0f9a0d8e7c6b5a4f3e"


def test_a_machine_id_is_the_same_however_it_is_written() -> None:
    """As a UUID, in capitals, with a newline."""
    assert same_machine("2F1C9D6C-1F0E-4B0F-9A0D-8E7C6B5A4F3E", f"{MACHINE}\n")
    assert not same_machine(MACHINE, MACHINE[::-1])


def test_the_cluster_s_word_is_the_kubelet_s() -> None:
    """A node that has told nothing yet is not a machine."""
    assert machine_of(node("w1", machine=MACHINE)) == MACHINE
    assert machine_of(node("w1")) == ""
    assert machine_of({"metadata": {"name": "w1"}}) == ""


@pytest.mark.parametrize("found", ["other", ""])
def test_another_machine_is_refused(found: str) -> None:
    """One that has no machine-id is not proven either."""
    host = FakeHost("w1")
    host.answers["cat /etc/machine-id"] = found
    with pytest.raises(BlockedError, match=r"w1 is another machine than the node: .* nothing was done to it") as caught:
        require_same_machine(host, MACHINE)
    assert "is its address right?" in caught.value.hint
    host.answers["cat /etc/machine-id"] = f"{MACHINE}\n"
    require_same_machine(host, MACHINE)
    assert is_machine(host, MACHINE)
    assert not is_machine(host, "other")
