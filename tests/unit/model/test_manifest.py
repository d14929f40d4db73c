"""Changes of a manifest copy only their branch."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.model.manifest import Manifest, drop, get, is_custom, map_list, pod_spec, put, ref_of, ref_type, update, without
from tests.support.objects import config_map, cron_job, deployment, made

KEYS = st.sampled_from("abc")
TREES: st.SearchStrategy[Any] = st.recursive(st.integers(0, 3), lambda inner: st.dictionaries(KEYS, inner, max_size=3))
DICTS = st.dictionaries(KEYS, TREES, max_size=3)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(tuple)


@given(DICTS, PATHS)
def test_what_is_dropped_is_gone_and_the_original_is_unchanged(manifest: Manifest, path: tuple[str, ...]) -> None:
    """Without the value the very same manifest comes back."""
    before = copy.deepcopy(manifest)
    done = drop(manifest, *path)
    assert manifest == before
    assert get(done, *path) is None or get(before, *path) is None
    assert (done is manifest) is (done == before)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.integers(0, 3))), st.tuples(KEYS, KEYS), st.integers(0, 3))
def test_what_is_put_is_there(manifest: Manifest, path: tuple[str, ...], value: int) -> None:
    """A value that is there already changes nothing, not even the identity."""
    done = put(manifest, path, value)
    assert get(done, *path) == value
    assert put(done, path, value) is done


def test_a_change_of_what_is_not_there_changes_nothing() -> None:
    """Neither a missing path nor a list without a change makes a new object."""
    manifest = config_map("a")
    items = [1, 2]
    assert update(manifest, ("spec", "x"), str) is manifest
    assert without(manifest, "spec") is manifest
    assert map_list(items, lambda item: item) is items
    assert map_list(items, lambda item: item + 1) == [2, 3]


def test_other_branches_are_shared() -> None:
    """Only what lies on the path is new."""
    manifest = deployment("web")
    done = put(manifest, ("spec", "replicas"), 9)
    assert done["spec"]["template"] is manifest["spec"]["template"]
    assert manifest["spec"]["replicas"] == 1


def test_every_kind_of_workload_has_its_pod_specification() -> None:
    """A pod is its own template; other kinds have none, nor has a custom resource of the same name."""
    assert pod_spec(deployment("web")) == deployment("web")["spec"]["template"]["spec"]
    assert pod_spec(cron_job("c")) == cron_job("c")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod_spec(made("v1", "Pod", "p", spec={"a": 1})) == {"a": 1}
    assert pod_spec(config_map("a")) is None
    assert pod_spec(made("x.example/v1", "Deployment", "d", spec={"template": {"spec": {}}})) is None


def test_names_of_kinds_and_objects() -> None:
    """The core group has no name."""
    assert (ref_type(config_map("a")), ref_type(deployment("d"))) == ("ConfigMap", "Deployment.apps")
    assert str(ref_of(config_map("a", namespace="n"))) == "ConfigMap/n/a"


@pytest.mark.parametrize(
    ("api", "custom"),
    [
        ("v1", False),
        ("apps/v1", False),
        ("storage.k8s.io/v1", False),
        ("rbac.authorization.k8s.io/v1", False),
        ("gateway.networking.k8s.io/v1", True),
        ("snapshot.storage.k8s.io/v1", True),
        ("cluster.x-k8s.io/v1beta1", True),
        ("argoproj.io/v1", True),
    ],
)
def test_custom_kinds_are_told_by_their_group(api: str, *, custom: bool) -> None:
    """Kubernetes' own groups have no dot, or are listed: those of its projects end with k8s.io, too."""
    assert is_custom({"apiVersion": api, "kind": "Any"}) is custom
