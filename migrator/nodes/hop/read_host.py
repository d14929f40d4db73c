"""Read from a host what the checks of an upgrade need; only `staged` is copied to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import yaml

from migrator.errors import BlockedError, CommandFailedError, HostError, MigratorError
from migrator.model.facts import HostReading
from migrator.nodes.examine import read_facts
from migrator.nodes.hop.certificates import SCRIPT as CERTIFICATES
from migrator.nodes.hop.certificates import certificates
from migrator.nodes.hop.etcd_folders import folders_in
from migrator.nodes.hop.staged import Staged
from migrator.nodes.paths import MANIFESTS
from migrator.nodes.spec import NodeSpec
from migrator.ports import Host
from migrator.untrusted import HIDDEN, for_shell, without_credentials

_SCRIPT = rf"""
echo '@@ installed'; pacman -Q kubernetes cri-o crictl cni-plugins 2>/dev/null
echo '@@ kubelet'; cat /var/lib/kubelet/config.yaml 2>/dev/null
echo '@@ flags'
pid=$(systemctl show -p MainPID --value kubelet 2>/dev/null)
if test "${{pid:-0}}" -gt 0 && test -r /proc/$pid/cmdline; then tr '\0' '\n' < /proc/$pid/cmdline
else cat /var/lib/kubelet/kubeadm-flags.env /etc/kubernetes/kubelet.env /etc/default/kubelet 2>/dev/null; fi
for file in {MANIFESTS}/*; do
  test -f "$file" || continue
  echo "@@ manifest $(basename "$file")"; cat "$file"
done
for name in cpu memory; do
  echo "@@ state $name"; cat /var/lib/kubelet/${{name}}_manager_state 2>/dev/null
done
"""
_FLAG = re.compile(r"(--[a-z][a-z0-9-]*)(?:[= ]([^\s\"']*))?")


def read_host(host: Host, node: NodeSpec, current: str) -> HostReading:
    """Return what a host tells; one that cannot be asked is a reading, too, with the reason."""
    try:
        facts = read_facts(host)
        parts = _sections(host.run(_SCRIPT + CERTIFICATES))
    except (HostError, CommandFailedError) as error:
        return HostReading(node.name, node.role, error=error.message, hint=error.hint or "see to the host")
    files = {name.removeprefix("manifest "): text for name, text in parts.items() if name.startswith("manifest ")}
    pods = {name.removesuffix(".yaml"): _mapping(text) for name, text in files.items() if name.endswith(".yaml")}
    edits = _edits(host, current) if node.role == "control-plane" else []
    return HostReading(
        node.name,
        node.role,
        facts=replace(facts, etcd=_etcd_size(host, files.get("etcd.yaml", ""))),
        installed=dict(line.split(" ", 1) for line in parts.get("installed", "").splitlines() if " " in line),
        kubelet=_mapping(parts.get("kubelet", "")),
        manifests=pods,
        other_files={name: _mapping(text) for name, text in files.items() if not name.endswith(".yaml")},
        certificates=tuple(certificates(parts)),
        edited=tuple(edits or ()),
        compared=edits is not None,
        state=dict(_policies(parts)),
        flags=dict(_FLAG.findall("\n".join(_plain(parts.get("flags", ""))))),
    )


def with_target(host: Host, reading: HostReading, staged: Staged) -> HostReading:
    """Return a reading with what the target's kubelet says of its gates and flags; it is copied to the host for that."""
    if reading.error:
        return reading
    known = _known(host, staged)
    unknown = {flag for flag in reading.flags if known and not re.search(rf"{flag}\b", known)}
    return replace(reading, gates=frozenset(re.findall(r"([A-Z]\w+)=true\|false", known)), unknown_flags=tuple(sorted(unknown)))


def _policies(parts: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Yield the policies under which the state of resource managers was written (kubelet checkpoints)."""
    for name in ("cpu", "memory"):
        policy = str(_mapping(parts.get(f"state {name}", "")).get("policyName") or "")
        if policy:
            yield f"{name}ManagerPolicy", policy


def _etcd_size(host: Host, manifest: str) -> int:
    """Return the MiB of etcd's data, 0 where none runs, or its manifest does not tell; another check says so."""
    try:
        data = folders_in(manifest, host.name).data if manifest else ""
    except BlockedError:
        return 0
    return int(host.run(f"du -sm {for_shell(data)} 2>/dev/null | cut -f1; true").strip() or 0) if data else 0


def _sections(output: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in output.splitlines():
        if line.startswith("@@ "):
            name = line[3:]
            found[name] = ""
        elif name:
            found[name] += f"{line}\n"
    return found


def _mapping(text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def _plain(text: str) -> Iterable[str]:
    return (line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _edits(host: Host, current: str) -> list[str] | None:
    """Return the lines of static pods that the installed kubeadm would not write for this very version; None: it does not tell."""
    try:
        output = host.run(f"kubeadm upgrade diff v{current} --context-lines=0 2>/dev/null")
    except CommandFailedError:
        return None
    where, found = "", []
    for line in output.splitlines():
        if line.startswith("--- "):
            where = line.rpartition("/")[2].removesuffix(".yaml")
        elif line.startswith(("-", "+")) and not line.startswith("+++"):
            word = "has" if line.startswith("-") else "lacks"
            found.append(f"{where} {word} `{_recordable(line[1:].strip())}`")
    return found


def _recordable(line: str) -> str:
    """Return a line of a manifest without the value of an environment variable, or credentials in an address."""
    return re.sub(r"(?<=value: ).*", HIDDEN, without_credentials(line))


def _known(host: Host, staged: Staged) -> str:
    try:
        staged.bring(host)
        return host.run(f"{staged.folder}/kubelet --help 2>&1")
    except MigratorError:
        # What is wrong with the package is found by another check.
        return ""
