"""Tell what a pod that does not run yet waits for: an image, an init container, a program that ends again and again.

Source: ContainerStatus of the API (core/v1), and the kubelet's reasons for a container that waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrator.model.manifest import Manifest, get

_BEGUN = frozenset({"ContainerCreating", "PodInitializing"})


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


def waiting(pod: Manifest) -> Waiting | None:
    """Return what a pod waits for, None when it runs and is ready."""
    if get(pod, "status", "phase") == "Succeeded" or _condition(pod, "Ready") == "True":
        return None
    found = next(_of_containers(pod), None)
    if found:
        return found
    for item in get(pod, "status", "conditions") or []:
        if item.get("type") == "PodScheduled" and item.get("status") == "False":
            return Waiting(f"has no node: {item.get('message') or item.get('reason')}")
    reason, message = get(pod, "status", "reason"), get(pod, "status", "message")
    return Waiting(f"{reason}: {message}" if reason and message else str(reason or "its kubelet has not begun with it"))


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
        return Waiting(f"{what} is about to start", unpulled=image)
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
