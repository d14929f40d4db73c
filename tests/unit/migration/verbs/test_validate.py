"""A verdict is recorded with what a person must know."""

from __future__ import annotations

from migrator.journal.records.migration import (
    VerdictGiven,
)
from migrator.migration.ages import Moment
from migrator.migration.copy import CopyOptions
from migrator.migration.state import Stage
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.validate import run_validate
from tests.support.objects import config_map
from tests.support.verb_stand import Stand


def test_a_verdict_is_recorded_with_what_a_person_must_know(stand: Stand) -> None:
    """Without the findings that are well."""
    run_copy(stand.session, CopyOptions())
    verdict = run_validate(stand.session)
    (recorded,) = stand.of(VerdictGiven)
    assert recorded == VerdictGiven(good=True, seconds=0.0, findings=())
    assert [finding.subject for finding in verdict.findings] == ["front"]
    assert (stand.state, stand.session.run.state.good_verdict) == (Stage.VALIDATED, Moment(*[stand.clock.now()] * 2))
    stand.blue.hold(config_map("more", namespace="shop"))
    assert not run_validate(stand.session).good
    bad = stand.of(VerdictGiven)[-1]
    assert isinstance(bad, VerdictGiven)
    assert [finding.subject for finding in bad.findings] == ["ConfigMap/shop/more"]
