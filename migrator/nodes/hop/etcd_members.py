"""Ask the members of a stacked etcd, and remove one that is gone.

etcdctl and etcdutl are copied from the running etcd container: they have its version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from migrator.errors import BlockedError, CommandFailedError
from migrator.model.facts import Member
from migrator.model.manifest import get
from migrator.nodes.hop.etcd_folders import ETCD_MANIFEST, EtcdFolders, etcd_folders
from migrator.nodes.hop.static_pod import running_container
from migrator.nodes.paths import STATE
from migrator.ports import Host
from migrator.untrusted import for_shell

TOOLS = f"{STATE}/etcd-tools"
# Where etcd's images keep their programs.
_TOOL_FOLDERS = ("usr/local/bin", "usr/bin", "bin")


def take_tools(host: Host) -> None:
    """Copy etcdctl and etcdutl from the image of the running etcd to the host; raises BlockedError without proof of it.

    Symbolic links are not followed: on the host they would lead out of the container's file system.
    """
    root = f"/proc/{running_container(host, 'etcd').pid}/root"
    folders = " ".join(_TOOL_FOLDERS)
    host.run(
        f"""set -e
mkdir -p -m 700 {TOOLS}
for tool in etcdctl etcdutl; do
  found=
  for folder in {folders}; do
    path={root}
    for part in $(echo $folder | tr / ' ') $tool; do
      path=$path/$part
      if test -L $path; then path=; break; fi
    done
    if test -n "$path" -a -f "$path"; then found=$path; break; fi
  done
  test -n "$found" || {{ echo "the etcd image has no $tool in {folders}, or only behind a symbolic link" >&2; exit 1; }}
  cp --no-dereference "$found" {TOOLS}/$tool.new; chmod 755 {TOOLS}/$tool.new; mv {TOOLS}/$tool.new {TOOLS}/$tool
done"""
    )


def has_local_etcd(host: Host) -> bool:
    """Return whether kubeadm runs etcd here."""
    return host.ok(f"test -e {ETCD_MANIFEST}")


def etcdctl(folders: EtcdFolders) -> str:
    """Return the command that asks the member of this host."""
    authority, certificate, key = (
        for_shell(f"{folders.pki}/{name}") for name in ("ca.crt", "healthcheck-client.crt", "healthcheck-client.key")
    )
    return f"{TOOLS}/etcdctl --endpoints=https://127.0.0.1:2379 --cacert={authority} --cert={certificate} --key={key}"


def members(host: Host) -> list[Member]:
    """Return what the members of a stacked etcd say; raises CommandFailedError when none can be asked."""
    return [member for _, member in _members(host)]


def external_members(host: Host, configuration: Mapping[str, Any]) -> list[Member]:
    """Return the version that each endpoint of an etcd of one's own tells, asked as the API server does; a silent one misses."""
    external = get(dict(configuration), "etcd", "external") or {}
    files = {"--cacert": external.get("caFile"), "--cert": external.get("certFile"), "--key": external.get("keyFile")}
    flags = " ".join(f"{name} {for_shell(str(path))}" for name, path in files.items() if path)
    found = []
    for endpoint in external.get("endpoints") or []:
        answer = host.run(f"curl -sS --max-time 10 {flags} {for_shell(f'{endpoint}/version')} 2>/dev/null; true")
        try:
            version = str(json.loads(answer)["etcdserver"])
        except (ValueError, KeyError, TypeError):
            continue
        found.append(Member(str(endpoint), version, learner=False, healthy=True))
    return found


def _members(host: Host) -> list[tuple[str, Member]]:
    """Return the ids of all members, in hex, and what they say."""
    take_tools(host)
    ctl = etcdctl(etcd_folders(host))
    listed = json.loads(host.run(f"{ctl} member list -w json"))["members"]
    # A list of nobody is written as null.
    answered = json.loads(host.run(f"{ctl} endpoint status --cluster -w json || true") or "[]") or []
    statuses = {item["Endpoint"]: item["Status"] for item in answered}
    found = []
    for item in listed:
        status: dict[str, Any] = next((statuses[url] for url in item.get("clientURLs") or [] if url in statuses), {})
        member = Member(
            item.get("name") or f"{item['ID']:x}",
            str(status.get("version", "")),
            bool(item.get("isLearner")),
            bool(status) and not status.get("errors"),
            "; ".join(str(error).strip() for error in status.get("errors") or []),
            int(status.get("dbSize") or 0),
            int(status.get("dbSizeQuota") or 0),
        )
        found.append((f"{int(item['ID']):x}", member))
    return found


def remove_member(host: Host, name: str) -> bool:
    """Remove the member of a control plane that is gone, asked through another one; return whether there was one.

    Raises BlockedError when etcd would lose its majority, or has lost it.
    """
    known = _members(host)
    gone = [id_ for id_, member in known if member.name == name]
    if not gone:
        return False
    voters = [member for _, member in known if not member.learner]
    left = [member for member in voters if member.name != name]
    # The members that there are agree on the removal; afterwards those that are left must be able to agree.
    if not _has_majority(voters) or not _has_majority(left):
        raise BlockedError(
            f"etcd's member {name} stays: {sum(member.healthy for member in voters)} of {len(voters)} members are healthy, "
            "and a majority of them and of the others must be",
            hint=f"bring the others back first; then on {host.name}: {TOOLS}/etcdctl member remove {gone[0]}",
        )
    try:
        host.run(f"{etcdctl(etcd_folders(host))} member remove {gone[0]}")
    except CommandFailedError as error:
        raise BlockedError(
            f"etcd does not remove its member {name}: {error.output.strip()[-200:]}",
            hint=f"see `crictl logs` of etcd on {host.name}",
        ) from error
    return True


def _has_majority(voters: list[Member]) -> bool:
    return sum(member.healthy for member in voters) > len(voters) // 2
