"""A guard of ours, on real API servers: nobody else starts what is held on the side that does not run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import ForbiddenError
from migrator.kube.cluster import KubeCluster
from migrator.model.kinds import CRON_JOBS, DEPLOYMENTS, POLICIES, POLICY_BINDINGS
from tests.support.guarded import done, external_dns, guarded, scaled
from tests.support.sandbox import Sandbox, until


def resumed(cluster: KubeCluster, sandbox: Sandbox) -> str:
    """Resume the CronJob as a person does, without effect; return why that is refused."""
    try:
        cluster.patch(CRON_JOBS, sandbox.namespace, "nightly", {"spec": {"suspend": False}}, manager="kubectl-edit", dry_run=True)
    except ForbiddenError as error:
        return error.message
    return ""


def standing(cluster: KubeCluster, sandbox: Sandbox) -> list[int]:
    """Return how many policies and bindings of this migration a cluster has."""
    selector = f"migrator/guard-of={sandbox.namespace}"
    return [len(list(cluster.list(resource, label_selector=selector))) for resource in (POLICIES, POLICY_BINDINGS)]


def test_nobody_else_starts_what_is_held(sandbox: Sandbox, tmp_path: Path) -> None:
    """On green until the cutover, on blue after it, and the other way round after a rollback; by scale and by edit."""
    blue, green = sandbox.pair.blue, sandbox.pair.green
    with guarded(sandbox, tmp_path, ["green", "blue"]):
        for verb, passive, active, how in (
            ("", green, blue, "To start it here: migrator cutover"),
            ("cutover", blue, green, "To start it here: migrator rollback"),
            ("rollback", green, blue, "To start it here: migrator cutover"),
        ):
            if verb:
                done(sandbox, verb, *(["--yes"] if verb == "cutover" else []))
            # A rollback waits for nobody: an API server reads a policy a moment after it was made.
            until(lambda at=passive: scaled(at, sandbox, 3, dry_run=True) != "")  # type: ignore[misc]
            for subresource in ("scale", ""):
                said = scaled(passive, sandbox, 3, subresource=subresource)
                assert "external-dns runs on one side only (writes DNS records" in said, (verb, said)
                assert how in said, (verb, said)
            assert "CronJob runs on one side only" in resumed(passive, sandbox)
            assert standing(passive, sandbox) == [2, 2]
            assert standing(active, sandbox) == [0, 0]
            # What is not held is nobody's business, and neither is the side that runs it.
            assert scaled(passive, sandbox, 1, name="web") == ""
            until(lambda at=active: scaled(at, sandbox, 0) == "" and scaled(at, sandbox, 1) == "")  # type: ignore[misc]
        guards = sandbox.json("status").document["guards"]
        assert guards == {"green": ["CronJob", "external-dns"]}
        plan = sandbox.run("plan").out
        assert "external-dns: nobody else may start it on green until its cutover: ValidatingAdmissionPolicy migrator-" in plan
        # Without it in the file the next copy takes it away.
        text = (sandbox.folder / "migration.yaml").read_text()
        (sandbox.folder / "migration.yaml").write_text(text.replace("guard:\n  - green\n  - blue", "guard: []"))
        done(sandbox, "copy")
        assert standing(green, sandbox) == [0, 0]


def test_a_new_object_in_the_place_of_a_held_one_is_refused_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """`kubectl replace --force` deletes and creates."""
    green = sandbox.pair.green
    with guarded(sandbox, tmp_path, ["green"]):
        held = sandbox.green("Deployment", "dns")
        green.delete(DEPLOYMENTS, sandbox.namespace, "dns", uid=held["metadata"]["uid"])
        until(lambda: sandbox.absent("Deployment", "dns"))
        with pytest.raises(ForbiddenError, match="external-dns runs on one side only"):
            sandbox.on_green(external_dns())
        done(sandbox, "copy")
        assert sandbox.green("Deployment", "dns")["spec"]["replicas"] == 0
        assert standing(sandbox.pair.blue, sandbox) == [0, 0]
