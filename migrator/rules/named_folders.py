"""Storage classes that name a volume's folder by its claim: on green the claim of the same name would get blue's own folder.

Sources: nfs-subdir-external-provisioner#5 and its README (pathPattern), csi-driver-nfs#855 and csi-driver-smb#428 (subDir), JuiceFS
(pathPattern), aws-efs-csi-driver (subPathPattern), azurefile-csi-driver (shareName), blob-csi-driver (containerName).
"""

from __future__ import annotations

import re

from migrator.model.manifest import Manifest, get
from migrator.rules.shared_storage import is_in_cluster

_NAMES = ("pathPattern", "subDir", "subPathPattern", "shareName", "containerName")
# Where that folder lies.
_WHERE = ("server", "share", "source", "fileSystemId", "basePath", "storageAccount")
# The name of a volume has a UID in it, so that no two folders are one.
_BY_VOLUME = re.compile(r"\$\{\.?pv\.", re.IGNORECASE)
_BY_NAMESPACE = re.compile(r"\$\{\.?pvc\.(metadata\.)?namespace", re.IGNORECASE)


def place_of(storage_class: Manifest) -> tuple[str, ...]:
    """Return what tells where a class makes its folders, the same for classes that make one folder for one claim; else nothing."""
    parameters = get(storage_class, "parameters") or {}
    names = [str(parameters[key]) for key in _NAMES if parameters.get(key)]
    # EFS adds a UID of its own unless it is told not to; on a host's own disk each cluster has a folder of its own.
    is_unique = "subPathPattern" in parameters and parameters.get("ensureUniqueDirectory", "true") != "false"
    if not names or is_unique or any(map(_BY_VOLUME.search, names)) or is_in_cluster(str(storage_class.get("provisioner"))):
        return ()
    return (*names, *(f"{key}={parameters[key]}" for key in _WHERE if parameters.get(key)))


def names_namespace(place: tuple[str, ...]) -> bool:
    """Return whether the folder of a claim depends on its namespace."""
    return any(map(_BY_NAMESPACE.search, place))
