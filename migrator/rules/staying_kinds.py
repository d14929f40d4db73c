"""Kinds of which nothing is moved: what they tell is true of blue only, or green writes it itself."""

from __future__ import annotations

_STORAGE = "record of a storage driver: it tells of disks and nodes of blue"
# Kinds in which drivers keep what they know of volumes, by group; elsewhere they are wrong, or become new volumes.
_STORAGE_RECORDS = {
    "longhorn.io": (
        *("BackingImageDataSource", "BackingImageManager", "Backup", "BackupBackingImage", "BackupVolume", "Engine", "EngineImage"),
        *("InstanceManager", "Node", "Orphan", "Replica", "ShareManager", "Snapshot", "SystemBackup", "SystemRestore", "Volume"),
        "VolumeAttachment",
    ),
    "topolvm.io": ("LogicalVolume",),
    "topolvm.cybozu.com": ("LogicalVolume",),
    "local.openebs.io": ("LVMNode", "LVMSnapshot", "LVMVolume"),
    "zfs.openebs.io": ("ZFSBackup", "ZFSNode", "ZFSRestore", "ZFSSnapshot", "ZFSVolume"),
    "cstor.openebs.io": ("CStorVolume", "CStorVolumeAttachment", "CStorVolumeConfig", "CStorVolumeReplica"),
    "openebs.io": ("BlockDevice", "BlockDeviceClaim", "JivaVolume"),
    # lib-bucket-provisioner: made for each claim, and with it the bucket goes (rook#17336).
    "objectbucket.io": ("ObjectBucket",),
    "directpv.min.io": ("DirectPVDrive", "DirectPVInitRequest", "DirectPVNode", "DirectPVVolume"),
    "trident.netapp.io": ("TridentNode", "TridentSnapshot", "TridentTransaction", "TridentVolume", "TridentVolumePublication"),
    "carina.storage.io": ("LogicVolume", "NodeStorageResource"),
    "csi.aliyun.com": ("NodeLocalStorage",),
    "csiaddons.openshift.io": ("CSIAddonsNode",),
    "hwameistor.io": (
        *("LocalDisk", "LocalDiskNode", "LocalDiskVolume", "LocalStorageNode", "LocalVolume", "LocalVolumeConvert"),
        *("LocalVolumeExpand", "LocalVolumeGroup", "LocalVolumeMigrate", "LocalVolumeReplica", "LocalVolumeReplicaSnapshot"),
        "LocalVolumeSnapshot",
    ),
    "storage.hpe.com": ("HPENodeInfo", "HPESnapshotGroupInfo", "HPESnapshotInfo", "HPEVolumeGroupInfo", "HPEVolumeInfo"),
    "cns.vmware.com": ("CnsVSphereVolumeMigration", "CnsVolumeOperationRequest"),
}
# Requests to act on the node that they name: green may have one of that name, which would be drained or restarted.
_OF_A_NODE = (
    *("NodeMaintenance.nodemaintenance.kubevirt.io", "NodeMaintenance.nodemaintenance.medik8s.io"),
    "FenceAgentsRemediation.fence-agents-remediation.medik8s.io",
    "MachineDeletionRemediation.machine-deletion-remediation.medik8s.io",
    "SelfNodeRemediation.self-node-remediation.medik8s.io",
)
_CALICO = ("BlockAffinity", "IPAMBlock", "IPAMHandle")
# Dex keeps in them who is logging in now; it removes them after minutes (dex, storage/kubernetes).
_LOGINS = ("AuthCode", "AuthRequest", "DeviceRequest", "DeviceToken")
# What plugins of the network write by themselves, for nodes and addresses, by group.
_NETWORK_RECORDS = {
    "cilium.io": ("CiliumBGPNodeConfig", "CiliumEndpoint", "CiliumEndpointSlice", "CiliumIdentity", "CiliumNode"),
    # Calico keeps its API in either group (docs.tigera.io: native v3 CRDs).
    "crd.projectcalico.org": _CALICO,
    "projectcalico.org": _CALICO,
    "crd.antrea.io": ("AntreaAgentInfo", "AntreaControllerInfo"),
    "kubeovn.io": ("IP",),
    "spiderpool.spidernet.io": ("SpiderEndpoint",),
    "submariner.io": ("Cluster", "Endpoint", "Gateway"),
    "whereabouts.cni.cncf.io": ("IPPool", "NodeSlicePool", "OverlappingRangeIPReservation"),
    "metallb.io": ("ConfigurationState", "ServiceBGPStatus", "ServiceL2Status"),
    "frrk8s.metallb.io": ("BGPSessionState", "FRRNodeState"),
}
_REPORT = "tells of blue's objects: green's scanner writes its own"
# Kinds in which scanners and policy engines write what they have found, or mean to do, by group.
_REPORTS = {
    "aquasecurity.github.io": (
        *("ClusterConfigAuditReport", "ClusterInfraAssessmentReport", "ClusterRbacAssessmentReport", "ClusterSbomReport"),
        *(
            "ClusterVulnerabilityReport",
            "ConfigAuditReport",
            "ExposedSecretReport",
            "InfraAssessmentReport",
            "RbacAssessmentReport",
        ),
        *("SbomReport", "VulnerabilityReport"),
    ),
    "kyverno.io": (
        *("AdmissionReport", "BackgroundScanReport", "ClusterAdmissionReport", "ClusterBackgroundScanReport", "UpdateRequest"),
    ),
    "openreports.io": ("ClusterReport", "Report"),
    "reports.kyverno.io": ("ClusterEphemeralReport", "EphemeralReport"),
    "wgpolicyk8s.io": ("ClusterPolicyReport", "PolicyReport"),
}
SKIPPED_KINDS = {
    "Node": "nodes belong to their cluster",
    "CSINode.storage.k8s.io": "nodes belong to their cluster",
    "Machine.machine.openshift.io": "nodes belong to their cluster",
    "NodeClaim.karpenter.sh": "nodes belong to their cluster",
    "NodeFeature.nfd.k8s-sigs.io": "nodes belong to their cluster",
    "NodeResourceTopology.topology.node.k8s.io": "nodes belong to their cluster",
    "MachineSet.machine.openshift.io": "nodes belong to their cluster",
    "SriovNetworkNodeState.sriovnetwork.openshift.io": "nodes belong to their cluster",
    # Garage's own discovery (garage, src/rpc/kubernetes.rs): it connects to whoever stands there.
    "GarageNode.deuxfleurs.fr": "addresses of pods of blue: green's Garage would join them",
    "ETCDSnapshotFile.k3s.cattle.io": "tells of snapshots of blue's etcd",
    "CSIStorageCapacity.storage.k8s.io": "written by storage drivers",
    "VolumeAttachment.storage.k8s.io": "attachments belong to blue's nodes",
    "Event": "events describe blue",
    "Event.events.k8s.io": "events describe blue",
    "Lease.coordination.k8s.io": "leases are held by blue's processes",
    "LeaseCandidate.coordination.k8s.io": "leases are held by blue's processes",  # KEP-4355
    "ComponentStatus": "not stored",  # computed at each request; deprecated since 1.19
    "CertificateSigningRequest.certificates.k8s.io": "signed by blue's authority",
    "PodCertificateRequest.certificates.k8s.io": "signed by blue's authority",  # KEP-4317: for one pod on one node
    # KEP-1880: one object for each cluster IP, made by the API server that allocates it, and the ranges that it allocates from.
    "IPAddress.networking.k8s.io": "allocated by the API server",
    "ServiceCIDR.networking.k8s.io": "ranges belong to their cluster",
    "StorageVersion.internal.apiserver.k8s.io": "written by API servers",  # KEP-2339
    "StorageVersionMigration.storagemigration.k8s.io": "concerns blue's storage",
    "ResourcePoolStatusRequest.resource.k8s.io": "one question about blue's devices, answered there",  # gate DRAResourcePoolStatus
    "ResourceSlice.resource.k8s.io": "written by device drivers",  # KEP-4381: the devices of one node, listed by its driver
    "CertificateRequest.cert-manager.io": "transient: cert-manager creates it again",
    "Order.acme.cert-manager.io": "transient: cert-manager creates it again",
    "Challenge.acme.cert-manager.io": "transient: cert-manager creates it again",
    "TargetGroupBinding.elbv2.k8s.aws": "written by the load balancer controller",
    "InstallPlan.operators.coreos.com": "written by the Operator Lifecycle Manager",
    "Operator.operators.coreos.com": "written by the Operator Lifecycle Manager",
    "OperatorCondition.operators.coreos.com": "written by the Operator Lifecycle Manager",
    "PackageManifest.packages.operators.coreos.com": "written by the Operator Lifecycle Manager",
    "DownloadRequest.velero.io": "one question to Velero, answered on blue",
    "ServerStatusRequest.velero.io": "one question to Velero, answered on blue",
    "VirtualMachineSnapshot.snapshot.kubevirt.io": "would be taken anew, of what the machine on green holds",
    "VirtualMachineSnapshotContent.snapshot.kubevirt.io": "would be taken anew, of what the machine on green holds",
    **{f"{kind}.dex.coreos.com": "a login that goes on at blue" for kind in _LOGINS},
    **dict.fromkeys(_OF_A_NODE, "acts on one node of blue"),
    **{f"{kind}.{group}": "written by the network plugin" for group, kinds in _NETWORK_RECORDS.items() for kind in kinds},
    **{f"{kind}.{group}": _STORAGE for group, kinds in _STORAGE_RECORDS.items() for kind in kinds},
    **{f"{kind}.{group}": _REPORT for group, kinds in _REPORTS.items() for kind in kinds},
}
"""Kinds that are never moved, and not read."""
SKIPPED_GROUPS = {
    "internal.linstor.linbit.com": _STORAGE,
    "lifecycle.k8s.io": "asks pods of blue to leave their nodes",  # KEP-4563
    "machineconfiguration.openshift.io": "nodes belong to their cluster",
}
"""API groups of which nothing is moved."""
