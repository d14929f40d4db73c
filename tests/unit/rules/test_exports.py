"""What is told about NFS exports: the command for another one, and whether both sides have the same."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.exports import by_hand, same_export
from tests.support.objects import made


def export(server: str, path: str) -> Manifest:
    """Return a volume on an export."""
    return made("v1", "PersistentVolume", "pv", spec={"nfs": {"server": server, "path": path}})


def test_the_command_names_both_exports_and_quotes_them() -> None:
    """A path is an argument and no command; an IPv6 address stands in brackets; green's may be unknown."""
    told = by_hand(export("nas", "/a"), export("fd00::1", "/b; rm -rf /"))
    assert told is not None
    assert "mount -t nfs -o ro nas:/a /mnt/blue && mount -t nfs '[fd00::1]:/b; rm -rf /' /mnt/green" in told[1]
    unknown = by_hand(export("nas", "/a"), None)
    assert unknown is not None
    assert "mount -t nfs SERVER:/EXPORT /mnt/green" in unknown[1]
    assert by_hand(made("v1", "PersistentVolume", "pv", spec={"local": {"path": "/a"}}), None) is None


@pytest.mark.parametrize(
    ("green", "same"),
    [(export("nas", "/a/"), True), (export("nas", "/b"), False), (export("other", "/a"), False), (None, False)],
)
def test_the_same_export_is_known(green: Manifest | None, same: bool) -> None:  # noqa: FBT001 - a column of the table
    """A slash at its end makes no difference."""
    assert same_export(export("nas", "/a"), green) is same
