"""Propose the file that names a cluster's hosts, from what its nodes report; a person looks through it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from migrator.config.stack import NodeConfig
from migrator.model.manifest import Manifest, get
from migrator.untrusted import for_yaml, for_yaml_comment


def file_name(side: str) -> str:
    """Return what the file of a side is called, beside migration.yaml."""
    return f"hosts.{side}.yaml"


def propose_hosts(side: str, nodes: Iterable[Manifest]) -> str:
    """Return the text of the file; names and addresses that cannot be such of a host are comments.

    A node reports how the cluster reaches it (core/v1 NodeAddress); whether the other cluster's hosts do, nobody knows.
    """
    lines = [_line(node) for node in sorted(nodes, key=lambda item: str(item["metadata"]["name"]))]
    known = any(not line.lstrip().startswith("#") for line in lines)
    return "\n".join(
        (
            f"# Hosts of {side}, as its nodes report them, for `migrator data` (docs/volumes.md). Look through it:",
            "# the other cluster's hosts must reach each `address`, and this machine must log in by SSH as root,",
            "# or as a user who may use sudo without a password.",
            "# A host that is reached in another way takes sshAddress, user, port or key of its own.",
            "config:",
            "  migrator:cluster:",
            "    ssh: {user: root}   # key: ~/.ssh/id_ed25519, port: 22",
            "    nodes:" if known else "    nodes: []   # no node reports an address",
            *lines,
            "",
        )
    )


def _line(node: Manifest) -> str:
    name = str(node["metadata"]["name"])
    by_type: dict[str, str] = {}
    for item in get(node, "status", "addresses") or []:
        by_type.setdefault(str(item.get("type")), str(item.get("address")))
    others = [f"{kind} {by_type[kind]}" for kind in ("ExternalIP", "Hostname") if by_type.get(kind) not in (None, name)]
    for kind in ("InternalIP", "ExternalIP"):
        with suppress(ValueError):
            host = NodeConfig(name=name, address=by_type.get(kind, ""))
            more = f"   # also {for_yaml_comment(', '.join(others))}" if others and kind == "InternalIP" else ""
            return f"      - {{name: {for_yaml(host.name)}, address: {for_yaml(host.address)}}}{more}"
    return f"      # - {{name: {for_yaml_comment(name)}, address: }}   it reports no IP address"
