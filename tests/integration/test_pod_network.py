"""A pod network's start on a real API server: Weave Net's rights and order, and what a node waits for by real Pod objects."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from migrator.adapters.clock import SystemClock
from migrator.config.parse import parse
from migrator.config.stack import StackConfig
from migrator.errors import ForbiddenError
from migrator.kube.access import Access, load_access
from migrator.kube.cluster import KubeCluster
from migrator.kube.transport import Transport
from migrator.model.kinds import NODES
from migrator.nodes.await_ready import await_ready, waits_for
from migrator.provision.addons import manifests
from migrator.provision.waves import waves
from migrator.testbed.binaries import Store
from migrator.testbed.planes import pair as bed
from migrator.testbed.planes.control_plane import ControlPlane, Recipe
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import GREEN
from tests.support.sandbox import TYPES, until
from tests.support.shell_host import ShellHost
from tests.support.stack_nodes import STACK
from tests.support.weave_router import Router, RouterEnded

ROOT = Path(__file__).parents[2]
ACCOUNT = "/api/v1/namespaces/kube-system/serviceaccounts/weave-net/token"
SYSTEM = "kube-system"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[ControlPlane]:
    """Start a control plane without controllers: nobody else plays its pods."""
    made = bed.Testbed(tmp_path_factory.mktemp("quiet"), store, lambda _: None)
    yield made.up((Recipe("green", GREEN, controllers=False),))["green"]
    made.down()


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane) -> KubeCluster:
    """Return it as cluster-admin."""
    return plane.cluster(patience=30)


@pytest.fixture(scope="module")
def weave(plane: ControlPlane, cluster: KubeCluster) -> Transport:
    """Apply Weave Net's objects as a stack does, but for what runs; return the API server with its account's rights."""
    stack = parse(StackConfig, STACK.replace("cni: none", "cni: weave"), "stack.yaml")
    for wave in waves(manifests(stack, ROOT / "deploy"))[:-1]:
        deploy(cluster, wave)
    for name in ("green-1", "green-2"):
        make_node(cluster, name)
    admin = load_access(str(plane.kubeconfig), None, cluster="green", relative_to=Path())
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = orjson.loads(Transport(admin, "green", clock=SystemClock()).send("POST", ACCOUNT, orjson.dumps(body)).body)["status"][
        "token"
    ]
    return Transport(as_account(plane, token), "green", clock=SystemClock())


def as_account(plane: ControlPlane, token: str) -> Access:
    """Return the access of a token's account."""
    import yaml

    content = yaml.safe_load(plane.kubeconfig.read_text())
    for user in content["users"]:
        user["user"] = {"token": token}
    file = plane.folder / "account.kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return load_access(str(file), None, cluster="green", relative_to=Path())


def make_node(cluster: KubeCluster, name: str) -> None:
    """Make a node whose kubelet waits for a pod network."""
    cluster.create(NODES, "", orjson.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}), manager="testbed")
    say(cluster, name, "False", "container runtime network not ready")


def say(cluster: KubeCluster, name: str, ready: str, message: str = "") -> None:
    """Let a node's kubelet say whether it is Ready."""
    condition = {"type": "Ready", "status": ready, "reason": "Kubelet", "message": message}
    cluster.patch(NODES, "", name, {"status": {"conditions": [condition]}}, manager="kubelet", subresource="status")


# Weave Net's start


def test_the_first_start_of_every_router_goes_through(weave: Transport, cluster: KubeCluster) -> None:
    """With the objects that come before it, no router has to be started twice; all have one ID and are each other's peers."""
    identities = {Router(weave, name).start() for name in ("green-1", "green-2")}
    found = cluster.get(TYPES["ConfigMap"], SYSTEM, "weave-net")
    assert identities == {found["metadata"]["uid"]}
    assert orjson.loads(found["metadata"]["annotations"]["kube-peers.weave.works/peers"]) == ["green-1", "green-2"]
    assert found["metadata"]["labels"] == {"name": "weave-net"}
    conditions = {item["type"]: item["reason"] for item in cluster.get(NODES, "", "green-1")["status"]["conditions"]}
    assert conditions["NetworkUnavailable"] == "WeaveIsUp"


def test_without_the_configmap_a_first_start_ends(plane: ControlPlane) -> None:
    """Why it is among the objects: even one who may do everything is started a second time, which makes it."""
    admin = Transport(load_access(str(plane.kubeconfig), None, cluster="green", relative_to=Path()), "green", clock=SystemClock())
    elsewhere = Router(Moved(admin), "green-9")
    with pytest.raises(RouterEnded, match=r"to infer unique cluster ID: .*not found"):
        elsewhere.start()


class Moved(Transport):
    """An API server whose ConfigMap weave-net is one of a name that nobody has made."""

    def __init__(self, admin: Transport) -> None:
        self._admin = admin

    def send(self, method: str, path: str, body: bytes | None = None, **more: Any) -> Any:
        """Send a request."""
        return self._admin.send(method, path.replace("configmaps/weave-net", "configmaps/weave-none"), body, **more)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/api/v1/namespaces/{SYSTEM}/configmaps"),
        ("DELETE", f"/api/v1/namespaces/{SYSTEM}/configmaps/weave-net"),
        ("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps"),
        ("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps/extension-apiserver-authentication"),
        ("PUT", f"/api/v1/namespaces/{SYSTEM}/configmaps/extension-apiserver-authentication"),
        ("GET", f"/api/v1/namespaces/{SYSTEM}/secrets"),
        ("GET", "/api/v1/secrets"),
        ("POST", f"/api/v1/namespaces/{SYSTEM}/pods"),
        ("DELETE", "/api/v1/nodes/green-1"),
    ],
)
def test_a_router_may_do_nothing_else(weave: Transport, method: str, path: str) -> None:
    """A right to create could not be held to one name."""
    body = (
        orjson.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "weave-net"}})
        if method in ("POST", "PUT")
        else None
    )
    with pytest.raises(ForbiddenError):
        weave.send(method, path, body)


def test_the_rights_in_kube_system_are_two_verbs_on_one_object(weave: Transport) -> None:
    """As the API server itself counts them."""
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": SYSTEM}}
    rules = orjson.loads(weave.send("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", orjson.dumps(body)).body)
    of_maps = [rule for rule in rules["status"]["resourceRules"] if "configmaps" in rule.get("resources", ())]
    assert of_maps == [{"verbs": ["get", "update"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["weave-net"]}]


# What a node waits for


@pytest.fixture
def control_plane_host(tmp_path: Path, plane: ControlPlane, kubectl: str) -> ShellHost:
    """Return a host with the administrator's kubeconfig and a real kubectl."""
    host = ShellHost(tmp_path)
    host.write("/etc/kubernetes/admin.conf", plane.kubeconfig.read_bytes(), mode=0o600)
    host.program("kubectl", f'#!/bin/sh\nexec {shlex.quote(kubectl)} --cache-dir={shlex.quote(str(tmp_path / "cache"))} "$@"\n')
    return host


def test_a_node_s_own_pods_tell_what_it_waits_for(cluster: KubeCluster, control_plane_host: ShellHost) -> None:
    """From an image that is pulled, over a container that ends, to Ready: the words follow the objects, by a real kubectl."""
    node, name = "waits-1", "weave-net-abcde"
    make_node(cluster, node)
    until(lambda: bool(_account(cluster)))
    assert waits_for(control_plane_host, node) == "container runtime network not ready"
    spec = {
        "nodeName": node,
        "hostNetwork": True,
        "initContainers": [{"name": "await-api", "image": "docker.io/x/weave-kube:2.9.0"}],
        "containers": [{"name": "weave", "image": "docker.io/x/weave-kube:2.9.0"}],
    }
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": SYSTEM}, "spec": spec}
    pod = cluster.create(TYPES["Pod"], SYSTEM, orjson.dumps(body), manager="kube-controller-manager")
    where = f"{SYSTEM}/{name}: "
    assert waits_for(control_plane_host, node) == f"{where}its kubelet has not begun with it"

    state(cluster, name, {"waiting": {"reason": "PodInitializing"}})
    assert waits_for(control_plane_host, node) == f"{where}init container await-api is about to start"
    event(cluster, pod, "Pulling", 'Pulling image "docker.io/x/weave-kube:2.9.0"')
    assert waits_for(control_plane_host, node) == f"{where}image docker.io/x/weave-kube:2.9.0 is being pulled"
    said = "Back-off pulling image"
    state(cluster, name, {"waiting": {"reason": "ImagePullBackOff", "message": said}})
    assert waits_for(control_plane_host, node) == f"{where}image docker.io/x/weave-kube:2.9.0 of init container await-api: {said}"
    state(cluster, name, {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
    assert waits_for(control_plane_host, node) == f"{where}init container await-api runs"
    say(cluster, node, "True")
    await_ready([node], control_plane_host, 60, lambda _: None)


def _account(cluster: KubeCluster) -> bool:
    """Make the account that pods need, which a controller makes otherwise."""
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": SYSTEM}}
    return bool(cluster.create(TYPES["ServiceAccount"], SYSTEM, orjson.dumps(body), manager="testbed"))


def state(cluster: KubeCluster, pod: str, of_init: dict[str, Any]) -> None:
    """Let the kubelet tell the state of a pod's init container."""
    status = {"name": "await-api", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": of_init}
    cluster.patch(
        TYPES["Pod"], SYSTEM, pod, {"status": {"initContainerStatuses": [status]}}, manager="kubelet", subresource="status"
    )


def event(cluster: KubeCluster, pod: dict[str, Any], reason: str, message: str) -> None:
    """Let the kubelet tell of a pod's init container."""
    metadata = pod["metadata"]
    about = {"kind": "Pod", "apiVersion": "v1", "namespace": SYSTEM, "name": metadata["name"], "uid": metadata["uid"]}
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{reason.lower()}", "namespace": SYSTEM},
        "involvedObject": {**about, "fieldPath": "spec.initContainers{await-api}"},
        "reason": reason,
        "message": message,
        "type": "Normal",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    events = next(item for item in cluster.resources() if item.kind == "Event" and item.group == "")
    cluster.create(events, SYSTEM, orjson.dumps(body), manager="kubelet")
