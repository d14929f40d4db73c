"""An advice names one way, its reasons, and what both ways cost."""

from __future__ import annotations

import pytest

from migrator.cli.view import advice as view
from migrator.model.advice import Advice, Alternative, Choice, Downtime

MIGRATION = Alternative(Choice.MIGRATION, ("no machines",), (), "3 more nodes", 1, ("events",))
AWAY = (Downtime("Deployment/shop/web", 30.0, 2, "one replica"), Downtime("Pod/shop/job", None, 1, "it has no owner"))
IN_PLACE = Alternative(Choice.IN_PLACE, (), AWAY, "none", 2, ())


def test_the_way_comes_first_then_its_reasons_and_both_costs(capsys: pytest.CaptureFixture[str]) -> None:
    """What was not looked at is said last."""
    view.show(Advice(Choice.IN_PLACE, ("it is small",), (MIGRATION, IN_PLACE), hosts_read=False), "1.35 → 1.36 → 1.37")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["1.35 → 1.36 → 1.37: an upgrade in place: `migrator upgrade plan`", "  because it is small"]
    assert {"a migration to a new cluster: 1 move", "  cannot be undone: events", "  blocked no machines"} <= set(lines)
    assert "  downtime: Deployment/shop/web: 2 x 30 s (one replica)" in lines
    assert "  downtime: Pod/shop/job: 1 x not measured here yet (it has no owner)" in lines
    assert lines[-1].startswith("no host was read")


def test_without_a_hop_there_is_nothing_to_compare(capsys: pytest.CaptureFixture[str]) -> None:
    """The cluster is where it should be."""
    view.show(Advice(Choice.NEITHER, ("it is there",), (MIGRATION, IN_PLACE), hosts_read=True), "")
    assert capsys.readouterr().out.splitlines() == ["nothing to do: neither, in the present state", "  because it is there"]
