"""Three control planes: each joins etcd, one after the other, and one may die."""

from __future__ import annotations

import json

import pytest

from migrator.adapters.commands import run
from migrator.testbed.versions import GREEN
from tests.support.project import Project
from tests.support.sandbox import until

SECONDS = 170
LEFT = "ls /etc/kubernetes/kubelet.conf /var/lib/migrator/node.json 2>/dev/null; true"
ETCDCTL = (
    "-n kube-system exec etcd-ha-1 -- etcdctl --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt "
    "--key=/etc/kubernetes/pki/etcd/server.key member list -w json"
)


@pytest.mark.on_demand
def test_three_control_planes_join_and_survive_the_loss_of_one(project: Project) -> None:
    """Etcd has three members and answers with two; a dead one is taken out; a cluster that is dead is destroyed where it answers."""
    lab = project.lab("ha", 3, GREEN)
    settings = project.settings("ha", GREEN, storageClass={"name": "fast", "provisioner": "example.com/fast"})
    cluster = settings["config"]["migrator:cluster"]
    for node in cluster["nodes"]:
        node["role"] = "control-plane"
    # In life this is a load balancer or a virtual address; here the first one stands for it, and another one is lost.
    cluster["endpoint"] = f"{cluster['nodes'][0]['address']}:6443"
    project.stack("ha", settings)
    project.up("ha")
    items = json.loads(project.kubectl("ha", "get nodes -l node-role.kubernetes.io/control-plane -o json"))["items"]
    assert {item["metadata"]["name"] for item in items} == {"ha-1", "ha-2", "ha-3"}
    assert members(project) == {"ha-1", "ha-2", "ha-3"}
    lab.power_off("ha-3")
    run(lab.command("ha-1", "sudo kubectl --kubeconfig=/etc/kubernetes/admin.conf create namespace still-here"))
    until(lambda: "still-here" in project.kubectl("ha", "get namespaces"))

    cluster["nodes"] = cluster["nodes"][:2]
    project.stack("ha", settings)
    said = project.up("ha")
    assert "ha-3: its etcd member is removed" in said
    assert members(project) == {"ha-1", "ha-2"}

    lab.power_off("ha-1")
    said = project.engine.run("destroy", "--yes", "--skip-preview", "--stack", "ha")
    assert "ha-2: its cluster does not answer and still counts it as a node" in said
    assert "ha-1 at" in said
    assert "its disk still has the cluster's files" in said
    assert project.root("ha-2", LEFT).split() == []


def members(project: Project) -> set[str]:
    """Return the names of etcd's members."""
    return {item["name"] for item in json.loads(project.kubectl("ha", ETCDCTL))["members"]}
