"""A person's commands around the last pass of a claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import CommandFailedError, HostError
from migrator.migration.data.verbs import bring_back, copy_data, finish_data
from tests.support.claims_stand import ALL, Stand, stand

TEXT = """volumes:
  claims:
    - {claims: [shop/a, shop/b], before: [[flush, --all]], after: [[resume]]}
    - {claims: ['*'], before: [[other]]}
"""


def commands(one: Stand) -> list[str]:
    """Return the programs that ran."""
    return [command[0] for command in one.session.runner.ran]  # type: ignore[attr-defined]


def test_commands_run_once_for_a_rule_around_the_last_pass_and_not_around_a_copy(tmp_path: Path) -> None:
    """Each rule once, however many claims it names; only the rule that counts for a claim."""
    one = stand(tmp_path, "a", "b", text=TEXT)
    copy_data(one.session, one.movers, ALL)
    assert commands(one) == []
    finish_data(one.session, one.movers, ALL)
    assert commands(one) == ["flush", "resume"]
    bring_back(one.session, one.movers, ALL)
    assert commands(one) == ["flush", "resume"] * 2


def test_what_was_begun_is_ended_when_the_pass_fails(tmp_path: Path) -> None:
    """A claim that failed is told; the command afterwards runs all the same."""
    one = stand(tmp_path, "a", text=TEXT)
    copy_data(one.session, one.movers, ALL)
    one.there.broken = {"shop/a": HostError("no route")}
    (outcome,) = finish_data(one.session, one.movers, ALL)
    assert str(outcome.error) == "no route"
    assert commands(one) == ["flush", "resume"]


def test_a_command_that_fails_before_ends_it_before_it_begins(tmp_path: Path) -> None:
    """No pass runs; what the command has half done is ended by the other one."""
    one = stand(tmp_path, "a", text=TEXT)
    copy_data(one.session, one.movers, ALL)
    one.session.runner.failing = "flush"  # type: ignore[attr-defined]
    with pytest.raises(CommandFailedError):
        finish_data(one.session, one.movers, ALL)
    assert commands(one) == ["flush", "resume"]
    assert len(one.there.jobs) == 1
