"""Whether a side no longer uses a volume that both sides reach, so that the other one may use it."""

from __future__ import annotations

from migrator.errors import BlockedError
from migrator.migration.claims import listed, one
from migrator.migration.run import Run
from migrator.model.kinds import ATTACHMENTS, NODES, PODS, VOLUMES
from migrator.model.volumes import VolumePlan, Way
from migrator.ports import ClusterReader
from migrator.rules.shared_storage import Reach, user
from migrator.rules.volumes import claims_of

# The attach-detach controller and the CSI driver need seconds, or minutes with a cloud's API.
_LOOK_SECONDS = 1.0


def holder(cluster: ClusterReader, claim: str, plan: VolumePlan) -> str:
    """Return who on a side still holds a volume, in words; empty when the other side may have it.

    `claim` is its name there. The pods are first, since an attachment goes only after them.
    """
    using = [pod for pod in listed(cluster, PODS, claim.partition("/")[0]) if claim in claims_of(pod)]
    if using:
        return f"pod {using[0]['metadata']['name']} uses it"
    volume = one(cluster, VOLUMES, "", plan.volume)
    if volume is None or plan.way is Way.ADOPT:
        return ""
    return user(volume, Reach.of(nodes=listed(cluster, NODES), attachments=listed(cluster, ATTACHMENTS)))


def await_let_go(run: Run, cluster: ClusterReader, claim: str, plan: VolumePlan, seconds: float) -> None:
    """Wait until a side no longer uses a volume; raises BlockedError when it still does after this time."""
    until = run.clock.monotonic() + seconds
    while held := holder(cluster, claim, plan):
        if run.clock.monotonic() >= until:
            raise BlockedError(
                f"{plan.claim}: {cluster.name} still uses {plan.storage} after {seconds:.0f} s: {held}",
                hint="the other side did not get it; end what uses it, and run this again",
            )
        run.clock.sleep(_LOOK_SECONDS)
