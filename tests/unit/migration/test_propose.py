"""`init` proposes a file whose meaning no name and no image on a cluster can change (review of safety, finding 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.config.load import parse_migration
from migrator.config.schema import Migration
from migrator.errors import BlockedError
from migrator.migration.propose import Proposal, propose
from migrator.model.kinds import CONFIG_MAPS, LEASES, NODES, SERVICE_ACCOUNTS
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from tests.support.objects import deployment

ATTACK = 'x.io\nhooks: {beforeCopy: [[sh, -c, "id > PWNED"]]}\ntransforms:\n-\n name: a\n target: {kind: Zz}\n mergePatch:\n#/web:1'


VERBS = frozenset({"list", "create"})
TYPES = tuple(
    item._replace(verbs=VERBS)
    for item in (CONFIG_MAPS, SERVICE_ACCOUNTS, NODES, LEASES, ResourceType("", "v1", "secrets", "Secret", True, VERBS))
)


class Listing:
    """A cluster that only lists, by plural."""

    workers = 4

    def __init__(self, version: str = "v1.36.3", **objects: list[Manifest]) -> None:
        self._version = version
        self._objects = objects

    def version(self) -> tuple[int, int, str]:
        """Return major, minor and the text of the version."""
        return 1, 36, self._version

    def resources(self) -> tuple[ResourceType, ...]:
        """Return the kinds that this test is about."""
        return TYPES

    def list(self, resource: ResourceType, namespace: str = "", **_: object) -> Iterator[Manifest]:
        """Yield the objects of a type."""
        for item in self._objects.get(resource.plural, []):
            if namespace in ("", item["metadata"]["namespace"]):
                yield {**item, "apiVersion": resource.api_version, "kind": resource.kind}


def _named(name: str, **more: object) -> Manifest:
    return {"metadata": {"name": name, "namespace": "shop"}, **more}


def _proposed(image: str = "web:1", name: str = "shop", version: str = "v1.36.3", context: str = "old") -> Proposal:
    blue = Listing(
        version,
        pods=[_named("p", spec={"containers": [{"image": image}]})],
        namespaces=[_named(name)],
        persistentvolumeclaims=[_named(name, status={"phase": "Bound"})],
        storageclasses=[_named(name)],
    )
    green = Listing(version, storageclasses=[_named(name)])
    return propose(blue, green, name="m", blue_access=("/k", context), green_access=("/k", "new"))  # type: ignore[arg-type]


def test_an_image_with_line_breaks_adds_no_hook() -> None:
    """The attack that was proven: the file means what it was to mean, and what was left out is told."""
    proposal = _proposed(image=ATTACK)
    read = parse_migration(proposal.text, "migration.yaml")
    assert read.hooks.before_copy == ()
    assert read == proposal.meaning
    assert len(proposal.omitted) == 1
    assert "\n" not in proposal.omitted[0]


def test_a_text_that_means_something_else_is_not_written() -> None:
    """Whatever got through: the file is read back before it is written."""
    proposal = _proposed()
    proposal.require_meaning("migration.yaml")
    other = dataclasses.replace(proposal, text=f"{proposal.text}\nhooks: {{beforeCopy: [[id]]}}\n")
    with pytest.raises(BlockedError, match="not written: a name on blue or green"):
        other.require_meaning("migration.yaml")


# A context is an argument of `init`, and no argument holds a NUL.
_ARGUMENTS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80), _ARGUMENTS)
def test_no_text_of_a_cluster_changes_the_meaning(image: str, name: str, version: str, context: str) -> None:
    """For any image, name, version and context the file is read back as what was meant."""
    proposal = _proposed(image, name, version, context)
    assert parse_migration(proposal.text, "migration.yaml") == proposal.meaning


@pytest.mark.parametrize("context", ["no", "on", "1e3", "null", "arn:aws:eks:eu:1:cluster/x", "a'b\"c"])
def test_a_context_keeps_its_name(context: str) -> None:
    """Also where YAML would read its name as something else (kubernetes#34146)."""
    assert parse_migration(_proposed(context=context).text, "m").blue.context == context


@pytest.mark.parametrize(
    ("first", "last", "reads"),
    [
        ("  # hosts:", "  # hosts:", lambda read: read.volumes.hosts and read.volumes.hosts.blue == "hosts.blue.yaml"),
        ("# probes:", "#     timeout:", lambda read: [item.name for item in read.probes] == ["front page"]),
        ("# traffic:", "#   soak:", lambda read: read.traffic.haproxy.backend == "shop"),
        ("  # objects:", "  #     - {kind:", lambda read: [item.name for item in read.move.objects.include] == ["my-settings"]),
    ],
)
def test_a_proposed_line_means_what_it_says_once_its_mark_is_removed(
    first: str, last: str, reads: Callable[[Migration], bool]
) -> None:
    """As an editor does it, and nothing else of the file has to change."""
    lines = _proposed().text.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(first))
    end = next(number for number, line in enumerate(lines) if number >= begin and line.startswith(last))
    lines[begin : end + 1] = [line.replace("# ", "", 1) for line in lines[begin : end + 1]]
    assert reads(parse_migration("\n".join(lines), "migration.yaml"))


def test_registries_are_shown_with_the_most_used_first() -> None:
    """A short image name is one of docker.io."""
    text = _proposed(image="r.example:5000/a/b:1").text
    assert "images on blue come from: r.example:5000" in text
    assert "images on blue come from: docker.io" in _proposed(image="web:1").text


def _owned(name: str, manager: str, **more: object) -> Manifest:
    """Return an object of kube-system that this manager has written."""
    fields = [{"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {}}}]
    return {"metadata": {"name": name, "namespace": "kube-system", "managedFields": fields}, **more}


def test_what_a_person_put_into_kube_system_is_proposed_object_by_object() -> None:
    """Not what kubeadm or a controller made, and not what green has."""
    maps = [
        _owned("kubeadm-config", "kubeadm"),
        _owned("mine", "helm"),
        _owned("on-green", "kubectl"),
        _owned("found", "kube-apiserver"),
    ]
    blue = Listing(configmaps=maps, secrets=[_owned("sealed-key", "controller")], leases=[_owned("lock", "kubectl")])
    green = Listing(configmaps=[_owned("on-green", "kubectl")])
    text = propose(blue, green, name="m", blue_access=("/k", "old"), green_access=("/k", "new")).text  # type: ignore[arg-type]
    lines = [line.partition("- ")[2] for line in text.splitlines() if "namespace: kube-system" in line]
    assert lines == [
        '{kind: ConfigMap, namespace: kube-system, name: "mine"}',
        '{kind: Secret, namespace: kube-system, name: "sealed-key"}',
    ]


def test_a_name_in_kube_system_adds_nothing_to_the_file() -> None:
    """It stands in a comment, like all that comes from a cluster."""
    blue = Listing(configmaps=[_owned("x}\nhooks: {beforeCopy: [[id]]}", "kubectl")])
    proposal = propose(blue, Listing(), name="m", blue_access=("/k", "old"), green_access=("/k", "new"))  # type: ignore[arg-type]
    assert parse_migration(proposal.text, "m") == proposal.meaning


def workload(name: str, **container: Any) -> Manifest:
    """Return a Deployment with one container."""
    manifest = deployment(name)
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["containers"][0] |= container
    return manifest


def test_what_runs_on_one_side_only_is_named_and_what_nobody_can_know_is_asked() -> None:
    """As comments: the file means the same without them."""
    known = workload("dns", image="registry.k8s.io/external-dns/external-dns:v0.23.0")
    asked = workload("sync", env=[{"name": "HCLOUD_TOKEN", "value": "hush"}])
    text = proposed(deployments=[known, asked, workload("web")]).text
    assert "programs: external-dns (shop/dns)\n" in text
    assert "#   shop/sync gets HCLOUD_TOKEN: may it run on both sides?  - {name: sync, target: " in text
    assert "hush" not in text
    assert "shop/web" not in text


def test_a_workload_s_name_adds_nothing_to_the_file() -> None:
    """A hostile tenant's least of all."""
    strange = workload("strange", command=7)
    found = proposed(deployments=[workload(ATTACK, env=[{"name": "HCLOUD_TOKEN"}]), strange])
    assert parse_migration(found.text, "migration.yaml") == found.meaning


def proposed(deployments: list[Manifest]) -> Proposal:
    """Return the proposal for a blue cluster with these Deployments."""
    blue = Listing(deployments=deployments)
    return propose(blue, Listing(), name="m", blue_access=("/k", "old"), green_access=("/k", "new"))  # type: ignore[arg-type]
