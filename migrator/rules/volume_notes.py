"""What a volume of green does otherwise than the one of blue whose data it gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.model.manifest import Manifest, get


def notes(blue: Manifest, green: Manifest, pods: Iterable[Manifest]) -> Iterator[str]:
    """Yield what a person should know before the first start on green; `pods` are those of blue that use the volume."""
    if _policy(blue) == "Retain" != _policy(green):
        yield (
            f"blue keeps the data when the claim is deleted (policy Retain), green deletes it ({_policy(green)}): "
            f"patch PersistentVolume {green['metadata']['name']} of green, or its class"
        )
    groups = sorted({group for pod in pods if isinstance(group := get(pod, "spec", "securityContext", "fsGroup"), int)})
    # The kubelet changes no owners in a hostPath (docs: securityContext.fsGroup; pkg/volume/hostpath, GetAttributes).
    if groups and get(blue, "spec", "hostPath") and not get(green, "spec", "hostPath"):
        yield (
            f"its pods have fsGroup {groups[0]}, which did nothing on blue (hostPath): on green the kubelet may give all files "
            "that group, and the group the right to read and write. An application that wants files for their owner alone "
            "(.erlang.cookie, private keys) does not start then, and a rollback brings those rights to blue"
        )


def _policy(volume: Manifest) -> str:
    # The server fills in Retain for volumes that a person makes, and the class's for others.
    return str(get(volume, "spec", "persistentVolumeReclaimPolicy") or "Retain")
