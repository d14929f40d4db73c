"""What stands for a kubelet and a pod network where a probe's pods are made: they run, and reach each other or not."""

from __future__ import annotations

from typing import Any

import orjson

from migrator.errors import ForbiddenError
from migrator.model.kinds import NETWORK_POLICIES, PODS, SERVICE_ACCOUNTS
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType


class PlayedPods:
    """A client that plays each pod the moment that it is made through it; all else is for the cluster behind it."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        """Return what the cluster has."""
        return getattr(self._cluster, name)

    enforces = True
    takes_up_after = 0
    """How many denied connections still go through."""
    reaches = True
    """Whether pods reach each other at all."""
    denies_all = False
    pulls = True
    """Whether images can be had."""

    def create(self, resource: ResourceType, namespace: str, body: bytes, **more: Any) -> Manifest:
        """Create an object, and play it when it is a pod."""
        try:
            made: Manifest = self._cluster.create(resource, namespace, body, **more)
        except ForbiddenError:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
            self._cluster.create(SERVICE_ACCOUNTS, namespace, orjson.dumps(account), manager="kube-controller-manager")
            raise
        if resource.kind == "Pod":
            status = self._played(namespace, made)
            name = made["metadata"]["name"]
            self._cluster.patch(PODS, namespace, name, {"status": status}, manager="kubelet", subresource="status")
        return made

    def _played(self, namespace: str, pod: Manifest) -> Manifest:
        arguments = pod["spec"]["containers"][0]["args"]
        if not self.pulls:
            waiting = {"reason": "ErrImagePull", "message": "no such image"}
            status = {
                "name": "probe",
                "image": "x",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": {"waiting": waiting},
            }
            return {"phase": "Pending", "containerStatuses": [status]}
        if arguments[0] == "netexec":
            return {"phase": "Running", "podIP": "10.244.1.5", "conditions": [{"type": "Ready", "status": "True"}]}
        assert arguments[-1] == "10.244.1.5:8080"
        return {"phase": "Succeeded" if self._goes_through(namespace, pod["metadata"]["labels"]) else "Failed"}

    def _goes_through(self, namespace: str, labels: dict[str, str]) -> bool:
        policies = list(self._cluster.list(NETWORK_POLICIES, namespace))
        if not policies or not self.reaches:
            return self.reaches
        allowed = get(policies[0]["spec"]["ingress"][0]["from"][0], "podSelector", "matchLabels")
        if not self.enforces:
            return True
        if allowed.items() <= labels.items():
            return not self.denies_all
        self.takes_up_after -= 1
        return self.takes_up_after >= 0
