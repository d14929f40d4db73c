"""A repository of packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.packages.publish import publish, send


def test_nothing_to_publish_is_refused(tmp_path: Path) -> None:
    """No empty repository is made."""
    with pytest.raises(BlockedError, match="no packages to publish"):
        publish([], tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


@pytest.mark.parametrize("to", ["user@host", "user@host:", ":/srv", "-oProxyCommand=id:/srv", "-l@host:/srv", "user@-host:/srv"])
def test_a_target_without_a_folder_is_refused_before_anything_is_sent(tmp_path: Path, to: str) -> None:
    """The message shows one that has it; none is an option of ssh (libfuse/sshfs#362)."""
    with pytest.raises(BlockedError, match="user@host:/srv/packages"):
        send(tmp_path, to)


@pytest.mark.parametrize(
    ("to", "login", "target", "folder"),
    [
        ("pi@host:/srv/packages", "pi@host", "pi@host:/srv/packages", "/srv/packages"),
        ("host:my packages", "host", "host:my packages", "'my packages'"),
        ("root@[fd00::1]:/srv", "root@fd00::1", "root@[fd00::1]:/srv", "/srv"),
        ("host:~/a b", "host", "host:~/a b", "~/'a b'"),
    ],
)
def test_a_repository_is_copied_beside_and_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, login: str, target: str, folder: str
) -> None:
    """An address of IPv6 has colons of its own, and a folder may have spaces."""
    ran: list[list[str]] = []
    monkeypatch.setattr("migrator.packages.publish.run", lambda words, **_: ran.append([str(word) for word in words]))
    (tmp_path / "a.pkg.tar.zst").touch()
    send(tmp_path, to)
    assert ran == [
        ["ssh", "--", login, f"mkdir -p {folder}/.new"],
        ["scp", "-q", "--", str(tmp_path / "a.pkg.tar.zst"), f"{target}/.new/"],
        ["ssh", "--", login, f"mv -f {folder}/.new/* {folder}/ && rmdir {folder}/.new"],
    ]
