"""A cluster whose API server does not share its port, as kubeadm makes it: one announced restart, and the hop goes on as any other."""

from __future__ import annotations

import base64
import json
import sys

import yaml

from migrator.model.kubeadm import PORT_SHARING
from migrator.testbed.versions import BLUE, GREEN
from tests.support.api_probe import ApiProbe, causes
from tests.support.journey import Journey, configure_upgrade
from tests.support.project import Project
from tests.support.sandbox import until

FLAG = f"--{PORT_SHARING}"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
ANNOUNCED = f"the API server restarts once, and shares its port from then on ({FLAG}=true)"
CONFIGURATION = "-n kube-system get configmap kubeadm-config -o json"


def running(project: Project) -> str:
    """Return the command lines of the API servers that run."""
    return project.root("blue-1", "pgrep -a -x kube-apiserver; true")


def without_the_flag(project: Project) -> None:
    """Make the control plane one that kubeadm alone has made, and wait for its API server."""
    found = json.loads(project.kubectl("blue", CONFIGURATION))
    settings = yaml.safe_load(found["data"]["ClusterConfiguration"])
    settings["apiServer"]["extraArgs"] = [
        item for item in settings["apiServer"].get("extraArgs", ()) if item["name"] != PORT_SHARING
    ]
    patch = base64.b64encode(json.dumps({"data": {"ClusterConfiguration": yaml.safe_dump(settings)}}).encode()).decode()
    project.root("blue-1", f"echo {patch} | base64 -d > /root/patch.json")
    project.kubectl("blue", "-n kube-system patch configmap kubeadm-config --type=merge --patch-file=/root/patch.json")
    # The kubelet reads every file of the folder: a new one is written beside it and moved in.
    project.root("blue-1", f"sed /{PORT_SHARING}/d {MANIFEST} > /root/api.yaml && mv /root/api.yaml {MANIFEST}")
    until(lambda: "--secure-port" in (said := running(project)) and FLAG not in said, seconds=300)
    ready = "kubectl --kubeconfig=/etc/kubernetes/admin.conf get --raw /readyz; true"
    until(lambda: project.root("blue-1", ready) == "ok", seconds=300)


def test_one_announced_restart_makes_it_share_its_port_and_later_ones_are_not_noticed(project: Project) -> None:
    """From then on a second server answers, as where `pulumi up` has made the cluster; and the setting stays in ClusterConfiguration."""
    journey = Journey(project)
    project.lab("blue", 2, BLUE)
    project.labs["blue"].up(2, (BLUE, GREEN))
    configure_upgrade(project, BLUE)
    with journey.step("pulumi up"):
        project.up("blue")
    without_the_flag(project)
    address = next(machine.address for machine in project.labs["blue"].status().machines if machine.name == "blue-1")
    with journey.step("upgrade run --hold"), ApiProbe(address) as api:
        journey.migrator("upgrade", "run", "--stack", "blue", "--to", GREEN, "--hold", "--yes")
    told = list(causes(api, project, "blue-1", project.folder / ".migrator/upgrade-blue/journal.jsonl"))
    print("\n".join((*told, f"away {api.away:.1f} s in all, {api.longest:.1f} s at a time")), file=sys.__stderr__)
    assert journey.said.count(ANNOUNCED) == 1
    assert "the second API server is gone" in journey.said
    assert f"{FLAG}=true" in project.root("blue-1", f"cat {MANIFEST}")
    assert PORT_SHARING in project.kubectl("blue", CONFIGURATION)
    answered = project.root("blue-1", "journalctl -u migrator-second-api --no-pager | grep -c Started")
    assert int(answered) >= 2, "at the announced restart, and at the hop's own"
    with journey.step("upgrade finish"):
        journey.migrator("upgrade", "finish", "--stack", "blue", "--yes")
    assert journey.said.count(ANNOUNCED) == 0
    assert f'"v{GREEN}"' in project.kubectl("blue", "get --raw /version")
