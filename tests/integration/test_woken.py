"""What somebody starts on the side that should be still is seen by every verb, with who it was; on real API servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrator.errors import MigratorError
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.manifest import get
from tests.support.guarded import done, guarded, scaled
from tests.support.objects import crd, made
from tests.support.sandbox import Sandbox, until

WHO = "kubectl-scale at 20"


@contextmanager
def operator(sandbox: Sandbox) -> Iterator[None]:
    """Have something on green that sets the replicas back whenever they are 0."""
    green, over = sandbox.pair.green, threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                found = green.get(DEPLOYMENTS, sandbox.namespace, "dns")
                if found["spec"]["replicas"] == 0:
                    green.patch(DEPLOYMENTS, sandbox.namespace, "dns", {"spec": {"replicas": 1}}, manager="dns-operator")
            except MigratorError:
                continue  # it is not there yet, or was written at the same time

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_person_who_starts_it_by_hand_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    """On green before the cutover, on blue after it: by status, plan, validate and the next verb."""
    with guarded(sandbox, tmp_path, []):
        assert scaled(sandbox.pair.green, sandbox, 1, subresource="") == ""
        status = sandbox.run("status").out
        assert "runs now on blue and green: somebody has started or stopped it" in status
        assert f"on green by {WHO}" in status, status
        assert f"runs on green, and on blue too (last written by {WHO}" in sandbox.run("plan").err
        failures = [item for item in sandbox.json("validate").document["findings"] if item["check"] == "one side"]
        assert [item["subject"] for item in failures] == [f"Deployment.apps/{sandbox.namespace}/dns"]
        assert WHO in failures[0]["reason"]
        assert sandbox.run("cutover", "--yes").code == 3
        assert sandbox.blue("Deployment", "dns")["spec"]["replicas"] == 2
        assert scaled(sandbox.pair.green, sandbox, 0, subresource="") == ""
        done(sandbox, "validate")
        done(sandbox, "cutover", "--yes")
        assert scaled(sandbox.pair.blue, sandbox, 1, subresource="") == ""
        status = sandbox.run("status").out
        assert f"on blue by {WHO}" in status, status
        assert f"runs on blue again, and was handed over to green (last written by {WHO}" in sandbox.run("validate").out
        done(sandbox, "rollback")


def test_a_hold_that_an_operator_takes_away_at_once_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    """Seen by the copy that follows, and by the cutover before anything is stopped on blue."""
    with guarded(sandbox, tmp_path, []), operator(sandbox):
        until(lambda: sandbox.green("Deployment", "dns")["spec"]["replicas"] == 1)
        said = sandbox.run("copy", "--force-conflicts").err
        until(lambda: "dns-operator at 20" in said or "dns-operator at 20" in sandbox.run("plan").err)
        verdict = sandbox.run("validate")
        assert verdict.code == 3
        assert "dns-operator at 20" in verdict.out
        assert sandbox.run("cutover", "--yes").code == 3
        assert sandbox.blue("Deployment", "dns")["spec"]["replicas"] == 2
    assert not sandbox.events("hand-over")


def test_keda_is_paused_with_the_workload_that_it_scales(sandbox: Sandbox, tmp_path: Path) -> None:
    """As an object on both real servers, there and back; one of a workload that is not held scales on both sides."""
    definition = crd("scaledobjects", "ScaledObject", "keda.sh", ("v1alpha1",), status=True)
    for cluster in (sandbox.pair.blue, sandbox.pair.green):
        if not any(item.kind == "ScaledObject" for item in cluster.resources()):
            (sandbox.on_blue if cluster is sandbox.pair.blue else sandbox.on_green)(definition)
            until(lambda at=cluster: any(item.kind == "ScaledObject" for item in at.resources()))  # type: ignore[misc]
    kind = next(item for item in sandbox.pair.blue.resources() if item.kind == "ScaledObject")
    for name in ("dns", "web"):
        spec = {"scaleTargetRef": {"name": name}, "triggers": [{"type": "cron"}]}
        sandbox.on_blue(made("keda.sh/v1alpha1", "ScaledObject", name, spec=spec, namespace=sandbox.namespace))

    def pauses(name: str) -> list[object]:
        sides = (sandbox.pair.blue, sandbox.pair.green)
        path = ("metadata", "annotations", "autoscaling.keda.sh/paused")
        return [get(cluster.get(kind, sandbox.namespace, name), *path) for cluster in sides]

    with guarded(sandbox, tmp_path, ["green"]):
        assert (pauses("dns"), pauses("web")) == ([None, "true"], [None, None])
        done(sandbox, "cutover", "--yes")
        assert (pauses("dns"), pauses("web")) == (["true", None], [None, None])
        done(sandbox, "rollback")
        assert (pauses("dns"), pauses("web")) == ([None, "true"], [None, None])
