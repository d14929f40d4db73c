"""A run that has ended is left out where its controller on green would carry it out again."""

from __future__ import annotations

from migrator.model.manifest import Manifest
from migrator.model.plan import Decision
from migrator.model.ref import ObjectRef
from tests.support.objects import config_map, crd, made
from tests.support.pairs import Pair, in_green, owned_by, pair

RUN = ObjectRef("tekton.dev", "PipelineRun", "shop", "build")
LOG = ObjectRef("", "ConfigMap", "shop", "log")


def build() -> Manifest:
    """Return a run that cannot be held, and has ended."""
    status = {"conditions": [{"type": "Succeeded", "status": "True"}], "completionTime": "2026-01-05T03:04:00Z"}
    return made("tekton.dev/v1", "PipelineRun", "build", namespace="shop", status=status)


def with_build(*, there: bool) -> Pair:
    """Return a pair with a run and what it owns; `there`: its kind is served on green already."""
    definition = crd("pipelineruns", "PipelineRun", "tekton.dev", status=True)
    both = pair(definition)
    if there:
        both.green.hold(definition)
    (owner,) = both.blue.hold(build())
    both.blue.hold(owned_by(owner, config_map("log", namespace="shop")))
    return both


def test_the_first_copy_brings_it_before_its_controller() -> None:
    """Its kind is new on green, so nobody there can carry it out yet; later copies know it."""
    both = with_build(there=False)
    assert both.copy().problems == []
    assert in_green(both.green, RUN)["status"]["completionTime"]
    again = both.next_run()
    assert again.item(RUN).decision is Decision.MOVE
    assert again.copy().counts["unchanged"] == 4


def test_it_is_left_out_where_its_controller_may_be_at_work() -> None:
    """With all that lives with it; nothing of it is written."""
    both = with_build(there=True)
    assert (both.item(RUN).decision, both.item(LOG).decision) == (Decision.SKIP, Decision.SKIP)
    assert "it could begin again" in both.item(RUN).reason
    assert both.item(LOG).reason == f"needs {RUN}, which is left out"
    assert both.copy().problems == []
    assert not list(both.green.list(both.green.type_of(build())))
