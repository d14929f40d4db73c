"""A node as the cluster sees it: Ready, labels and taints, and its way out. Asked through a control plane's own kubectl."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrator.errors import MigratorError
from migrator.nodes.await_ready import await_ready, is_ready
from migrator.nodes.control_plane import get_node, get_nodes, kubectl
from migrator.nodes.spec import NodeSpec
from migrator.ports import Host
from migrator.untrusted import for_shell

# Annotation that remembers which labels a stack has set, so that one taken out of it is taken off the node.
_LABELS = "migrator/labels"
_TAINTS = "migrator/taints"
# A node is ready when its pod network is, whose images it pulls first.
_READY_SECONDS = 300.0


def _unsaid(_: str) -> None:
    """Say nothing: the step's own line is enough."""


@dataclass(slots=True, frozen=True)
class Ready:
    """Wait until the node is Ready."""

    node: NodeSpec
    control_plane_host: Host
    seconds: float = _READY_SECONDS
    say: Callable[[str], None] = _unsaid
    name: str = "node Ready"

    def done(self, host: Host) -> bool:
        """Return whether the cluster says so now."""
        del host
        found = get_node(self.control_plane_host, self.node.name)
        return found is not None and is_ready(found)

    def run(self, host: Host) -> None:
        """Wait; raises MigratorError with what it waits for when it is not Ready in time."""
        del host
        await_ready([self.node.name], self.control_plane_host, self.seconds, self.say)


@dataclass(slots=True, frozen=True)
class LabelsAndTaints:
    """Have the spec's labels and taints; those that an earlier spec set and this one does not are taken away."""

    node: NodeSpec
    control_plane_host: Host
    name: str = "labels and taints"

    def done(self, host: Host) -> bool:
        """Return whether nothing is to be changed."""
        del host
        found = get_node(self.control_plane_host, self.node.name)
        return found is not None and not self._commands(found)

    def run(self, host: Host) -> None:
        """Change them."""
        del host
        found = get_node(self.control_plane_host, self.node.name)
        if found is None:
            raise MigratorError(f"the cluster has no node {self.node.name}", hint="run this again: it will join")
        for command in self._commands(found):
            kubectl(self.control_plane_host, command)

    def _commands(self, found: Mapping[str, Any]) -> list[str]:
        metadata = found["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        before = set(filter(None, annotations.get(_LABELS, "").split(",")))
        wanted = dict(self.node.labels)
        change = [f"{key}={value}" for key, value in wanted.items() if labels.get(key) != value]
        # kubectl takes a label away by its name with a `-`.
        change += [f"{key}-" for key in sorted(before - set(wanted)) if key in labels]
        out = [f"label --overwrite node {self.node.name} {' '.join(map(for_shell, change))}"] if change else []
        if before != set(wanted):
            out.append(_remember(self.node.name, _LABELS, wanted))
        return out + self._taint_commands(found, annotations)

    def _taint_commands(self, found: Mapping[str, Any], annotations: Mapping[str, str]) -> list[str]:
        if self.node.taints is None:
            return []
        there = {_text(taint) for taint in found["spec"].get("taints") or []}
        before = set(filter(None, annotations.get(_TAINTS, "").split(",")))
        wanted = set(self.node.taints)
        # kubectl adds first, and then takes away by key and effect: that would take away a new value with the old one, which it
        # replaces by itself (kubectl taint, reorganizeTaints).
        replaced = set(map(_slot, wanted))
        gone = sorted(text for text in (before - wanted) & there if _slot(text) not in replaced)
        change = sorted(wanted - there) + [f"{text}-" for text in gone]
        out = [f"taint --overwrite node {self.node.name} {' '.join(map(for_shell, change))}"] if change else []
        if before != wanted:
            out.append(_remember(self.node.name, _TAINTS, wanted))
        return out


def _remember(node: str, annotation: str, wanted: Iterable[str]) -> str:
    return f"annotate --overwrite node {node} {for_shell(f'{annotation}=' + ','.join(sorted(wanted)))}"


def remove_node(control_plane_host: Host, name: str, drain: Callable[[], None]) -> None:
    """Drain a node and delete it from the cluster; pods that have no other node to go to are not waited for."""
    found = get_node(control_plane_host, name)
    if found is None:
        return
    others = [
        node for node in get_nodes(control_plane_host) if node["metadata"]["name"] != name and is_ready(node) and _takes_pods(node)
    ]
    # A node that is gone cannot tell that its pods have ended; a drain would wait for them.
    if others and is_ready(found):
        drain()
    kubectl(control_plane_host, f"delete node {name} --ignore-not-found")


def _takes_pods(node: Mapping[str, Any]) -> bool:
    spec = node.get("spec") or {}
    # PreferNoSchedule is a wish.
    blocking = [taint for taint in spec.get("taints") or [] if taint["effect"] != "PreferNoSchedule"]
    return not spec.get("unschedulable") and not blocking


def _slot(text: str) -> tuple[str, str]:
    """Return key and effect of a taint in words, of which a node has one value only."""
    rest, _, effect = text.rpartition(":")
    return rest.partition("=")[0], effect


def _text(taint: Mapping[str, str]) -> str:
    return f"{taint['key']}={taint['value']}:{taint['effect']}" if taint.get("value") else f"{taint['key']}:{taint['effect']}"
