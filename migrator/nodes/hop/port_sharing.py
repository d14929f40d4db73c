"""Let an API server share its port from now on: one short restart, after which no later one is noticed.

ClusterConfiguration is changed, too, or kubeadm would write the next manifest without it.
"""

from __future__ import annotations

import json
from typing import Any

from migrator.errors import BlockedError
from migrator.model.kubeadm import PORT_SHARING, sharing_port
from migrator.model.manifest import get
from migrator.model.yaml_text import dump, mapping
from migrator.nodes.hop import steering
from migrator.nodes.hop.second_server import SHARED, await_second, copy_api, remove_left
from migrator.nodes.hop.static_pod import running_container
from migrator.nodes.paths import KUBECTL, MANIFESTS
from migrator.ports import Host

_MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
# The kubelet reads every file of the folder: a new one is written beside it and moved in.
_NEXT = f"{MANIFESTS.rpartition('/')[0]}/.migrator-kube-apiserver.yaml"
_WRITE = f"""
set -e
umask 077
sed 's/^\\( *\\)- kube-apiserver$/&\\n\\1- {SHARED}/' {_MANIFEST} > {_NEXT}
grep -q -e '- {SHARED}$' {_NEXT}
sync {_NEXT}
"""


def shares_port(host: Host) -> bool:
    """Return whether the manifest says if the port is shared: a person's own `false` stays."""
    return host.ok(f"grep -q -e '--{PORT_SHARING}' {_MANIFEST}")


def share_port(host: Host) -> None:
    """Restart the API server as one that shares its port; a copy of it answers as soon as it has ended, until it is back.

    Raises BlockedError, with nothing changed, where ClusterConfiguration says otherwise, and CommandFailedError.
    """
    _keep(host)
    api = running_container(host, "kube-apiserver").pid
    host.run(_WRITE)
    copy_api(host, api, f"'{SHARED}'", before=f"mv {_NEXT} {_MANIFEST}; kill -9 {api}")
    await_second(host)
    steering.begin(host)
    remove_left(host)


def _keep(host: Host) -> None:
    """Write it into the cluster's ClusterConfiguration."""
    found: dict[str, Any] = json.loads(host.run(f"{KUBECTL} -n kube-system get configmap kubeadm-config -o json"))
    config = mapping(str(get(found, "data", "ClusterConfiguration") or ""))
    # What cannot be read is not written over.
    wanted = sharing_port(config) if config else {}
    given = get(wanted, "apiServer", "extraArgs")
    listed = {item.get("name"): item.get("value") for item in given if isinstance(item, dict)} if isinstance(given, list) else given
    if not isinstance(listed, dict) or str(listed.get(PORT_SHARING)).lower() != "true":
        raise BlockedError(f"ClusterConfiguration does not let it share its port ({PORT_SHARING})")
    if wanted != config:
        body = {"data": {"ClusterConfiguration": dump(wanted)}}
        # The version keeps apart two who write at once.
        body["metadata"] = {"resourceVersion": str(get(found, "metadata", "resourceVersion"))}
        patch = f"{KUBECTL} -n kube-system patch configmap kubeadm-config --type=merge --patch-file=/dev/stdin >/dev/null"
        host.run(patch, stdin=json.dumps(body).encode())
