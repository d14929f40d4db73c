"""Take a cluster's kubeconfig from a Pulumi stack's outputs, through Pulumi's own command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from migrator.adapters.commands import run
from migrator.errors import BlockedError, CommandFailedError, ConfigError


def stack_kubeconfig(stack: str, project: Path) -> dict[str, Any]:
    """Return the kubeconfig that a stack gives out; raises ConfigError when there is no such stack, or it gives none.

    Pulumi asks for the stack's passphrase or key as ever: PULUMI_CONFIG_PASSPHRASE, or its file.
    """
    if not (project / "Pulumi.yaml").is_file():
        raise ConfigError(
            [f"stack {stack}: {project}: has no Pulumi.yaml"], hint="`project:` names the folder of the stack's project"
        )
    try:
        text = run(
            ["pulumi", "stack", "output", "--json", "--show-secrets", "--non-interactive", "--stack", stack],
            folder=project,
            hint="install Pulumi, or name a kubeconfig",
        )
    except CommandFailedError as error:
        raise ConfigError([f"stack {stack}: {error.message}"], hint=error.hint or "`pulumi stack ls` names the stacks") from error
    content = json.loads(text).get("kubeconfig")
    if not content:
        raise BlockedError(f"stack {stack} has no kubeconfig yet", hint=f"`pulumi up --stack {stack}` raises the cluster")
    return dict(yaml.safe_load(content))
