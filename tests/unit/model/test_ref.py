"""Names of objects: they survive the journal, and cannot lead out of their place in a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.model.ref import ObjectRef, ResourceType, parse_ref

PART = st.text(min_size=1, max_size=20)


@given(st.sampled_from(["", "apps", "a.example.com"]), st.sampled_from(["Pod", "Deployment"]), st.text(max_size=20), PART)
def test_a_reference_is_read_back(group: str, kind: str, namespace: str, name: str) -> None:
    """Also one whose name no real server would accept (review of safety, finding 54)."""
    ref = ObjectRef(group, kind, namespace, name)
    assert parse_ref(str(ref)) == ref


def test_a_real_name_is_written_as_it_is() -> None:
    """Journals of earlier versions are read the same."""
    ref = ObjectRef("rbac.authorization.k8s.io", "ClusterRole", "", "system:node")
    assert str(ref) == "ClusterRole.rbac.authorization.k8s.io/system:node"


@pytest.mark.parametrize("text", ["a", "a/b/c/d", "/b", "a//b"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    """Two or three parts, none of them empty."""
    with pytest.raises(ValueError, match="not an object reference"):
        parse_ref(text)


@pytest.mark.parametrize("name", ["a/../../secrets/b", "..", ".", "a?watch=1", "a#b", "a b", "%2e%2e", "x\r\nHost: evil"])
def test_a_name_is_one_segment_of_the_path(name: str) -> None:
    """Neither a name nor a namespace adds a segment, a query or a header."""
    resource = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True, verbs=frozenset())
    for path in (resource.path("shop", name), resource.path(name, "web")):
        assert path.count("/") == 7
        assert not set(path) & set("?# \r\n")
        assert ".." not in path.split("/")
