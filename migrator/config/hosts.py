"""The hosts of a cluster, as the file of a stack names them; a cluster that this tool did not make needs only `nodes` and `ssh`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ConfigDict, Field

from migrator.config.fields import Frozen
from migrator.config.login import Login
from migrator.config.parse import load_cluster
from migrator.config.stack import NodeConfig, SshConfig


class ClusterHosts(Frozen):
    """The part of a stack's settings that tells how hosts are reached."""

    model_config = ConfigDict(extra="ignore")

    nodes: tuple[NodeConfig, ...] = Field(min_length=1)
    ssh: SshConfig = Field(default_factory=SshConfig)

    @property
    def logins(self) -> Mapping[str, tuple[Login, str]]:
        """By the name of a node: how it is logged in to, and its address for other hosts."""
        return {
            node.name: (
                Login(
                    address=node.ssh_address or node.address,
                    user=node.user or self.ssh.user,
                    port=node.port or self.ssh.port,
                    key=node.key or self.ssh.key,
                    known_hosts=self.ssh.known_hosts,
                ),
                node.address,
            )
            for node in self.nodes
        }


def load_hosts(path: Path) -> ClusterHosts:
    """Return the hosts in a file; raises ConfigError with every mistake, one a line."""
    return load_cluster(ClusterHosts, path, hint="volumes.hosts names a file for each cluster")
