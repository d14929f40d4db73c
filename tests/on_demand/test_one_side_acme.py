"""A real cert-manager and a real ACME server: no certificate is ordered anew, counted at the server."""

from __future__ import annotations

from pathlib import Path

from migrator.testbed.binaries import Store
from tests.support.guarded import done
from tests.support.objects import made
from tests.support.outside import NAMES, Outside, outside
from tests.support.outside_programs import cert_manager
from tests.support.sandbox import TYPES, Sandbox, until


def counted(stage: Outside) -> tuple[int, int, int]:
    """Return what the ACME server has seen: orders per name at most, orders, accounts."""
    assert stage.acme is not None
    return stage.orders_per_name(), stage.acme.orders, stage.acme.accounts


def test_a_hand_over_needs_no_acme_server(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """There, back and there while it is silent: the certificates that were copied are used; and once it answers, none is ordered."""
    with outside(sandbox, store, tmp_path, acme=True) as stage:
        assert counted(stage) == (1, len(NAMES), 1)
        done(sandbox, "copy")
        stage.give_addresses("green")
        assert stage.acme is not None
        with stage.acme.silent():
            for verb in ("cutover", "rollback", "cutover"):
                done(sandbox, "validate")
                stage.hand_over(verb)
        stage.await_certificates("green")
        assert counted(stage) == (1, len(NAMES), 1)
        assert stage.judge().double_effects == []
        for name in NAMES:
            assert sandbox.green("Secret", f"tls-{name}")["data"] == sandbox.blue("Secret", f"tls-{name}")["data"]


def test_a_cert_manager_that_runs_on_green_already_orders_nothing(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """Green's own is not held: what it would order anew is there before the object that asks for it."""
    own = [{"kind": kind, "name": "cert-manager"} for kind in ("Deployment", "ServiceAccount", "Role", "RoleBinding")]
    with outside(sandbox, store, tmp_path, acme=True, move={"objects": {"exclude": own}}) as stage:
        for name in NAMES:  # as with --enable-certificate-owner-ref
            owner = {
                "apiVersion": "cert-manager.io/v1",
                "kind": "Certificate",
                "name": name,
                "uid": stage.certificate(name)["metadata"]["uid"],
            }
            patch = {"metadata": {"ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}]}}
            sandbox.pair.blue.patch(TYPES["Secret"], sandbox.namespace, f"tls-{name}", patch, manager="cert-manager")
        sandbox.on_green(made("v1", "Namespace", sandbox.namespace), *cert_manager(stage.server, sandbox.namespace))
        until(lambda: any(run.program == "cert-manager-controller" for run in stage.green.runs))
        done(sandbox, "copy")
        stage.give_addresses("green")
        stage.await_certificates("green")
        assert counted(stage) == (1, len(NAMES), 1)
