"""`status` and `report` of journals that version 0.1.0 has written: the JSON that it printed of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import run
from tests.support.journals import JOURNALS_0_1_0, REPORTS_0_1_0

STACK = """
config:
  migrator:cluster:
    kubernetesVersion: 1.36.3
    packages: {cri-o: 1.36.1, crictl: 1.36.0, cni-plugins: 1.9.1}
    packageSource: dist/packages
    ssh: {user: root, key: key}
    nodes:
      - {name: green-1, address: 192.0.2.1, role: control-plane}
    podSubnet: 10.32.0.0/12
    serviceSubnet: 10.96.0.0/16
"""


@pytest.fixture
def migration(tmp_path: Path) -> list[str]:
    """Return the options that name a migration with a journal of 0.1.0."""
    (tmp_path / "migration.yaml").write_text("name: shop\nblue: {kubeconfig: k}\ngreen: {kubeconfig: k}\n")
    shutil.copy(JOURNALS_0_1_0 / "migration-0.1.0.jsonl", tmp_path / "journal.jsonl")
    return ["-c", str(tmp_path / "migration.yaml"), "--state-dir", str(tmp_path)]


@pytest.fixture
def upgrade(tmp_path: Path) -> list[str]:
    """Return the options that name a stack with a journal of 0.1.0."""
    (tmp_path / "Pulumi.blue.yaml").write_text(STACK)
    shutil.copy(JOURNALS_0_1_0 / "upgrade-0.1.0.jsonl", tmp_path / "journal.jsonl")
    return ["--file", str(tmp_path / "Pulumi.blue.yaml"), "--state-dir", str(tmp_path)]


def test_status_of_a_migration(migration: list[str], tmp_path: Path) -> None:
    """Key by key what 0.1.0 printed, and what an interruption has left open."""
    code, out, _ = run("status", *migration, "--output", "json")
    assert code == 0
    assert orjson.loads(out) == {
        "migration": "shop",
        "stage": "retired",
        "greenPercent": 100.0,
        "greenPercentNow": None,
        "unknown": [],
        "next": None,
        "objects": 8,
        "unfinished": [],
        "oneSide": [
            {"object": "CronJob.batch/shop/nightly", "group": "CronJob", "runsOn": "green", "runsOnNow": None, "lastWrittenBy": {}}
        ],
        "guards": {},
        "rollbackLoses": [],
        "goodVerdictAt": "2026-10-26T07:33:33+00:00",
        "onGreenSince": "2026-10-26T07:33:43+00:00",
        "lastEvent": "2026-10-26T07:33:48+00:00",
        "journal": str(tmp_path / "journal.jsonl"),
    }
    _, text, _ = run("status", *migration)
    assert text.startswith("shop: retired; 100 % of traffic on green\n8 objects on green")


def test_status_after_an_interruption_names_what_is_not_known_and_the_command_that_goes_on(
    migration: list[str], tmp_path: Path
) -> None:
    """An announcement is not a fact; a load balancer that does not answer is no reason to be silent."""
    haproxy = "{socket: no.sock, backend: b, blue: [x], green: [y], stateFile: f}"
    with (tmp_path / "migration.yaml").open("a") as file:
        file.write(f"traffic: {{haproxy: {haproxy}}}\n")
    lines = (tmp_path / "journal.jsonl").read_text().splitlines(keepends=True)
    begun = next(number for number, line in enumerate(lines) if '"shift"' in line)
    (tmp_path / "journal.jsonl").write_text("".join(lines[: begun + 1]))
    code, text, _ = run("status", *migration)
    assert code == 0
    assert "shop: cutting over; 0 % of traffic on green" in text
    assert "unknown what the load balancer does: haproxy: " in text
    assert re.search(r"unknown \d+ % of the traffic on green was announced and not confirmed", text)
    assert "run `migrator cutover` to continue" in text


def test_status_of_an_upgrade(upgrade: list[str]) -> None:
    """Key by key what 0.1.0 printed."""
    code, out, _ = run("upgrade", "status", *upgrade, "--output", "json")
    document = orjson.loads(out)
    packages = [hop.pop("packages") for hop in document["hops"]]
    assert code == 0
    assert document == {
        "state": "rolled back",
        "to": "1.37.2",
        "hops": [
            {"from": "1.35.4", "to": "1.36.3", "workers": True, "done": False},
            {"from": "1.36.3", "to": "1.37.2", "workers": True, "done": False},
        ],
        "cordoned": [],
        "lastStep": "green-2: kubelet restarted",
    }
    assert packages[0] == {"kubernetes": "1.36.3", "cri-o": "1.37.0", "crictl": "1.37.0"}


@pytest.mark.parametrize(("verb", "journal"), [(["report"], "migration"), (["upgrade", "report"], "upgrade")])
def test_report_prints_and_writes_the_same_json(
    request: pytest.FixtureRequest, tmp_path: Path, verb: list[str], journal: str
) -> None:
    """What 0.1.0 made of these journals, on the screen and beside the page."""
    options: list[str] = request.getfixturevalue(journal)
    code, out, _ = run(*verb, *options, "--output", "json", "--out", str(tmp_path / "page.html"))
    expected = orjson.loads((REPORTS_0_1_0 / f"{journal}-0.1.0.json").read_bytes())
    assert (code, orjson.loads(out)) == (0, expected)
    assert orjson.loads((tmp_path / "page.json").read_bytes()) == expected
    assert (tmp_path / "page.html").read_text().endswith("</html>\n")


@pytest.mark.parametrize("verb", ["status", "report"])
def test_a_line_that_is_no_record_ends_with_its_number_and_a_hint(migration: list[str], tmp_path: Path, verb: str) -> None:
    """Nothing is shown of a journal that is not understood as a whole."""
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"at":1,"event":"teleported"}\n')
    code, out, err = run(verb, *migration)
    assert (code != 0, out) == (True, "")
    assert "journal.jsonl:79: unknown record `teleported`" in err.replace("\n", "")
    assert "--state-dir" in err
