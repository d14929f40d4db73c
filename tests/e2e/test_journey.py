"""The whole journey on real nodes: two clusters made by Pulumi, a move under load, back, there again, blue retired."""

from __future__ import annotations

import os
import sys
from typing import Any

import orjson
import yaml

from migrator.testbed.balancer import Balancer, balancing
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.support.journey import PORT, Journey, cluster, ready_pods, shop
from tests.support.project import ROOT, Project
from tests.support.sandbox import until
from tests.support.traffic_section import through

SECONDS = 150


def test_a_cluster_moves_to_the_next_minor_and_back_and_loses_no_request(project: Project) -> None:
    """From empty hosts to traffic on green, rollback, green again, blue retired and destroyed: zero failed requests."""
    journey = Journey(project)
    with journey.step("boot nodes"):
        project.lab("blue", 2, BLUE)
        project.lab("green", 2, GREEN)
    for name, version in (("blue", BLUE), ("green", GREEN)):
        project.stack(name, project.settings(name, version, migratorRole=name))
        with journey.step(f"pulumi up {name}"):
            project.up(name)
    with journey.step("second pulumi up green"):
        project.up("green")
    assert set(project.changes("green")) == {"same"}

    with journey.step("shop on blue"):
        deploy(cluster(project, "blue"), shop())
        until(lambda: ready_pods(project, "blue") == 2)
    addresses = {name: project.labs[name].status().machines[1].address for name in ("blue", "green")}
    with balancing(
        project.folder / "haproxy", blue=f"{addresses['blue']}:{PORT}", green=f"{addresses['green']}:{PORT}"
    ) as balancer:
        (project.folder / "migration.yaml").write_text(yaml.safe_dump(migration(balancer)))
        for verb in ("plan", "copy", "validate"):
            with journey.step(verb):
                journey.migrator(verb)
        assert ready_pods(project, "green") == 2
        for verb in ("cutover", "rollback"):
            with journey.step(verb), journey.under_load(verb, balancer):
                journey.migrator(verb, "--yes")
        with journey.step("cutover again"), journey.under_load("cutover again", balancer):
            journey.migrator("validate")
            journey.migrator("cutover", "--yes")
        with journey.step("retire"):
            journey.migrator("retire", "--yes")
        with journey.step("pulumi destroy blue"), journey.under_load("destroy", balancer):
            project.engine.run("destroy", "--yes", "--skip-preview", "--stack", "blue")
    result = journey.result()
    print(f"\nthe whole journey: {result['requests']} requests, {result['failed_requests']} failed", file=sys.__stderr__)
    assert [failure for seen in journey.loads.values() for failure in seen.failures] == []
    assert project.labs["blue"].status().running, "destroy leaves the hosts on"
    if os.environ.get("MIGRATOR_WRITE_RESULTS"):
        (ROOT / "benchmarks/results/journey.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


def migration(balancer: Balancer) -> dict[str, Any]:
    """Return the file of this move."""
    return {
        "apiVersion": "migrator/v1",
        "name": "journey",
        "blue": {"stack": "blue"},
        "green": {"stack": "green"},
        "move": {"namespaces": {"include": ["shop"]}},
        "probes": [{"name": "front page", "http": {"url": f"http://127.0.0.1:{balancer.port}/"}}],
        "traffic": {"haproxy": through(balancer), "steps": [25, 50, 100], "soak": "2s"},
        "gates": {"readyTimeout": "2m"},
        "retire": {"soak": "0s"},
    }
