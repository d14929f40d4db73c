"""Ask a kubelet of another version what it says to settings and feature gates; it is asked so that it never starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrator.errors import CommandFailedError
from migrator.model.yaml_text import dump
from migrator.ports import Host
from migrator.untrusted import for_shell, without_credentials

# A setting that every kubelet refuses while it looks at its settings, and before it does anything: so none is started.
_NEVER_STARTS = {"maxPods": -1}
# What it is made to refuse, what the check of cgroups tells, and what is no reason.
_NOT_TOLD = re.compile(
    r"(?:invalid configuration: )?maxPods \(--max-pods\) -1 must not be a negative number(?:, )?"
    r"|(?:, )?kubelet is configured to not run on a host using cgroup v1\.[^,\]]*|,? ?path: &TypeMeta\{[^}]*\}$"
)
_SAID = re.compile(r'^panic: (?P<panic>.*)$|"command failed" err="(?P<failed>(?:[^"\\]|\\.)*)"', re.MULTILINE)
_AROUND = re.compile(
    r"^(?:failed to [^:]*?(?:defaults|config file, path: /dev/stdin|configuration), error: |failed to [^:]*config: )"
)
_OF_FILE = re.compile(r"^failed to load Kubelet config file /dev/stdin, error (?:failed to decode: )?")
_UNKNOWN = re.compile(r'unknown field \\?"([^"\\]+)')
_GATE = re.compile(r"feature gate:? (\w+)|^(\w+) is enabled, but depends on")
# Gates of one program that are told; a kubelet names one at a time.
_AT_MOST = 10
# Settings that may hold credentials, and that are never refused.
_NOT_ASKED = ("staticPodURLHeader",)


class Answer(NamedTuple):
    """What a kubelet says to settings."""

    refused: tuple[str, ...] = ()
    """Why it would not start."""
    left_out: tuple[str, ...] = ()
    """Settings that it does not know."""


def asked_of_kubelet(host: Host, kubelet: str, settings: Mapping[str, Any]) -> Answer:
    """Return what a kubelet of the host says to settings; nothing where it does not answer.

    It names one feature gate at a time, so it is asked again without those that it has named.
    """
    left = {key: value for key, value in settings.items() if key not in _NOT_ASKED}
    gates = dict(left.pop("featureGates", None) or {}) if isinstance(left.get("featureGates"), dict | None) else {}
    refused: list[str] = []
    for _ in range(_AT_MOST):
        output = _output(host, kubelet, {**left, "featureGates": gates} if gates else left)
        told = list(_refusals(output))
        refused += told
        named = {name for reason in told for match in _GATE.finditer(reason) for name in match.groups() if name in gates}
        if not named:
            return Answer(tuple(refused), tuple(dict.fromkeys(_UNKNOWN.findall(output))))
        gates = {name: value for name, value in gates.items() if name not in named}
    return Answer(tuple(refused))


def _output(host: Host, kubelet: str, settings: Mapping[str, Any]) -> str:
    usual = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    text = dump({**settings, **usual, **_NEVER_STARTS})
    # What it prints beside, its whole configuration, is left on the host.
    told = "grep -aE '^panic: |\"command failed\"|lenient decoding'"
    try:
        return host.run(f"timeout 60 {for_shell(kubelet)} --config /dev/stdin 2>&1 | {told}; true", stdin=text.encode())
    except CommandFailedError:
        return ""


def _refusals(output: str) -> Iterator[str]:
    for match in _SAID.finditer(output):
        said = match["panic"] or match["failed"].replace('\\"', '"')
        reason = " ".join(_NOT_TOLD.sub("", _OF_FILE.sub("", _AROUND.sub("", said))).split())
        if reason.startswith("["):
            reason = reason.strip("[]").rstrip(" ,")
        if reason:
            yield without_credentials(reason)
