"""What the fault suite takes for a part of a way back."""

from __future__ import annotations

import pytest

from tests.support.faults.api_proxy import Change
from tests.support.faults.checks import goes_back

TICK = "/apis/batch/v1/namespaces/round-1/cronjobs/tick"


@pytest.mark.parametrize(
    ("side", "path", "suspends", "back"),
    [
        ("green", TICK, True, True),
        ("blue", f"{TICK}?fieldManager=migrator-fence", False, True),
        ("blue", f"{TICK}/status", None, True),
        ("green", TICK, False, False),
        ("blue", TICK, True, False),
        ("green", f"{TICK}/status", None, False),
        ("green", TICK, None, False),
        ("green", "/api/v1/namespaces/round-1/configmaps/parent", None, False),
    ],
)
def test_only_what_leads_back_to_blue_asks_no_lock(side: str, path: str, suspends: bool | None, back: bool) -> None:  # noqa: FBT001
    """Everything else after the loss of a lock is a violation."""
    assert goes_back(Change(1.0, side, "PATCH", path, 200, "tick", suspends)) is back
