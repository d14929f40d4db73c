"""What a rollback would lose is told by the journal alone."""

from __future__ import annotations

import pytest

from migrator.migration.data.loss import losses
from migrator.migration.data.state import ClaimData


@pytest.mark.parametrize(
    ("known", "rollback", "without_green", "since"),
    [
        (ClaimData(passes=3), "nothing", "nothing", None),
        (ClaimData(switched_at=5.0, green_writes=True), "nothing", "what green wrote", 5.0),
        (ClaimData(switched_at=5.0, back_at=9.0, green_writes=True), "nothing", "what green wrote", 9.0),
        (ClaimData(switched_at=5.0, green_writes=True, half=True), "nothing", "what green wrote", 5.0),
        (ClaimData(switched_at=5.0, half=True), "unknown", "what green wrote", 5.0),
        (ClaimData(switched_at=5.0, proven_at=5.0, direction="to-green"), "unknown", "unknown", 5.0),
        (ClaimData(switched_at=5.0, proven_at=9.0, back_at=9.0, direction="to-blue"), "nothing", "nothing", None),
    ],
)
def test_a_claim_loses_what_green_alone_has(known: ClaimData, rollback: str, without_green: str, since: float | None) -> None:
    """Nothing before the switch, nothing while green answers, all since the last state that blue has when green is gone."""
    (found,) = losses({"shop/data": known})
    assert (found.rollback, found.without_green, found.since) == (rollback, without_green, since)
    assert found.why
