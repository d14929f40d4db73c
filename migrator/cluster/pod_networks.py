"""Wait for the DaemonSets that nodes depend on: kube-proxy, and the pod network."""

from __future__ import annotations

from migrator.config.stack import WeaveConfig
from migrator.errors import GateFailedError
from migrator.model.events import Step
from migrator.model.kinds import DAEMON_SETS
from migrator.model.manifest import Manifest, get
from migrator.ports import Clock, DrainableCluster, Reporter
from migrator.readiness.kinds import readiness

# A DaemonSet goes node by node, and each node may have to pull an image over a slow line.
_SECONDS = 600.0
_POLL = 0.5
WEAVE = "weave-net"


def await_networks(cluster: DrainableCluster, *, clock: Clock, reporter: Reporter) -> None:
    """Wait until kube-system's DaemonSets have rolled out; raises GateFailedError with those that have not."""
    deadline = clock.monotonic() + _SECONDS
    told = False
    while True:
        waiting = {
            item["metadata"]["name"]: text for item in cluster.list(DAEMON_SETS, "kube-system") for text in (_why(item),) if text
        }
        if not waiting:
            return
        if not told:
            told = True
            reporter.emit(Step(f"waiting for {', '.join(waiting)}"))
        if clock.monotonic() > deadline:
            shown = "; ".join(f"{name}: {text}" for name, text in waiting.items())
            raise GateFailedError(
                f"not rolled out after {_SECONDS:.0f} s: {shown}",
                hint="see `kubectl -n kube-system describe ds`; then `migrator upgrade resume`",
            )
        clock.sleep(_POLL)


def roll_weave(cluster: DrainableCluster, weave: WeaveConfig, *, reporter: Reporter) -> bool:
    """Bring Weave Net's DaemonSet to a version of its images, where there is one of another; returns whether it was changed."""
    for daemon in cluster.list(DAEMON_SETS, "kube-system"):
        if daemon["metadata"]["name"] != WEAVE:
            continue
        spec = daemon["spec"]["template"]["spec"]
        fields = [field for field in ("initContainers", "containers") if field in spec]
        wanted = {field: [{**item, "image": _image(item, weave)} for item in spec[field]] for field in fields}
        if any(wanted[field] != spec[field] for field in fields):
            reporter.emit(Step(f"Weave Net to {weave.version}"))
            cluster.patch(DAEMON_SETS, "kube-system", WEAVE, {"spec": {"template": {"spec": wanted}}}, manager="migrator")
            return True
    return False


def _image(container: Manifest, weave: WeaveConfig) -> str:
    return weave.image(str(container["image"]).partition("@")[0].rpartition("/")[2].partition(":")[0])


def _why(daemon: Manifest) -> str:
    state = readiness(daemon)
    if not state.done:
        return state.message
    wanted = int(get(daemon, "status", "desiredNumberScheduled") or 0)
    updated = int(get(daemon, "status", "updatedNumberScheduled") or 0)
    rolling = get(daemon, "spec", "updateStrategy", "type") != "OnDelete"
    return f"{updated} of {wanted} pods updated" if rolling and updated < wanted else ""
