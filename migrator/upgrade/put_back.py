"""Put the old control plane back on the same etcd, before the emulated version was raised: nothing that was written is lost."""

from __future__ import annotations

from migrator.journal.records.upgrade import HopRollbackEnded, HopRollbackStarted
from migrator.model.upgrade import Hop, RollbackResult, StepId
from migrator.nodes.hop.actions import HopAction
from migrator.nodes.hop.covered import Covered
from migrator.nodes.hop.emulation import ManifestsPutBack, require_saved, saved_manifest
from migrator.upgrade.cleaning import clean_hosts
from migrator.upgrade.running import alone, await_running
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.settling import settle
from migrator.upgrade.state import Status
from migrator.upgrade.window import require_window


def put_back(session: UpgradeSession, hop: Hop, *, end_running: bool = False) -> RollbackResult:
    """Take a hop back while its control plane emulates the old minor, one control plane at a time; run again, it goes on.

    etcd keeps its data and its version; kubelets, add-ons and settings inside of the cluster have not changed yet.
    Raises BlockedError, before anything is changed, while another run holds the cluster's lock, and where the old minor could
    not go on.
    """
    saved = session.state.saved_as(hop)
    with alone(session):
        await_running(session, end=end_running, required=session.control_planes)
        for node in session.control_planes:
            session.require_machine(node)
            require_saved(session.hosts[node.name], saved)
        require_window(session, hop)
        if session.state.status is not Status.ROLLING_BACK:
            session.write(HopRollbackStarted(hop.key))
    session.say(f"taking hop {hop.start} → {hop.target} back on the same etcd: nothing that was written is lost")
    for node in session.control_planes:
        before = saved_manifest(saved, "kube-apiserver")
        action = Covered(ManifestsPutBack(saved, str(hop.start)), session.detail, manifest=before)
        session.converge(node, [HopAction(StepId.MANIFESTS_PUT_BACK, action)], hop=hop)
    for name in sorted(session.state.cordoned):
        session.uncordon(name)
    for node in session.control_planes:
        settle(session, node, frozenset())
    session.write(HopRollbackEnded())
    clean_hosts(session)
    return RollbackResult(session.summary())
