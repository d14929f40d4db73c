"""Three control planes: each joins etcd, one after the other, and one may die."""

from __future__ import annotations

import json

from migrator.adapters.commands import run
from migrator.testbed.versions import GREEN
from tests.support.project import Project
from tests.support.sandbox import until

SECONDS = 100


def test_three_control_planes_join_and_survive_the_loss_of_one(project: Project) -> None:
    """Etcd has three members, and the cluster answers with two of them."""
    lab = project.lab("ha", 3, GREEN)
    settings = project.settings("ha", GREEN)
    cluster = settings["config"]["migrator:cluster"]
    for node in cluster["nodes"]:
        node["role"] = "control-plane"
    # In life this is a load balancer or a virtual address; here the first one stands for it, and another one is lost.
    cluster["endpoint"] = f"{cluster['nodes'][0]['address']}:6443"
    project.stack("ha", settings)
    project.up("ha")
    items = json.loads(project.kubectl("ha", "get nodes -l node-role.kubernetes.io/control-plane -o json"))["items"]
    assert {item["metadata"]["name"] for item in items} == {"ha-1", "ha-2", "ha-3"}
    certificates = "--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key"
    members = project.kubectl("ha", f"-n kube-system exec etcd-ha-1 -- etcdctl {certificates} member list -w json")
    assert len(json.loads(members)["members"]) == 3
    lab.power_off("ha-3")
    run(lab.command("ha-1", "sudo kubectl --kubeconfig=/etc/kubernetes/admin.conf create namespace still-here"))
    until(lambda: "still-here" in project.kubectl("ha", "get namespaces"))
