"""Find the container of a static pod, and prove that it is the one that the manifest on the host describes.

A pod's name and labels can be chosen by anybody who may create pods. The proof is what only root on the host can write:
the manifest file, and the annotation `kubernetes.io/config.source`, which the kubelet itself sets
(k8s.io/kubernetes/pkg/kubelet/types: ConfigSourceAnnotationKey).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrator.errors import BlockedError
from migrator.model.manifest import get
from migrator.model.yaml_text import mapping
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host
from migrator.untrusted import for_shell, printable

_NAMESPACE = "kube-system"
_CONFIG_SOURCE = "kubernetes.io/config.source"


@dataclass(slots=True, frozen=True)
class RunningContainer:
    """A container of a static pod that was proven."""

    id: str
    pid: int
    """Process id on the host."""


def running_container(host: Host, component: str) -> RunningContainer:
    """Return the running container of the static pod `COMPONENT-NODE`; `host.name` is the name of the node.

    Raises BlockedError when none runs, when there are several, or when it is not what the manifest describes.
    """
    pod = f"{component}-{host.name}"
    found = _listed(host, component, pod)
    if len(found) != 1:
        what = "no running container" if not found else f"{len(found)} running containers"
        raise BlockedError(
            f"{host.name}: {what} of the static pod {_NAMESPACE}/{pod}: nothing was taken from any",
            hint=f"see `crictl ps --name {component}` and {MANIFESTS}/{component}.yaml there",
        )
    container = found[0]
    source = get(_crictl(host, "inspectp", _text(container, "podSandboxId")), "status", "annotations", _CONFIG_SOURCE)
    # A pod that somebody has created comes from `api`, whatever annotation it brings.
    if source != "file":
        raise _unproven(host, pod, f"the kubelet did not read it from a file on this host, but from {printable(str(source))!r}")
    inspected = _crictl(host, "inspect", _text(container, "id"))
    wanted = _manifest_image(host, component)
    names = {*_images(inspected), *_images({"status": container})}
    if not names & _names_of_image(host, wanted):
        raise _unproven(host, pod, f"it does not run the image of the manifest, {printable(wanted)}")
    pid = get(inspected, "info", "pid")
    # The root of process 1 is the host's own.
    if not isinstance(pid, int) or pid <= 1:
        raise _unproven(host, pod, "CRI-O names no process of it")
    return RunningContainer(_text(container, "id"), pid)


def static_pod_query(component: str, node: str) -> str:
    """Return the crictl command that prints the ids of the sandboxes of the static pod `COMPONENT-NODE`."""
    return f"crictl pods -q {_selecting(_pod_labels(f'{component}-{node}'))}"


def _pod_labels(pod: str) -> dict[str, str]:
    return {"io.kubernetes.pod.namespace": _NAMESPACE, "io.kubernetes.pod.name": pod}


def _selecting(labels: Mapping[str, str]) -> str:
    return " ".join(f"--label {for_shell(f'{key}={value}')}" for key, value in labels.items())


def _listed(host: Host, component: str, pod: str) -> list[dict[str, Any]]:
    labels = {"io.kubernetes.container.name": component} | _pod_labels(pod)
    answer = _parsed(host, f"crictl ps -o json --state Running {_selecting(labels)}")
    # The answer is compared again: an older crictl that ignores a label must not widen the choice.
    found = answer.get("containers")
    listed = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    return [item for item in listed if all(get(item, "labels", key) == labels[key] for key in labels)]


def _crictl(host: Host, verb: str, what: str) -> dict[str, Any]:
    return _parsed(host, f"crictl {verb} -o json {for_shell(what)}")


def _parsed(host: Host, command: str) -> dict[str, Any]:
    """Return the JSON object that a command prints; raises BlockedError for anything else."""
    try:
        answer = json.loads(host.run(command))
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise BlockedError(
            f"{host.name}: `{command}` printed no JSON object", hint="is crictl there the real one, and does CRI-O work?"
        )
    return answer


def _manifest_image(host: Host, component: str) -> str:
    listed = get(mapping(host.read(f"{MANIFESTS}/{component}.yaml")), "spec", "containers")
    containers = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    found = [item.get("image") for item in containers if item.get("name") == component]
    if len(found) != 1 or not isinstance(found[0], str):
        raise BlockedError(
            f"{host.name}: {MANIFESTS}/{component}.yaml has no single container {component}",
            hint="restore the manifest that kubeadm wrote",
        )
    return found[0]


def _images(inspected: dict[str, Any]) -> set[str]:
    """Return every name and id of an image in the status of a container; CRI-O's fields differ between versions."""
    status = get(inspected, "status") or {}
    told = (
        get(status, "image", "image"),
        status.get("imageRef"),
        status.get("imageId"),
        get(status, "image", "userSpecifiedImage"),
    )
    return {_bare(item) for item in told if isinstance(item, str) and item}


def _names_of_image(host: Host, image: str) -> set[str]:
    answer = _crictl(host, "inspecti", image)
    lists = [get(answer, "status", key) for key in ("repoDigests", "repoTags")]
    told = [image, get(answer, "status", "id"), *(item for found in lists if isinstance(found, list) for item in found)]
    return {_bare(item) for item in told if isinstance(item, str) and item}


def _bare(image: str) -> str:
    return image.removeprefix("sha256:")


def _text(container: dict[str, Any], key: str) -> str:
    return str(container.get(key, ""))


def _unproven(host: Host, pod: str, why: str) -> BlockedError:
    return BlockedError(
        f"{host.name}: the running container of {_NAMESPACE}/{pod} is not proven: {why}",
        hint="somebody may have created a pod of that name; see `crictl pods` there. Nothing was taken from it",
    )
