"""Take a cluster's kubeconfig from a Pulumi stack's outputs, through Pulumi's own command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from migrator.adapters.commands import run
from migrator.errors import BlockedError, CommandFailedError, ConfigError
from migrator.untrusted import printable


class StackAccess(NamedTuple):
    """What a stack says of how to reach its cluster."""

    kubeconfig: str
    endpoint: str
    """`host:port` of the API server, as the stack's own settings have it."""


def stack_access(stack: str, project: Path) -> StackAccess:
    """Return the kubeconfig and the endpoint that a stack gives out.

    Raises ConfigError when there is no such stack, or it gives no endpoint, and BlockedError when it has no kubeconfig yet.

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
    try:
        outputs = json.loads(text)
    except ValueError:
        outputs = None
    if not isinstance(outputs, dict):
        # Outputs may follow, and they hold secrets.
        before = text.partition("{")[0].strip()[:200]
        raise ConfigError(
            [f"stack {stack}: `pulumi stack output --json` printed something else: {printable(before)}"],
            hint="run it by hand; or give `kubeconfig:` in place of `stack:`",
        )
    content = outputs.get("kubeconfig")
    if not content:
        raise BlockedError(f"stack {stack} has no kubeconfig yet", hint=f"`pulumi up --stack {stack}` raises the cluster")
    server = str(outputs.get("apiServer") or "")
    if not server.startswith("https://"):
        raise ConfigError(
            [f"stack {stack}: has no output apiServer with an https:// address, so its kubeconfig cannot be checked"],
            hint="export apiServer there, or give `kubeconfig:` in place of `stack:`",
        )
    # A component may give out an object in place of text.
    return StackAccess(content if isinstance(content, str) else json.dumps(content), server.removeprefix("https://").rstrip("/"))
