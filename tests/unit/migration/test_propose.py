"""`init` proposes a file whose meaning no name and no image on a cluster can change (review of safety, finding 1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.config.load import parse_migration
from migrator.migration.propose import Proposal, propose
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType

ATTACK = 'x.io\nhooks: {beforeCopy: [[sh, -c, "id > PWNED"]]}\ntransforms:\n-\n name: a\n target: {kind: Zz}\n mergePatch:\n#/web:1'


class Listing:
    """A cluster that only lists, by plural."""

    def __init__(self, version: str = "v1.36.3", **objects: list[Manifest]) -> None:
        self._version = version
        self._objects = objects

    def version(self) -> tuple[int, int, str]:
        """Return major, minor and the text of the version."""
        return 1, 36, self._version

    def list(self, resource: ResourceType, *_: object, **__: object) -> Iterator[Manifest]:
        """Yield the objects of a type."""
        yield from self._objects.get(resource.plural, [])


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


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80), st.text(alphabet=st.characters(codec="utf-8")))
def test_no_text_of_a_cluster_changes_the_meaning(image: str, name: str, version: str, context: str) -> None:
    """For any image, name, version and context the file is read back as what was meant."""
    proposal = _proposed(image, name, version, context)
    assert parse_migration(proposal.text, "migration.yaml") == proposal.meaning


@pytest.mark.parametrize("context", ["no", "on", "1e3", "null", "arn:aws:eks:eu:1:cluster/x", "a'b\"c"])
def test_a_context_keeps_its_name(context: str) -> None:
    """Also where YAML would read its name as something else (kubernetes#34146)."""
    assert parse_migration(_proposed(context=context).text, "m").blue.context == context


def test_registries_are_shown_with_the_most_used_first() -> None:
    """A short image name is one of docker.io."""
    text = _proposed(image="r.example:5000/a/b:1").text
    assert "images on blue come from: r.example:5000" in text
    assert "images on blue come from: docker.io" in _proposed(image="web:1").text
