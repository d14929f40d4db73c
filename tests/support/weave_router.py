"""What stands for Weave Net's router, whose images no test machine can have: the requests of its start, with its account's rights.

After github.com/rajch/weave 2.9.0: prog/weave-kube/launch.sh asks in this order, and prog/kube-utils sends what is sent here.
"""

from __future__ import annotations

from typing import Any

import orjson

from migrator.errors import ApiError, NotFoundError
from migrator.kube.transport import Transport

_MAP = "/api/v1/namespaces/kube-system/configmaps/weave-net"
_PEERS = "kube-peers.weave.works/peers"


class RouterEnded(Exception):  # noqa: N818 - what a person sees of it
    """The router ended with an error, and its container is started again."""


class Router:
    """One node's router; `data` is what it keeps on the node's disk."""

    def __init__(self, transport: Transport, node: str) -> None:
        self._send = transport.send
        self.node = node
        self.data: set[str] = set()

    def start(self) -> str:
        """Start once and return the network's ID; raises RouterEnded as launch.sh ends, which ends with the first command that fails."""
        try:
            self._send("GET", "/api/v1/nodes")
            if "peer-reclaim" in self.data and self.node not in self._peers(self._ensured()):
                self.data.clear()
            self.data.add("peer-reclaim")
            self._send("GET", "/version")
            identity = self._asked("GET", _MAP)["metadata"]["uid"]
        except ApiError as error:
            raise RouterEnded(
                f"Unable to fetch ConfigMap kube-system/weave-net to infer unique cluster ID: {error.message}"
            ) from error
        self._take_part()
        return str(identity)

    def _take_part(self) -> None:
        """Write itself into the list of peers, and say on the node that its network is there."""
        found = self._ensured()
        peers = [*self._peers(found), self.node]
        found["metadata"].setdefault("annotations", {})[_PEERS] = orjson.dumps(peers).decode()
        self._asked("PUT", _MAP, found)
        condition = {"type": "NetworkUnavailable", "status": "False", "reason": "WeaveIsUp", "message": "Weave pod has set this"}
        body = orjson.dumps({"status": {"conditions": [condition]}})
        self._send("PATCH", f"/api/v1/nodes/{self.node}/status", body, content="application/strategic-merge-patch+json")

    def _ensured(self) -> dict[str, Any]:
        """Return the ConfigMap; only this way of asking makes it where it is not there."""
        try:
            return self._asked("GET", _MAP)
        except NotFoundError:
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "weave-net", "namespace": "kube-system"}}
            return self._asked("POST", _MAP.rpartition("/")[0], body)

    def _peers(self, found: dict[str, Any]) -> list[str]:
        return list(orjson.loads((found["metadata"].get("annotations") or {}).get(_PEERS, "[]")))

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = orjson.loads(self._send(method, path, orjson.dumps(body) if body else None).body)
        return answer
