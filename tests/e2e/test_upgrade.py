"""An upgrade in place on real nodes under load: no request is lost, settings survive, Pulumi agrees afterwards."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import pytest
import yaml

from migrator.errors import CommandFailedError
from migrator.testbed.balancer import Balancer, balancing
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.support.api_probe import ApiProbe, causes
from tests.support.journey import PORT, Journey, cluster, configure_upgrade, ready_pods, shop
from tests.support.project import Project
from tests.support.results import add_figures
from tests.support.sandbox import until
from tests.support.writes import lost, write

SECONDS = 420
EMULATED = BLUE.rpartition(".")[0]
WRITES = 10_000
"""Between the new control plane and the way back to the old one."""
TAKES_FIGURES = bool(os.environ.get("MIGRATOR_WRITE_RESULTS"))
"""Whether the way back is taken first, too: `make e2e-upgrade`; CI has no time for a third change of the control plane."""

OWN_KUBELET_SETTING = "maxPods: 77"
PATCH = {"spec": {"containers": [{"name": "kube-apiserver", "env": [{"name": "KEPT_BY", "value": "a patch"}]}]}}


def test_a_cluster_goes_to_the_next_minor_in_place_and_loses_no_request(project: Project) -> None:
    """One control plane and one worker, a shop of two replicas with a budget behind HAProxy: zero failed requests."""
    journey = Journey(project)
    with journey.step("boot nodes"):
        project.lab("blue", 2, BLUE)
        project.labs["blue"].up(2, (BLUE, GREEN))
    configure_upgrade(project, BLUE)
    with journey.step("pulumi up"):
        project.up("blue")
    deploy(cluster(project, "blue"), shop())
    until(lambda: ready_pods(project, "blue") == 2)
    # A setting of one kubelet alone, which kubeadm would write over, and one of the API server: both stand in patches.
    project.root("blue-2", f"echo {OWN_KUBELET_SETTING} >> /var/lib/kubelet/config.yaml; systemctl restart kubelet")
    patches = project.folder / "patches"
    patches.mkdir()
    (patches / "kube-apiserver0+strategic.yaml").write_text(yaml.safe_dump(PATCH))
    (patches / "kubeletconfiguration0+merge.yaml").write_text(f"{OWN_KUBELET_SETTING}\n")

    addresses = [machine.address for machine in sorted(project.labs["blue"].status().machines, key=lambda item: item.name)]
    common = ("--stack", "blue", "--to", GREEN, "--patches", str(patches))
    with balancing(project.folder / "haproxy", blue=f"{addresses[0]}:{PORT}", green=f"{addresses[1]}:{PORT}") as balancer:
        with journey.step("upgrade plan"):
            plan = json.loads(journey.migrator("upgrade", "plan", *common, "-o", "json"))
        assert [(hop["from"], hop["to"]) for hop in plan["hops"]] == [(BLUE, GREEN)]
        assert any(f"kube-apiserver:v{GREEN}" in image for image in plan["hops"][0]["images"])
        assert f"kubeadm upgrade apply v{GREEN}" in plan["kubeadm"]["plan"]
        assert f"kube-apiserver:v{GREEN}" in plan["kubeadm"]["diff"]
        assert not plan["blocked"], plan["findings"]
        assert plan["hops"][0]["emulated"] == EMULATED
        lossless = _goes_back_without_loss(journey, balancer, common, addresses[0]) if TAKES_FIGURES else {}
        with journey.step("upgrade run"), journey.under_load("upgrade", balancer), ApiProbe(addresses[0]) as api:
            done = json.loads(journey.migrator("upgrade", "run", *common, "--soak", "5s", "--yes", "-o", "json"))
    assert done["state"] == "done"
    assert {node["name"]: (node["version"], node["ready"], node["cordoned"]) for node in done["nodes"]} == dict.fromkeys(
        ("blue-1", "blue-2"), (GREEN, True, False)
    )
    assert "blue-1: kubelet.maxPods: (absent) → 77" in done["differences"], "the patch is for every kubelet: told where it is new"
    assert not any("maxPods" in text for text in done["differences"] if text.startswith("blue-2"))
    assert OWN_KUBELET_SETTING in project.root("blue-2", "cat /var/lib/kubelet/config.yaml")
    assert "KEPT_BY" in project.root("blue-1", "cat /etc/kubernetes/manifests/kube-apiserver.yaml")
    modes = project.root("blue-1", "stat -c %a /var/lib/migrator/snapshots/*/etcd.db /var/lib/migrator/snapshots/*/settings.tar.gz")
    assert set(modes.split()) == {"600"}

    assert json.loads(journey.migrator("upgrade", "run", *common, "--yes", "-o", "json"))["state"] == "done"
    _pulumi_agrees(project)
    assert "a rollback goes back to the snapshot of" in journey.migrator("upgrade", "status", "--stack", "blue")
    result = journey.result() | {
        **lossless,
        "api_away_seconds": round(api.away + lossless.get("api_away_seconds", 0), 1),
        "api_longest_gap_ms": round(max(api.longest * 1000, lossless.get("api_longest_gap_ms", 0)), 1),
    }
    seen = journey.loads["upgrade"]
    told = (
        f"{seen.requests} requests, {len(seen.failures)} failed; API server away for {api.away:.0f} s, {api.longest:.0f} at a time"
    )
    print(f"\nin place: {told}", file=sys.__stderr__)
    assert api.answers > 100, "the probe has seen nothing"
    _second_servers_are_gone(project)
    assert seen.failures == []
    _tell_causes(journey, api, "whole hop")
    if TAKES_FIGURES:
        add_figures("upgrade.json", result)


def _goes_back_without_loss(journey: Journey, balancer: Balancer, common: tuple[str, ...], address: str) -> dict[str, float]:
    """Write while the new control plane emulates the old minor, and go back; return how many writes are gone, and the seconds."""
    project = journey.project
    with journey.step("upgrade run --hold"), journey.under_load("hold", balancer), ApiProbe(address) as api:
        held = json.loads(journey.migrator("upgrade", "run", *common, "--hold", "--yes", "-o", "json"))
    assert held["state"] == "paused"
    window = json.loads(journey.migrator("upgrade", "status", "--stack", "blue", "-o", "json"))["window"]
    assert (window["emulated"], window["open"], window["hold"], window["ends"]) == (EMULATED, True, True, None)
    said = json.loads(project.kubectl("blue", "get --raw /version"))
    assert (said["gitVersion"], f"{said['emulationMajor']}.{said['emulationMinor']}") == (f"v{GREEN}", EMULATED)
    reached = cluster(project, "blue")
    with journey.step("writes"):
        expected = write(reached, WRITES)
    begun = time.monotonic()
    with journey.step("upgrade rollback"), journey.under_load("rollback", balancer):
        journey.migrator("upgrade", "rollback", "--stack", "blue", "--yes")
    seconds = time.monotonic() - begun
    _tell_causes(journey, api, "held hop")
    assert f'"v{BLUE}"' in project.kubectl("blue", "get --raw /version")
    gone = lost(reached, expected)
    assert gone == 0
    assert [load.failures for load in journey.loads.values()] == [[], []]
    # The new etcd is in this part alone: the rollback keeps it.
    away = {"api_away_seconds": api.away, "api_longest_gap_ms": api.longest * 1000}
    return {"writes_counted": WRITES, "writes_lost": gone, "rollback_seconds": round(seconds, 1), **away}


def _tell_causes(journey: Journey, api: ApiProbe, part: str) -> None:
    """Say what was restarted when the API server was away, and keep it beside the figures, if they are taken."""
    found = list(causes(api, journey.project, "blue-1", journey.project.folder / ".migrator/upgrade-blue/journal.jsonl"))
    print("\n".join(found), file=sys.__stderr__)
    if TAKES_FIGURES:
        add_figures("upgrade-gaps.json", {part: found})


def _second_servers_are_gone(project: Project) -> None:
    answered = project.root("blue-1", "journalctl -u migrator-second-api --no-pager | grep -c Started")
    assert int(answered) >= 3, "static pods, raised, kubelet: a second API server was there each time"
    assert "\nactive" not in "\n" + project.root("blue-1", "systemctl is-active migrator-second-api migrator-second-etcd; true")


def _pulumi_agrees(project: Project) -> None:
    """A stack that still says the old version takes nothing back; one that says the new one changes nothing."""
    with pytest.raises(CommandFailedError) as caught:
        project.up("blue")
    assert f"has kubernetes {GREEN}, newer than the {BLUE} that is asked for" in caught.value.output
    configure_upgrade(project, GREEN)
    project.up("blue")
    project.up("blue")
    assert set(project.changes("blue")) == {"same"}
    nodes: list[dict[str, Any]] = json.loads(project.kubectl("blue", "get nodes -o json"))["items"]
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {f"v{GREEN}"}
