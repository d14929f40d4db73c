"""Pods of this tool that hold a volume mounted and do nothing; pure functions on manifests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from typing import Any

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef

LABEL = "migrator/holder"
"""Stands on each of them, with a digest of its claim."""
# Image that every container runtime keeps for its pods; the names of mirrors and distributions end so, too.
_PAUSE = re.compile(r"(^|/)(?:[a-z0-9.-]*-)?pause(?:-[a-z0-9]+)?:[A-Za-z0-9._-]+$")
# What the pause image runs as, and what it needs.
_USER = 65535
_LEAST = {"cpu": "1m", "memory": "8Mi"}
_MOST = {"cpu": "50m", "memory": "32Mi"}
_HINTS = {
    "Multi-Attach": "another node has the disk: end what uses it there, or wait until it is detached (6 minutes if it is lost)",
    "not found in the list of registered CSI drivers": "the driver does not run on that node: look at its pods",
}


def is_holder(pod: Manifest) -> bool:
    """Return whether a pod is one of these; on its host it is told from others by its UID besides."""
    return LABEL in (get(pod, "metadata", "labels") or {})


def holder_ref(claim: str) -> ObjectRef:
    """Return the pod for a claim (`namespace/name` on its own side)."""
    return ObjectRef("", "Pod", claim.partition("/")[0], f"migrator-holder-{_digest(claim)}")


def _digest(claim: str) -> str:
    return hashlib.sha256(claim.encode()).hexdigest()[:12]


def holder_pod(claim: str, image: str, *, node: str, nodes: Collection[str], block: bool = False) -> Manifest:
    """Return the pod for a claim: on a node, or where the scheduler wants it among some.

    It fits the restricted Pod Security Standard, has no account, changes no owners in the volume (no fsGroup), and its container
    has the volume mounted read-only, or as a device that its user may not open: the kubelet mounts nothing that no container wants.
    """
    ref = holder_ref(claim)
    where: dict[str, Any] = {"nodeName": node} if node else {"affinity": _only_on(nodes)}
    container = {
        "name": "holder",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": _LEAST, "limits": _MOST},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        **(
            {"volumeDevices": [{"name": "volume", "devicePath": "/dev/volume"}]}
            if block
            else {"volumeMounts": [{"name": "volume", "mountPath": "/volume", "readOnly": True}]}
        ),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {LABEL: _digest(claim), "app.kubernetes.io/managed-by": "migrator"},
            "annotations": {
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
                "sidecar.istio.io/inject": "false",
                "linkerd.io/inject": "disabled",
            },
        },
        "spec": {
            **where,
            "containers": [container],
            "volumes": [{"name": "volume", "persistentVolumeClaim": {"claimName": claim.partition("/")[2]}}],
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


def _only_on(nodes: Collection[str]) -> dict[str, Any]:
    """Return the affinity to nodes by their names; each term may name one (core/v1 NodeSelectorTerm.matchFields)."""
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]} for name in sorted(nodes)]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def pause_image(nodes: Iterable[Manifest], wanted: Collection[str]) -> str:
    """Return the pause image that nodes have (Node status.images), preferably those wanted; empty where none tells of one.

    A kubelet reports its 50 largest images only, and this one is small.
    """
    known = sorted(nodes, key=lambda item: item["metadata"]["name"] not in wanted)
    for item in known:
        for image in get(item, "status", "images") or []:
            for name in image.get("names") or []:
                if isinstance(name, str) and _PAUSE.search(name):
                    return name
    return ""


def hint_of(why: str) -> str:
    """Return what a person can do about one of the reasons that are common; empty for others."""
    return next((hint for part, hint in _HINTS.items() if part in why), "")
