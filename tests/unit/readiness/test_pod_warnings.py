"""Which warning about a pod tells why it does not come up."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.manifest import Manifest
from migrator.readiness.pod_warnings import newest_warning


def warning(reason: str, message: str, at: str, **more: Any) -> Manifest:
    """Return an event of a pod."""
    return {"type": "Warning", "reason": reason, "message": message, "lastTimestamp": at, **more}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], ""),
        ([{"type": "Normal", "reason": "Scheduled", "message": "it has a node"}], ""),
        (
            [
                warning("FailedMount", "driver has no disk 1", "2026-01-01T00:00:02Z"),
                warning("FailedMount", "driver has no disk 2", "2026-01-01T00:00:03Z"),
                warning("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[volume]", "2026-01-01T00:00:09Z"),
                warning("FailedSync", "list of unattached/unmounted volumes=[volume]", "2026-01-01T00:00:10Z"),
            ],
            "FailedMount: driver has no disk 2",
        ),
        (
            [warning("FailedMount", "Unable to attach or mount volumes: timed out", "2026-01-01T00:00:09Z")],
            "FailedMount: Unable to attach or mount volumes: timed out",
        ),
        (
            [
                warning(
                    "FailedAttachVolume", "new", "", eventTime="2026-01-01T00:00:05Z", series={"lastObservedTime": "2026-01-02T"}
                ),
                warning("FailedMount", "old", "2026-01-01T00:00:06Z"),
            ],
            "FailedAttachVolume: new",
        ),
    ],
)
def test_why_a_volume_is_not_mounted_stands_in_events(events: list[Manifest], words: str) -> None:
    """The newest cause is told; the kubelet's summary names none."""
    assert newest_warning(events) == words
