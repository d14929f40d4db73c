"""A pass that is prepared: its program runs, and the other host is connected, before the workload stops for it."""

from __future__ import annotations

import contextlib
import os
import time

from migrator.volumes.agent.channel import Channel, SourceError
from migrator.volumes.agent.guards import PassError
from migrator.volumes.agent.settings import Settings
from migrator.volumes.agent.transfer import Say

# Seconds between looks for the file; while nobody has asked for the pass that is all this program does.
_POLL = 0.02


def await_begin(settings: Settings, channel: Channel, say: Say) -> None:
    """Connect, and wait until the file that holds the pass back is gone; raises PassError when that takes too long.

    Nothing is asked or opened on either side before.
    """
    if not settings.wait_while:
        return
    with contextlib.suppress(SourceError):  # the pass connects again, and tells why it cannot
        channel.greet()
    say("ready to begin")
    ends = time.monotonic() + settings.wait_seconds
    while os.path.exists(settings.wait_while):
        if time.monotonic() > ends:
            raise PassError("it was prepared and never begun", "run this again")
        time.sleep(_POLL)
