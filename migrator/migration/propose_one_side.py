"""Propose what runs on one side only: by what `init` can read of blue, with the same rules as `plan`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from migrator.config.schema import Migration
from migrator.model.kinds import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    DAEMON_SETS,
    DEPLOYMENTS,
    ROLE_BINDINGS,
    ROLES,
    ROLLOUTS,
    STATEFUL_SETS,
)
from migrator.model.manifest import Manifest, ref_of
from migrator.model.ref import ResourceType
from migrator.model.strange import STRANGE
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.one_side.questions import question
from migrator.rules.one_side.recognise import row_of
from migrator.rules.one_side.rights import facts_of_rights
from migrator.untrusted import for_yaml_comment

_WORKLOADS = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, ROLLOUTS)
_RIGHTS = (ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)


def propose_one_side(meaning: Migration, listed: Callable[[ResourceType], Iterable[Manifest]]) -> list[str]:
    """Return what runs on one side only, and what only a person can know; one that cannot be read is left out.

    `listed`: all objects of a kind of blue, none where it does not tell.
    """
    context = RuleContext(meaning, blue=_rights(item for kind in _RIGHTS for item in listed(kind)))
    known, asked = [], []
    for manifest in (item for kind in _WORKLOADS for item in listed(kind)):
        with contextlib.suppress(*STRANGE):
            row, open_question = row_of(manifest), question(manifest, context)
            name = f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
            if row and row.held:
                known.append(f"{row.name} ({name})")
            elif open_question:
                text = f"{name} {open_question.text}  - {open_question.line('auto')}"
                asked.append(f"#   {for_yaml_comment(text)}")
    head = f"# Held on green and handed over at the cutover: CronJobs, and of blue's programs: {names(known) or 'none'}"
    return [
        head,
        "cutover: {oneSide: [], guard: []}   # your own; guard: [green] refuses others who start them, see docs/one-side.md",
        *sorted(asked),
    ]


def names(found: Iterable[str]) -> str:
    """Return names of a cluster in a line of a comment."""
    return ", ".join(for_yaml_comment(name) for name in sorted(found))


def _rights(manifests: Iterable[Manifest]) -> BlueFacts:
    sets: dict[str, set[tuple[str, ...]]] = {}
    for manifest in manifests:
        with contextlib.suppress(*STRANGE):
            for name, value in facts_of_rights(manifest, ref_of(manifest)):
                sets.setdefault(name, set()).add(value)
    return BlueFacts(**{name: frozenset(found) for name, found in sets.items()})  # type: ignore[arg-type]
