"""Where a place lies on its host; folders and devices are tested with the mover."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, CommandFailedError
from migrator.model.volumes import Place, PlaceKind
from migrator.volumes.paths import real_path, volume_words
from tests.support.hosts import FakeHost

PLACE = Place("n", "disk.example.com/pv-1/vol'1/x", PlaceKind.CSI, "uid-1")


def test_a_mounted_volume_is_asked_for_by_its_driver_name_and_handle() -> None:
    """The handle may hold anything, and is one word for the host's shell."""
    host = FakeHost("n", accepts=["test -e"])
    host.answers[" mounted "] = "/var/lib/kubelet/pods/uid-1/volumes/kubernetes.io~csi/pv-1/mount\n"
    assert real_path(host, PLACE) == "/var/lib/kubelet/pods/uid-1/volumes/kubernetes.io~csi/pv-1/mount"
    assert host.commands[-1].endswith(""" mounted disk.example.com pv-1 'vol'"'"'1/x' uid-1""")


def test_a_device_of_a_driver_is_asked_for_likewise() -> None:
    """It is no path of the host that a cluster names."""
    host = FakeHost("n", accepts=["test -e"])
    host.answers[" mapped "] = "/k/plugins/kubernetes.io/csi/volumeDevices/pv-1/dev/uid-1\n"
    assert real_path(host, Place("n", "d/pv-1/v", PlaceKind.CSI_BLOCK, "uid-1")).endswith("/pv-1/dev/uid-1")
    assert host.commands[-1].endswith(" mapped d pv-1 v uid-1")


def test_one_that_is_not_mounted_is_named_with_what_the_host_says() -> None:
    """Nothing of it is taken for a control character of a terminal."""
    host = FakeHost("n", accepts=["test -e"])

    def refuses(command: str) -> str:
        raise CommandFailedError(command, 1, "volume x is not mounted here\x1b[31m")

    host.answers[" mounted "] = refuses
    with pytest.raises(BlockedError, match=r"n: volume x is not mounted here\\x1b\[31m"):
        real_path(host, PLACE)


def test_only_a_mounted_volume_is_known_by_words() -> None:
    """A folder of a host is known by its path."""
    assert volume_words(PLACE) == "csi:disk.example.com/pv-1/vol'1/x"
    assert volume_words(Place("n", "/srv")) == ""


def of_host(answer: str | CommandFailedError, *, block: bool = False) -> tuple[FakeHost, Place]:
    """Return a host that says where a path leads, and a place on it."""
    host = FakeHost("n", accepts=["test -b"])
    host.answers["realpath"] = answer
    return host, Place("n", "/srv/it's $(here)", PlaceKind.BLOCK if block else PlaceKind.FOLDER)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("/srv/a\n//no-folder\n", "is not a folder"),
        ("/srv\n", "is a folder of the system"),
        ("/\n", "is a folder of the system"),
        ("\n", "is a folder of the system"),
        ("/usr/local/data\n", "is a folder of the system"),
        ("/var/lib/kubelet\n", "is a folder of the system"),
        ("/srv/a\nb\n", r"/srv/a\\nb is a folder of the system"),
        (CommandFailedError("realpath", 1, ""), "there is no such folder"),
    ],
)
def test_where_a_folder_really_lies_is_judged(answer: str | CommandFailedError, words: str) -> None:
    """Not by what the cluster calls it, but by where its links lead."""
    host, place = of_host(answer)
    with pytest.raises(BlockedError, match=words) as caught:
        real_path(host, place)
    assert caught.value.hint


@pytest.mark.parametrize("path", ["/srv/data", "/mnt/etc", "/home/it's $(here)", "/var/lib/kubelet/pods/1/volumes/x", "/data/usr"])
def test_a_folder_of_data_is_taken(path: str) -> None:
    """Whatever its name is, which is one word for the host's shell."""
    host, place = of_host(f"{path}\n")
    assert real_path(host, place) == path
    assert host.commands[0].count("""'/srv/it'"'"'s $(here)'""") == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CommandFailedError("realpath", 1, ""), "there is no such device"),
        ("/dev/sd\nb\n", "is not a block device"),
    ],
)
def test_a_device_that_is_none_is_told(answer: str | CommandFailedError, words: str) -> None:
    """A file that was left in its place is not written over."""
    with pytest.raises(BlockedError, match=words):
        real_path(*of_host(answer, block=True))


def test_a_device_is_tested_on_its_host() -> None:
    """By its real path."""
    host, place = of_host("/dev/disk b\n", block=True)
    assert real_path(host, place) == "/dev/disk b"
    assert host.commands[-1] == "test -b '/dev/disk b'"
    host.accepted.clear()
    host.fails("test -b")
    with pytest.raises(BlockedError, match="is not a block device"):
        real_path(host, place)
