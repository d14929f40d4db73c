"""Tell what a pod that does not run yet waits for: an image, an init container, a program that ends again and again.

Source: ContainerStatus of the API (core/v1), and the kubelet's reasons for a container that waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrator.model.manifest import Manifest, get
from migrator.readiness.pod_warnings import newest_warning
from migrator.untrusted import printable

_BEGUN = frozenset({"ContainerCreating", "PodInitializing"})
# Characters of a reason: whoever may write Events may write many.
_TEXT_LIMIT = 500


@dataclass(slots=True, frozen=True)
class Waiting:
    """What a pod waits for."""

    text: str
    container: str = ""
    """The container whose log tells more; empty where none has run."""
    previous: bool = False
    """Whether that is the log of its last run, which has ended."""
    unpulled: str = ""
    """The image that its container needs, where the kubelet may be pulling it."""
    begins: bool = False
    """Whether its kubelet is at it and tells no more than that: a cause, where there is one, stands in Events."""


def waiting(pod: Manifest) -> Waiting | None:
    """Return what a pod waits for, None when it runs and is ready."""
    phase, reason, message = (get(pod, "status", name) for name in ("phase", "reason", "message"))
    if phase == "Succeeded" or _condition(pod, "Ready") == "True":
        return None
    of_pod = ": ".join(str(text) for text in (reason, message) if text)
    # A pod that was ended as a whole, as by an eviction, has containers that have ended of it.
    found = Waiting(of_pod) if phase == "Failed" and of_pod else next(_of_containers(pod), None)
    if found:
        return found
    for item in get(pod, "status", "conditions") or []:
        if item.get("type") == "PodScheduled" and item.get("status") == "False":
            return Waiting(f"has no node: {item.get('message') or item.get('reason')}")
    return Waiting(of_pod) if of_pod else Waiting("its kubelet has not begun with it", begins=True)


def why_waiting(pod: Manifest, events: Iterable[Manifest] = ()) -> str:
    """Return what a pod waits for, in one short line: by its status, or by the newest warning where that tells no cause.

    A pod whose volume cannot be attached or mounted is about to start by its status: the kubelet and the attach-detach
    controller tell of it in Events alone.
    """
    held = waiting(pod)
    if held is None:
        return "it runs"
    return _one_line((newest_warning(events) if held.begins else "") or held.text)


def _one_line(text: str) -> str:
    shown = printable(" ".join(text[:_TEXT_LIMIT].split()))
    return shown if len(text) <= _TEXT_LIMIT else f"{shown}…"


def pulling(events: Iterable[Manifest]) -> frozenset[str]:
    """Return the containers whose image is being pulled, by the events of their pod."""
    last: dict[str, tuple[str, str]] = {}
    for event in events:
        path = str(get(event, "involvedObject", "fieldPath") or "")
        if event.get("reason") in ("Pulling", "Pulled", "Failed", "BackOff") and path.endswith("}"):
            when = str(event.get("lastTimestamp") or event.get("eventTime") or get(event, "metadata", "creationTimestamp") or "")
            # Pulled may bear the second of its Pulling.
            key = (when, "1" if event["reason"] != "Pulling" else "0")
            name = path[path.index("{") + 1 : -1]
            last[name] = max(last.get(name, ("", "")), key)
    return frozenset(name for name, (_, ended) in last.items() if ended == "0")


def _of_containers(pod: Manifest) -> Iterator[Waiting]:
    images = {
        str(item.get("name")): str(item.get("image") or "")
        for field in ("initContainers", "containers")
        for item in get(pod, "spec", field) or []
    }
    for field, what in (("initContainerStatuses", "init container "), ("containerStatuses", "")):
        for status in get(pod, "status", field) or []:
            name = str(status.get("name"))
            found = _of_one(status, f"{what}{name}", images.get(name, ""), init=bool(what))
            if found:
                yield found


def _of_one(status: Manifest, what: str, image: str, *, init: bool) -> Waiting | None:
    name = str(status.get("name"))
    state = status.get("state") or {}
    if "running" in state:
        if status.get("ready") or (init and status.get("started") and get(status, "restartPolicy") == "Always"):
            return None
        return Waiting(f"{what} runs" if init else f"{what} runs and is not ready", container=name)
    if "terminated" in state:
        ended = state["terminated"]
        return None if init and ended.get("exitCode") == 0 else Waiting(f"{what} {_ended(ended)}", container=name)
    held = state.get("waiting") or {}
    reason, message = str(held.get("reason") or ""), str(held.get("message") or "")
    if reason in _BEGUN or not reason:
        return Waiting(f"{what} is about to start", unpulled=image, begins=True)
    if "Image" in reason or reason in ("ErrImagePull", "RegistryUnavailable"):
        return Waiting(f"image {image} of {what}: {message or reason}")
    last = get(status, "lastState", "terminated")
    if isinstance(last, dict):
        return Waiting(f"{what} {_ended(last)} and is started again", container=name, previous=True)
    return Waiting(f"{what}: {reason}{': ' if message else ''}{message}")


def _ended(terminated: Manifest) -> str:
    reason = terminated.get("reason")
    return f"ended with exit code {terminated.get('exitCode')}" + (f" ({reason})" if reason and reason != "Error" else "")


def _condition(pod: Manifest, kind: str) -> str:
    conditions = get(pod, "status", "conditions") or []
    return next((str(item.get("status")) for item in conditions if item.get("type") == kind), "")
