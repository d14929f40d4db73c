"""Another run of the tool, as the Lease on green shows it."""

from __future__ import annotations

import datetime

import orjson

from migrator.errors import ApiError
from migrator.kube.cluster import KubeCluster
from tests.support.sandbox import TYPES

_NAMESPACE, _NAME, _HOLDER = "kube-system", "migrator", "another@elsewhere/1"


def take_over(green: KubeCluster) -> bool:
    """Take the Lease that somebody holds and does not renew; return whether there was one."""
    try:
        lease = green.get(TYPES["Lease"], _NAMESPACE, _NAME)
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lease["spec"] |= {"holderIdentity": _HOLDER, "acquireTime": now, "renewTime": now}
        green.replace(TYPES["Lease"], _NAMESPACE, _NAME, orjson.dumps(lease), manager="another")
    except ApiError:
        return False
    return True


def give_back(green: KubeCluster) -> None:
    """Let go of the Lease, if we took it."""
    try:
        lease = green.get(TYPES["Lease"], _NAMESPACE, _NAME)
        if lease["spec"]["holderIdentity"] == _HOLDER:
            green.delete(TYPES["Lease"], _NAMESPACE, _NAME, uid=lease["metadata"]["uid"])
    except ApiError:
        return
