"""By which clock CronJobs without a time zone run: that of their cluster's controller manager, which is mostly UTC.

Where somebody has given it another (kubernetes#80577), such CronJobs run at other hours on green, and nothing tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.model.manifest import Manifest, get
from migrator.model.pods import matches
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext

# kubeadm labels its static pods so, and k3s runs none.
_MANAGER = {"matchLabels": {"component": "kube-controller-manager"}}
_LOCALTIME, _ZONES = "/etc/localtime", "/usr/share/zoneinfo/"
_UTC = re.compile(r"(Etc/)?(UTC|UCT|GMT|Universal|Zulu)(0)?")
# What a schedule may begin with (robfig/cron), if nobody has put it into the field.
_IN_SCHEDULE = re.compile(r"(CRON_)?TZ=")


def zones(manifest: Manifest, ref: ObjectRef) -> Iterator[str]:
    """Yield the time zone, in words, that a pod of the controller manager has been given."""
    labels = get(manifest, "metadata", "labels") or {}
    if ref.type_name != "Pod" or ref.namespace != "kube-system" or not matches(_MANAGER, labels):
        return
    spec = manifest["spec"]
    folders = {item["name"]: get(item, "hostPath", "path") for item in spec.get("volumes") or []}
    for container in spec.get("containers") or []:
        named = next((item.get("value") for item in container.get("env") or [] if item["name"] == "TZ"), None)
        file = next(
            (folders.get(item["name"]) for item in container.get("volumeMounts") or [] if item["mountPath"] == _LOCALTIME), None
        )
        # The variable counts before the file (Go, package time).
        if named:
            found = str(named).removeprefix(":").removeprefix(_ZONES)
        elif file:
            found = file.removeprefix(_ZONES) if file.startswith(_ZONES) else "that of its host"
        else:
            continue
        if not _UTC.fullmatch(found):
            yield found


def other_hours(manifest: Manifest, type_name: str, context: RuleContext) -> str:
    """Return that a CronJob may run at other hours on green, after its name; empty for most."""
    known = sorted(context.blue.time_zones)
    zone, schedule = get(manifest, "spec", "timeZone"), str(get(manifest, "spec", "schedule") or "")
    if type_name != "CronJob.batch" or not known or zone or _IN_SCHEDULE.match(schedule):
        return ""
    return (
        f"names no time zone, and blue's controller manager has been given one ({', '.join(known)}): on green it runs by green's, "
        "which is UTC unless somebody has changed it; set spec.timeZone"
    )
