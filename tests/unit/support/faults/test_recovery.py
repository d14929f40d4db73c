"""What the fault suite understands of the tool's words."""

from __future__ import annotations

import pytest

from tests.support.faults.recovery import Said, is_locked_out, named


@pytest.mark.parametrize(
    ("command", "err", "told"),
    [
        (("cutover",), "migrator: no verdict\n  → run `migrator validate` first\n", ("validate",)),
        (("copy",), "interrupted; run the same command again to continue\n", ("copy",)),
        (
            ("rollback",),
            "! it may still run\nrun `migrator rollback` again when that is fixed: it finishes what is left\n",
            ("rollback",),
        ),
        (("cutover",), "see `migrator report`\n", None),
        (("status",), "run it again\n", None),
        (("copy",), "run `migrator copy --prune` now\n", ("copy", "--prune")),
    ],
)
def test_the_command_that_is_named_is_found(command: tuple[str, ...], err: str, told: tuple[str, ...] | None) -> None:
    """The last command that changes something, the same one, or none."""
    assert named(Said(command, 1, "", err)) == told


def test_a_lock_is_told_from_other_refusals() -> None:
    """Only a lock is waited for."""
    assert is_locked_out(Said(("copy",), 3, "", "migrator: green is locked by root@host/7 since 10:00"))
    assert not is_locked_out(Said(("copy",), 3, "", "migrator: blue is retired"))
