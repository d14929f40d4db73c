"""Volumes of CSI drivers move by the kubelet's mounts of two hosts; the mounts are made by the test, all else is real."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.model.volumes import Direction, Job
from tests.support.kubelet_mounts import CsiDevice, CsiVolume
from tests.support.trees import described
from tests.support.volume_hosts import SpaceHost, VolumePair, volume_pair


@pytest.fixture(scope="module")
def hosts() -> Iterator[VolumePair]:
    """Make two hosts."""
    with volume_pair() as made:
        yield made


def pair(hosts: VolumePair, name: str) -> tuple[CsiVolume, CsiVolume]:
    """Return a volume of each host."""
    return CsiVolume(hosts.blue, f"pv-{name}-b"), CsiVolume(hosts.green, f"pv-{name}-g")


def test_a_volume_moves_by_its_mount_and_comes_back(hosts: VolumePair) -> None:
    """Another pod's mount the next time is the same volume; the pods of the tool itself are no users, an app's is."""
    blue, green = pair(hosts, "moves")
    app, held = blue.publish(), green.publish()
    (blue.seen(app) / "table").write_bytes(b"one")
    job = Job("shop/moves", blue.place("b"), green.place("g", held))
    assert hosts.mover.move(job, lambda _: None).equal
    assert described(green.seen(held)) == described(blue.seen(app))
    (blue.seen(app) / "table").write_bytes(b"two!")
    beside, again = blue.publish(), green.publish()
    green.unpublish(held)
    last = Job("shop/moves", blue.place("b", beside), green.place("g", again), finish=True)
    bind = f"mkdir -p {hosts.blue.folder}/c && mount --bind '{blue.pods[app]}' {hosts.blue.folder}/c && "
    with container(hosts.blue, bind), pytest.raises(BlockedError, match="the source is still in use: mounted at"):
        hosts.mover.move(last, lambda _: None)
    blue.unpublish(app)
    assert hosts.mover.users(last.source, source=True) == ()
    result = hosts.mover.move(last, lambda _: None)
    assert (result.equal, result.document["entries"]) == (True, 2)
    (green.seen(again) / "table").write_bytes(b"three")
    back = Job("shop/moves", last.target, last.source, Direction.TO_BLUE, finish=True, known_target=True, undo=1)
    assert hosts.back.move(back, lambda _: None).equal
    assert (blue.seen(beside) / "table").read_bytes() == b"three"
    assert hosts.back.take_back(back, lambda _: None, everything=True).objects
    assert (blue.seen(beside) / "table").read_bytes() == b"two!"
    assert (hosts.blue.units, hosts.green.units) == ([], [])


@contextmanager
def container(host: SpaceHost, begin: str) -> Iterator[None]:
    """Have another process with a mount space of its own, as a container runtime makes it, which begins with some shell."""
    line = f"{begin} echo up && exec sleep infinity"
    process = subprocess.Popen([*host.inside(), "unshare", "--mount", "sh", "-c", line], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_what_is_not_the_volume_is_never_taken_for_it(hosts: VolumePair) -> None:
    """An empty folder where a mount was, another driver's, another handle: nothing is read or written."""
    blue, green = pair(hosts, "wrong")
    app, held = blue.publish(), green.publish()
    (blue.seen(app) / "file").write_bytes(b"x")
    job = Job("shop/wrong", blue.place("b"), green.place("g", held))
    empty = green.seen(held)
    green.unpublish(held)
    with pytest.raises(
        BlockedError, match=r"g: volume vol/pv-wrong-g of disk.example.com is not mounted here for the pod that holds"
    ):
        hosts.mover.move(job, lambda _: None)
    for wrong in ({"driver": "other.example.com"}, {"handle": "vol/of-another-claim"}):
        pod = green.publish(**wrong)
        with pytest.raises(BlockedError, match=r"what is mounted at .* is volume 'vol/"):
            hosts.mover.move(Job("shop/wrong", blue.place("b"), green.place("g", pod)), lambda _: None)
        assert [path.name for path in green.seen(pod).iterdir()] == ["lost+found"]
    assert list(empty.iterdir()) == []
    assert (hosts.blue.units, hosts.green.units) == ([], [])


def test_a_mount_that_goes_between_the_look_and_the_pass_is_seen_by_the_pass(hosts: VolumePair) -> None:
    """The pass was prepared while both were mounted; what lies below the mount is not written to."""
    blue, green = pair(hosts, "gone")
    app, held = blue.publish(), green.publish()
    (blue.seen(app) / "file").write_bytes(b"x")
    mover = hosts.mover
    job = Job("shop/gone", blue.place("b"), green.place("g", held))
    mover.prepare(job, connected=True)
    below = green.seen(held)
    green.unpublish(held)
    with pytest.raises(BlockedError, match="the target: nothing is mounted at"):
        mover.move(job, lambda _: None)
    assert list(below.iterdir()) == []
    mover.release()


def test_all_of_the_host_that_somebody_has_mounted_is_no_use_but_a_file_that_they_open_there_is(hosts: VolumePair) -> None:
    """As node-exporter, a backup's agent and drivers have it: each mount of the host shows there, too."""
    blue, green = pair(hosts, "beside")
    app, held = blue.publish(), green.publish()
    (blue.seen(app) / "file").write_bytes(b"x")
    hosts.blue.run(f"mkdir -p {hosts.blue.folder}/alias && mount --rbind {hosts.blue.folder}/kubelet {hosts.blue.folder}/alias")
    last = Job("shop/beside", blue.place("b", app), green.place("g", held), finish=True)
    everything = f"mkdir -p {hosts.blue.folder}/all && mount --rbind / {hosts.blue.folder}/all && "
    try:
        with container(hosts.blue, everything):
            assert hosts.mover.users(last.source, source=True) == ()
            assert hosts.mover.move(last, lambda _: None).equal
        inside = f"{hosts.blue.folder}/all{blue.pods[app]}/file"
        with container(hosts.blue, f"{everything} exec 3< '{inside}' && "):
            (used,) = hosts.mover.users(last.source, source=True)
            assert f"has {inside} open" in used
    finally:
        hosts.blue.run(f"umount -R {hosts.blue.folder}/alias")


@pytest.mark.on_demand
def test_a_block_device_of_a_driver_goes_there_and_back(hosts: VolumePair) -> None:
    """As the kubelet has it for a pod; its own loop device over it is no use, what is mounted from that one is (kubernetes#110163)."""
    blue, green = CsiDevice(hosts.blue, "raw-b"), CsiDevice(hosts.green, "raw-g")
    try:
        app, held = blue.publish(), green.publish()
        hosts.blue.run(f"mkfs.ext4 -qF {blue.disk}")
        job = Job("shop/raw", blue.place("b"), green.place("g", held))
        assert hosts.mover.survey(job.source, source=True)["bytes"] == 16 << 20
        assert hosts.mover.move(job, lambda _: None).equal
        again = green.publish()
        last = Job("shop/raw", blue.place("b", app), green.place("g", again), finish=True)
        with (
            container(hosts.blue, f"mkdir -p {hosts.blue.folder}/c && mount {blue.loops[1]} {hosts.blue.folder}/c && "),
            pytest.raises(BlockedError, match="the source is still in use: it is mounted for process"),
        ):
            hosts.mover.move(last, lambda _: None)
        result = hosts.mover.move(last, lambda _: None)
        assert (result.equal, blue.disk.read_bytes() == green.disk.read_bytes()) == (True, True)
        written(green.disk, b"green wrote")
        back = Job("shop/raw", last.target, last.source, Direction.TO_BLUE, finish=True, known_target=True, undo=1)
        assert hosts.back.move(back, lambda _: None).number("received") == 1 << 20
        assert blue.disk.read_bytes()[:11] == b"green wrote"
        assert hosts.back.take_back(back, lambda _: None, everything=True).digest == result.digest
    finally:
        blue.remove()
        green.remove()
    # The driver has taken the disk away below the kubelet (kubernetes#109132).
    with pytest.raises(BlockedError, match=r"the source: csi-block:disk.example.com/raw-b/vol/raw-b is no longer at "):
        hosts.mover.move(job, lambda _: None)
    assert (hosts.blue.units, hosts.green.units) == ([], [])


def written(device: Path, content: bytes) -> None:
    """Write to the begin of a device, on its disk."""
    with device.open("r+b", buffering=0) as file:
        file.write(content)
        os.fsync(file.fileno())
