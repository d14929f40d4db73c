"""Two minors in one go, the worker skipping the one in between."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from migrator.testbed.binaries import Store
from migrator.testbed.machines.supplies import packages
from migrator.testbed.versions import BLUE, GREEN
from tests.support.journey import Journey, configure_upgrade
from tests.support.project import Project

OLDEST = "1.35.4"


@pytest.fixture(scope="session")
def supplies(store: Store) -> Path:
    """Return the folder of our packages, for three minors."""
    return packages(store, (OLDEST, BLUE, GREEN))


def test_the_control_plane_goes_through_the_minor_in_between_and_the_worker_does_not(project: Project) -> None:
    """1.35.4 to 1.37.2: the control plane by 1.36.3, the worker at once with the last hop."""
    journey = Journey(project)
    with journey.step("boot nodes"):
        project.lab("blue", 2, OLDEST)
        project.labs["blue"].up(2, (OLDEST, BLUE, GREEN))
    configure_upgrade(project, OLDEST)
    with journey.step("pulumi up"):
        project.up("blue")
    common = ("--stack", "blue", "--to", GREEN, "--workers", "last")
    plan = json.loads(journey.migrator("upgrade", "plan", *common, "-o", "json"))
    assert [(hop["from"], hop["to"], hop["workers"]) for hop in plan["hops"]] == [(OLDEST, BLUE, False), (BLUE, GREEN, True)]
    with journey.step("two hops"):
        done = json.loads(journey.migrator("upgrade", "run", *common, "--yes", "-o", "json"))
    assert {node["name"]: (node["version"], node["ready"], node["cordoned"]) for node in done["nodes"]} == dict.fromkeys(
        ("blue-1", "blue-2"), (GREEN, True, False)
    )
    lines = [json.loads(line) for line in (project.folder / ".migrator/upgrade-blue/journal.jsonl").read_text().splitlines()]
    drained = [(line["hop"], line["node"]) for line in lines if line["event"] == "step" and line["action"] == "drain"]
    first, second = f"{OLDEST}-to-{BLUE}", f"{BLUE}-to-{GREEN}"
    assert drained == [(first, "blue-1"), (second, "blue-1"), (second, "blue-2")]
    print(f"\ntwo hops: {json.dumps(journey.steps)}", file=sys.__stderr__)
