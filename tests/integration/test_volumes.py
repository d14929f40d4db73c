"""Folders of volumes move between two hosts: real sshd, rsync and tar, in namespaces of this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrator.errors import BlockedError, HostError
from migrator.model.volumes import Direction, Job, PassResult, Place, PlaceKind
from migrator.volumes.agent.compare import root_digest
from migrator.volumes.agent.entries import from_lines
from migrator.volumes.agent.target import lacking
from migrator.volumes.mover import unit_name
from migrator.volumes.proof import check_proof, make_proof
from tests.support import trees
from tests.support.sandbox import until
from tests.support.trees import described
from tests.support.volume_hosts import VolumePair, volume_pair

Pair = VolumePair


SECONDS = 180


@pytest.fixture(scope="module")
def hosts() -> Iterator[VolumePair]:
    """Make two hosts."""
    with volume_pair() as made:
        yield made


def copied(hosts: Pair, name: str, **more: Any) -> PassResult:
    """Run one pass to green."""
    return hosts.mover.move(hosts.job(name, **more), lambda _: None)


def require_nothing_left(hosts: Pair) -> None:
    """Fail when a key, a server's file or a unit is left."""
    assert (hosts.blue.units, hosts.green.units) == ([], [])
    assert [path for host in (hosts.blue, hosts.green) for path in (host.folder / "run").iterdir()] == []


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_tree_of_everything_arrives_as_it_is(hosts: Pair, kind: str) -> None:
    """Cases 1-3, 5, 6, 8, 9, 11, 12: every property, by a checker that is not rsync; and no name became a command."""
    blue, green = hosts.volume(f"everything-{kind}", kind=kind, megabytes=320)
    trees.fill(blue)
    before = described(blue)
    result = copied(hosts, f"everything-{kind}")
    assert (result.equal, result.document["left"]) == (True, [])
    assert described(green) == before
    assert described(blue) == before
    again = copied(hosts, f"everything-{kind}", finish=True)
    assert again.equal
    assert described(green) == before
    assert trees.allocated(green / "folder/sparse") <= 1 << 20
    assert trees.allocated(green / "folder/reserved") >= 1 << 20
    assert list(hosts.folder.rglob("PWNED*")) == []
    require_nothing_left(hosts)


@pytest.mark.on_demand
def test_a_thousand_names_of_one_file_stay_one_file(hosts: Pair) -> None:
    """Case 3: in several folders, in the first stream and when the file changes; one name more is no second file."""
    blue, green = hosts.volume("names")
    (blue / "first").write_bytes(b"one")
    for number in range(999):
        folder = blue / f"folder-{number % 10}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}").hardlink_to(blue / "first")
    copied(hosts, "names")
    assert ((green / "first").stat().st_nlink, described(green) == described(blue)) == (1000, True)
    (blue / "folder-3/3").write_bytes(b"another")
    (blue / "more").hardlink_to(blue / "first")
    assert copied(hosts, "names", finish=True).equal
    assert (green / "first").stat().st_nlink == 1001
    assert (green / "folder-7/7").read_bytes() == b"another"


@pytest.mark.on_demand
def test_a_capability_of_a_program_works_on_green(hosts: Pair) -> None:
    """Case 2: a user without rights reads what only root may, by the program that is allowed to (cap_dac_read_search)."""
    blue, green = hosts.volume("capability", kind="ext4")
    shutil.copy("/bin/cat", blue / "cat")
    value = "0x0100000204000000000000000000000000000000"
    subprocess.run(["setfattr", "-n", "security.capability", "-v", value, str(blue / "cat")], check=True)
    (blue / "secret").write_text("only root")
    (blue / "secret").chmod(0o600)
    copied(hosts, "capability")
    alone = f"cd '{green}' && setpriv --reuid=65534 --regid=65534 --clear-groups"
    assert hosts.green.run(f"{alone} ./cat secret") == "only root"
    assert not hosts.green.ok(f"{alone} /bin/cat secret")


def test_what_changes_between_passes_is_brought(hosts: Pair) -> None:
    """Cases 15, 16, 19: equal size in the same second, a time put back, kinds that change places, what is deleted."""
    blue, green = hosts.volume("changes")
    for name in ("same-second", "put-back", "goes", "dir/inner", "becomes-link", "moved/a/b"):
        (blue / name).parent.mkdir(parents=True, exist_ok=True)
        (blue / name).write_bytes(b"old content")
    os.utime(blue / "same-second", ns=(0, 1_700_000_000_100_000_000))
    copied(hosts, "changes")
    times = (blue / "put-back").stat()
    (blue / "same-second").write_bytes(b"new content")
    os.utime(blue / "same-second", ns=(0, 1_700_000_000_900_000_000))
    (blue / "put-back").write_bytes(b"new content")
    os.utime(blue / "put-back", ns=(times.st_atime_ns, times.st_mtime_ns))
    (blue / "goes").unlink()
    (blue / "dir/inner").unlink()
    (blue / "dir").rmdir()
    (blue / "dir").write_bytes(b"a file now")
    (blue / "becomes-link").unlink()
    (blue / "becomes-link").symlink_to("dir")
    (blue / "moved").rename(blue / "renamed")
    result = copied(hosts, "changes", finish=True)
    assert result.equal
    assert described(green) == described(blue)
    assert (green / "put-back").read_bytes() == b"new content"


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_write_through_a_mapped_page_is_brought(hosts: Pair, kind: str) -> None:
    """Case 17: the page is dirty before the pass and written again after it."""
    name = f"mapped-{kind}"
    blue, green = hosts.volume(name, kind=kind, megabytes=320)
    (blue / "index").write_bytes(bytes(1 << 20))
    trees.sync_file_system(blue)
    with trees.mapped(blue / "index") as made:
        trees.written_through(made, 4096, b"before the pass")
        copied(hosts, name)
        trees.written_through(made, 4096, b"after the pass!")
        with pytest.raises(BlockedError, match="still in use"):
            copied(hosts, name, finish=True)
        assert copied(hosts, name).equal
    assert (green / "index").read_bytes()[4096:4111] == b"after the pass!"


def test_rsync_by_itself_misses_such_a_write(hosts: Pair) -> None:
    """The control of case 17: rsync's own comparison, in nanoseconds, takes the file as equal."""
    blue, green = hosts.volume("control")
    command = ["rsync", "-a", "--modify-window=-1", f"{blue}/", f"{green}/"]
    for attempt in range(20):  # the kernel may write the page back by itself, and stamp it
        (blue / "index").write_bytes(bytes(1 << 20))
        with trees.mapped(blue / "index") as made:
            trees.written_through(made, 0, b"before %02d" % attempt)
            subprocess.run(command, check=True)
            trees.written_through(made, 0, b"after! %02d" % attempt)
            subprocess.run(command, check=True)
        if (green / "index").read_bytes()[:9] == b"before %02d" % attempt:
            return
    pytest.fail("rsync saw each of them")


def test_an_empty_or_unmounted_source_deletes_nothing(hosts: Pair) -> None:
    """Case 21: blue's volume is away at the last pass, or empty, or another one: green keeps all it has."""
    blue, green = hosts.volume("away", kind="ext4")
    (blue / "kept").write_bytes(b"x")
    copied(hosts, "away")
    path = str(blue)
    hosts.blue.run(f"umount '{path}'")
    with pytest.raises(BlockedError, match="not the one of the earlier passes"):
        copied(hosts, "away", finish=True)
    hosts.blue.run(f"mount -o loop '{blue.parent.parent}/away.img' '{path}'")
    (blue / "kept").unlink()
    with pytest.raises(BlockedError, match="is empty, and the target is not"):
        copied(hosts, "away", finish=True)
    assert (green / "kept").read_bytes() == b"x"
    assert copied(hosts, "away", finish=True, accept_deletions=True).equal
    assert not (green / "kept").exists()
    require_nothing_left(hosts)


@pytest.mark.on_demand
def test_files_that_come_and_go_during_a_pass_do_not_end_it(hosts: Pair) -> None:
    """Case 20: blue creates and deletes all the time; the passes go on, and the last one, when it stands still, is clean."""
    blue, green = hosts.volume("churn")
    over, made = threading.Event(), threading.Event()
    for number in range(300):
        (blue / f"stays-{number}").write_bytes(b"x")

    def churn() -> None:
        number = 0
        while not over.wait(0.001):
            number += 1
            path = blue / f"folder-{number % 7}" / f"file-{number}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * (number % 5000))
            if number > 100:
                (blue / f"folder-{(number - 100) % 7}" / f"file-{number - 100}").unlink()
                made.set()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        assert made.wait(SECONDS)
        brought = copied(hosts, "churn").number("entries")
    finally:
        over.set()
        thread.join()
    assert brought > 300
    assert copied(hosts, "churn", finish=True).equal
    assert described(green) == described(blue)


def test_what_a_file_system_cannot_keep_is_named(tmp_path: Path) -> None:
    """Case 13: one without attributes and ACLs; nothing stays of the trial."""
    subprocess.run(["mount", "-t", "ramfs", "none", str(tmp_path)], check=True)
    try:
        assert {"extended attributes", "ACLs"} <= set(lacking(str(tmp_path)))
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_target_of_somebody_else_is_left_alone(hosts: Pair) -> None:
    """What this tool did not bring is not deleted without consent."""
    blue, green = hosts.volume("foreign")
    (blue / "ours").write_bytes(b"x")
    (green / "theirs").write_bytes(b"y")
    with pytest.raises(BlockedError, match="not copied by this tool: 'theirs'"):
        copied(hosts, "foreign")
    assert [path.name for path in green.iterdir()] == ["theirs"]


def test_a_volume_in_use_is_refused(hosts: Pair) -> None:
    """A last pass wants a source that nobody has open; no pass writes under somebody on the target."""
    blue, green = hosts.volume("in-use")
    (blue / "file").write_bytes(b"x")
    copied(hosts, "in-use")
    with (
        (blue / "file").open("rb"),
        pytest.raises(BlockedError, match=r"source is still in use: process \d+ \(.*\) has .*/file open"),
    ):
        copied(hosts, "in-use", finish=True)
    with (green / "file").open("rb"), pytest.raises(BlockedError, match="target is in use"):
        copied(hosts, "in-use")
    sleeper = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", f"mount --bind '{blue}' /mnt && echo up && exec sleep 600"], stdout=subprocess.PIPE
    )
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == b"up\n"
    try:
        with pytest.raises(BlockedError, match="still in use: mounted at /mnt for process"):
            copied(hosts, "in-use", finish=True)
    finally:
        sleeper.kill()
        sleeper.wait()
        sleeper.stdout.close()


def test_a_full_target_is_told_before_anything_is_written(hosts: Pair) -> None:
    """Cases 22, 23: bytes and inodes are counted first; blue is as it was."""
    blue, green = hosts.volume("full")
    small = green.parent / "small.img"
    subprocess.run(["truncate", "-s", "8M", str(small)], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-N", "32", str(small)], check=True)
    hosts.green.run(f"mount -o loop '{small}' '{green}'")
    (blue / "large").write_bytes(os.urandom(9 << 20))
    with pytest.raises(BlockedError, match=r"the target has \d+ bytes free, and needs \d+ more"):
        copied(hosts, "full")
    (blue / "large").unlink()
    for number in range(60):
        (blue / f"{number}").touch()
    with pytest.raises(BlockedError, match=r"the target has \d+ inodes free, and needs \d+ more"):
        copied(hosts, "full")
    assert hosts.green.run(f"ls -A '{green}'").split() == ["lost+found"]
    assert len(list(blue.iterdir())) == 60
    require_nothing_left(hosts)


def test_what_a_shell_prints_at_its_start_is_no_answer(hosts: Pair) -> None:
    """Debian's bash reads root's ~/.bashrc for what sshd runs."""
    blue, green = hosts.volume("greeting")
    (blue / "file").write_text("x")
    home = hosts.folder / "home"
    home.mkdir()
    (home / ".bashrc").write_text("echo welcome\n")
    hosts.blue.run(f"mount --bind {home} /root")
    try:
        assert copied(hosts, "greeting").equal
    finally:
        hosts.blue.run("umount /root")
    assert described(green) == described(blue)
    require_nothing_left(hosts)


def test_devices_need_consent(hosts: Pair) -> None:
    """Case 9: a device node opens a disk of the host to whoever has the volume."""
    blue, green = hosts.volume("devices")
    os.mknod(blue / "null", 0o20666, os.makedev(1, 3))
    with pytest.raises(BlockedError, match=r"device files in it.*null"):
        copied(hosts, "devices")
    assert copied(hosts, "devices", devices=True).equal
    assert described(green) == described(blue)


def test_flags_that_forbid_changes_are_set_last(hosts: Pair) -> None:
    """Case 10: immutable and append-only files arrive, and a second pass changes them."""
    blue, green = hosts.volume("flags", kind="ext4")
    (blue / "fixed").write_bytes(b"1")
    (blue / "log").write_bytes(b"1")
    (blue / "folder").mkdir()
    subprocess.run(["chattr", "+i", str(blue / "fixed"), str(blue / "folder")], check=True)
    subprocess.run(["chattr", "+a", str(blue / "log")], check=True)
    assert copied(hosts, "flags").equal
    assert described(green) == described(blue)
    with (blue / "log").open("ab") as file:
        file.write(b"2")
    subprocess.run(["chattr", "-i", str(blue / "fixed")], check=True)
    (blue / "fixed").write_bytes(b"other")
    subprocess.run(["chattr", "+i", str(blue / "fixed")], check=True)
    assert copied(hosts, "flags", finish=True).equal
    assert described(green) == described(blue)


def test_a_byte_that_flips_on_the_target_is_found(hosts: Pair) -> None:
    """Case 28: content and time are as the kernel leaves them; a full verification names the file, and brings it again."""
    blue, green = hosts.volume("flipped", kind="ext4")
    (blue / "data").write_bytes(b"a" * 10000)
    copied(hosts, "flipped")
    times = (green / "data").stat()
    with (green / "data").open("r+b") as file:
        file.seek(5000)
        file.write(b"b")
    os.utime(green / "data", ns=(times.st_atime_ns, times.st_mtime_ns))
    result = copied(hosts, "flipped", finish=True, full=True)
    assert result.equal
    assert result.number("repairs") >= 1
    assert (green / "data").read_bytes() == b"a" * 10000


def test_a_pass_that_is_killed_goes_on(hosts: Pair) -> None:
    """Cases 24, 27: all of green's processes die in the first stream; the next pass ends it, and what had come is not sent again."""
    blue, green = hosts.volume("killed")
    (blue / "big").write_bytes(os.urandom(24 << 20))
    (blue / "later").write_bytes(os.urandom(1000))
    unit = f"migrator-data-{unit_name(hosts.job('killed'))}"
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(copied(hosts, "killed", limit=0))
        except HostError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: (green / "big").exists() and (green / "big").stat().st_size > 1 << 20)
    hosts.green.run(f"kill -s KILL -- -$(cat {hosts.green.folder}/units/{unit}.pid)")
    thread.join()
    if isinstance(outcome[0], HostError):
        assert "cut off" in outcome[0].message
    result = copied(hosts, "killed")
    assert result.equal
    assert described(green) == described(blue)
    require_nothing_left(hosts)


def switched(hosts: Pair, name: str, *, kind: str = "") -> tuple[Path, Path, Job]:
    """Return a pair of volumes that were switched to green, which has written since, and the pass back."""
    blue, green = hosts.volume(name, kind=kind, megabytes=320)
    trees.fill(blue)
    for old in ("same", "changed", "deleted", "renamed", "to be a folder"):
        (blue / old).write_bytes(b"old " + old.encode())
    copied(hosts, name)
    copied(hosts, name, finish=True)
    subprocess.run(["chattr", "-i", "-a", "-R", str(green)], check=False, capture_output=True)
    (green / "changed").write_bytes(b"new")
    (green / "deleted").unlink()
    (green / "renamed").rename(green / "other name")
    (green / "to be a folder").unlink()
    (green / "to be a folder").mkdir()
    (green / "to be a folder/inside").write_bytes(os.urandom(3 << 20))
    (green / "thrice").unlink()
    (green / "same too").hardlink_to(green / "same")
    (green / "plain").chmod(0o600)
    (green / "folder/sparse").write_bytes(b"no hole any more")
    return blue, green, hosts.job(name, back=True, finish=True, known_target=True, undo=7)


def test_rollback_brings_what_green_has_written(hosts: Pair) -> None:
    """Case 38: writes, deletions and renames on green are on blue afterwards, proven; all of it can be taken back."""
    blue, green, job = switched(hosts, "back")
    before = described(blue)
    result = hosts.back.move(job, lambda _: None)
    assert result.equal
    assert described(blue) == described(green)
    assert hosts.back.move(job, lambda _: None).equal
    taken = hosts.back.take_back(job, lambda _: None, everything=True)
    assert taken.objects
    assert described(blue) == before
    hosts.back.clean(job)
    hosts.mover.clean(hosts.job("back"))
    require_nothing_left(hosts)


@pytest.mark.parametrize("moment", range(4))
def test_a_way_back_that_is_killed_is_taken_back(hosts: Pair, moment: int) -> None:
    """Case 39: blue's host loses all processes of the pass in its middle; blue is again what it was at the switch, bit by bit."""
    name = f"half-{moment}"
    blue, green, job = switched(hosts, name, kind="ext4" if moment else "")
    before, unit = described(blue), f"migrator-data-{unit_name(job)}"
    proven = hosts.mover.read_list(hosts.job(name))
    signs = (
        (undo_of(hosts, job) / "1/before.list").exists,
        (undo_of(hosts, job) / "1/1/changed").exists,
        (blue / "other name").exists,
        lambda: not (blue / "deleted").exists(),
    )
    thread = threading.Thread(target=went, args=(hosts, job))
    thread.start()
    until(signs[moment])
    hosts.blue.run(f"kill -s KILL -- -$(cat {hosts.blue.folder}/units/{unit}.pid) 2>/dev/null; true")
    thread.join()
    taken = hosts.back.take_back(job, lambda _: None, everything=False)
    assert described(blue) == (described(green) if not taken.objects and moment > 1 else before)
    assert taken.digest in ("", root_digest(from_lines(proven.splitlines())))
    assert hosts.back.take_back(job, lambda _: None, everything=False).objects == 0
    assert hosts.back.move(job, lambda _: None).equal
    assert described(blue) == described(green)
    hosts.back.take_back(job, lambda _: None, everything=True)
    assert described(blue) == before
    hosts.back.clean(job)
    require_nothing_left(hosts)


def undo_of(hosts: Pair, job: Job) -> Path:
    """Return where blue's host keeps what takes a pass back."""
    return hosts.blue.folder / "lib/volumes" / unit_name(job) / f"undo/{job.undo}"


def went(hosts: Pair, job: Job) -> bool:
    """Return whether a pass to blue has ended well."""
    try:
        return hosts.back.move(job, lambda _: None).equal
    except (HostError, BlockedError):
        return False


def test_what_a_person_leaves_out_is_neither_brought_nor_deleted(hosts: Pair, tmp_path: Path) -> None:
    """There and back: each side keeps its own of it, the proof says what it is, and a pass that is taken back leaves it alone."""
    blue, green = hosts.volume("partly", kind="ext4")
    out = ("cache", "**/*.tmp")
    for side, name in ((blue, "kept"), (blue, "cache/of-blue"), (blue, "site/a.tmp"), (blue, "site/b"), (green, "cache/of-green")):
        (side / name).parent.mkdir(parents=True, exist_ok=True)
        (side / name).write_bytes(name.encode())
    copied(hosts, "partly", exclude=out)
    result = copied(hosts, "partly", exclude=out, finish=True)
    assert sorted(str(path.relative_to(green)) for path in green.rglob("*") if path.is_file()) == [
        "cache/of-green",
        "kept",
        "site/b",
    ]
    assert result.document["excluded"] == {"patterns": list(out), "objects": 2, "first": ["cache", "site/a.tmp"]}
    proof = tmp_path / "p.gz"
    proof.write_bytes(make_proof(result.document, hosts.mover.read_list(hosts.job("partly"))))
    assert check_proof(proof, green).wrong == ()
    (green / "kept").write_bytes(b"by green")
    (green / "site/b").unlink()
    (green / "site").rmdir()
    job = hosts.job("partly", back=True, finish=True, known_target=True, undo=1, exclude=out)
    assert hosts.back.move(job, lambda _: None).equal
    assert (blue / "kept").read_bytes() == b"by green"
    assert not (blue / "site/b").exists()
    assert ((blue / "cache/of-blue").exists(), (blue / "site/a.tmp").exists(), (blue / "cache/of-green").exists()) == (
        True,
        True,
        False,
    )
    (blue / "cache/later").write_bytes(b"x")
    assert hosts.back.take_back(job, lambda _: None, everything=True).objects
    assert ((blue / "kept").read_bytes(), (blue / "site/b").read_bytes()) == (b"kept", b"site/b")
    assert ((blue / "cache/later").exists(), (blue / "site/a.tmp").exists()) == (True, True)
    again = copied(hosts, "partly", finish=True, accept_deletions=True)
    assert described(green) == described(blue)
    assert "excluded" not in again.document


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Callable[[str, int, int], Devices]]:
    """Return what makes a loop device on each side, of these MiB."""
    made: list[Path] = []

    def make(name: str, megabytes: int, on_green: int) -> Devices:
        found = []
        for side, size in (("b", megabytes), ("g", on_green)):
            image = tmp_path / f"{name}-{side}.img"
            subprocess.run(["truncate", "-s", f"{size}M", str(image)], check=True)
            device = subprocess.run(
                ["losetup", "-f", "--show", str(image)], check=True, capture_output=True, text=True
            ).stdout.strip()
            made.append(Path(device))
            found.append(Place(side, device, PlaceKind.BLOCK))
        return Devices(f"shop/{name}", found[0], found[1])

    yield make
    for device in made:
        subprocess.run(["losetup", "-d", str(device)], check=False)


@dataclass(slots=True)
class Devices:
    """A block device on each side."""

    claim: str
    blue: Place
    green: Place

    def job(self, *, back: bool = False, **more: Any) -> Job:
        """Return a pass."""
        source, target = (self.green, self.blue) if back else (self.blue, self.green)
        return Job(self.claim, source, target, Direction.TO_BLUE if back else Direction.TO_GREEN, **more)


def written(place: Place, offset: int, content: bytes) -> None:
    """Write to a device, on its disk."""
    with Path(place.path).open("r+b", buffering=0) as file:
        file.seek(offset)
        file.write(content)
        os.fsync(file.fileno())


def held(place: Place) -> str:
    """Return SHA-256 of all that a device holds."""
    return hashlib.sha256(Path(place.path).read_bytes()).hexdigest()


def test_a_block_device_goes_there_and_back_in_what_differs(
    hosts: Pair, devices: Callable[[str, int, int], Devices], tmp_path: Path
) -> None:
    """Case 35: equal in size, other content; only changed chunks on the line; proven; taken back after a pass to blue."""
    one = devices("disk", 16, 16)
    written(one.blue, 0, os.urandom(3 << 20))
    assert hosts.mover.move(one.job(), lambda _: None).number("received") == 3 << 20
    written(one.blue, 5 << 20, b"one byte more")
    assert hosts.mover.survey(one.blue, source=True)["bytes"] == 16 << 20
    last = hosts.mover.move(one.job(finish=True), lambda _: None)
    assert (last.equal, last.number("received"), held(one.green)) == (True, 1 << 20, held(one.blue))
    proof = tmp_path / "p.gz"
    proof.write_bytes(make_proof(last.document, hosts.mover.read_list(one.job())))
    assert check_proof(proof).wrong == ()
    at_switch = held(one.blue)
    written(one.green, 9 << 20, b"by green")
    job = one.job(back=True, finish=True, known_target=True, undo=3)
    assert hosts.back.move(job, lambda _: None).number("received") == 1 << 20
    assert held(one.blue) == held(one.green)
    taken = hosts.back.take_back(job, lambda _: None, everything=True)
    assert (taken.objects, taken.digest, held(one.blue)) == (1, last.digest, at_switch)
    require_nothing_left(hosts)


def test_a_block_device_that_must_not_be_written_is_not(hosts: Pair, devices: Callable[[str, int, int], Devices]) -> None:
    """Another size, somebody's content, an empty source, a user: one line each, and the target is as it was."""
    small = devices("small", 8, 4)
    with pytest.raises(BlockedError, match="the devices differ in size: the source has 8388608 bytes, the target 4194304"):
        hosts.mover.move(small.job(), lambda _: None)
    one = devices("kept", 4, 4)
    written(one.blue, 0, b"blue")
    written(one.green, 0, b"of somebody else")
    with pytest.raises(BlockedError, match="this tool did not write"):
        hosts.mover.move(one.job(), lambda _: None)
    assert hosts.mover.move(one.job(accept_deletions=True), lambda _: None).equal
    written(one.blue, 0, bytes(4))
    with pytest.raises(BlockedError, match="nothing but zeros"):
        hosts.mover.move(one.job(), lambda _: None)
    assert Path(one.green.path).read_bytes()[:4] == b"blue"
    with Path(one.blue.path).open("rb"), pytest.raises(BlockedError, match="still in use: process"):
        hosts.mover.move(one.job(finish=True), lambda _: None)
    require_nothing_left(hosts)


def test_a_proof_holds_without_the_hosts(hosts: Pair, tmp_path: Path) -> None:
    """What `proof verify` computes from the list is what both sides had; a changed line, or a changed tree, is told."""
    blue, green = hosts.volume("proof")
    (blue / "a").write_bytes(b"1")
    copied(hosts, "proof")
    result = copied(hosts, "proof", finish=True)
    listed = hosts.mover.read_list(hosts.job("proof"))
    good, bad = tmp_path / "good.gz", tmp_path / "bad.gz"
    good.write_bytes(make_proof(result.document, listed))
    bad.write_bytes(make_proof(result.document, listed.replace(b'"size":1', b'"size":2')))
    assert check_proof(good, green).wrong == ()
    assert len(check_proof(bad).wrong) == 3
    (green / "a").write_bytes(b"2")
    assert [text.split(": ")[1] for text in check_proof(good, green).wrong] == ["a"]
