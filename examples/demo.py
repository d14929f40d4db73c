"""The main job, on real control planes: a shop moves from blue to green, back, and to green again, under load.

`make demo` runs it. Everything that it writes lies in one folder; the testbed is ended at the end.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml
from demo_one_side import be_refused, external_dns, show
from demo_traffic import KINDS, Edge
from shop import shop

from migrator.kube.cluster import KubeCluster
from migrator.testbed.balancer import Load
from migrator.testbed.binaries import Store
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.planes.pair import Testbed, default_cache
from migrator.testbed.versions import BLUE, GREEN


def main() -> int:
    """Run the demo; return 0 when every step did what it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("demo"), help="folder of everything that the demo writes")
    parser.add_argument("--keep", action="store_true", help="leave the testbed running")
    parser.add_argument("--traffic", choices=sorted(KINDS), default="haproxy", help="what traffic moves through")
    options = parser.parse_args()
    folder = options.dir.absolute()
    testbed = Testbed(folder / "testbed", Store(default_cache(), _say), _say)
    began = time.monotonic()
    try:
        testbed.down()
        shutil.rmtree(folder / ".migrator", ignore_errors=True)  # the journal of clusters that are gone
        _say(f"1. Two real control planes: blue {BLUE}, green {GREEN} (the first time, their binaries are fetched or built)")
        planes = testbed.up((Recipe("blue", BLUE), Recipe("green", GREEN)))
        _say("2. A shop on blue")
        sides = {name: plane.cluster(patience=30) for name, plane in planes.items()}
        made = deploy(sides["blue"], [*shop(), external_dns()])
        print(f"   {len(made)} objects of {len({item['kind'] for item in made})} kinds")
        shutil.rmtree(folder / "traffic", ignore_errors=True)
        with KINDS[options.traffic](folder / "traffic") as edge:
            _migrate(folder, testbed, edge, sides)
    finally:
        if not options.keep:
            testbed.down()
    print(f"\nDone in {time.monotonic() - began:.0f} s. Open the report: {folder / 'report.html'}")
    return 0


def _migrate(folder: Path, testbed: Testbed, edge: Edge, sides: dict[str, KubeCluster]) -> None:
    _write_config(folder, testbed, edge)
    _say("3. plan: what would happen to every object, before anything is written")
    _run(folder, "plan", "--out", "plan.json")
    _say("4. copy: in dependency waves, in parallel")
    _run(folder, "copy", "--plan", "plan.json")
    _say("   again: only what has changed since")
    _run(folder, "copy")
    show(sides)
    be_refused(sides["green"])
    _say("5. validate: is green ready?")
    _run(folder, "validate")
    with edge.loaded() as seen:
        _say("6. cutover, under load, step by step")
        _run(folder, "cutover", "--yes")
        show(sides)
        be_refused(sides["blue"])
        _say("7. rollback: at once")
        _run(folder, "rollback")
        show(sides)
        _say("8. and to green again")
        _run(folder, "validate")
        _run(folder, "cutover", "--yes")
    _tell(seen)
    _say("9. status and report")
    _run(folder, "status")
    _run(folder, "report", "--out", "report.html")
    if edge.may_fail and seen.failures:
        print("   Those that failed were on connections that a move ends.")
    if len(seen.failures) > edge.may_fail:
        raise SystemExit(f"{len(seen.failures)} requests failed, such as: {seen.failures[0]}")


def _write_config(folder: Path, testbed: Testbed, edge: Edge) -> None:
    """Write migration.yaml."""
    kubeconfig = str(testbed.kubeconfig)
    config = {
        "apiVersion": "migrator/v1",
        "name": "shop",
        "blue": {"kubeconfig": kubeconfig, "context": "blue"},
        "green": {"kubeconfig": kubeconfig, "context": "green"},
        "probes": [edge.probe],
        "traffic": edge.traffic,
        "cutover": {"guard": ["green", "blue"]},
        "gates": {"errorRate": "1%", "latency": "0.5s", "readyTimeout": "2m"},
        "retire": {"soak": "24h"},
    }
    (folder / "migration.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def _tell(seen: Load) -> None:
    shares = ", ".join(f"{number} by {name}" for name, number in sorted(seen.answers.items()))
    print(f"   {seen.requests} requests, {len(seen.failures)} failed; answered {shares}; longest gap {seen.longest_gap_ms:.0f} ms")


def _run(folder: Path, *arguments: str) -> None:
    print(f"   $ migrator {' '.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "migrator", *arguments], cwd=folder, check=False)
    if done.returncode:
        raise SystemExit(f"migrator {arguments[0]} ended with {done.returncode}")


def _say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
