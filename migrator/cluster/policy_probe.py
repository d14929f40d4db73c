"""Prove by pods of its own whether a cluster's network enforces NetworkPolicies: one connection allowed, the same one denied.

That a policy is accepted proves nothing: the API server takes it, and the network may never look at it (Flannel, plain bridges).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from migrator.errors import ApiError, ForbiddenError, MigratorError, NotFoundError
from migrator.model.events import Note, Step
from migrator.model.kinds import NAMESPACES, NETWORK_POLICIES, PODS
from migrator.model.manifest import Manifest, get
from migrator.model.pods import is_ready
from migrator.ports import Clock, Green, Reporter
from migrator.readiness.starting import why_waiting

MARK = "migrator/policy-probe"
"""Label of the namespaces that are made for it; one that a killed run has left is removed by the next."""
MANAGER = "migrator"
# Not below 1024: the image's user need not be root.
_PORT = 8080
_POLL = 0.5
_SERVER, _ALLOWED, _DENIED = "server", "allowed", "denied"


class ProbeError(MigratorError):
    """The probe could not be carried out, so nothing is proven."""


@dataclass(slots=True, frozen=True)
class PolicyProbe:
    """Makes pods of an image on a cluster and watches whether they reach each other."""

    cluster: Green
    image: str
    """One that serves with `netexec` and asks with `connect`, as agnhost of Kubernetes does."""
    seconds: float
    """How long a pod may take to run, its namespace's account made and its image pulled."""
    clock: Clock
    reporter: Reporter
    settle: float = 30.0
    """How long a network may take to take up a new policy."""

    def enforced(self) -> bool:
        """Return whether policies are enforced; raises ProbeError where that cannot be told."""
        try:
            # What a killed run has left stays for ever otherwise: nobody else knows of it.
            self._sweep()
            with self._namespace() as namespace:
                return self._tried(namespace)
        except ApiError as error:
            raise ProbeError(error.message, hint=error.hint) from error

    def _tried(self, namespace: str) -> bool:
        self._pod(namespace, _SERVER, _SERVER, ["netexec", f"--http-port={_PORT}", "--udp-port=-1"])
        address = self._await(namespace, _SERVER, _address)
        # Without a policy first: a network that connects nobody would look as if it denied.
        if not self._reaches(namespace, "before", _DENIED, address):
            raise ProbeError("pods do not reach each other even without a policy", hint="check green's pod network first")
        policy = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "probe", "namespace": namespace},
            "spec": {
                "podSelector": {"matchLabels": {MARK: _SERVER}},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {"matchLabels": {MARK: _ALLOWED}}}]}],
            },
        }
        self.cluster.create(NETWORK_POLICIES, namespace, orjson.dumps(policy), manager=MANAGER)
        deadline = self.clock.monotonic() + self.settle
        number = 0
        while self._reaches(namespace, f"denied-{number}", _DENIED, address):
            if self.clock.monotonic() > deadline:
                return False
            number += 1
            self.clock.sleep(_POLL)
        # A network that lets nobody through enforces nothing of what a policy says.
        if not self._reaches(namespace, "allowed", _ALLOWED, address):
            raise ProbeError(
                "a connection that the policy allows is denied, too",
                hint="check green's network, or the policies of the whole cluster",
            )
        return True

    def _reaches(self, namespace: str, name: str, role: str, address: str) -> bool:
        self._pod(namespace, name, role, ["connect", "--timeout=3s", "--protocol=tcp", f"{address}:{_PORT}"])
        return bool(self._await(namespace, name, _ended))

    def _await(self, namespace: str, name: str, read: Callable[[Manifest], Any]) -> Any:
        deadline = self.clock.monotonic() + self.seconds
        while True:
            pod = self.cluster.get(PODS, namespace, name)
            found = read(pod)
            if found is not None:
                return found
            if self.clock.monotonic() > deadline:
                raise ProbeError(
                    f"its pod {name} is not there after {self.seconds:.0f} s: {why_waiting(pod)}",
                    hint="can green's nodes pull networkPolicies.probeImage?",
                )
            self.clock.sleep(_POLL)

    def _pod(self, namespace: str, name: str, role: str, arguments: list[str]) -> None:
        limits = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        requests = {"cpu": "10m", "memory": "32Mi"}
        container = {
            "name": "probe",
            "image": self.image,
            "args": arguments,
            "securityContext": limits,
            "resources": {"requests": requests},
        }
        spec = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        }
        metadata = {"name": name, "namespace": namespace, "labels": {MARK: role}}
        body = orjson.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        deadline = self.clock.monotonic() + self.seconds
        while True:
            try:
                self.cluster.create(PODS, namespace, body, manager=MANAGER)
            except ForbiddenError as error:
                # A controller makes a new namespace's account a moment after it.
                if (
                    "service account" not in error.message.replace("serviceaccount", "service account")
                    or self.clock.monotonic() > deadline
                ):
                    raise
                self.clock.sleep(_POLL)
            else:
                return

    @contextmanager
    def _namespace(self) -> Iterator[str]:
        name = f"migrator-policy-probe-{secrets.token_hex(4)}"
        self.reporter.emit(Step(f"trying NetworkPolicies with pods in namespace {name} of {self.cluster.name}, removed afterwards"))
        labels = {MARK: "yes", "pod-security.kubernetes.io/enforce": "restricted"}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        made = self.cluster.create(NAMESPACES, "", orjson.dumps(body), manager=MANAGER)
        try:
            yield name
        finally:
            self._remove(made)

    def _sweep(self) -> None:
        for found in list(self.cluster.list(NAMESPACES, label_selector=f"{MARK}=yes")):
            self._remove(found)

    def _remove(self, namespace: Manifest) -> None:
        metadata = namespace["metadata"]
        try:
            self.cluster.delete(NAMESPACES, "", metadata["name"], uid=metadata["uid"])
        except NotFoundError:
            return
        except ApiError as error:
            text = f"namespace {metadata['name']} of {self.cluster.name} could not be removed: {error.message}"
            self.reporter.emit(Note(text, warning=True))


def _address(pod: Manifest) -> str | None:
    return str(get(pod, "status", "podIP") or "") or None if is_ready(pod) else None


def _ended(pod: Manifest) -> bool | None:
    return {"Succeeded": True, "Failed": False}.get(str(get(pod, "status", "phase")))
