"""Workloads that use claims whose data moves: they stand still while the last difference is brought, and run on one side only."""

from __future__ import annotations

import re

from migrator.model.manifest import Manifest, get, pod_spec, ref_of
from migrator.rules.context import RuleContext
from migrator.rules.one_side.table import Row

WHY = "writes to volumes whose data moves: what it wrote on both sides could not be joined"
MEANWHILE = "its data is not all there yet, and nobody writes to it"


def claims_of_workload(manifest: Manifest, context: RuleContext) -> tuple[str, ...]:
    """Return the claims (`namespace/name` on blue) whose data moves and that an object's pods use; templates of claims included."""
    ref = ref_of(manifest)
    before = context.handed.get(ref)
    if before is not None:
        return before.claims  # once it has stopped, nobody tells any more on which host a folder lies
    spec = pod_spec(manifest)
    if spec is None or not context.data_moves:
        return ()
    names = {get(volume, "persistentVolumeClaim", "claimName") for volume in spec.get("volumes") or []}
    found = {f"{ref.namespace}/{name}" for name in names if name} & context.data_moves
    if ref.type_name == "StatefulSet.apps":
        for template in get(manifest, "spec", "volumeClaimTemplates") or []:
            made = re.compile(rf"{re.escape(ref.namespace)}/{re.escape(template['metadata']['name'])}-{re.escape(ref.name)}-\d+")
            found |= {name for name in context.data_moves if made.fullmatch(name)}
    return tuple(sorted(found))


def row_of_data(namespace: str, row: Row | None) -> Row:
    """Return the row of a workload with such claims: those of a namespace are handed over together, since they may share them.

    What could start others keeps its own group.
    """
    name = row.name if row and row.first else f"data of {namespace}"
    fields = row.fields if row else ()
    return Row(name, WHY, MEANWHILE, fields, first=bool(row and row.first), addresses=bool(row and row.addresses))
