"""Ask the kubeadm of a version on the way what it takes and what it refuses; nothing of the cluster is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from migrator.errors import CommandFailedError
from migrator.model.facts import Refusal
from migrator.model.yaml_text import dump
from migrator.nodes.kubeadm import error_of, preflight_flags
from migrator.ports import Host
from migrator.untrusted import for_shell, without_credentials

# How kubeadm writes what one of its checks has against it (app/util/errors, preflight.Error).
_ERROR = re.compile(r"^\s*\[ERROR ([^\]\s]+)\]:?\s*(.*)$", re.MULTILINE)
_GATE = re.compile(r"^\s*(?:--feature-gates .* are:)?\s*([A-Z]\w+)=true\|false", re.MULTILINE)
# `kubeadm upgrade plan` runs a Job on the cluster first, and waits for it (its check CreateJob).
_PLAN_SECONDS = 180.0


def refusals_in(asked: str, output: str) -> tuple[Refusal, ...]:
    """Return what kubeadm has said no to, one for each of its checks; what has no name is told as it stands."""
    named = tuple(Refusal(asked, name, _plain(reason)) for name, reason in _ERROR.findall(output))
    return named or (Refusal(asked, "", _plain(error_of(output))),)


def known_gates(host: Host, kubeadm: str) -> frozenset[str]:
    """Return the feature gates of its own that a kubeadm knows, empty where it does not tell."""
    return frozenset(_GATE.findall(host.run(f"{for_shell(kubeadm)} init --help 2>/dev/null; true")))


def refused_configuration(host: Host, kubeadm: str, configuration: Mapping[str, Any], version: str) -> tuple[Refusal, ...]:
    """Return why a kubeadm cannot read a cluster's ClusterConfiguration as that of its own version."""
    text = dump({**configuration, "kind": "ClusterConfiguration", "kubernetesVersion": f"v{version}"})
    asked = f"kubeadm {version} config validate"
    try:
        host.run(f"{for_shell(kubeadm)} config validate --allow-deprecated-api --config /dev/stdin", stdin=text.encode())
    except CommandFailedError as error:
        return refusals_in(asked, error.output)
    return ()


def planned(host: Host, kubeadm: str, version: str, ignored: Iterable[str]) -> tuple[str, tuple[Refusal, ...]]:
    """Return what `kubeadm upgrade plan` says, and what it refuses."""
    flags = " ".join(preflight_flags((*ignored, "CreateJob")))
    try:
        return host.run(f"{for_shell(kubeadm)} upgrade plan v{version} {flags}", timeout=_PLAN_SECONDS).strip(), ()
    except CommandFailedError as error:
        return f"kubeadm gave no answer: {error.message}", refusals_in(f"kubeadm {version} upgrade plan", error.output)


def _plain(text: str) -> str:
    return without_credentials(" ".join(text.split()))
