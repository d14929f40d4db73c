"""What patches for kubeadm hold, as far as it can be judged before it applies them; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from migrator.model.manifest import merged
from migrator.model.strange import StrangeError
from migrator.model.yaml_text import load, load_all

TARGETS = (
    "corednsdeployment",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubeletconfiguration",
    "kubeproxydaemonset",
)
"""What kubeadm patches; a file for anything else is passed over."""
# kubeadm: `target[suffix][+patchtype].extension` (app/util/patches).
_NAME = re.compile(rf"({'|'.join(TARGETS)})[^+]*(\+[^.]*)?\.(?:json|yaml)")
_TYPES = ("+json", "+merge", "+strategic", None)
_ALIKE = (".json", ".yaml", ".yml")
_ADD_ONS = ("corednsdeployment", "kubeletconfiguration", "kubeproxydaemonset")


@dataclass(slots=True, frozen=True)
class PatchReading:
    """What was read of a person's patches."""

    arguments: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)
    """File, program and name of each argument that a patch gives to a program, without the dashes."""
    images: tuple[str, ...] = ()
    """Files that set the image of a program of the control plane."""
    broken: tuple[str, ...] = ()
    """Files that kubeadm would stop at."""
    passed_over: tuple[str, ...] = ()
    """Files that look like patches and that kubeadm does not take: by their names, or as they are empty."""


def read_patches(patches: Iterable[tuple[str, bytes]]) -> PatchReading:
    """Return what files of these names hold."""
    arguments: set[tuple[str, str, str]] = set()
    images, broken, passed_over = [], [], []
    for name, content in patches:
        match = _NAME.fullmatch(name)
        if match is None or not content.strip():
            passed_over += [name] if name.endswith(_ALIKE) else []
            continue
        try:
            documents = load_all(content)
        except StrangeError:
            documents = None
        if documents is None or match[2] not in _TYPES:
            broken.append(name)
            continue
        for key, value in _strings(documents):
            if value.startswith("--"):
                arguments.add((name, match[1], value[2:].partition("=")[0]))
            elif key == "image" and match[1] not in _ADD_ONS:
                images.append(name)
    return PatchReading(frozenset(arguments), tuple(dict.fromkeys(images)), tuple(broken), tuple(passed_over))


def kubelet_patch(patches: Iterable[tuple[str, bytes]]) -> dict[str, Any] | None:
    """Return what the person's patches set of every kubelet; None for a JSON patch, which is not worked out here."""
    found: dict[str, Any] = {}
    for name, content in sorted(patches):
        if name.startswith("kubeletconfiguration"):
            try:
                parsed = load(content)
            except StrangeError:
                return None
            if not isinstance(parsed, dict) or "+json" in name:
                return None
            found = merged(found, parsed)
    return found


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text with the key that it is for; in a JSON patch that is the end of its path (RFC 6902)."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)
    elif isinstance(value, dict):
        path = value.get("path")
        for name, item in value.items():
            if isinstance(path, str) and name == "value":
                yield from _strings(item, path.rpartition("/")[2])
            elif name not in ("path", "from", "op"):
                yield from _strings(item, str(name))
