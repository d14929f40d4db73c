"""The table of docs/one-side.md, made from the table that the tool uses."""

from __future__ import annotations

from migrator.model.one_side import HeldField
from migrator.rules.one_side.databases import CLUSTERS, SCHEDULES, TOLD_CLUSTERS
from migrator.rules.one_side.operated import OPERATED, TOLD_OPERATED
from migrator.rules.one_side.programs import PROGRAMS
from migrator.rules.one_side.table import KINDS, SCALERS, TOLD, Row

_WORKLOAD = "`spec.replicas: 0`; of a DaemonSet a `nodeSelector` that no node has"


def lines() -> list[str]:
    """Return the table in Markdown, a line per row."""
    head = ["| What | Recognised by | Why one side only | Held on green by | Meanwhile |", "|---|---|---|---|---|"]
    held, told = (*KINDS, *OPERATED, *CLUSTERS, *SCHEDULES, *SCALERS, *PROGRAMS), (*TOLD, *TOLD_OPERATED, *TOLD_CLUSTERS)
    return [*head, *map(_line, (*held, *told))]


def _line(row: Row) -> str:
    return f"| {row.name} | {_marks(row)} | {row.why} | {_hold(row)} | {row.meanwhile or '-'} |"


def _marks(row: Row) -> str:
    of_held = " of a workload that is held" if row in SCALERS else f" with `{'.'.join(row.needs)}`" if row.needs else ""
    parts = [f"kind `{name}`{of_held}" for name in sorted(row.types)]
    parts += [f"image `{image}`" for image in row.images]
    parts += ["annotation `k8s.v1.cni.cncf.io/networks` with `ips` or `mac`"] if row.fixed else []
    parts += [f"words {' '.join(f'`{flag}`' for flag in sorted(flags))}" for flags in row.flags]
    program = f", running {' or '.join(f'`{word}`' for word in sorted(row.words))}" if row.words else ""
    return ", ".join(parts) + program


def _hold(row: Row) -> str:
    if not row.held:
        return "nothing: the plan warns"
    fields = [f"`{HeldField(path, held).words}`" for path, held in row.fields]
    if len(fields) > 1:
        return f"{fields[0]}; a running one is stopped by {fields[1]}"
    return fields[0] if fields else _WORKLOAD
