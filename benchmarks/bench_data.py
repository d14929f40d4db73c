"""Copy volumes between two hosts with this tool and with the options of its peers, in turn; each result is a ratio with its bar.

Both sides are ext4 on loop devices in memory, in network namespaces of one machine, over one sshd; minimum of all rounds.
Peers that use rsync are not installed: their options are given to the same rsync, over the same SSH. Restic and rclone run where
they are installed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from migrator.model.volumes import Job, Place, PlaceKind
from migrator.testbed.threads import beside
from migrator.volumes.agent.block import CHUNK
from migrator.volumes.agent.transfer import versions
from migrator.volumes.server import Server
from tests.support.volume_hosts import SpaceHost, VolumePair, volume_pair

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results/data.json"
IN_MEMORY = "/dev/shm"  # noqa: S108
GCM = "aes128-gcm@openssh.com"
PV_MIGRATE = ("rsync", "-az", "--no-inc-recursive")
VOLSYNC = ("rsync", "-aAhHSxz", "--delete")
FULL = ("rsync", "-aHAX", "--numeric-ids")
_T = TypeVar("_T")
_DRIVER = """
import json, sys, time
sys.path.insert(0, {root!r})
from migrator.volumes.agent import transfer
from migrator.volumes.agent.channel import Channel, Line
from migrator.volumes.agent.passes import Pass
from migrator.volumes.agent.settings import Settings
given = json.loads(sys.argv[1])
channel, settings = Channel(Line(**given["line"])), Settings(**given["settings"])
if given["connected"]:
    channel.greet()
begun = time.monotonic()
if given["stream"]:
    transfer.stream(channel, settings.root, lambda _: None)
    found = {{}}
else:
    found = Pass(settings, channel, lambda _: None).run()
channel.hang_up()
print(json.dumps({{"took": time.monotonic() - begun, **found}}))
"""


@dataclass
class Bench:
    """Two hosts, a key, and what was measured."""

    hosts: VolumePair
    key: Path
    rounds: int
    ssh: str = ""
    bars: dict[str, dict[str, Any]] = field(default_factory=dict)

    def open_door(self) -> None:
        """Start a plain SSH server on blue, as an administrator has it."""
        blue = self.hosts.blue
        folder = blue.folder / "plain"
        folder.mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
        shutil.copy(f"{self.key}.pub", folder / "keys")
        (folder / "config").write_text(
            f"ListenAddress {blue.address}\nPort 2022\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/keys\nPidFile none\n"
            "StrictModes no\nPermitRootLogin yes\nUsePAM no\nSubsystem sftp internal-sftp\n"
        )
        blue.run(f"mkdir -p /run/sshd; systemd-run --unit=plain sh -c 'exec /usr/sbin/sshd -D -e -f {folder}/config'")
        self.ssh = (
            f"ssh -F none -i {self.key} -p 2022 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
            "-o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR"
        )
        for _ in range(100):
            if self.hosts.green.ok(f"{self.ssh} root@{blue.address} true"):
                return
            time.sleep(0.1)
        raise SystemExit("the plain SSH server does not answer")

    def paths(self, name: str) -> tuple[Path, Path]:
        """Return the folders of a volume."""
        return self.hosts.blue.folder / "volumes" / name, self.hosts.green.folder / "volumes" / name

    def rsync(self, name: str, words: tuple[str, ...]) -> float:
        """Run rsync on green with these options, and return the seconds."""
        blue, green = self.paths(name)
        return self.timed([*words, "-e", self.ssh, f"root@{self.hosts.blue.address}:{blue}/", f"{green}/"])

    def timed(self, command: list[str]) -> float:
        """Run a command on green, and return the seconds."""
        begun = time.monotonic()
        subprocess.run([*self.hosts.green.inside(), *command], check=True, capture_output=True)
        return time.monotonic() - begun

    def plain_tar(self, name: str) -> float:
        """Run tar through SSH with the fastest cipher, and return the seconds."""
        blue, green = self.paths(name)
        line = f"{self.ssh} -c {GCM} root@{self.hosts.blue.address} tar -C {blue} -cf - . | tar -C {green} -xf -"
        return self.timed(["sh", "-c", line])

    def ours(
        self, name: str, *, stream: bool = False, back: bool = False, connected: bool = False, **settings: Any
    ) -> dict[str, Any]:
        """Run one pass of this tool on its target's host, and return what it says.

        A last pass of a cutover or a rollback is `connected` before its workload stops.
        """
        source, target = (self.hosts.green, self.hosts.blue) if back else (self.hosts.blue, self.hosts.green)
        blue, green = self.paths(name)
        server = Server(f"{name}-{'back' if back else 'there'}")
        serving = server.start(
            source, str(green if back else blue), public_key=Path(f"{self.key}.pub").read_text().strip(), address=source.address,
            client=target.address, port=0, seconds=3600,
        )  # fmt: skip
        known = target.folder / f"known-{name}"
        known.write_text(f"[{source.address}]:{serving.port} {serving.host_key}\n")
        with tempfile.TemporaryDirectory() as sockets:
            line = {
                "address": source.address, "port": serving.port, "user": "root", "key": str(self.key), "known_hosts": str(known),
                "ciphers": GCM, "sockets": sockets,
            }  # fmt: skip
            memory = str(target.folder / "lib" / f"{name}{'-back' if back else ''}")
            given = {
                "line": line,
                "settings": {"root": str(blue if back else green), "memory": memory, **settings},
                "stream": stream,
                "connected": connected,
            }
            command = [*target.inside(), sys.executable, "-c", _DRIVER.format(root=str(ROOT)), json.dumps(given)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        server.stop(source)
        if done.returncode:
            raise SystemExit(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def took(self, name: str, **settings: Any) -> float:
        """Run one pass, and return its seconds."""
        return float(self.ours(name, **settings)["took"])

    def empty(self, name: str) -> None:
        """Empty green's folder, and forget the passes before."""
        _, green = self.paths(name)
        for path in green.iterdir():
            if path.name != "lost+found":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in (self.hosts.green.folder / "lib").glob(f"{name}*"):
            shutil.rmtree(path)

    def in_turn(self, name: str, ways: Mapping[str, Callable[[], float]], *, anew: bool = True) -> dict[str, float]:
        """Run all ways in each round, each first in turn, and return the least seconds of each."""
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        order = list(ways)
        for _ in range(self.rounds):
            for way in order:
                if anew:
                    self.empty(name)
                seconds[way].append(ways[way]())
                print(f"  {name}: {way} {seconds[way][-1]:.2f} s", file=sys.stderr)
            order = [*order[1:], order[0]]
        return {way: round(min(values), 3) for way, values in seconds.items()}

    def bar(self, number: str, what: str, ratio: float, limit: float, *, least: bool, **more: Any) -> None:
        """Keep a ratio: it must be at least, or at most, the bar."""
        good = ratio >= limit if least else ratio <= limit
        self.bars[number] = {
            "what": what,
            "ratio": round(ratio, 3),
            "bar": limit,
            "better": "more" if least else "less",
            "good": good,
            **more,
        }
        print(f"{number}: {ratio:.3f} ({'≥' if least else '≤'} {limit}) {'good' if good else 'NOT'}: {what}", file=sys.stderr)


def big(bench: Bench) -> None:
    """One file of 400 MiB that does not compress."""
    blue, _ = bench.hosts.volume("big", kind="ext4", megabytes=900)
    (blue / "file").write_bytes(noise(1, 400 << 20))
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: bench.took("big", stream=True),
        "rsync -a": lambda: bench.rsync("big", ("rsync", "-a")),
        "tar": lambda: bench.plain_tar("big"),
        "pv-migrate": lambda: bench.rsync("big", PV_MIGRATE),
        "volsync": lambda: bench.rsync("big", VOLSYNC),
    }
    least = bench.in_turn("big", ways)
    for number, other, limit in (("1", "rsync -a", 1.2), ("2", "tar", 0.95), ("3a", "pv-migrate", 1.3), ("3b", "volsync", 1.6)):
        bench.bar(number, f"400 MiB: {other} ÷ bulk stream", least[other] / least["ours"], limit, least=True, seconds=least)
    proven(bench, "7a", "big", 1.15)


def small(bench: Bench) -> None:
    """8,000 files of 4 KiB."""
    blue, _ = bench.hosts.volume("small", kind="ext4", megabytes=400)
    files(blue, 8000)
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: bench.took("small", stream=True),
        "same fidelity": lambda: bench.rsync("small", ("rsync", "-aHAXS", "--numeric-ids")),
        "pv-migrate": lambda: bench.rsync("small", PV_MIGRATE),
    }
    least = bench.in_turn("small", ways)
    bench.bar(
        "4", "8,000 files: rsync -aHAXS ÷ bulk stream", least["same fidelity"] / least["ours"], 1.15, least=True, seconds=least
    )
    bench.bar("5", "8,000 files: pv-migrate's options ÷ bulk stream", least["pv-migrate"] / least["ours"], 0.85, least=True)
    proven(bench, "7b", "small", 1.1)
    bench.empty("small")
    bench.ours("small")
    again: dict[str, Callable[[], float]] = {
        "ours": lambda: bench.took("small"),
        "rsync -a": lambda: bench.rsync("small", ("rsync", "-a")),
    }
    least = bench.in_turn("small", again, anew=False)
    bench.bar("6", "8,000 files unchanged: pass ÷ rsync -a", least["ours"] / least["rsync -a"], 1.1, least=False, seconds=least)


def proven(bench: Bench, number: str, name: str, limit: float) -> None:
    """A copy that is proven, against a copy and a check of all content."""
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: bench.took(name),
        "rsync twice": lambda: bench.rsync(name, FULL) + bench.rsync(name, (*FULL, "-nc")),
    }
    least = bench.in_turn(name, ways)
    bench.bar(
        number,
        f"{name}: rsync -aHAX and rsync -nc ÷ a whole first pass",
        least["rsync twice"] / least["ours"],
        limit,
        least=True,
        seconds=least,
    )


def pause(bench: Bench) -> None:
    """1 GiB in ten files and 10,000 small ones, of which 1 % changes while it is copied."""
    blue, green = bench.hosts.volume("mixed", kind="ext4", megabytes=1700)
    files(blue, 10_000)
    for number in range(10):
        (blue / f"big-{number}").write_bytes(noise(number, 102 << 20))
    full = bench.in_turn("mixed", {"rsync -aHAX": lambda: bench.rsync("mixed", FULL)})["rsync -aHAX"]
    check = bench.in_turn("mixed", {"rsync -nc": lambda: bench.rsync("mixed", (*FULL, "-nc"))}, anew=False)["rsync -nc"]
    unchanged = bench.in_turn("mixed", {"rsync -aHAX unchanged": lambda: bench.rsync("mixed", FULL)}, anew=False)
    bench.empty("mixed")
    bench.ours("mixed")
    lasts, contents, lists, backs = [], [], [], []
    for number in range(bench.rounds):
        change(blue, 100, number)
        last = bench.ours("mixed", connected=True, finish=True)
        lasts.append(last["took"])
        change(blue, 10, number + 100)
        times = bench.ours("mixed", connected=True, finish=True)["times"]
        contents.append(times["content"])
        # All else that compares: both lists, what is still there at the end.
        lists.append(times["read"] - times["content"] + times["repair"] + times["still"])
        change(green, 100, number + 200)
        bench.ours("mixed", back=True, known_target=True)
        change(green, 100, number + 300)
        undo = str(bench.hosts.blue.folder / f"lib/undo-{number}")
        backs.append(bench.took("mixed", back=True, connected=True, finish=True, undo=undo))
        bench.ours("mixed")
    bench.bar(
        "13",
        "1 GiB and 10,000 files, 1 % changed: last pass ÷ full rsync -aHAX",
        min(lasts) / full,
        0.25,
        least=False,
        pause_ms=round(min(lasts) * 1000),
        full_ms=round(full * 1000),
    )
    bench.bar(
        "8a",
        "0.1 % changed: compare of content in the last pass ÷ rsync -nc of all",
        min(contents) / check,
        0.1,
        least=False,
        seconds={"ours": min(contents), "rsync -nc": check},
    )
    least = unchanged["rsync -aHAX unchanged"]
    bench.bar(
        "8b",
        "compare of all metadata in the last pass ÷ rsync -aHAX of what has not changed",
        min(lists) / least,
        1.0,
        least=False,
        seconds={"ours": min(lists), "rsync -aHAX": least},
    )
    bench.bar("12", "1 % changed: last pass back ÷ last pass there", min(backs) / min(lasts), 1.2, least=False)


def others(bench: Bench) -> None:
    """8,000 files of 4 KiB by programs that copy otherwise: restic through a repository on blue's host, rclone over SFTP.

    In their favour: the repository costs restic no line but on the way out of it, and rclone compares no digests.
    """
    if missing := [name for name in ("restic", "rclone") if not shutil.which(name)]:
        print(f"11: not measured: {' and '.join(missing)} not installed (apt-get install restic rclone)", file=sys.stderr)
        return
    blue, green = bench.hosts.volume("others", kind="ext4", megabytes=400)
    files(blue, 8000)
    repository = bench.hosts.folder / "repository"
    restic = ["env", "RESTIC_PASSWORD=bench", "restic", "-q", "--no-cache", "-r"]
    out = [
        f"sftp:root@{bench.hosts.blue.address}:{repository}",
        "-o",
        f"sftp.command={bench.ssh} root@{bench.hosts.blue.address} -s sftp",
    ]
    sftp = f":sftp,host={bench.hosts.blue.address},port=2022,user=root,key_file={bench.key}:"

    def through_a_repository() -> float:
        shutil.rmtree(repository, ignore_errors=True)
        subprocess.run([*restic, str(repository), "init"], check=True, capture_output=True)
        there = bench.timed([*restic, str(repository), "backup", str(blue)])
        return there + bench.timed([*restic, *out, "restore", "latest", "--verify", "--target", str(green)])

    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: bench.took("others"),
        "restic": through_a_repository,
        "rclone": lambda: bench.timed(
            ["rclone", "-q", "--config", "/dev/null", "--sftp-disable-hashcheck", "sync", f"{sftp}{blue}", str(green)]
        ),
    }
    least = bench.in_turn("others", ways)
    for number, other, what, limit in (
        ("11a", "restic", "backup, restore and verify", 2.0),
        ("11b", "rclone", "sync over SFTP", 3.0),
    ):
        ratio = least[other] / least["ours"]
        bench.bar(number, f"8,000 files: {other} {what} ÷ a whole first pass", ratio, limit, least=True, seconds=least)


def device(bench: Bench) -> None:
    """A block device of 512 MiB, of which 0.1 % changes in one place."""
    hosts, size = bench.hosts, 512 << 20
    devices = []
    for host in (hosts.blue, hosts.green):
        image = host.folder / "device.img"
        image.write_bytes(noise("device", size))
        looped = subprocess.run(["losetup", "-f", "--show", str(image)], check=True, capture_output=True, text=True)
        devices.append(Path(looped.stdout.strip()))
    source, target = (Place(side, str(path), PlaceKind.BLOCK) for side, path in zip("bg", devices, strict=True))
    job = Job("shop/device", source, target)
    try:
        hosts.mover.move(replace(job, accept_deletions=True), lambda _: None)
        passes, reads, received, changed = [], [], 0, size // 1000
        for number in range(bench.rounds):
            with devices[0].open("r+b", buffering=0) as file:
                file.seek(100_000_000)
                file.write(noise(number, changed))
                os.fsync(file.fileno())
            result = hosts.mover.move(replace(job, finish=True), lambda _: None)
            passes.append(result.seconds)
            received = result.number("received")
            begun = time.monotonic()
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda path: subprocess.run(["sha256sum", str(path)], check=True, capture_output=True), devices))
            reads.append(time.monotonic() - begun)
    finally:
        for path in devices:
            subprocess.run(["losetup", "-d", str(path)], check=False)
    whole = CHUNK * len({offset // CHUNK for offset in range(100_000_000, 100_000_000 + changed)})
    bench.bar("10a", "device, 0.1 % changed: bytes received ÷ changed chunks", received / whole, 1.25, least=False, bytes=received)
    seconds = {"ours": min(passes), "sha256sum": min(reads)}
    bench.bar("10b", "device: last pass ÷ sha256sum of both at once", min(passes) / min(reads), 1.3, least=False, seconds=seconds)


def hole(bench: Bench) -> None:
    """A hole of 10 GiB."""
    blue, green = bench.hosts.volume("hole", kind="ext4", megabytes=64)
    with (blue / "file").open("wb") as file:
        file.truncate(10 << 30)
        file.write(b"begin")
    ours = bench.in_turn("hole", {"ours": lambda: bench.took("hole")})["ours"]
    blocks = (green / "file").stat().st_blocks * 512
    bench.empty("hole")
    other = bench.rsync("hole", ("rsync", "-aS"))
    bench.bar(
        "9",
        "hole of 10 GiB: a whole proven pass ÷ rsync -S",
        ours / other,
        0.01,
        least=False,
        seconds={"ours": ours, "rsync -S": other},
        blocks=blocks,
    )


def parallel(bench: Bench) -> None:
    """Four volumes of 100 MiB and 1,000 files each."""
    names = [f"four-{number}" for number in range(4)]
    for name in names:
        blue, _ = bench.hosts.volume(name, kind="ext4", megabytes=250)
        files(blue, 1000)
        (blue / "big").write_bytes(noise(name, 100 << 20))

    def run(workers: int) -> float:
        for name in names:
            bench.empty(name)
        begun = time.monotonic()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(bench.ours, names))
        return time.monotonic() - begun

    together, apart = (min(run(workers) for _ in range(bench.rounds)) for workers in (4, 1))
    bench.bar(
        "14",
        "four volumes at once ÷ one after the other",
        together / apart,
        0.8,
        least=False,
        seconds={"together": together, "apart": apart},
    )


def many(bench: Bench) -> None:
    """Memory with 200,000 small files; mkfs makes one inode for 16 KiB of the image."""
    blue, _ = bench.hosts.volume("many", kind="ext4", megabytes=3600)
    files(blue, 200_000, size=100)
    green = bench.hosts.green
    first, of_first = with_memory(green, lambda: bench.ours("many"))
    again, of_again = with_memory(green, lambda: bench.ours("many", finish=True))
    bench.empty("many")
    _, of_rsync = with_memory(green, lambda: bench.rsync("many", FULL))
    bench.bar(
        "15",
        "200,000 files: memory of all programs on the target's host ÷ rsync -aHAX",
        max(of_first, of_again) / of_rsync,
        1.1,
        least=False,
        kilobytes={"ours": of_first, "ours again": of_again, "rsync": of_rsync},
        seconds={"first": first["took"], "finish": again["took"]},
    )


def with_memory(host: SpaceHost, act: Callable[[], _T]) -> tuple[_T, int]:
    """Return what came of something, and the KiB that all processes of a host had at most at one time.

    Not what `getrusage` tells of children: a child counts as large as the process that starts it.
    """
    most, over = 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, sum(map(_kilobytes, host.processes())))

    before = sum(map(_kilobytes, host.processes()))
    with beside(over, look):
        found = act()
    return found, most - before


def _kilobytes(pid: int) -> int:
    """Return the memory of a process, of shared pages its share (proc_pid_smaps(5))."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def noise(seed: int | str, size: int) -> bytes:
    """Return bytes that do not compress, the same each time."""
    made = random.Random(seed)  # noqa: S311
    return b"".join(made.randbytes(min(size - done, 1 << 20)) for done in range(0, size, 1 << 20))


def files(folder: Path, count: int, *, size: int = 4096) -> None:
    """Make small files in folders of a hundred."""
    made = random.Random(count)  # noqa: S311
    for number in range(count):
        inner = folder / f"d{number // 100}"
        if number % 100 == 0:
            inner.mkdir()
        (inner / f"f{number % 100}").write_bytes(made.randbytes(size))


def change(folder: Path, count: int, seed: int) -> None:
    """Rewrite some of the small files."""
    made = random.Random(seed)  # noqa: S311
    for number in made.sample(range(10_000), count):
        (folder / f"d{number // 100}/f{number % 100}").write_bytes(made.randbytes(4096))


PARTS = {
    "big": big,
    "small": small,
    "pause": pause,
    "others": others,
    "device": device,
    "hole": hole,
    "parallel": parallel,
    "many": many,
}


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    # What `make e2e-data` has written stays.
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {"bars": {}}
    known = result["bars"]
    for name in options.only or PARTS:
        with volume_pair(Path(IN_MEMORY)) as hosts:
            key = hosts.folder / "key"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
            bench = Bench(hosts, key, options.rounds)
            bench.open_door()
            PARTS[name](bench)
            known |= {number: {**bar, "rounds": options.rounds} for number, bar in bench.bars.items()}
            if not options.no_write:
                machine = {
                    "cpus": os.cpu_count(),
                    "load": round(os.getloadavg()[0], 1),
                    "architecture": os.uname().machine,
                    **versions(),
                }
                result |= {"bars": dict(sorted(known.items())), "machine": machine}
                RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
