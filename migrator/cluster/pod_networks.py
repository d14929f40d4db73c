"""Wait for the DaemonSets that nodes depend on: kube-proxy, and the pod network."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.config.stack import WeaveConfig
from migrator.errors import GateFailedError
from migrator.model.events import Step
from migrator.model.facts import WeaveChange
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
    daemons = list(cluster.list(DAEMON_SETS, "kube-system"))
    change = weave_change(daemons, weave)
    for daemon in daemons if change else ():
        if daemon["metadata"]["name"] == WEAVE:
            reporter.emit(Step(f"Weave Net to {weave.version}"))
            patch = {"spec": {"template": {"spec": _wanted(daemon, weave)}}}
            cluster.patch(DAEMON_SETS, "kube-system", WEAVE, patch, manager="migrator")
    return change is not None


def weave_change(daemons: Iterable[Manifest], weave: WeaveConfig) -> WeaveChange | None:
    """Return what a roll-out of these images would change, None for nothing.

    Images of another registry are those of a manifest that a person has applied: they stay unless the person's file names others.
    """
    named = (item for item in daemons if item["metadata"]["name"] == WEAVE)
    daemon = next((item for item in named if item["metadata"].get("namespace") == "kube-system"), None)
    spec = get(daemon, "spec", "template", "spec") if daemon else None
    if not daemon or not spec or all(spec[field] == items for field, items in _wanted(daemon, weave).items()):
        return None
    images = [str(item.get("image", "")) for item in spec.get("containers") or []]
    if not weave.chosen and not all(_registry(image) == weave.registry.removeprefix("docker.io/") for image in images):
        return None
    told = any(item.get("name") == "IPTABLES_BACKEND" for part in spec["containers"] for item in part.get("env") or [])
    return WeaveChange(images[0], weave.image(_program(images[0])), backend_told=told)


def _wanted(daemon: Manifest, weave: WeaveConfig) -> dict[str, list[Manifest]]:
    spec = daemon["spec"]["template"]["spec"]
    fields = [field for field in ("initContainers", "containers") if field in spec]
    return {field: [{**item, "image": weave.image(_program(str(item["image"])))} for item in spec[field]] for field in fields}


def _registry(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[0].removeprefix("docker.io/")


def _program(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _why(daemon: Manifest) -> str:
    state = readiness(daemon)
    if not state.done:
        return state.message
    wanted = int(get(daemon, "status", "desiredNumberScheduled") or 0)
    updated = int(get(daemon, "status", "updatedNumberScheduled") or 0)
    rolling = get(daemon, "spec", "updateStrategy", "type") != "OnDelete"
    return f"{updated} of {wanted} pods updated" if rolling and updated < wanted else ""
