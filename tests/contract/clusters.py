"""What any cluster behind the ports does; run on the fake and on a real API server, so that the fake stays honest.

A subclass gives the fixture `place`: a cluster, and a namespace on it that is the test's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import orjson
import pytest

from migrator.errors import BlockedError, ConflictError, InvalidError, NotFoundError
from migrator.model.manifest import Manifest, get, without
from migrator.model.ref import ResourceType
from migrator.ports import Green, PodEvictor
from migrator.rules.field_owners import creators
from tests.support.fake_cluster.kinds import SERVED
from tests.support.objects import config_map, crd, cron_job, deployment, made, service
from tests.support.recorder import Recorder

TYPES = {item.kind: item for item in SERVED}
NOT_SERVED = ResourceType("nowhere.example.com", "v1", "things", "Thing", True, frozenset())


class Cluster(Green, PodEvictor, Protocol):
    """All that the suite asks for."""


class Place(NamedTuple):
    """Where a test works."""

    cluster: Cluster
    namespace: str
    until: Callable[[Callable[[], bool]], None]
    """Waits for what controllers do."""

    def create(self, manifest: Manifest, *, manager: str = "first", **options: Any) -> Manifest:
        """Create an object in the test's namespace, if its kind has one."""
        resource = TYPES[manifest["kind"]]
        return self.cluster.create(resource, self._in(resource), orjson.dumps(manifest), manager=manager, **options)

    def replace(self, manifest: Manifest, *, manager: str = "first", **options: Any) -> Manifest:
        """Replace an object."""
        resource, name = TYPES[manifest["kind"]], manifest["metadata"]["name"]
        return self.cluster.replace(resource, self._in(resource), name, orjson.dumps(manifest), manager=manager, **options)

    def get(self, kind: str, name: str) -> Manifest:
        """Read an object."""
        return self.cluster.get(TYPES[kind], self._in(TYPES[kind]), name)

    def patch(self, kind: str, name: str, patch: dict[str, Any], *, manager: str = "first", **options: Any) -> Manifest:
        """Patch an object."""
        return self.cluster.patch(TYPES[kind], self._in(TYPES[kind]), name, patch, manager=manager, **options)

    def delete(self, kind: str, name: str, uid: str) -> None:
        """Delete an object."""
        self.cluster.delete(TYPES[kind], self._in(TYPES[kind]), name, uid=uid)

    def listed(self, kind: str, **options: Any) -> list[str]:
        """Return the names of the test's objects of a kind."""
        return [item["metadata"]["name"] for item in self.cluster.list(TYPES[kind], self.namespace, **options)]

    def _in(self, resource: ResourceType) -> str:
        return self.namespace if resource.namespaced else ""


def managers(manifest: Manifest) -> dict[str, Any]:
    """Return the fields that each manager owns by updates."""
    entries = manifest["metadata"].get("managedFields") or []
    return {entry["manager"]: entry["fieldsV1"] for entry in entries if not entry.get("subresource")}


class ClusterContract:
    """The suite."""

    # Who it is

    def test_a_version_has_its_numbers(self, place: Place) -> None:
        """Major and minor are those of the text."""
        major, minor, text = place.cluster.version()
        assert text.startswith(f"v{major}.{minor}.")

    def test_an_identity_is_the_uid_of_kube_system(self, place: Place) -> None:
        """It is the same however it is asked for."""
        namespace = place.cluster.get(TYPES["Namespace"], "", "kube-system")
        assert place.cluster.identity() == namespace["metadata"]["uid"]

    def test_a_server_tells_its_time(self, place: Place) -> None:
        """Seconds since 1970, after this line was written."""
        assert place.cluster.server_time() > 1_700_000_000

    def test_types_are_served_with_their_verbs(self, place: Place) -> None:
        """Each type has a version, a plural and verbs, and no type is there twice."""
        found = place.cluster.resources()
        assert len({(item.group, item.version, item.plural) for item in found}) == len(found)
        by_name = {(item.type_name, item.version): item for item in found}
        for kind in ("ConfigMap", "Namespace"):
            assert {"list", "create"} <= by_name[kind, "v1"].verbs
        assert by_name["ConfigMap", "v1"].namespaced
        assert not by_name["Namespace", "v1"].namespaced

    # Creating

    def test_a_created_object_has_what_the_server_gives(self, place: Place) -> None:
        """UID, resourceVersion, time and namespace."""
        metadata = place.create(config_map("a"))["metadata"]
        assert metadata["uid"]
        assert metadata["resourceVersion"]
        assert metadata["creationTimestamp"].endswith("Z")
        assert metadata["namespace"] == place.namespace

    def test_a_name_is_taken_once(self, place: Place) -> None:
        """The second create is a conflict with the reason AlreadyExists."""
        place.create(config_map("a"))
        with pytest.raises(ConflictError) as caught:
            place.create(config_map("a"))
        assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")

    def test_a_namespace_must_be_there(self, place: Place) -> None:
        """An object of a missing namespace is not found."""
        with pytest.raises(NotFoundError):
            place.cluster.create(TYPES["ConfigMap"], "no-such-place", orjson.dumps(config_map("a")), manager="first")

    def test_a_namespace_of_the_body_must_be_that_of_the_request(self, place: Place) -> None:
        """The server refuses to guess."""
        with pytest.raises(InvalidError):
            place.create(config_map("a", namespace="default"))

    def test_an_object_needs_a_name(self, place: Place) -> None:
        """Validation refuses it."""
        with pytest.raises(InvalidError) as caught:
            place.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
        assert caught.value.status == 422

    def test_a_dry_run_changes_nothing(self, place: Place) -> None:
        """It returns the object with a UID, and does not keep it."""
        assert place.create(config_map("a"), dry_run=True)["metadata"]["uid"]
        assert place.listed("ConfigMap", field_selector="metadata.name=a") == []

    def test_a_brief_answer_is_metadata_only(self, place: Place) -> None:
        """The object is written whole, the answer has no data."""
        answer = place.create(config_map("a"), brief=True)
        assert answer["metadata"]["uid"] == place.get("ConfigMap", "a")["metadata"]["uid"]
        assert "data" not in answer
        assert place.get("ConfigMap", "a")["data"] == {"key": "value"}

    def test_a_status_is_not_created(self, place: Place) -> None:
        """Only the status subresource writes it."""
        place.create({**deployment("a", replicas=0), "status": {"replicas": 7}})
        assert get(place.get("Deployment", "a"), "status", "replicas") != 7

    def test_what_is_no_server_s_kind_is_not_found(self, place: Place) -> None:
        """Neither read nor written."""
        with pytest.raises(NotFoundError):
            list(place.cluster.list(NOT_SERVED))
        with pytest.raises(NotFoundError):
            place.cluster.get(NOT_SERVED, place.namespace, "a")
        body = made("nowhere.example.com/v1", "Thing", "a")
        with pytest.raises(NotFoundError):
            place.cluster.create(NOT_SERVED, place.namespace, orjson.dumps(body), manager="first")

    def test_a_service_is_given_an_address_that_nobody_owns(self, place: Place) -> None:
        """Allocated values are in no manager's fields: that is how a chosen one is told from them."""
        answer = place.create(service("a"))
        assert answer["spec"]["clusterIP"]
        assert "f:clusterIP" not in managers(answer)["first"]["f:spec"]

    # Reading

    def test_a_missing_object_is_not_found(self, place: Place) -> None:
        """404, with the server's reason."""
        with pytest.raises(NotFoundError) as caught:
            place.get("ConfigMap", "no-such")
        assert (caught.value.status, caught.value.reason) == (404, "NotFound")

    def test_a_read_object_says_its_type(self, place: Place) -> None:
        """ApiVersion and kind are there, from get and from list."""
        place.create(config_map("a"))
        listed = next(iter(place.cluster.list(TYPES["ConfigMap"], place.namespace, field_selector="metadata.name=a")))
        for item in (listed, place.get("ConfigMap", "a")):
            assert (item["apiVersion"], item["kind"]) == ("v1", "ConfigMap")

    def test_a_list_is_of_one_namespace_or_of_all(self, place: Place) -> None:
        """An empty namespace lists all."""
        place.create(config_map("only-here"))
        assert "only-here" in place.listed("ConfigMap")
        everywhere = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in place.cluster.list(TYPES["ConfigMap"])}
        assert (place.namespace, "only-here") in everywhere

    @pytest.mark.parametrize(
        ("selector", "wanted"),
        [("app=a", ["a"]), ("app!=a", ["b", "c"]), ("app", ["a", "b"]), ("!app", ["c"]), ("app=a,tier=front", [])],
    )
    def test_labels_select(self, place: Place, selector: str, wanted: list[str]) -> None:
        """Equal, unequal, there, not there, and all of them together."""
        for name, labels in (("a", {"app": "a", "mine": "1"}), ("b", {"app": "b", "mine": "1"}), ("c", {"mine": "1"})):
            place.create(config_map(name, labels=labels))
        assert place.listed("ConfigMap", label_selector=f"mine=1,{selector}") == wanted

    def test_what_was_read_is_a_copy(self, place: Place) -> None:
        """Changing it changes nothing on the server."""
        place.create(config_map("a"))
        place.get("ConfigMap", "a")["data"]["key"] = "changed"
        assert place.get("ConfigMap", "a")["data"] == {"key": "value"}

    # Replacing

    def test_a_replaced_object_has_a_new_version_and_its_uid(self, place: Place) -> None:
        """The resourceVersion changes with the content."""
        before = place.create(config_map("a"))
        after = place.replace(config_map("a", {"key": "new"}))
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
        assert place.get("ConfigMap", "a")["data"] == {"key": "new"}

    def test_a_replacement_that_changes_nothing_keeps_the_version(self, place: Place) -> None:
        """The server writes nothing."""
        before = place.create(config_map("a"))
        after = place.replace(before)
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]

    def test_an_old_version_is_a_conflict(self, place: Place) -> None:
        """Who read before the last write must read again."""
        old = place.create(config_map("a"))
        place.replace(config_map("a", {"key": "new"}))
        with pytest.raises(ConflictError) as caught:
            place.replace({**old, "data": {"key": "mine"}})
        assert caught.value.reason == "Conflict"

    def test_another_uid_is_a_conflict(self, place: Place) -> None:
        """An object of the same name that was made anew is another one."""
        before = place.create(config_map("a"))
        other = {
            **before,
            "metadata": {**without(before["metadata"], "resourceVersion"), "uid": "0a0a0a0a-0000-0000-0000-000000000000"},
        }
        with pytest.raises(ConflictError):
            place.replace({**other, "data": {}})

    def test_a_missing_object_cannot_be_replaced(self, place: Place) -> None:
        """404: nothing is created by the way."""
        with pytest.raises(NotFoundError):
            place.replace(config_map("no-such"))

    def test_a_dry_run_of_a_replacement_changes_nothing(self, place: Place) -> None:
        """The answer has the new content, the server the old one."""
        place.create(config_map("a"))
        assert place.replace(config_map("a", {"key": "new"}), dry_run=True)["data"] == {"key": "new"}
        assert place.get("ConfigMap", "a")["data"] == {"key": "value"}

    def test_a_generation_counts_changes_of_the_spec(self, place: Place) -> None:
        """Labels do not count."""
        first = place.create(deployment("a", replicas=0))
        assert first["metadata"]["generation"] == 1
        labelled = place.patch("Deployment", "a", {"metadata": {"labels": {"x": "y"}}})
        assert labelled["metadata"]["generation"] == 1
        scaled = place.patch("Deployment", "a", {"spec": {"paused": True}})
        assert scaled["metadata"]["generation"] == 2

    @pytest.mark.parametrize(
        ("manifest", "path", "value"),
        [
            (deployment("a", replicas=0), ("spec", "selector", "matchLabels", "app"), "other"),
            (service("a"), ("spec", "clusterIP"), "10.96.200.200"),
            (
                made("rbac.authorization.k8s.io/v1", "RoleBinding", "a", subjects=[])
                | {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}},
                ("roleRef", "name"),
                "edit",
            ),
            (made("v1", "ConfigMap", "a", immutable=True, data={"k": "v"}), ("data", "k"), "w"),
        ],
    )
    def test_some_fields_are_for_ever(self, place: Place, manifest: Manifest, path: tuple[str, ...], value: str) -> None:
        """An update of an immutable field is refused with 422."""
        live = place.create(manifest)
        node = live
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
        if path[-1] == "clusterIP":
            live["spec"]["clusterIPs"] = [value]
        if path[0] == "spec" and "selector" in path:
            live["spec"]["template"]["metadata"]["labels"]["app"] = value
        with pytest.raises(InvalidError) as caught:
            place.replace({**live, "metadata": without(live["metadata"], "resourceVersion")})
        assert caught.value.status == 422

    def test_an_update_may_give_an_ingress_two_classes_and_a_create_may_not(self, place: Place) -> None:
        """What lies on a server need not be what can be created there."""
        key = "kubernetes.io/ingress.class"
        ingress = made("networking.k8s.io/v1", "Ingress", "a", spec={"ingressClassName": "new", "defaultBackend": _BACKEND})
        with pytest.raises(InvalidError):
            place.create({**ingress, "metadata": {"name": "a", "annotations": {key: "old"}}})
        place.create(ingress)
        assert place.patch("Ingress", "a", {"metadata": {"annotations": {key: "old"}}})["metadata"]["annotations"] == {key: "old"}

    def test_a_status_is_written_by_its_subresource_only(self, place: Place) -> None:
        """A plain replacement keeps the status; the subresource changes status and metadata, and nothing of the spec."""
        place.create(made("networking.k8s.io/v1", "Ingress", "a", spec={"ingressClassName": "none", "defaultBackend": _BACKEND}))
        ingress = place.get("Ingress", "a")
        changed = {**ingress, "metadata": _named("a", x="y"), "spec": {}, "status": _address("10.0.0.1")}
        place.replace(changed, subresource="status")
        written = place.get("Ingress", "a")
        assert written["status"] == _address("10.0.0.1")
        assert written["spec"] == ingress["spec"]
        assert written["metadata"]["labels"] == {"x": "y"}
        place.replace({**place.get("Ingress", "a"), "metadata": _named("a", y="z"), "status": _address("10.0.0.2")})
        assert get(place.get("Ingress", "a"), "status") == _address("10.0.0.1")
        assert place.get("Ingress", "a")["metadata"]["labels"] == {"y": "z"}

    # Patching

    def test_a_patch_merges_and_null_removes(self, place: Place) -> None:
        """RFC 7396: what is not named stays."""
        place.create(config_map("a", {"keep": "1", "go": "2"}))
        assert place.patch("ConfigMap", "a", {"data": {"go": None, "new": "3"}})["data"] == {"keep": "1", "new": "3"}

    def test_a_status_is_patched_by_its_subresource_alone(self, place: Place) -> None:
        """A patch of the object leaves its status, a patch of the status leaves the object."""
        place.create(cron_job("a", suspend=True))
        at = {"lastScheduleTime": "2026-01-02T03:04:00Z"}
        place.patch("CronJob", "a", {"spec": {"schedule": "1 1 1 1 *"}, "status": at})
        assert get(place.get("CronJob", "a"), "status", "lastScheduleTime") is None
        answer = place.patch("CronJob", "a", {"spec": {"schedule": "2 2 2 2 *"}, "status": at}, subresource="status")
        assert (answer["status"], answer["spec"]["schedule"]) == (at, "1 1 1 1 *")
        later = {"status": {"lastScheduleTime": "2026-01-03T03:04:00Z"}}
        assert place.patch("CronJob", "a", later, subresource="status", dry_run=True)["status"] == later["status"]
        assert place.get("CronJob", "a")["status"] == at

    def test_who_changes_a_field_of_a_status_last_is_its_only_owner(self, place: Place) -> None:
        """By which a time that this tool has written is told from one of the controller."""
        place.create(cron_job("a", suspend=True))
        for manager, at in (("first", "2026-01-02T03:04:00Z"), ("second", "2026-01-02T03:03:00Z")):
            changed = place.patch("CronJob", "a", {"status": {"lastScheduleTime": at}}, subresource="status", manager=manager)
            owned = (entry for entry in changed["metadata"]["managedFields"] if "f:lastScheduleTime" in str(entry["fieldsV1"]))
            assert [(entry["manager"], entry["subresource"]) for entry in owned] == [(manager, "status")]

    def test_a_patch_with_an_old_version_is_a_conflict(self, place: Place) -> None:
        """A patch that names a resourceVersion is checked as a replacement is."""
        old = place.create(config_map("a"))["metadata"]["resourceVersion"]
        place.patch("ConfigMap", "a", {"data": {"x": "1"}})
        with pytest.raises(ConflictError):
            place.patch("ConfigMap", "a", {"metadata": {"resourceVersion": old}, "data": {"x": "2"}})

    def test_a_patch_of_a_missing_object_is_not_found(self, place: Place) -> None:
        """Nothing is created."""
        with pytest.raises(NotFoundError):
            place.patch("ConfigMap", "no-such", {"data": {"x": "1"}})

    # Owners of fields

    def test_a_creator_owns_what_it_sent(self, place: Place) -> None:
        """One entry, by Update, with the fields of data and labels."""
        answer = place.create(config_map("a", labels={"app": "a"}))
        owned = managers(answer)["first"]
        assert owned["f:data"] == {".": {}, "f:key": {}}
        assert owned["f:metadata"]["f:labels"] == {".": {}, "f:app": {}}
        assert [entry["operation"] for entry in answer["metadata"]["managedFields"]] == ["Update"]

    def test_who_created_an_object_is_told_by_time(self, place: Place) -> None:
        """The creator's entry is as old as the object; an entry that was written back has its own time."""
        answer = place.create(config_map("a"))
        assert creators(answer) == ("first",)
        entry = {**answer["metadata"]["managedFields"][0], "manager": "somebody", "time": "2026-01-01T00:00:00Z"}
        written_back = place.patch("ConfigMap", "a", {"metadata": {"managedFields": [entry]}}, manager="migrator")
        assert creators(written_back) == ()

    def test_a_changed_field_changes_its_owner(self, place: Place) -> None:
        """The second manager owns what it changed, the first keeps the rest."""
        place.create(config_map("a", {"one": "1", "two": "2"}))
        answer = place.patch("ConfigMap", "a", {"data": {"two": "changed"}}, manager="second")
        assert "f:two" not in managers(answer)["first"]["f:data"]
        assert "f:one" in managers(answer)["first"]["f:data"]
        assert "f:two" in managers(answer)["second"]["f:data"]

    def test_a_removed_field_has_no_owner(self, place: Place) -> None:
        """It is gone from all entries."""
        place.create(config_map("a", {"one": "1", "two": "2"}))
        answer = place.patch("ConfigMap", "a", {"data": {"two": None}}, manager="second")
        assert not any("f:two" in fields.get("f:data", {}) for fields in managers(answer).values())

    def test_owners_can_be_written_back(self, place: Place) -> None:
        """A patch of managedFields puts the entries of another cluster in place."""
        first = place.create(config_map("a"))["metadata"]["managedFields"]
        entry = {**first[0], "manager": "somebody"}
        answer = place.patch("ConfigMap", "a", {"metadata": {"managedFields": [entry]}}, manager="migrator")
        assert list(managers(answer)) == ["somebody"]

    def test_a_chosen_node_port_has_its_owner(self, place: Place) -> None:
        """Ports are keyed by number and protocol."""
        chosen = service("a", type="NodePort", ports=[{"port": 80, "protocol": "TCP", "nodePort": 31999}])
        owned = managers(place.create(chosen))["first"]["f:spec"]["f:ports"]
        assert "f:nodePort" in owned['k:{"port":80,"protocol":"TCP"}']

    # Deleting

    def test_a_deleted_object_is_gone(self, place: Place) -> None:
        """And deleting it again is no error."""
        uid = place.create(config_map("a"))["metadata"]["uid"]
        place.delete("ConfigMap", "a", uid)
        place.delete("ConfigMap", "a", uid)
        with pytest.raises(NotFoundError):
            place.get("ConfigMap", "a")

    def test_another_object_of_the_name_is_not_deleted(self, place: Place) -> None:
        """The UID is a precondition."""
        place.create(config_map("a"))
        with pytest.raises(ConflictError):
            place.delete("ConfigMap", "a", "0a0a0a0a-0000-0000-0000-000000000000")
        assert place.get("ConfigMap", "a")

    def test_a_finalizer_keeps_an_object_until_it_is_taken_off(self, place: Place) -> None:
        """Deleted, it has a time of deletion; without finalizers it goes."""
        uid = place.create(config_map("a", finalizers=["example.com/hold"]))["metadata"]["uid"]
        place.delete("ConfigMap", "a", uid)
        assert place.get("ConfigMap", "a")["metadata"]["deletionTimestamp"]
        place.patch("ConfigMap", "a", {"metadata": {"finalizers": None}})
        with pytest.raises(NotFoundError):
            place.get("ConfigMap", "a")

    # Kinds of one's own

    @pytest.mark.parametrize("status", [True, False])
    def test_a_definition_makes_a_kind(self, place: Place, *, status: bool) -> None:
        """Once it is established its objects can be written and listed; a status is created where it is a plain field; with it they go."""
        group = f"{place.namespace}.example.com"
        definition = place.create(crd("gadgets", "Gadget", group, status=status))
        place.until(lambda: any(item.group == group for item in place.cluster.resources()))
        kind = next(item for item in place.cluster.resources() if item.group == group)
        assert kind.has_status is status
        body = orjson.dumps(made(f"{group}/v1", "Gadget", "a", spec={"size": 1}, status={"phase": "Done"}))

        def written() -> bool:
            try:
                place.cluster.create(kind, place.namespace, body, manager="first")
            except NotFoundError:
                return False
            return True

        place.until(written)
        kept = None if status else {"phase": "Done"}
        assert [(item["spec"], item.get("status")) for item in place.cluster.list(kind)] == [({"size": 1}, kept)]
        place.cluster.delete(TYPES["CustomResourceDefinition"], "", f"gadgets.{group}", uid=definition["metadata"]["uid"])
        place.until(lambda: not any(item.group == group for item in place.cluster.resources()))

    # Evicting and locking

    def test_a_pod_that_is_gone_is_evicted_already(self, place: Place) -> None:
        """No error, and nothing that forbids it."""
        assert place.cluster.evict(place.namespace, "no-such", uid="0a0a0a0a-0000-0000-0000-000000000000") == ""

    def test_one_run_holds_the_lock(self, place: Place) -> None:
        """A second one is told who has it, and is refused once it sees that one alive; afterwards it is free."""
        seen = Recorder()
        with (
            place.cluster.lock("a@host/1", seen),
            pytest.raises(BlockedError, match="a@host/1"),
            place.cluster.lock("b@other/2", seen),
        ):
            pytest.fail("both hold the lock")
        assert "is locked by a@host/1" in " ".join(seen.notes)
        with place.cluster.lock("b@other/2", seen) as held:
            held.require()

    def test_a_deletion_can_be_bound_to_a_version(self, place: Place) -> None:
        """Who changed the object meanwhile keeps it."""
        old = place.create(config_map("a"))["metadata"]
        new = place.patch("ConfigMap", "a", {"data": {"x": "1"}})["metadata"]
        with pytest.raises(ConflictError):
            place.cluster.delete(TYPES["ConfigMap"], place.namespace, "a", uid=old["uid"], version=old["resourceVersion"])
        place.cluster.delete(TYPES["ConfigMap"], place.namespace, "a", uid=new["uid"], version=new["resourceVersion"])
        with pytest.raises(NotFoundError):
            place.get("ConfigMap", "a")


_BACKEND = {"service": {"name": "web", "port": {"number": 80}}}


def _address(ip: str) -> Manifest:
    return {"loadBalancer": {"ingress": [{"ip": ip}]}}


def _named(name: str, **labels: str) -> dict[str, Any]:
    return {"name": name, "labels": labels}
