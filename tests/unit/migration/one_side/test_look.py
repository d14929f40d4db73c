"""What runs on both sides is seen by every verb; what is held is as it should be."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.journal.records.one_side import Held
from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.look import fresh, stands_still
from migrator.migration.validate import Checks, validate
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.objects import crd, made
from tests.support.one_side import DNS, Stand, hand_over_alone
from tests.support.recorder import Recorder


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
    assert [item.subject for item in failures] == [str(DNS)]
    assert failures[0].reason.startswith("runs on blue again, and was handed over to green (last written by kubectl-scale at 20")


def test_a_hold_that_an_operator_takes_away_at_once_is_seen_and_refused(stand: Stand) -> None:
    """By the copy that has made it, with who it was; later by validate, and by the cutover, before blue is touched."""
    run_copy(stand.session, CopyOptions())
    stand.green.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 2}}, manager="dns-operator")
    live = fresh(stand.session.read_and_plan()[0], stand.green, {}, stand.clock)
    stand.session.warn_of_both_sides(stand.session.read_and_plan()[0], live)
    assert isinstance(stand.session.run.reporter, Recorder)
    assert "runs on green, and on blue too (last written by dns-operator at 20" in stand.session.run.reporter.notes[-1]
    failure = next(item for item in run_validate(stand.session).failures if item.check == "one side")
    assert "dns-operator" in failure.reason
    with pytest.raises(BlockedError, match=r"runs on green and on blue: dns-operator at 20.* took away what holds it there"):
        hand_over_alone(stand)
    assert stand.replicas == (2, 2)


def test_what_is_started_while_validate_waits_counts(stand: Stand) -> None:
    """The first reading of green is old by the end of the wait."""
    run_copy(stand.session, CopyOptions())
    stand.control(stand.blue)
    stand.control(stand.green)
    stand.clock.pass_time(1.0)
    plan, green = stand.session.read_and_plan()
    stand.green.patch(DEPLOYMENTS, "shop", "dns", {"spec": {"replicas": 1}}, manager="dns-operator")
    checks = Checks(stand.session.prober, stand.session.registry, (), 5.0, ())
    verdict = validate(plan, stand.blue, stand.green, green.live, checks=checks, run=stand.session.run)
    assert [item.check for item in verdict.failures] == ["one side"]


def test_a_connector_need_not_be_ready_while_what_it_works_in_is_held(stand: Stand) -> None:
    """Strimzi calls it not ready where its Kafka Connect has 0 replicas; after the hand-over it has to be."""
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    not_yet = {"conditions": [{"type": "Ready", "status": "False", "message": "has 0 replicas"}]}
    for plural, kind in (("kafkaconnects", "KafkaConnect"), ("kafkaconnectors", "KafkaConnector")):
        stand.blue.hold(crd(plural, kind, "kafka.strimzi.io", status=True))
        stand.blue.hold(made("kafka.strimzi.io/v1", kind, "sink", namespace="shop", spec={}) | {"status": ready})
    run_copy(stand.session, CopyOptions())
    for kind in ("KafkaConnect", "KafkaConnector"):
        resource = stand.green.type_of({"apiVersion": "kafka.strimzi.io/v1", "kind": kind})
        stand.green.patch(resource, "shop", "sink", {"status": not_yet}, manager="strimzi", subresource="status")
    plan = stand.session.read_and_plan()[0]
    items = [item for item in plan.items if item.blue.group == "kafka.strimzi.io"]
    assert [stands_still(item, plan, ()) for item in items] == [True, True]
    connect = ObjectRef("kafka.strimzi.io", "KafkaConnect", "shop", "sink")
    assert [stands_still(item, plan, (connect,)) for item in items] == [False, False]
    assert [item.subject for item in run_validate(stand.session).failures if item.check == "readiness"] == [str(DNS)]
