"""What fails in words that pass is tried once more."""

from __future__ import annotations

import pytest

from migrator.errors import CommandFailedError, HostError
from migrator.nodes.passing import once_more
from tests.support.hosts import FakeHost


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        ("toomanyrequests: You have reached your pull rate limit", 2),
        ("dial tcp: i/o timeout", 2),
        ("curl: (22) The requested URL returned error: 404", 2),
        ("error: failed to init transaction (unable to lock database)", 2),
        ("manifest unknown", 1),
        ("signature is unknown trust", 1),
    ],
)
def test_only_what_passes_is_tried_again(words: str, calls: int) -> None:
    """Once, after a pause; its last error is told."""
    host, seen = FakeHost(), []

    def call() -> None:
        seen.append(host.clock.monotonic())
        raise CommandFailedError("crictl pull", 1, words)

    with pytest.raises(CommandFailedError):
        once_more(host, call)
    assert len(seen) == calls
    assert calls == 1 or seen[1] - seen[0] >= 15


def test_what_works_the_second_time_is_returned() -> None:
    """A host that is away is not asked again here."""
    host = FakeHost()
    answers: list[str | Exception] = [CommandFailedError("curl", 22, "503 Service Unavailable"), "done"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert once_more(host, call) == "done"

    def away() -> None:
        raise HostError("w1 cannot be reached", hint="")

    with pytest.raises(HostError):
        once_more(host, away)
