"""How a retirement of blue is shown, and what is left for a person to do."""

from __future__ import annotations

from typing import Any

from migrator.cli import render
from migrator.migration.verbs.retire import Retirement

_NEXT = (
    # aws-controllers-k8s/community#1965: an object that is deleted on the old cluster takes its bucket along.
    "delete no object or namespace of blue before: its controllers would delete outside what green uses now (buckets, databases)",
    "pulumi destroy --stack blue        (a cluster that Pulumi made)",
    "kubeadm reset -f, on each node     (a cluster made by hand)",
    "take blue's servers out of the load balancer's configuration",
    "delete blue's credentials where they are kept",
    "migratorRole: none in green's stack, where it says green: the account is removed from green",
)


def as_document(done: Retirement, *, encrypted: bool) -> dict[str, Any]:
    """Return a retirement as plain data; `encrypted` is whether its archive is."""
    archive = {"archive": str(done.path), "objects": done.archived.objects, "sha256": done.archived.sha256}
    return {**archive, "encrypted": encrypted, "leftOut": dict(done.left_out), "next": list(_NEXT)}


def show(done: Retirement) -> None:
    """Print where the archive is, and how blue is destroyed."""
    render.line(f"{done.archived.objects} objects of blue archived in {done.path}")
    render.line(f"sha256: {done.archived.sha256}")
    render.line(f"not in it: {len(done.left_out)} kinds that are not moved (`migrator plan --all` lists them)")
    render.line("blue is retired; destroy it with:")
    for step in _NEXT:
        render.line(f"  - {step}")
