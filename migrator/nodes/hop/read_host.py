"""Read from a host what the checks of an upgrade need; only `staged` is copied to it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from migrator.errors import BlockedError, CommandFailedError, HostError, MigratorError
from migrator.model.facts import HostReading
from migrator.model.host import HostFacts
from migrator.model.kubelet import arguments_of, flags_in, gates_in, settings_of_flags
from migrator.model.manifest import get, merged
from migrator.model.reserved_cgroups import reserved_cgroups
from migrator.model.strange import STRANGE, reason_of
from migrator.model.yaml_text import mapping
from migrator.nodes.examine import read_facts
from migrator.nodes.hop.ask_kubelet import asked_of_kubelet
from migrator.nodes.hop.certificates import SCRIPT as CERTIFICATES
from migrator.nodes.hop.certificates import certificates
from migrator.nodes.hop.etcd_folders import folders_in
from migrator.nodes.hop.kubelet_files import SCRIPT as KUBELET_FILES
from migrator.nodes.hop.kubelet_files import kubelet_files
from migrator.nodes.hop.short_names import SCRIPT as SHORT_NAMES
from migrator.nodes.hop.short_names import short_names
from migrator.nodes.hop.staged import Staged
from migrator.nodes.hop.upgrade_settings import manifest_differences
from migrator.nodes.paths import MANIFESTS
from migrator.nodes.spec import NodeSpec
from migrator.ports import Host
from migrator.untrusted import HIDDEN, for_shell, without_credentials

_STATE = "/var/lib/kubelet"
# How long etcd's log takes to be on its disk (etcd.io/docs, metrics); kubeadm has etcd tell its metrics at this address.
_WRITES = "etcd_disk_wal_fsync_duration_seconds"
_MOST_WRITES = 0.99
# Files need not end with a line: state files do not. The kubelet reads its drop-in files by their names (KEP-3983).
_SCRIPT = rf"""
echo '@@ installed'; pacman -Q kubernetes cri-o crictl cni-plugins 2>/dev/null
echo '@@ kubelet'; cat {_STATE}/config.yaml 2>/dev/null
echo; echo '@@ program'
program=$(systemctl show -p ExecStart --value kubelet 2>/dev/null | sed -n 's/^. path=\([^ ;]*\/kubelet\) .*/\1/p' | head -n 1)
test -z "$program" || echo "$program $(pacman -Qoq "$(readlink -f "$program")" 2>/dev/null)"
echo; echo '@@ flags'
pid=$(systemctl show -p MainPID --value kubelet 2>/dev/null)
flags=$(if test "${{pid:-0}}" -gt 0 && test -r /proc/$pid/cmdline; then tr '\0' '\n' < /proc/$pid/cmdline
else cat {_STATE}/kubeadm-flags.env /etc/kubernetes/kubelet.env /etc/default/kubelet 2>/dev/null; fi)
echo "$flags"
echo; echo '@@ flags of kubeadm'; cat {_STATE}/kubeadm-flags.env 2>/dev/null
own=$(echo "$flags" | tr '\n' ' ' | sed -n 's/.*--config[= ]\([^ "]*\).*/\1/p')
test -z "$own" || test "$own" = {_STATE}/config.yaml || {{ echo; echo "@@ drop-in $own"; cat "$own"; }}
folder=$(echo "$flags" | tr '\n' ' ' | sed -n 's/.*--config-dir[= ]\([^ "]*\).*/\1/p')
test -z "$folder" || find "$folder" -type f -name '*.conf' | sort | while read -r file; do
  echo; echo "@@ drop-in $file"; cat "$file"
done
for file in {MANIFESTS}/*; do
  test -f "$file" || continue
  echo; echo "@@ manifest $(basename "$file")"; cat "$file"
done
for name in cpu memory; do
  test -e {_STATE}/${{name}}_manager_state || continue
  echo; echo "@@ state $name"; cat {_STATE}/${{name}}_manager_state
done
echo; echo '@@ empty state'
find {_STATE} -maxdepth 1 -type f -empty '(' -name '*_manager_state' -o -name '*_pods_state' ')' 2>/dev/null
echo; echo '@@ network'
find /etc/cni/net.d -maxdepth 1 '(' -name '*.conf' -o -name '*.conflist' -o -name '*.json' ')' 2>/dev/null |
  sort | head -n 1 | tr '\n' '\0' | xargs -0 -r cat
echo; echo '@@ plugins'
folders=$(cat /etc/crio/crio.conf /etc/crio/crio.conf.d/* 2>/dev/null | grep -v '^ *#' | grep -oE '"/[^"]*cni[^"]*"' | tr -d '"')
ls /opt/cni/bin /usr/lib/cni /usr/libexec/cni /usr/local/lib/cni $folders 2>/dev/null
echo; echo '@@ oci runtime'
echo "now=$(crio config 2>/dev/null | sed -n 's/^[# ]*default_runtime *= *"\(.*\)"/\1/p' | tail -n 1)"
ls /etc/crio/crio.conf.d/ 2>/dev/null | LC_ALL=C sort | LC_ALL=C awk '$0 > "10-crio.conf"' | while read -r file; do
  sed -n 's/^ *default_runtime *= *"\(.*\)".*/kept=\1/p' "/etc/crio/crio.conf.d/$file"
done
echo; echo '@@ cpus'; cat /sys/devices/system/cpu/online 2>/dev/null
echo; echo '@@ writes'
test ! -e {MANIFESTS}/etcd.yaml || curl -s --max-time 2 http://127.0.0.1:2381/metrics 2>/dev/null | grep '^{_WRITES}_bucket' || true
"""


def read_host(host: Host, node: NodeSpec, current: str, timeouts: Mapping[str, str] | None = None) -> HostReading:
    """Return what a host tells; one that cannot be asked is a reading, too, with the reason. `timeouts` are kubeadm's own."""
    try:
        facts = read_facts(host)
        parts = _sections(host.run(_SCRIPT + SHORT_NAMES + KUBELET_FILES + CERTIFICATES))
        return _reading(host, node, facts, parts, _edits(host, current, timeouts or {}) if node.role == "control-plane" else [])
    except (HostError, CommandFailedError) as error:
        return HostReading(node.name, node.role, error=error.message, hint=error.hint or "check the host")
    except STRANGE as error:
        hint = "look at /etc/kubernetes/manifests and /var/lib/kubelet there"
        return HostReading(node.name, node.role, error=f"a file there {reason_of(error)}", hint=hint)


def _reading(host: Host, node: NodeSpec, facts: HostFacts, parts: dict[str, str], edits: list[str] | None) -> HostReading:
    files = {name.removeprefix("manifest "): text for name, text in parts.items() if name.startswith("manifest ")}
    pods = {name.removesuffix(".yaml"): mapping(text) for name, text in files.items() if name.endswith(".yaml")}
    flags = flags_in("\n".join(_plain(parts.get("flags", ""))))
    drop_ins = [mapping(text) for name, text in parts.items() if name.startswith("drop-in ")]
    policies = dict(_policies(parts))
    return HostReading(
        node.name,
        node.role,
        facts=replace(facts, etcd=_etcd_size(host, files.get("etcd.yaml", ""))),
        installed=dict(line.split(" ", 1) for line in parts.get("installed", "").splitlines() if " " in line),
        kubelet_program=parts.get("program", "").strip(),
        kubelet=mapping(parts.get("kubelet", "")),
        manifests=pods,
        other_files={name: mapping(text) for name, text in files.items() if not name.endswith(".yaml")},
        certificates=tuple(certificates(parts)),
        files=kubelet_files(parts),
        short_names=short_names(parts),
        edited=tuple(edits or ()),
        compared=edits is not None,
        state=policies,
        unreadable_state=tuple(_unreadable(parts)),
        cpus=(_cpus(parts) if policies.get("cpuManagerPolicy") == "static" else "", parts.get("cpus", "").strip()),
        no_plugins=tuple(_no_plugins(parts)),
        oci_runtime=_oci_runtime(parts.get("oci runtime", "")),
        write_seconds=_write_seconds(parts.get("writes", "")),
        flags=flags,
        flags_of_kubeadm=frozenset(_once(parts)),
        kept=functools.reduce(merged, [*drop_ins, settings_of_flags(flags)], {}),
    )


def _oci_runtime(text: str) -> tuple[str, str]:
    told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)  # the last one counts
    return told.get("now", ""), told.get("kept", "")


def with_files(host: Host, reading: HostReading, wanted: Iterable[str]) -> HostReading:
    """Return a reading with those of the files and folders that are not on the host."""
    paths = list(wanted)
    if reading.error or not paths:
        return reading
    told = host.run("; ".join(f"test -e {for_shell(path)} || echo {number}" for number, path in enumerate(paths)) + "; true")
    return replace(reading, missing=tuple(paths[int(number)] for number in told.split()))


def with_target(
    host: Host,
    reading: HostReading,
    staged: Staged,
    settings: Mapping[str, Any] | None,
    shared: Mapping[str, Mapping[str, bool]] | None = None,
) -> HostReading:
    """Return a reading with what the target's kubelet says of flags, gates and settings; None: those that it has now.

    It is copied to the host for that. The feature gates of all of Kubernetes' programs are in each of them; `shared` are those that
    programs here get by settings of the cluster.
    """
    if reading.error:
        return reading
    known = _known(host, staged)
    if not known:
        return reading
    unknown = {flag for flag in reading.flags if not re.search(rf"{flag}(?![\w-])", known)}
    wanted = reading.in_force if settings is None else settings
    own = asked_of_kubelet(host, f"{staged.folder}/kubelet", wanted)
    refused = {"kubelet": (*own.refused, *_unfit(host, reading.facts, wanted))}
    for component, gates in _gates(reading, shared or {}).items():
        refused[component] = asked_of_kubelet(host, f"{staged.folder}/kubelet", {"featureGates": gates}).refused
    return replace(reading, refused=refused, left_out=own.left_out, unknown_flags=tuple(sorted(unknown)))


def _unfit(host: Host, facts: HostFacts, settings: Mapping[str, Any]) -> Iterable[str]:
    """Yield the settings of a kubelet that do not fit its host, of which it tells nothing before it starts."""
    for group in reserved_cgroups(settings):
        path = for_shell(group.path)
        # Of version 1 each controller has a tree of its own.
        if not host.ok(f"test -d /sys/fs/cgroup/{path} || test -d /sys/fs/cgroup/memory/{path}"):
            yield f"{group.setting}: {group.name} is no cgroup of this host (it looks for {group.path})"
    if facts.cgroup == 1 and get(dict(settings), "memorySwap", "swapBehavior") == "LimitedSwap":
        yield "memorySwap.swapBehavior: LimitedSwap needs cgroup v2"


def _gates(reading: HostReading, shared: Mapping[str, Mapping[str, bool]]) -> dict[str, dict[str, bool]]:
    """Return the feature gates of programs beside the kubelet; etcd has some of its own, of the same flag."""
    here = {name: arguments_of(manifest) for name, manifest in reading.manifests.items() if name.startswith("kube-")}
    found = {name: gates_in(arguments.get("--feature-gates", "")) for name, arguments in here.items()}
    return {name: gates for name, gates in merged(found, shared).items() if gates}


def _once(parts: dict[str, str]) -> Iterable[str]:
    """Yield the flags that a kubelet has by kubeadm's own file alone."""
    seen = re.findall(r"--[a-z][a-z0-9-]*", "\n".join(_plain(parts.get("flags", ""))))
    return (flag for flag in flags_in(parts.get("flags of kubeadm", "")) if seen.count(flag) == 1)


def _unreadable(parts: dict[str, str]) -> Iterable[str]:
    """Yield the state files that a kubelet could not read (kubernetes#135711: it ends)."""
    empty = parts.get("empty state", "").split()
    broken = [
        f"{_STATE}/{name}_manager_state" for name in ("cpu", "memory") if f"state {name}" in parts and not _state(parts, name)
    ]
    yield from dict.fromkeys((*empty, *broken))


def _state(parts: dict[str, str], name: str) -> dict[str, Any]:
    """Return what a state file holds, empty where it holds no policy."""
    try:
        content = json.loads(parts.get(f"state {name}", ""))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and content.get("policyName") else {}


def _no_plugins(parts: dict[str, str]) -> Iterable[str]:
    """Yield the CNI plugins that the pod network's configuration names and that are in no folder of plugins.

    The first file of the folder counts (libcni); where no plugin at all was found, they are in a folder that is not known here.
    """
    there = set(parts.get("plugins", "").split())
    network = mapping(parts.get("network", ""))
    listed = network.get("plugins", [network])
    for plugin in listed if isinstance(listed, list) and there else []:
        wanted = (get(plugin, "type"), get(plugin, "ipam", "type"))
        yield from (name for name in wanted if isinstance(name, str) and name and name not in there)


def _write_seconds(metrics: str) -> float:
    """Return the upper end of the bucket that holds the 99th of 100 writes; each bucket of a histogram counts all below."""
    told = re.findall(r'_bucket\{le="([0-9.e-]+|\+Inf)"\} (\d+)', metrics)
    buckets = sorted((float(end), int(count)) for end, count in told)
    return next((end for end, count in buckets if count >= _MOST_WRITES * buckets[-1][1]), 0.0) if told and buckets[-1][1] else 0.0


def _cpus(parts: dict[str, str]) -> str:
    """Return all CPUs in the state of the CPU manager: the shared ones, and those of containers."""
    state = _state(parts, "cpu")
    pods = state.get("entries")
    entries = [cpus for pod in (pods.values() if isinstance(pods, dict) else ()) for cpus in pod.values()]
    return ",".join(filter(None, map(str, (state.get("defaultCpuSet"), *entries))))


def _policies(parts: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Yield the policies under which the state of resource managers was written (kubelet checkpoints)."""
    for name in ("cpu", "memory"):
        policy = str(_state(parts, name).get("policyName") or "")
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


def _plain(text: str) -> Iterable[str]:
    return (line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _edits(host: Host, current: str, timeouts: Mapping[str, str]) -> list[str] | None:
    """Return the lines of static pods that the installed kubeadm would not write for this very version; None: it does not tell."""
    try:
        output = manifest_differences(host, "kubeadm", current, timeouts)
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
