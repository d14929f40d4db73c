"""`migrator upgrade`: its verbs, each in the module of its name."""

from __future__ import annotations

import click

from migrator.cli.lazy import LazyGroup

_VERBS = {
    "plan": "Show hops, packages, images, the steps on each node, and every finding.",
    "run": "Upgrade the cluster.",
    "resume": "Continue an upgrade that was interrupted, paused or stopped by a gate.",
    "finish": "Raise a control plane that emulates the old minor, and go on with the kubelets.",
    "abort": "End an upgrade where it is, and uncordon what it has cordoned.",
    "rollback": "Reverse the last hop: without loss before `finish`, from etcd's snapshot after it.",
    "status": "Show where an upgrade stands, from its journal alone.",
    "report": "Write what was done, step by step, as one HTML page and JSON.",
}


@click.group("upgrade", cls=LazyGroup, package="migrator.cli.upgrade", verbs=_VERBS)
def command() -> None:
    """Upgrade a kubeadm cluster in place, one minor after the other; for clusters that cannot be doubled.

    The cluster's hosts are listed in the file of a stack (stacks/Pulumi.NAME.yaml), also where Pulumi did not make them.
    """
