"""Specs and logins as the plain values that Pulumi keeps between runs, and the way back from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic.alias_generators import to_camel

from migrator.adapters.clock import SystemClock
from migrator.config.login import Login
from migrator.config.stack import NodeConfig, StackConfig
from migrator.nodes.spec import ClusterSpec, NodeSpec, cluster_of, node_of
from migrator.ssh.host import SshHost, socket_folder

Inputs = Mapping[str, Any]
S = TypeVar("S", ClusterSpec, NodeSpec, Login)
# Names in the state of stacks that 0.1.0 made; with another one every node would show a difference.
_KEYS = {"kubeadm_timeouts": "timeouts"}


# Settings that earlier versions did not know: left out where they are empty, for the same reason.
_NEWER = frozenset({"package_key", "package_sums", "ready_timeout", "image_sources"})


def cluster_inputs(stack: StackConfig, cluster_id: str) -> dict[str, Any]:
    """Return what all nodes have in common; the cluster's UID is for the provider to add."""
    known = _dumped(cluster_of(stack, cluster_id))
    return {key: value for key, value in known.items() if key != "uid"}


def node_inputs(stack: StackConfig, node: NodeConfig) -> dict[str, Any]:
    """Return what one node is and how it is reached."""
    return _dumped(node_of(stack, node)) | {"ssh": _dumped(stack.login(node))}


def cluster_spec(inputs: Inputs) -> ClusterSpec:
    """Return the spec that these inputs were made from."""
    return _loaded(ClusterSpec, inputs)


def node_spec(inputs: Inputs) -> NodeSpec:
    """Return the spec that these inputs were made from."""
    return _loaded(NodeSpec, inputs)


def host_of(inputs: Inputs) -> SshHost:
    """Return the host of a node."""
    return SshHost(inputs["name"], _loaded(Login, inputs["ssh"]), socket_folder(), clock=SystemClock())


def _key(name: str) -> str:
    return _KEYS.get(name, to_camel(name))


def _dumped(spec: ClusterSpec | NodeSpec | Login) -> dict[str, Any]:
    values = {item.name: getattr(spec, item.name) for item in dataclasses.fields(spec)}
    return {_key(name): _plain(value) for name, value in values.items() if value or name not in _NEWER}


def _loaded(kind: type[S], inputs: Inputs) -> S:
    """Return a spec; a setting that older state does not have gets its default."""
    fields = [item for item in dataclasses.fields(kind) if _key(item.name) in inputs]
    settings: dict[str, Any] = {item.name: _whole(inputs[_key(item.name)]) for item in fields}
    for item in fields:
        if "tuple" in str(item.type) and settings[item.name] is not None:
            settings[item.name] = tuple(settings[item.name])
    return kind(**settings)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _whole(value: Any) -> Any:
    """Return a value with whole numbers for the floats that Pulumi makes of them."""
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
