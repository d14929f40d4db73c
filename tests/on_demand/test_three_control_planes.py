"""Three control planes go to the next minor one by one and back, first without loss, then to a snapshot that all of them restore."""

from __future__ import annotations

import json
import os
import sys

from migrator.testbed.versions import BLUE, GREEN
from tests.support.api_probe import ApiProbe
from tests.support.journey import Journey
from tests.support.journey import cluster as reached
from tests.support.project import Project
from tests.support.results import add_figures
from tests.support.writes import lost, write

WRITES = 10_000
MEMBERS = (
    "-n kube-system exec etcd-ha-1 -- etcdctl --cacert=/etc/kubernetes/pki/etcd/ca.crt "
    "--cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key"
)


def versions(project: Project) -> dict[str, str]:
    """Return each node's version."""
    items = json.loads(project.kubectl("ha", "get nodes -o json"))["items"]
    return {item["metadata"]["name"]: item["status"]["nodeInfo"]["kubeletVersion"] for item in items}


def test_three_control_planes_go_forward_and_back(project: Project) -> None:
    """Before the new minor is raised no write is lost; after it what was written before the hop is there; etcd has three members."""
    journey = Journey(project)
    project.lab("ha", 3, BLUE)
    project.labs["ha"].up(3, (BLUE, GREEN))
    settings = project.settings("ha", BLUE)
    cluster = settings["config"]["migrator:cluster"]
    for node in cluster["nodes"]:
        node |= {"role": "control-plane", "taints": []}
    # In life a load balancer or a virtual address; here the first one stands for it.
    cluster["endpoint"] = f"{cluster['nodes'][0]['address']}:6443"
    project.stack("ha", settings)
    with journey.step("pulumi up"):
        project.up("ha")
    project.kubectl("ha", "create configmap before --from-literal=a=b")
    common = ("--stack", "ha", "--to", GREEN, "--yes", "-o", "json")
    with journey.step("upgrade, held"), ApiProbe(*(node["address"] for node in cluster["nodes"])) as api:
        assert json.loads(journey.migrator("upgrade", "run", "--hold", *common))["state"] == "paused"
    print(f"\nthree control planes: {api.answers} answers, {len(api.gaps)} gaps while each changed", file=sys.__stderr__)
    assert api.answers > 100, "the probe has seen nothing"
    assert api.gaps == [], "another one answers meanwhile"
    expected = write(reached(project, "ha"), WRITES)
    with journey.step("rollback without loss"):
        journey.migrator("upgrade", "rollback", "--stack", "ha", "--yes")
    gone = lost(reached(project, "ha"), expected)
    print(f"\nthree control planes: {gone} of {WRITES} writes lost on the way back", file=sys.__stderr__)
    assert gone == 0
    assert f'"v{BLUE}"' in project.kubectl("ha", "get --raw /version")
    with journey.step("upgrade"):
        done = json.loads(journey.migrator("upgrade", "run", *common))
    assert done["state"] == "done"
    assert versions(project) == dict.fromkeys(("ha-1", "ha-2", "ha-3"), f"v{GREEN}")
    project.kubectl("ha", "create configmap after --from-literal=a=b")
    with journey.step("rollback"):
        journey.migrator("upgrade", "rollback", "--stack", "ha", "--yes")
    assert versions(project) == dict.fromkeys(("ha-1", "ha-2", "ha-3"), f"v{BLUE}")
    names = project.kubectl("ha", "get configmaps -o name").split()
    assert "configmap/before" in names
    assert "configmap/after" not in names
    health = json.loads(project.kubectl("ha", f"{MEMBERS} endpoint status --cluster -w json"))
    assert len(health) == 3
    assert len({item["Status"]["header"]["cluster_id"] for item in health}) == 1
    print(f"\nthree control planes: {json.dumps(journey.steps)}", file=sys.__stderr__)
    if os.environ.get("MIGRATOR_WRITE_RESULTS"):
        figures = {
            "steps": journey.steps,
            "api_gaps": len(api.gaps),
            "writes_counted": WRITES,
            "writes_lost": gone,
            "load": round(os.getloadavg()[0], 1),
        }
        add_figures("upgrade.json", {"three_control_planes": figures})
