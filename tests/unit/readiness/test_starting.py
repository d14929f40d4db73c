"""What a pod waits for, by the kubelet's own report."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.readiness.starting import Waiting, pulling, waiting, why_waiting


def pod(**status: Any) -> dict[str, Any]:
    """Return a pod with an init container and a container."""
    spec = {"initContainers": [{"name": "init", "image": "i:1"}], "containers": [{"name": "main", "image": "m:1"}]}
    return {"spec": spec, "status": {"phase": "Pending", **status}}


def of(field: str, name: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a status with one container in a state."""
    return {field: [{"name": name, "state": state, **more}]}


INIT, MAIN = "initContainerStatuses", "containerStatuses"
LOOPS = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
ENDED = {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, None),
        ({"phase": "Succeeded"}, None),
        ({}, Waiting("its kubelet has not begun with it", begins=True)),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]},
            Waiting("has no node: 0/1 nodes are available"),
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on disk"}, Waiting("Evicted: low on disk")),
        (
            {"phase": "Failed", "message": "mount failed"} | of(MAIN, "main", {"terminated": {"exitCode": 137}}),
            Waiting("mount failed"),
        ),
        (of(INIT, "init", {"running": {}}), Waiting("init container init runs", "init")),
        (of(INIT, "init", {"waiting": {"reason": "PodInitializing"}}), Waiting("init container init is about to start", unpulled="i:1", begins=True)),
        (of(INIT, "init", LOOPS, **ENDED), Waiting("init container init ended with exit code 137 (OOMKilled) and is started again", "init", previous=True)),
        (of(MAIN, "main", {"running": {}}, ready=False), Waiting("main runs and is not ready", "main")),
        (of(MAIN, "main", {"running": {}}, ready=True), Waiting("its kubelet has not begun with it", begins=True)),
        (of(MAIN, "main", {"waiting": {"reason": "ErrImagePull", "message": "not found"}}), Waiting("image m:1 of main: not found")),
        (of(MAIN, "main", {"waiting": {"reason": "ImageInspectError"}}), Waiting("image m:1 of main: ImageInspectError")),
        (
            of(MAIN, "main", {"waiting": {"reason": "CreateContainerConfigError", "message": "secret not found"}}),
            Waiting("main: CreateContainerConfigError: secret not found"),
        ),
        (of(MAIN, "main", {"terminated": {"exitCode": 1, "reason": "Error"}}), Waiting("main ended with exit code 1", "main")),
        (
            of(INIT, "init", {"terminated": {"exitCode": 0}}) | of(MAIN, "main", {"running": {}}, ready=False),
            Waiting("main runs and is not ready", "main"),
        ),
        (
            of(INIT, "init", {"running": {}}, started=True, restartPolicy="Always", ready=True) | of(MAIN, "main", {"running": {}}),
            Waiting("main runs and is not ready", "main"),
        ),
    ],
)  # fmt: skip
def test_each_state_of_a_pod_has_its_words(status: dict[str, Any], expected: Waiting | None) -> None:
    """The first container that holds the others up is told, with where to read more."""
    assert waiting(pod(**status)) == expected


def test_strange_statuses_are_words_and_no_crash() -> None:
    """Fields may be null, or missing."""
    assert waiting({"metadata": {}}) == Waiting("its kubelet has not begun with it", begins=True)
    assert waiting({"spec": None, "status": {"containerStatuses": [{"name": "x", "state": None}]}}) == Waiting(
        "x is about to start", begins=True
    )


MOUNT = {"type": "Warning", "reason": "FailedMount", "message": "\x1b[2J\n\u202egone\n\n  again"}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (of(MAIN, "main", {"waiting": {"reason": "ContainerCreating"}}), "FailedMount: \\x1b[2J \\u202egone again"),
        ({}, "FailedMount: \\x1b[2J \\u202egone again"),
        (of(MAIN, "main", {"waiting": {"reason": "ErrImagePull", "message": "not\nfound"}}), "image m:1 of main: not found"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "it runs"),
    ],
    ids=["about to start", "nothing yet", "a cause", "ready"],
)
def test_events_are_asked_where_the_status_tells_no_cause(status: dict[str, Any], words: str) -> None:
    """In one line: a volume that cannot be mounted is told in Events alone."""
    assert why_waiting(pod(**status), [MOUNT]) == words


def test_without_a_warning_the_status_is_told_and_a_long_reason_is_cut() -> None:
    """An event may hold as much as a request."""
    assert why_waiting(pod()) == "its kubelet has not begun with it"
    told = why_waiting(pod(), [{**MOUNT, "message": "x" * 100_000}])
    assert (len(told), told[-1]) == (501, "…")


def event(reason: str, when: str, container: str = "weave") -> dict[str, Any]:
    """Return an event of a pod's container."""
    return {"reason": reason, "lastTimestamp": when, "involvedObject": {"fieldPath": f"spec.containers{{{container}}}"}}


def test_an_image_is_being_pulled_from_its_event_to_the_next_of_its_container() -> None:
    """Both may bear the same second; another container's, or the sandbox's, tell nothing of it."""
    first = event("Pulling", "2026-01-01T00:00:05Z")
    assert pulling([first]) == {"weave"}
    assert pulling([first, event("Pulled", "2026-01-01T00:00:05Z")]) == frozenset()
    assert pulling([event("Failed", "2026-01-01T00:00:06Z"), first]) == frozenset()
    assert pulling([event("Failed", "2026-01-01T00:00:04Z"), first, event("Pulled", "2026-01-01T00:00:09Z", "npc")]) == {"weave"}
    assert pulling([{"reason": "Pulling", "involvedObject": {}}, {"reason": "Scheduled"}]) == frozenset()
