"""Read from a host what the checks of an upgrade need; only `staged` is copied to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import yaml

from migrator.errors import BlockedError, CommandFailedError, HostError, MigratorError
from migrator.model.facts import Certificate, HostReading
from migrator.nodes.examine import read_facts
from migrator.nodes.hop.etcd_folders import folders_in
from migrator.nodes.hop.staged import Staged
from migrator.nodes.paths import MANIFESTS
from migrator.nodes.spec import NodeSpec
from migrator.ports import Host
from migrator.untrusted import HIDDEN, for_shell, without_credentials

_SCRIPT = rf"""
echo '@@ installed'; pacman -Q kubernetes cri-o crictl cni-plugins 2>/dev/null
echo '@@ kubelet'; cat /var/lib/kubelet/config.yaml 2>/dev/null
echo '@@ flags'; cat /var/lib/kubelet/kubeadm-flags.env /etc/kubernetes/kubelet.env 2>/dev/null
for file in {MANIFESTS}/*.yaml; do
  test -e "$file" || continue
  echo "@@ manifest $(basename "$file" .yaml)"; cat "$file"
done
for file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt /var/lib/kubelet/pki/kubelet-client-current.pem; do
  test -e "$file" || continue
  echo "@@ certificate $file"; sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' "$file"
done
"""


def read_host(host: Host, node: NodeSpec, staged: Staged | None, current: str) -> HostReading:
    """Return what a host tells; one that cannot be asked is a reading, too, with the reason.

    `staged` is the target's package, whose kubelet tells which gates and flags it knows; None leaves that out.
    """
    try:
        facts = read_facts(host)
        parts = _sections(host.run(_SCRIPT))
    except (HostError, CommandFailedError) as error:
        return HostReading(node.name, node.role, error=error.message, hint=error.hint or "see to the host")
    control_plane = node.role == "control-plane"
    known = _known(host, staged) if staged else ""
    flags = re.findall(r"--[a-z][a-z0-9-]*", "\n".join(_plain(parts.get("flags", ""))))
    return HostReading(
        node.name,
        node.role,
        facts=replace(facts, etcd=_etcd_size(host, parts.get("manifest etcd", ""))),
        installed=dict(line.split(" ", 1) for line in parts.get("installed", "").splitlines() if " " in line),
        kubelet=_mapping(parts.get("kubelet", "")),
        manifests={name.removeprefix("manifest "): _mapping(text) for name, text in parts.items() if name.startswith("manifest ")},
        certificates=tuple(_certificates(parts)),
        edited=tuple(_edits(host, current)) if control_plane else (),
        gates=frozenset(re.findall(r"([A-Z]\w+)=true\|false", known)),
        unknown_flags=tuple(sorted({flag for flag in flags if known and not re.search(rf"{flag}\b", known)})),
    )


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


def _certificates(parts: dict[str, str]) -> Iterable[Certificate]:
    from cryptography import x509

    for name, pem in parts.items():
        if name.startswith("certificate ") and pem:
            found = x509.load_pem_x509_certificates(pem.encode())[0]
            path = name.removeprefix("certificate ")
            yield Certificate(path, found.not_valid_after_utc.timestamp(), path.endswith("ca.crt"))


def _edits(host: Host, current: str) -> Iterable[str]:
    """Yield the lines of static pods that the installed kubeadm would not write for this very version."""
    try:
        output = host.run(f"kubeadm upgrade diff v{current} --context-lines=0 2>/dev/null")
    except CommandFailedError:
        return
    where = ""
    for line in output.splitlines():
        if line.startswith("--- "):
            where = line.rpartition("/")[2].removesuffix(".yaml")
        elif line.startswith(("-", "+")) and not line.startswith("+++"):
            word = "has" if line.startswith("-") else "lacks"
            yield f"{where} {word} `{_recordable(line[1:].strip())}`"


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
