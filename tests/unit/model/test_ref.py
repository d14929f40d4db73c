"""Names of objects: they survive the journal, and cannot lead out of their place in a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import InvalidError
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


@pytest.mark.parametrize("name", ["a/../../secrets/b", "kube-system/configmaps/victim", "..", ".", "%2e%2e", "a%2Fb"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """An API server decodes the path before it routes: neither a name nor a namespace may hold a slash, quoted or not."""
    resource = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True, verbs=frozenset())
    for namespace, named in (("shop", name), (name, "web")):
        with pytest.raises(InvalidError, match="is not a name"):
            resource.path(namespace, named)


@pytest.mark.parametrize("name", ["a?watch=1", "a#b", "a b", "x\r\nHost: evil", "system:node"])
def test_a_name_is_one_segment_of_the_path(name: str) -> None:
    """Neither a name nor a namespace adds a query or a header."""
    resource = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True, verbs=frozenset())
    for path in (resource.path("shop", name), resource.path(name, "web")):
        assert path.count("/") == 7
        assert not set(path) & set("?# \r\n")
