"""A copy writes in waves, announces each one first, and can be ended anywhere and run again."""

from __future__ import annotations

import pytest

from migrator.errors import ApiError, BlockedError, LockLostError
from migrator.journal.records.base import Entry
from migrator.journal.records.migration import MIGRATION, CopyEnded, CopyStarted, MigrationRecord, PruneAnnounced, WaveAnnounced
from migrator.journal.records.traffic import CutoverStarted, ShiftAnnounced
from migrator.migration.copy import CopyOptions
from migrator.model.manifest import Manifest, ref_of
from migrator.model.outcome import Action
from migrator.model.ref import ObjectRef
from tests.support.fake_cluster.faults import Fault, forbidden, killed, unavailable
from tests.support.objects import config_map, crd, made
from tests.support.pairs import AT_ONCE, Pair, contents, in_green, in_shop, owned_by, pair, shop, writes

PARENT = ObjectRef("", "ConfigMap", "shop", "parent")
CHILD = ObjectRef("", "ConfigMap", "shop", "child")
MAP = ObjectRef("", "ConfigMap", "shop", "a")
OTHER = ObjectRef("", "Namespace", "", "other")
PRUNE = CopyOptions(prune=True, backend_timeout=1.0)


def announced(both: Pair) -> set[ObjectRef]:
    """Return what the journal has announced to create."""
    return {ref for record in both.journal.records if isinstance(record, WaveAnnounced) for ref in record.create}


def of(both: Pair, kind: type[MigrationRecord]) -> list[MigrationRecord]:
    """Return the records of one class."""
    return [record for record in both.journal.records if isinstance(record, kind)]


def test_a_whole_copy_brings_every_object() -> None:
    """Its owners are green's own objects, and its finished Job stays finished."""
    both = shop()
    result = both.copy()
    assert (result.complete, result.problems, set(result.counts)) == (True, [], {"created"})
    for ref in both.read()[0].owners:
        assert in_green(both.green, ref)["metadata"]["name"] == ref.name
    owner = in_green(both.green, CHILD)["metadata"]["ownerReferences"][0]
    assert owner["uid"] == in_green(both.green, PARENT)["metadata"]["uid"]
    assert in_green(both.green, ObjectRef("batch", "Job", "shop", "done"))["status"]["succeeded"] == 1
    assert (len(of(both, CopyStarted)), len(of(both, CopyEnded))) == (1, 1)


def test_a_second_copy_writes_nothing() -> None:
    """What nobody has touched is unchanged without a request."""
    both = shop()
    first = both.copy()
    again = both.next_run()
    both.green.requests.clear()
    result = again.copy()
    assert result.counts == {"unchanged": first.counts["created"]}
    assert writes(both.green) == []


def test_each_wave_is_announced_before_its_first_write() -> None:
    """The journal names an object when the server sees it for the first time."""
    both = shop()
    early: list[ObjectRef] = []

    def look(manifest: Manifest) -> Manifest:
        if ref_of(manifest) not in announced(both):
            early.append(ref_of(manifest))
        return manifest

    kinds = ("Namespace", "ConfigMap", "Secret", "ServiceAccount", "Service", "Deployment", "Job", "Widget")
    both.green.defaults = dict.fromkeys(kinds, look)
    both.copy()
    assert early == []
    assert {PARENT, CHILD} <= announced(both)


def test_what_needs_a_lost_object_is_blocked() -> None:
    """An owner that green refuses blocks its children; nothing else suffers."""
    both = shop()
    both.green.faults.append(Fault("create", forbidden, kind="ConfigMap", times=1))
    result = both.copy()
    assert [(item.ref, item.action) for item in result.problems] == [(PARENT, Action.FAILED), (CHILD, Action.BLOCKED)]
    assert str(PARENT) in result.problems[1].message
    assert not result.complete


def test_prune_deletes_only_what_the_migration_made() -> None:
    """Objects of others stay; without the option nothing is deleted, and a person is told."""
    both = pair(config_map("old", namespace="shop"), config_map("kept", namespace="shop"))
    both.copy()
    both.green.hold(config_map("others", namespace="shop"))
    old = ObjectRef("", "ConfigMap", "shop", "old")
    resource = both.blue.type_of(config_map("old"))
    both.blue.delete(resource, "shop", "old", uid=in_green(both.blue, old)["metadata"]["uid"])
    told = both.next_run()
    assert told.copy().gone == [old]
    assert any("--prune" in note for note in told.recorder.notes)
    assert old in contents(both.green)
    pruning = told.next_run()
    assert pruning.copy(PRUNE).counts["deleted"] == 1
    assert of(pruning, PruneAnnounced) == [PruneAnnounced((old,))]
    left = {ref.name for ref in contents(both.green) if ref.kind == "ConfigMap"}
    assert left == {"kept", "others"}


def test_prune_deletes_what_judges_first_and_what_holds_last() -> None:
    """Webhooks, then objects, then CRDs, then namespaces."""
    hooks = made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hooks", webhooks=[])
    both = pair(config_map("a", namespace="shop"), crd("widgets", "Widget", "example.com"), hooks)
    both.copy()
    for ref in (
        ObjectRef("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "hooks"),
        ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com"),
        ObjectRef("", "Namespace", "", "shop"),
    ):
        found = in_green(both.blue, ref)
        both.blue.delete(both.blue.type_of(found), "", ref.name, uid=found["metadata"]["uid"])
    again = both.next_run()
    both.green.requests.clear()
    again.copy(PRUNE)
    deleted = [request.split()[1] for request in both.green.requests if request.startswith("delete")]
    assert deleted == ["ValidatingWebhookConfiguration", "ConfigMap", "CustomResourceDefinition", "Namespace"]


def test_a_copy_is_blocked_while_green_has_traffic() -> None:
    """It would overwrite what green has done since."""
    both = pair(config_map("a", namespace="shop"))
    both.run.write(CutoverStarted())
    both.run.write(ShiftAnnounced(50.0))
    with pytest.raises(BlockedError, match="50 % of the traffic"):
        both.copy()
    assert writes(both.green) == []


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("verb", ["create", "replace", "patch"])
def test_a_killed_copy_is_finished_by_the_next(verb: str, *, lost_answer: bool) -> None:
    """Whatever the number of writes before, green ends up as after an uninterrupted copy."""
    whole = shop()
    whole.copy()
    expected = contents(whole.green)
    count = sum(request.startswith(verb) for request in whole.green.requests)
    assert count
    for number in range(count):
        both = shop()
        both.green.faults.append(Fault(verb, killed, after=number, lost_answer=lost_answer))
        with pytest.raises(KeyboardInterrupt):
            both.copy()
        both.green.faults.clear()
        result = both.next_run().copy()
        assert (number, result.problems) == (number, [])
        assert contents(both.green) == expected


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("verb", ["create", "replace", "patch"])
def test_what_green_did_not_answer_is_finished_by_the_next(verb: str, *, lost_answer: bool) -> None:
    """An object that was created stays ours, also when a later request for it failed or green's answer is lost."""
    whole = shop()
    whole.copy()
    count = sum(request.startswith(verb) for request in whole.green.requests)
    assert count
    for number in range(count):
        both = shop()
        both.green.faults.append(Fault(verb, unavailable, times=1, after=number, lost_answer=lost_answer))
        assert both.copy().problems
        second = both.next_run()
        assert (number, second.copy().problems) == (number, [])
        assert contents(both.green) == contents(whole.green)
        made = {ref for ref, written in second.next_run().run.state.written.items() if written.made}
        assert made == {ref for ref, written in whole.next_run().run.state.written.items() if written.made}


@pytest.mark.parametrize("lost_answer", [False, True])
def test_what_a_killed_copy_created_is_ours_and_what_others_did_since_is_not(*, lost_answer: bool) -> None:
    """Prune deletes the one and leaves the other, though both have the content of blue."""
    both = pair(config_map("a", namespace="shop"), workers=1)
    both.green.faults.append(Fault("create", killed, kind="ConfigMap", lost_answer=lost_answer))
    with pytest.raises(KeyboardInterrupt):
        both.copy()
    both.green.faults.clear()
    both.clock.pass_time(600)
    if not lost_answer:
        both.green.hold(config_map("a", namespace="shop"))
    second = both.next_run()
    assert second.copy().complete
    both.blue.delete(both.blue.type_of(config_map("a")), "shop", "a", uid=in_green(both.blue, MAP)["metadata"]["uid"])
    second.next_run().copy(PRUNE)
    assert (MAP in contents(both.green)) is not lost_answer


@pytest.mark.parametrize("name", ["a/../../secrets/b", "..", "a%2Fb"])
def test_a_name_that_no_api_server_accepts_costs_only_its_object(name: str) -> None:
    """A hostile blue: the journal can be read again, the object is named, all others are copied."""
    both = pair(config_map(name, namespace="shop"), config_map("b", namespace="shop"))
    result = both.copy()
    ref = ObjectRef("", "ConfigMap", "shop", name)
    assert [item.blue for item in result.blocked] == [ref]
    assert (result.problems, result.complete, "is not a name" in result.blocked[0].reason) == ([], False, True)
    assert in_green(both.green, MAP._replace(name="b"))
    line = MIGRATION.encode(Entry(1.0, WaveAnnounced(1, (ref,), ())))
    assert MIGRATION.decode(line).record == WaveAnnounced(1, (ref,), ())


def test_claims_whose_data_stays_are_named() -> None:
    """A claim with a volume on blue is empty on green."""
    claim = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"volumeName": "v"}, status={"phase": "Bound"})
    assert pair(claim).copy().data_left == ["shop/data"]


def test_a_webhook_without_a_backend_is_blocked() -> None:
    """It would refuse every write that it matches; the limit of time is the option's."""
    client = {"service": {"namespace": "shop", "name": "hook"}}
    hooks = [{"name": "a.example.com", "clientConfig": client}]
    both = pair(
        in_shop(made("v1", "Service", "hook", spec={"ports": [{"port": 443}]})),
        made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hooks", webhooks=hooks),
    )
    result = both.copy(AT_ONCE)
    assert [(item.ref.name, item.action) for item in result.problems] == [("hooks", Action.BLOCKED)]
    assert "shop/hook has no ready endpoint on green after 1 s" in result.problems[0].message


def test_a_webhook_that_may_fail_holds_nobody() -> None:
    """Its backend is gone on blue as well: it is written at once, as it was there."""
    client = {"service": {"namespace": "shop", "name": "hook"}}
    hooks = [{"name": "a.example.com", "clientConfig": client, "failurePolicy": "Ignore"}]
    both = pair(made("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "hooks", webhooks=hooks))
    assert both.copy(CopyOptions(backend_timeout=120.0)).complete
    assert both.clock.slept == []


def test_a_child_is_written_after_its_owner_that_was_there_before() -> None:
    """An owner of an earlier copy has its UID from the reading of green."""
    both = pair(config_map("parent", namespace="shop"))
    both.copy()
    both.blue.hold(owned_by(in_green(both.blue, PARENT), config_map("child", namespace="shop")))
    assert both.next_run().copy().counts == {"created": 1, "unchanged": 2}
    owner = in_green(both.green, CHILD)["metadata"]["ownerReferences"][0]
    assert owner["uid"] == in_green(both.green, PARENT)["metadata"]["uid"]


def test_a_copy_that_has_lost_its_lock_writes_nothing_more() -> None:
    """Another run writes now; what was written is known to the next copy of this one."""
    both = shop()
    both.green.workers = 1
    with both.green.lock("anna@a/1", both.recorder) as lock:

        def taken() -> ApiError:
            lock.taken_by = "ben@b/2"
            return unavailable()

        both.green.faults.append(Fault("create", taken, after=2, times=1, lost_answer=True))
        with pytest.raises(LockLostError, match="taken over by ben@b/2"):
            both.copy()
        assert len(writes(both.green)) == 3
    result = both.next_run().copy()
    assert (result.complete, result.counts["conflict"]) == (True, 0)


def test_what_is_being_deleted_on_green_is_not_there() -> None:
    """It looks as it should until its finalizers are done; nothing is written into such a namespace, and it is not a success."""
    both = pair(config_map("a", namespace="shop"), made("v1", "Namespace", "other"))
    both.blue.hold(config_map("b", namespace="other"))
    assert both.copy().complete
    found = in_green(both.green, OTHER)
    both.green.patch(both.green.type_of(found), "", "other", {"metadata": {"finalizers": ["example.com/slow"]}}, manager="them")
    both.green.delete(both.green.type_of(found), "", "other", uid=found["metadata"]["uid"])
    assert "deletionTimestamp" in in_green(both.green, OTHER)["metadata"]
    again = both.next_run()
    result = again.copy()
    assert [(item.ref, item.action, item.message.partition(":")[0]) for item in result.problems] == [
        (OTHER, Action.BLOCKED, "is being deleted on green"),
        (ObjectRef("", "ConfigMap", "other", "b"), Action.BLOCKED, "needs Namespace/other, which is not on green"),
    ]


def test_a_status_that_is_a_plain_field_is_brought_once() -> None:
    """A kind without the subresource keeps data there; from then on it is green's controller's, and blue's is not a change."""
    both = pair(crd("things", "Thing", "example.com"))
    thing = made("example.com/v1", "Thing", "a", namespace="shop", spec={"x": 1}, status={"seen": 1})
    both.blue.hold(thing)
    both.copy()
    ref, resource = ObjectRef("example.com", "Thing", "shop", "a"), both.green.type_of(thing)
    assert in_green(both.green, ref)["status"] == {"seen": 1}
    both.green.patch(resource, "shop", "a", {"status": {"seen": 5}}, manager="controller")
    both.blue.patch(resource, "shop", "a", {"status": {"seen": 2}}, manager="controller")
    assert both.next_run().copy().counts == {"unchanged": 3}
    both.blue.patch(resource, "shop", "a", {"spec": {"x": 2}}, manager="kubectl")
    again = both.next_run()
    again.copy()
    assert (in_green(again.green, ref)["spec"], in_green(again.green, ref)["status"]) == ({"x": 2}, {"seen": 5})
