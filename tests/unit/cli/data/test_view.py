"""How the data of volumes is shown."""

from __future__ import annotations

import json

import pytest

from migrator.cli.data import view
from migrator.model.volumes import Place, VolumePlan, Way


@pytest.mark.parametrize("relayed", [True, False])
def test_a_plan_tells_what_a_relay_means(capsys: pytest.CaptureFixture[str], relayed: bool) -> None:  # noqa: FBT001
    """For claims that are copied; the others do not go through this machine."""
    plans = [VolumePlan("s/a", "s/a", Way.COPY, blue=Place("b", "/srv/a")), VolumePlan("s/b", "s/b", Way.OWN)]
    view.show_plan(plans, {}, {}, "json", relayed=relayed)
    rows = json.loads(capsys.readouterr().out)
    assert ["must stay on while a pass runs" in " ".join(row["notes"]) for row in rows] == [relayed, False]
