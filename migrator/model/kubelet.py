"""Settings of a kubelet: its file, drop-in files over that, and flags over both; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from migrator.model.kubeadm import SECTIONS, extra_args
from migrator.model.manifest import get, merged
from migrator.model.strange import STRANGE

_FLAG = re.compile(r"(--[a-z][a-z0-9-]*)(?:[=\s]+(?!-)([^\s\"']*))?")
# Flags that checks look at, and the settings over which they are written (pkg/kubelet/app/options).
_SWITCHES = {
    "--fail-swap-on": "failSwapOn",
    "--fail-cgroupv1": "failCgroupV1",
    "--protect-kernel-defaults": "protectKernelDefaults",
}
_WORDS = {
    "--cpu-manager-policy": "cpuManagerPolicy",
    "--memory-manager-policy": "memoryManagerPolicy",
    "--topology-manager-policy": "topologyManagerPolicy",
    "--cgroup-driver": "cgroupDriver",
    "--resolv-conf": "resolvConf",
}


def flags_in(text: str) -> dict[str, str]:
    """Return the flags of a command line, or of a file with variables for one; those without a value have an empty one."""
    return dict(_FLAG.findall(text))


def settings_of_flags(flags: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that flags stand for."""
    found: dict[str, Any] = {
        setting: flags[flag].lower() not in ("false", "0", "f") for flag, setting in _SWITCHES.items() if flag in flags
    }
    found |= {setting: flags[flag] for flag, setting in _WORDS.items() if flag in flags}
    gates = gates_in(flags.get("--feature-gates", ""))
    return {**found, **({"featureGates": gates} if gates else {})}


def gates_in(text: str) -> dict[str, bool]:
    """Return the feature gates of the value of a flag `--feature-gates`."""
    pairs = (pair.partition("=") for pair in text.strip("\"'").split(",") if pair)
    return {name.strip(): value.strip().lower() != "false" for name, _, value in pairs}


def gates_of_cluster(config: Mapping[str, Any], proxy: Mapping[str, Any]) -> dict[str, dict[str, bool]]:
    """Return the feature gates of programs by the settings that kubeadm writes them from, and kube-proxy's own."""
    found: dict[str, dict[str, bool]] = {}
    for section, program in SECTIONS.items():
        try:
            pairs = extra_args(config, section)
        except STRANGE:
            continue  # settings of a strange form are a finding of another check
        found[program] = {gate: on for name, value in pairs if name == "feature-gates" for gate, on in gates_in(value).items()}
    own = proxy.get("featureGates")
    found["kube-proxy"] = dict(own) if isinstance(own, Mapping) else {}
    return {program: gates for program, gates in found.items() if gates}


def arguments_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the arguments of a static pod's first container, each of one word or of two; none where it has another form."""
    listed = get(dict(manifest), "spec", "containers")
    first = listed[0] if isinstance(listed, list) and listed else {}
    parts = [get(first, key) for key in ("command", "args")]
    words = [str(word) for part in parts if isinstance(part, list) for word in part]
    found: dict[str, str] = {}
    for word, following in pairwise((*words, "")):
        name, equals, value = word.partition("=")
        found[name] = value if equals or following.startswith("-") or not word.startswith("--") else following
    return found


def settings_after(
    shared: Mapping[str, Any], patch: Mapping[str, Any] | None, own: Mapping[str, Any], kept: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return a kubelet's settings after an upgrade, None where nobody can tell.

    `kubeadm upgrade node` writes the cluster's settings over those of the node's file, patches last; drop-in files and flags,
    which are `kept`, stay as they are and count more.
    """
    if patch is None:
        return None
    return merged(merged(shared, patch) if shared else own, kept)
