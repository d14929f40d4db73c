"""A person's commands around the last pass of claims, such as one that flushes a database and one that lets it go on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from migrator.config.volumes import ClaimRule
from migrator.migration.session import Session
from migrator.rules.storage import claim_rule


@contextlib.contextmanager
def around_last_pass(session: Session, claims: Iterable[str]) -> Iterator[None]:
    """Run each rule's commands once before, and its others afterwards, also when what is between them has failed.

    Raises CommandFailedError: of a command before, with nothing begun; what was begun before it is ended by its own commands.
    """
    with contextlib.ExitStack() as ended:
        for rule in _rules(session, claims):
            # First, so that a command which fails half-way is followed by those that undo it.
            ended.callback(session.hooks, "after data", rule.after)
            session.hooks("before data", rule.before)
        yield


def _rules(session: Session, claims: Iterable[str]) -> list[ClaimRule]:
    """Return the rules that count for these claims, in the order of the file."""
    context = session.context()
    counting = [claim_rule(name, context) for name in claims]
    return [rule for rule in session.config.volumes.claims if (rule.before or rule.after) and any(rule is one for one in counting)]
