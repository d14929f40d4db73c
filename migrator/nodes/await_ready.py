"""Wait until nodes are Ready, and tell what each of them waits for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from migrator.errors import CommandFailedError, MigratorError
from migrator.model.manifest import Manifest, get
from migrator.nodes.control_plane import get_node, kubectl
from migrator.nodes.paths import KUBECTL
from migrator.ports import Host
from migrator.readiness.starting import Waiting, pulling, waiting
from migrator.untrusted import for_shell, without_credentials

_POLL = 1.0
# Seconds between two looks at what is waited for.
_LOOK = 15.0
# Characters of a program's own words in one line.
_WORDS = 200


def await_ready(names: Sequence[str], control_plane_host: Host, seconds: float, say: Callable[[str], None]) -> None:
    """Wait until all are Ready; raises MigratorError with what each of the others waits for when time is up."""
    clock = control_plane_host.clock
    began = clock.monotonic()
    look, told = began, dict[str, str]()
    while late_ones := [name for name in names if not is_ready(get_node(control_plane_host, name) or {})]:
        now = clock.monotonic()
        late = now > began + seconds
        if late or now >= look:
            look = now + _LOOK
            seen = {name: waits_for(control_plane_host, name) for name in late_ones}
            for name, text in seen.items():
                if told.get(name) != text and not late:
                    say(f"{name} waits after {now - began:.0f} s: {text}")
            told = seen
        if late:
            raise MigratorError(
                "\n".join(f"{name} is not Ready after {seconds:.0f} s: {text}" for name, text in told.items()),
                hint="run this again to continue waiting; where images or boards are slow, set readyTimeout in the stack; "
                "`journalctl -u kubelet -u crio` on the host tells more",
            )
        clock.sleep(_POLL)


def is_ready(node: Manifest) -> bool:
    """Return whether a node's object says Ready, and not that its network is away (as Weave Net and clouds do)."""
    conditions = {item["type"]: item for item in get(node, "status", "conditions") or []}
    return bool(get(conditions, "Ready", "status") == "True" and get(conditions, "NetworkUnavailable", "status") != "True")


def waits_for(control_plane_host: Host, name: str) -> str:
    """Return what a node waits for: pods of its own that do not run yet, or else the kubelet's own words."""
    node = get_node(control_plane_host, name)
    if node is None:
        return "the cluster does not know it"
    texts = []
    try:
        found = json.loads(kubectl(control_plane_host, f"get pods -A -o json --field-selector spec.nodeName={for_shell(name)}"))
        # Pods of the host's network are there before the pod network, and make it; all others wait for the node themselves.
        own = [pod for pod in found["items"] if get(pod, "spec", "hostNetwork")]
        held = [(pod, reason) for pod in own for reason in (waiting(pod),) if reason]
        texts = [_told(control_plane_host, pod, reason) for pod, reason in held]
    except (CommandFailedError, ValueError) as error:
        texts = [f"its pods cannot be read: {error}"]
    return "; ".join(texts) or _own_words(node)


def _told(control_plane_host: Host, pod: Manifest, reason: Waiting) -> str:
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    text = reason.text
    if reason.unpulled:
        selector = f"involvedObject.name={for_shell(name)},involvedObject.kind=Pod"
        events = _answer(control_plane_host, f"-n {for_shell(namespace)} get events -o json --field-selector {selector}")
        if pulling(json.loads(events)["items"] if events else []):
            text = f"image {reason.unpulled} is being pulled"
    if reason.container:
        which = "--previous " if reason.previous else ""
        where = f"-n {for_shell(namespace)} logs {for_shell(name)} -c {for_shell(reason.container)}"
        said = _answer(control_plane_host, f"{where} {which}--tail=1 --limit-bytes=2000").strip()
        text += f", its last log lines: {without_credentials(said)[:_WORDS]}" if said else ""
    return f"{namespace}/{name}: {text}"


def _answer(control_plane_host: Host, words: str) -> str:
    """Return what kubectl answers, nothing where it cannot: it is only more about what is told anyway."""
    try:
        return control_plane_host.run(f"{KUBECTL} --request-timeout=10s {words}", timeout=30)
    except CommandFailedError:
        return ""


def _own_words(node: dict[str, Any]) -> str:
    for kind in ("Ready", "NetworkUnavailable"):
        for item in get(node, "status", "conditions") or []:
            good = "True" if kind == "Ready" else "False"
            if item["type"] == kind and item["status"] != good:
                return str(item.get("message") or item.get("reason") or item["status"])
    return "its kubelet has not reported yet"
