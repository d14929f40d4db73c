"""What runs on both sides is seen by every verb; what is held is as it should be."""

from __future__ import annotations

from migrator.journal.records.one_side import Held
from migrator.migration.copy import CopyOptions
from migrator.migration.verbs import run_copy, run_cutover, run_validate
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.outcome import Action
from tests.support.objects import made
from tests.support.one_side import DNS, Stand


def test_it_is_held_on_green_until_the_cutover(stand: Stand) -> None:
    """Parity knows the hold; the Service before it has no endpoint on green, and need not."""
    slices = {"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}], "addressType": "IPv4", "ports": []}
    labels = {"kubernetes.io/service-name": "dns", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    stand.blue.hold(made("discovery.k8s.io/v1", "EndpointSlice", "dns-1", namespace="shop", labels=labels, **slices))
    stand.ready()
    assert stand.replicas == (2, 0)
    assert [part.blue for part in stand.session.run.state.sides.held] == [DNS]
    assert run_copy(stand.session, CopyOptions())[1].counts == {"unchanged": 3}
    assert len([record for record in stand.journal.records if isinstance(record, Held)]) == 1


def test_somebody_who_wakes_it_on_green_is_seen_by_every_verb(stand: Stand) -> None:
    """Validate fails, a copy names it, a cutover is refused; nothing was stopped on blue."""
    stand.ready()
    stand.green.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 1}}, manager="kubectl-scale", subresource="scale")
    stand.clock.pass_time(1.0)
    verdict = run_validate(stand.session)
    assert [(item.check, item.subject) for item in verdict.failures] == [("one side", str(DNS))]
    outcome = run_copy(stand.session, CopyOptions())[1].problems[0]
    assert (outcome.ref, outcome.action) == (DNS, Action.CONFLICT)
    assert run_copy(stand.session, CopyOptions(force_conflicts=True))[1].complete
    assert stand.replicas == (2, 0)


def test_somebody_who_wakes_it_on_blue_after_the_cutover_is_seen(stand: Stand) -> None:
    """By validate, and by the plan's reading."""
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    stand.blue.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 1}}, manager="kubectl-scale", subresource="scale")
    failures = run_validate(stand.session).failures
    assert [(item.subject, item.reason.partition(":")[0]) for item in failures] == [
        (str(DNS), "runs on blue again, and was handed over to green")
    ]
