"""Where the data of a claim lies, and which way it takes to green; pure functions on manifests of both clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from migrator.config.volumes import ClaimRule
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef
from migrator.model.volumes import Place, PlaceKind, VolumePlan, Way
from migrator.rules.adoption import HOSTNAME, Machines, machines, same_machine
from migrator.rules.context import RuleContext
from migrator.rules.exports import by_hand, same_export
from migrator.rules.holders import is_holder
from migrator.rules.replication import replicated_by
from migrator.rules.shared_storage import Reach, has_one_user, refusal, storage_of
from migrator.rules.skip import skip_reason
from migrator.rules.storage import SHARED, SHARED_HINT, claim_rule, data_accounted_for, had_data, is_provisioned, would_share
from migrator.rules.volume_hosts import hosts_of
from migrator.rules.volume_notes import notes
from migrator.rules.volume_places import told_apart

# Sources of a PersistentVolume that are not a folder of one host (core/v1 PersistentVolumeSource).
_KINDS = {
    "csi": ("its CSI driver keeps it", "copy it by the driver's own means, or by a backup"),
    "nfs": ("it lies on an NFS server, which green may reach, too", "make a volume on green with the same server and path"),
    "iscsi": ("it lies on an iSCSI target", "hand the target over: never attach it to both clusters"),
    "rbd": ("it lies in Ceph", "hand the image over: never attach it to both clusters"),
    "cephfs": ("it lies in Ceph", "make a volume on green with the same path"),
    "fc": ("it lies on Fibre Channel storage", "hand the disk over: never attach it to both clusters"),
}
# Drivers that mount a volume for one pod only, unless its class has `shared: "yes"`, which the volume does not tell.
_ONE_MOUNT = frozenset({"local.csi.openebs.io", "zfs.csi.openebs.io"})
_ANOTHER_VOLUME = "make a volume for a folder of a node there in its place (delete the claim and the volume on green first)"
_BOTH_WRITE = "both may write to it at the same time, unless volumes.claims says `way: handOver`"
_SAY_SO = "then name the claim in volumes.dataMoved"


@dataclass(slots=True, frozen=True)
class ClusterVolumes:
    """What one cluster tells about claims and volumes."""

    claims: Mapping[str, Manifest] = field(default_factory=dict)
    """By `namespace/name`."""
    volumes: Mapping[str, Manifest] = field(default_factory=dict)
    pods: Mapping[str, tuple[Manifest, ...]] = field(default_factory=dict)
    """Pods that have not ended, by each claim that they use."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Value of the label kubernetes.io/hostname to the name of the node."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of each node, by its name."""
    machines: Machines = field(default_factory=dict)
    reach: Reach = field(default_factory=Reach)

    @staticmethod
    def of(
        claims: Iterable[Manifest],
        volumes: Iterable[Manifest],
        pods: Iterable[Manifest],
        nodes: Iterable[Manifest],
        reach: Reach | None = None,
    ) -> ClusterVolumes:
        """Return what lists of a cluster tell."""
        nodes = list(nodes)
        using: dict[str, tuple[Manifest, ...]] = {}
        for pod in pods:
            for claim in claims_of(pod):
                using[claim] = (*using.get(claim, ()), pod)
        return ClusterVolumes(
            {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in claims},
            {item["metadata"]["name"]: item for item in volumes},
            using,
            {
                str(get(item, "metadata", "labels", HOSTNAME) or item["metadata"]["name"]): item["metadata"]["name"]
                for item in nodes
            },
            {item["metadata"]["name"]: get(item, "metadata", "labels") or {} for item in nodes},
            machines(nodes),
            reach or Reach(),
        )

    def is_beside(self, claim: str, node: str) -> bool:
        """Return whether a pod of a node may have a claim's volume mounted beside those that use it now."""
        bound, using = self.claims.get(claim) or {}, self.pods.get(claim, ())
        volume = self.volumes.get(str(get(bound, "spec", "volumeName")))
        if volume is None:
            return False
        return not using or (not _has_one_pod(volume) and {get(pod, "spec", "nodeName") for pod in using} == {node})


def claims_of(pod: Manifest) -> list[str]:
    """Return the claims that a pod uses while it has not ended; a pod of this tool that holds one mounted does not use it."""
    if get(pod, "status", "phase") in ("Succeeded", "Failed") or is_holder(pod):
        return []
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    found = []
    for volume in get(pod, "spec", "volumes") or []:
        if claim := get(volume, "persistentVolumeClaim", "claimName"):
            found.append(f"{namespace}/{claim}")
        elif get(volume, "ephemeral"):
            found.append(f"{namespace}/{name}-{volume['name']}")
    return found


def plan_volumes(blue: ClusterVolumes, green: ClusterVolumes, context: RuleContext) -> tuple[VolumePlan, ...]:
    """Return the way of each claim that had a volume on blue and whose namespace moves."""
    return told_apart(
        _planned(name, claim, blue, green, context)
        for name, claim in sorted(blue.claims.items())
        if had_data(claim) and not skip_reason(claim, ObjectRef("", "PersistentVolumeClaim", *name.split("/")), context)
    )


# What a person's rule decides alone.
_PERSONS = {
    "own": (Way.OWN, "volumes.claims says that you move it yourself", f"move it, {_SAY_SO}"),
    "skip": (Way.SKIP, "volumes.claims says that it is not moved", f"if green may begin empty, {_SAY_SO}"),
    "replicate": (
        Way.REPLICATE,
        "volumes.claims says that its data is replicated",
        f"when its replica has caught up, {_SAY_SO}",
    ),
}


def _planned(name: str, claim: Manifest, blue: ClusterVolumes, green: ClusterVolumes, context: RuleContext) -> VolumePlan:
    namespace, _, own = name.partition("/")
    green_name = f"{context.green_namespace(namespace)}/{own}"
    rule = claim_rule(name, context)
    pods = blue.pods.get(name, ())
    volume = blue.volumes.get(str(get(claim, "spec", "volumeName")))
    plan = _Draft(name, green_name, rule, _names(pods), _names(green.pods.get(green_name, ())), volume)
    if data_accounted_for(namespace, own, context):
        return plan.made(Way.OWN, "volumes.dataMoved names it")
    if rule and rule.way in _PERSONS:
        return plan.made(*_PERSONS[rule.way])
    if not (rule and "way" in rule.model_fields_set) and (means := replicated_by(claim, pods)):
        return plan.made(Way.REPLICATE, f"{means.operator} keeps it", f"{means.hint}, {_SAY_SO}; or copy it by `way: copy`")
    if volume is None:
        return plan.made(Way.SKIP, "its volume is gone on blue", "look at the claim on blue")
    if would_share(claim, context):
        return plan.made(Way.SKIP, SHARED, SHARED_HINT)
    if rule and rule.way == "handOver":
        return _handed_over(plan, volume, blue, green)
    place = place_of(volume, name, blue)
    if rule and rule.way == "adopt":
        return _adopted(plan, place, blue, green)
    if isinstance(place, tuple):
        return _export(plan, volume, green) or _not_copied(plan, volume, place, blue, green)
    # What a person has made by hand is copied on request only.
    if place.of_driver and not is_provisioned(volume) and not (rule and "way" in rule.model_fields_set):
        return _not_copied(plan, volume, _KINDS["csi"], blue, green)
    return replace(_with_green(plan, place, green), notes=_notes(plan, volume, pods, green))


def _notes(plan: _Draft, volume: Manifest, pods: Iterable[Manifest], green: ClusterVolumes) -> tuple[str, ...]:
    there = green.volumes.get(str(get(green.claims.get(plan.green_claim) or {}, "spec", "volumeName")))
    return tuple(notes(volume, there, pods)) if there else ()


def _handed_over(plan: _Draft, volume: Manifest, blue: ClusterVolumes, green: ClusterVolumes) -> VolumePlan:
    refused = refusal(volume, blue.volumes.values(), blue.reach, green.reach) or plan.foreign(green)
    return plan.made(Way.HAND_OVER, *(refused or ()), storage=storage_of(volume))


def _adopted(plan: _Draft, place: Place | tuple[str, str], blue: ClusterVolumes, green: ClusterVolumes) -> VolumePlan:
    """Return whether a folder of a machine that has changed sides becomes a volume of green."""
    if isinstance(place, tuple):
        reason, hint = place
        return plan.made(Way.ADOPT, reason, hint)
    node = same_machine(place.node, blue.machines, green.machines)
    if not node:
        hint = "let it leave blue and join green, or copy the data (way: copy)"
        return plan.made(Way.ADOPT, f"no node of green is the machine of {place.node}", hint, blue=place)
    there = Place(node, place.path)
    return plan.made(Way.ADOPT, *(plan.foreign(green) or ()), blue=place, green=there, storage=f"folder {there}, where it lies")


def _export(plan: _Draft, volume: Manifest, green: ClusterVolumes) -> VolumePlan | None:
    """Return what is to be done with an NFS export that green has, too, or that a person wants copied; None for others."""
    there = green.volumes.get(str(get(green.claims.get(plan.green_claim) or {}, "spec", "volumeName")))
    if same_export(volume, there):
        return plan.made(Way.SAME, f"blue and green have the same: {storage_of(volume)}", _BOTH_WRITE)
    wanted = plan.rule is not None and "way" in plan.rule.model_fields_set
    told = by_hand(volume, there) if wanted or (there and "nfs" in there["spec"]) else None
    return plan.made(Way.SKIP, told[0], f"{told[1]}; {_SAY_SO}") if told else None


def _not_copied(plan: _Draft, volume: Manifest, words: tuple[str, str], blue: ClusterVolumes, green: ClusterVolumes) -> VolumePlan:
    """Return the way of what lies in no folder of one host, and for which a person has decided nothing."""
    reason, hint = words
    if is_provisioned(volume) or "csi" in volume["spec"] or has_one_user(volume):
        refused = refusal(volume, blue.volumes.values(), blue.reach, green.reach) if storage_of(volume) else (reason, hint)
        if refused:
            return plan.made(Way.SKIP, refused[0], f"{refused[1]}; {_SAY_SO}")
        return plan.made(Way.SKIP, reason, f"volumes.claims: way: handOver gives green the same volume; or {hint}, {_SAY_SO}")
    return plan.made(Way.SAME, reason, f"`migrator copy` makes the same volume on green; {_BOTH_WRITE}")


def _with_green(plan: _Draft, place: Place, green: ClusterVolumes) -> VolumePlan:
    claim = green.claims.get(plan.green_claim)
    if claim is None:
        return plan.made(Way.COPY, "green has no such claim yet", "`migrator copy` makes it", blue=place)
    volume = green.volumes.get(str(get(claim, "spec", "volumeName")))
    if volume is None:
        hint = "`migrator data copy` has green's provisioner make it; without one, start its workload there once, and stop it"
        return plan.made(Way.COPY, "green's claim has no volume yet", hint, blue=place)
    there = place_of(volume, plan.green_claim, green)
    if isinstance(there, Place) and there.node and green.nodes and there.node not in green.nodes.values():
        there = f"its volume is on node {there.node}, which green does not have", _ANOTHER_VOLUME
    if isinstance(there, tuple):
        reason, hint = there
        return plan.made(Way.SKIP, f"on green {reason}", f"{hint}; {_SAY_SO}", blue=place)
    if _storage(place) == _storage(there) != "":
        reason = f"blue and green have the same: {_storage(there)}"
        return plan.made(Way.SKIP, reason, f"a copy onto itself is none: hand it over, or if it is right, {_SAY_SO}", blue=place)
    if place.block != there.block:
        return plan.made(
            Way.SKIP, "one side is a block device, the other one a folder", f"give both the same volumeMode; {_SAY_SO}", blue=place
        )
    return plan.made(Way.COPY, blue=place, green=there)


def place_of(volume: Manifest, claim: str, cluster: ClusterVolumes) -> Place | tuple[str, str]:
    """Return on which node and in which folder a volume lies, or why that is not known, and what to do."""
    spec = volume["spec"]
    block = spec.get("volumeMode") == "Block"
    path = get(spec, "local", "path") or get(spec, "hostPath", "path")
    if "csi" in spec:
        return _csi_place(volume, cluster.pods.get(claim, ()))
    if block and not path:
        return "it is a block device of storage in the network", "hand it over, or copy it by your own means, such as dd over SSH"
    if not path:
        return next((words for kind, words in _KINDS.items() if kind in spec), ("its kind is not known here", "move it yourself"))
    nodes = hosts_of(volume, cluster.pods.get(claim, ()), cluster.nodes, cluster.labels)
    if not nodes and len(cluster.nodes) == 1:
        nodes = set(cluster.nodes.values())
    if len(nodes) != 1:
        which = ", ".join(sorted(nodes)) or "none is named, and no pod uses it now"
        return f"it lies in a folder of a host, and which host is not known ({which})", "give the volume a node affinity"
    return Place(nodes.pop(), str(path), kind=PlaceKind.BLOCK if block else PlaceKind.FOLDER)


def _csi_place(volume: Manifest, pods: Iterable[Manifest]) -> Place | tuple[str, str]:
    """Return a volume of a CSI driver, with a node that has it mounted now; without one where no pod uses it."""
    driver, handle = (get(volume, "spec", "csi", key) for key in ("driver", "volumeHandle"))
    if not (isinstance(driver, str) and isinstance(handle, str) and driver and handle and "/" not in driver):
        return "its PersistentVolume names no driver and handle", "look at the volume"
    nodes = sorted(str(node) for pod in pods if (node := get(pod, "spec", "nodeName")))
    kind = PlaceKind.CSI_BLOCK if get(volume, "spec", "volumeMode") == "Block" else PlaceKind.CSI
    return Place(nodes[0] if nodes else "", f"{driver}/{volume['metadata']['name']}/{handle}", kind)


def _storage(place: Place) -> str:
    """Return what a driver keeps, whatever the PersistentVolume is named; empty for what lies on a host."""
    if not place.of_driver:
        return ""
    driver, _, handle = place.path.split("/", 2)
    return f"volume {handle} of {driver}"


@dataclass(slots=True, frozen=True)
class _Draft:
    """What is the same in all answers about one claim."""

    claim: str
    green_claim: str
    rule: ClaimRule | None
    used_by: tuple[str, ...]
    used_on_green: tuple[str, ...]
    volume: Manifest | None = None

    def foreign(self, green: ClusterVolumes) -> tuple[str, str] | None:
        """Return why green's claim cannot get blue's volume."""
        claim, name = green.claims.get(self.green_claim), self.volume["metadata"]["name"] if self.volume else ""
        if claim is None:
            return "green has no such claim yet", "`migrator copy` makes it"
        if (other := get(claim, "spec", "volumeName")) != name:
            return (
                f"green's claim {f'is bound to {other}' if other else 'asks for any volume'}",
                "delete it on green, then `migrator copy`",
            )
        there = green.volumes.get(name)
        if there and (get(there, "spec", "claimRef", "namespace"), get(there, "spec", "claimRef", "name")) != (
            *self.green_claim.split("/"),
        ):
            return f"green has another volume {name}", "look at it there: it is not this claim's"
        return None

    def made(
        self,
        way: Way,
        reason: str = "",
        hint: str = "",
        *,
        blue: Place | None = None,
        green: Place | None = None,
        storage: str = "",
    ) -> VolumePlan:
        """Return the answer."""
        rule = self.rule
        return VolumePlan(
            claim=self.claim,
            green_claim=self.green_claim,
            way=way,
            reason=reason,
            hint=hint,
            blue=blue,
            green=green,
            used_by=self.used_by,
            used_on_green=self.used_on_green,
            limit=rule.bandwidth if rule else 0,
            devices=rule.devices if rule else False,
            exclude=rule.exclude if rule else (),
            volume=self.volume["metadata"]["name"] if self.volume else "",
            storage=storage,
            alone=_has_one_pod(self.volume or {}),
        )


def _has_one_pod(volume: Manifest) -> bool:
    """Return whether a second pod of the same node could not have it mounted."""
    modes = get(volume, "spec", "accessModes") or []
    return "ReadWriteOncePod" in modes or get(volume, "spec", "csi", "driver") in _ONE_MOUNT


def _names(pods: Iterable[Manifest]) -> tuple[str, ...]:
    return tuple(pod["metadata"]["name"] for pod in pods)
