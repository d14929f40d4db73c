"""Preparing a build host, on a whole emulated machine: a real kernel with zram, swap and CPUs that go off and on."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.commands import run
from migrator.testbed.binaries import Store
from migrator.testbed.machines.lab import Lab
from tests.support.project import ROOT, say
from tests.support.sandbox import until

NAME = "build-1"
WORK = "/var/tmp/work"  # noqa: S108 - on the machine that is thrown away
DRIVER = f"""
import json, pathlib, sys, time
sys.path.insert(0, "/opt")
from migrator.packages.host import Preparation, prepare, read_host
from migrator.packages.prepare_host import prepared, undo_leftovers

def state():
    swaps = [line.split()[0] for line in pathlib.Path("/proc/swaps").read_text().splitlines()[1:]]
    online = pathlib.Path("/sys/devices/system/cpu/online").read_text().strip()
    return {{"swaps": swaps, "online": online, "file": pathlib.Path("{WORK}/swap").exists()}}

work = pathlib.Path("{WORK}")
work.mkdir(exist_ok=True)
before = state()
host = read_host(work)
planned = prepare(host)
wanted = Preparation(jobs=1, zram=planned.zram, swap_file=256, offline=(1,), reasons=(), shortage="")
if sys.argv[1] == "undo":
    print(json.dumps({{"undone": undo_leftovers(work), "after": state()}}))
    sys.exit()
with prepared(wanted, work):
    during = state()
    if sys.argv[1] == "hang":
        pathlib.Path("{WORK}/ready").touch()
        time.sleep(3600)
print(json.dumps({{"before": before, "during": during, "after": state(), "zram": planned.zram, "cpus": len(host.cpus)}}))
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Boot a machine of 1.5 GB, with this code on it."""
    from migrator.testbed.planes.pair import default_cache

    folder = tmp_path_factory.mktemp("build-host") / "lab"
    lab = Lab(folder, "build", Store(default_cache(), say), say, emulate="amd64", memory=1536)
    try:
        lab.up(1, ())
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            archive.add(ROOT / "migrator", "migrator", filter=lambda item: None if "__pycache__" in item.name else item)
        send(lab, "sudo tar -xzf - -C /opt", content.getvalue())
        send(lab, "sudo tee /opt/driver.py >/dev/null", DRIVER.encode())
        yield lab
    finally:
        lab.down()


def send(lab: Lab, command: str, content: bytes) -> None:
    """Run a command there that reads these bytes."""
    subprocess.run(lab.command(NAME, command), input=content, check=True, capture_output=True)


def there(lab: Lab, command: str) -> str:
    """Run a command there as root."""
    return run(lab.command(NAME, f"sudo sh -c {shlex.quote(command)}"))


def driver(lab: Lab, verb: str) -> dict[str, Any]:
    """Run the driver and return what it says."""
    return dict(json.loads(there(lab, f"python3 /opt/driver.py {verb}").splitlines()[-1]))


def test_zram_swap_and_cpus_are_as_before_when_a_build_ends(machine: Lab) -> None:
    """A board of 1.5 GB gets compressed swap and a swap file, and CPUs go off; afterwards nothing of it is left."""
    seen = driver(machine, "once")
    assert seen["cpus"] == 2
    assert seen["zram"] > 1000
    assert seen["before"] == {"swaps": [], "online": "0-1", "file": False}
    assert f"{WORK}/swap" in seen["during"]["swaps"]
    assert any(device.startswith("/dev/zram") for device in seen["during"]["swaps"])
    assert len(seen["during"]["swaps"]) == 2
    assert seen["during"]["online"] == "0"
    assert seen["after"] == seen["before"]


def test_what_a_killed_build_left_is_undone_by_the_next_one(machine: Lab) -> None:
    """SIGKILL in the middle: swap and CPUs stay as they were made, until the record is found."""
    there(machine, f"rm -f {WORK}/ready; nohup python3 /opt/driver.py hang >/dev/null 2>&1 & echo $! > /run/driver.pid")
    until(lambda: there(machine, f"test -e {WORK}/ready && echo yes || true").strip() == "yes")
    there(machine, "kill -9 $(cat /run/driver.pid)")
    assert there(machine, "cat /sys/devices/system/cpu/online").strip() == "0"
    assert len(there(machine, "cat /proc/swaps").splitlines()) == 3
    seen = driver(machine, "undo")
    assert [text.split()[0] for text in seen["undone"]] == ["cpu", "swap-file", "zram"]
    assert seen["after"] == {"swaps": [], "online": "0-1", "file": False}


def test_after_a_power_cut_the_record_is_undone_without_harm(machine: Lab) -> None:
    """The machine was off: what the record names is gone already, but for the swap file."""
    there(machine, f"rm -f {WORK}/ready; nohup python3 /opt/driver.py hang >/dev/null 2>&1 & true")
    until(lambda: there(machine, f"test -e {WORK}/ready && echo yes || true").strip() == "yes")
    there(machine, "sync")
    machine.power_off(NAME)
    machine.up(1, ())
    assert Path(WORK).name in there(machine, f"ls -d {WORK}")
    seen = driver(machine, "undo")
    assert seen["after"] == {"swaps": [], "online": "0-1", "file": False}
