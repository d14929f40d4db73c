"""A real Argo Rollouts on both sides: a Rollout that runs external-dns by `workloadRef` is held at 0, woken on green, and handed back."""

from __future__ import annotations

from pathlib import Path

from migrator.model.kinds import DEPLOYMENTS, ROLLOUTS
from migrator.model.manifest import get
from migrator.testbed.binaries import Store
from tests.support.guarded import done
from tests.support.outside import Outside, outside
from tests.support.sandbox import Sandbox, until
from tests.support.zone_history import changes_since, serial


def replicas(stage: Outside) -> tuple[int, int]:
    """Return what blue's and green's Rollout are told to run."""
    pair, namespace = stage.sandbox.pair, stage.sandbox.namespace
    blue, green = (at.get(ROLLOUTS, namespace, "external-dns")["spec"]["replicas"] for at in (pair.blue, pair.green))
    return blue, green


def test_a_rollout_of_external_dns_is_handed_over_there_and_back(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """Counted at the DNS server: no name is missing, each moves once. The Deployment that lends the pods was changed on blue before."""
    with outside(sandbox, store, tmp_path, acme=False, rollouts=True) as stage:
        namespace, blue, green = sandbox.namespace, sandbox.pair.blue, sandbox.pair.green
        blue.patch(DEPLOYMENTS, namespace, "external-dns", {"spec": {"revisionHistoryLimit": 3}}, manager="kubectl-edit")
        marked = ("metadata", "annotations", "rollout.argoproj.io/workload-generation")
        until(lambda: get(blue.get(ROLLOUTS, namespace, "external-dns"), *marked) == "2")
        done(sandbox, "copy")
        assert replicas(stage) == (1, 0)
        until(lambda: get(green.get(ROLLOUTS, namespace, "external-dns"), *marked) == "1")
        first = serial(stage.server)
        stage.give_addresses("green")
        for verb, after in (("cutover", (0, 1)), ("rollback", (1, 0)), ("cutover", (0, 1))):
            if verb == "cutover":
                done(sandbox, "copy")
                done(sandbox, "validate")
                assert changes_since(stage.server, first) == [] or stage.seen.rollbacks
            stage.hand_over(verb)
            assert replicas(stage) == after
        assert {run.program for run in stage.green.runs} == {"argo-rollouts", "external-dns"}
        assert blue.get(DEPLOYMENTS, namespace, "external-dns")["spec"]["replicas"] == 0
        seen = stage.judge()
    assert (seen.records_lost, seen.double_effects, seen.cutovers, seen.rollbacks) == ([], [], 2, 1)
