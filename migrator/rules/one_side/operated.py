"""Objects through which operators act outside, or run what must not run twice: machines, clusters, streams, exports.

Schedules, GitOps and announcements are in `table`, databases in `databases`.
"""

from __future__ import annotations

from migrator.rules.one_side.table import ANNOUNCES, BACKUP, GITOPS, NO_BACKUP, NO_GITOPS, Row, kind

_MACHINE = "runs a machine: two would have one identity, and write to one disk each"
_NO_MACHINE = "the machine does not run there"
_SOURCES = ("AwsSqsSource", "GitHubSource", "GitLabSource", "RabbitmqSource", "RedisStreamSource")
_VIRTUAL_MACHINE = frozenset({"VirtualMachine.kubevirt.io"})
OPERATED = (
    # One of two fields says whether it runs, and a webhook refuses both.
    Row(
        "virtual machine",
        why=_MACHINE,
        meanwhile=_NO_MACHINE,
        fields=((("spec", "runStrategy"), "Halted"),),
        types=_VIRTUAL_MACHINE,
        needs=("spec", "runStrategy"),
    ),
    Row(
        "virtual machine (spec.running)",
        why=_MACHINE,
        meanwhile=_NO_MACHINE,
        fields=((("spec", "running"), False),),
        types=_VIRTUAL_MACHINE,
        needs=("spec", "running"),
    ),
    kind(
        "virtual machines of a set",
        "VirtualMachineInstanceReplicaSet.kubevirt.io",
        "VirtualMachinePool.pool.kubevirt.io",
        path=("spec", "replicas"),
        held=0,
        why=_MACHINE,
        meanwhile=_NO_MACHINE,
    ),
    Row(
        "Flink job",
        why="processes a stream: both sides would. Name blue's last savepoint in green's spec.job.initialSavepointPath",
        meanwhile="nothing is processed there",
        fields=((("spec", "job", "state"), "suspended"),),
        types=frozenset({"FlinkDeployment.flink.apache.org", "FlinkSessionJob.flink.apache.org"}),
        needs=("spec", "job"),
    ),
    kind(
        "Numaflow pipeline",
        "MonoVertex.numaflow.numaproj.io",
        "Pipeline.numaflow.numaproj.io",
        path=("spec", "lifecycle", "desiredPhase"),
        held="Paused",
        why="processes a stream as a member of a group: green would take some of the messages that blue is to get",
        meanwhile="nothing is processed there",
    ),
    kind(
        "Knative KafkaSource",
        "KafkaSource.sources.knative.dev",
        path=("spec", "consumers"),
        held=0,
        why="takes messages as a member of a group: green would take some of those that blue is to get",
        meanwhile="no message is taken there",
    ),
    Row(
        "Furiko schedule",
        why="starts Jobs at set times",
        meanwhile="no run starts there",
        fields=((("spec", "schedule", "disabled"), True),),
        types=frozenset({"JobConfig.execution.furiko.io"}),
        needs=("spec", "schedule"),
    ),
    kind(
        "Stork schedule",
        *(
            f"{name}.stork.libopenstorage.org"
            for name in ("ApplicationBackupSchedule", "MigrationSchedule", "VolumeSnapshotSchedule")
        ),
        why=BACKUP,
        meanwhile=NO_BACKUP,
    ),
    kind(
        "Trident protect",
        "Schedule.protect.trident.netapp.io",
        path=("spec", "enabled"),
        held=False,
        why=BACKUP,
        meanwhile=NO_BACKUP,
    ),
    kind(
        "Litmus schedule",
        "ChaosSchedule.litmuschaos.io",
        path=("spec", "scheduleState"),
        held="halt",
        why="starts experiments that break things at set times",
        meanwhile="no experiment starts there",
    ),
    kind(
        "Kluctl, Terraform of Flux",
        "KluctlDeployment.gitops.kluctl.io",
        "Terraform.infra.contrib.fluxcd.io",
        why=GITOPS,
        meanwhile=NO_GITOPS,
        first=True,
    ),
    kind(
        "bare-metal host",
        "BareMetalHost.metal3.io",
        path=("metadata", "annotations", "baremetalhost.metal3.io/paused"),
        held="migrator",
        why="switches a machine on and off and writes its disks: without its status green's operator would take it for a new one"
        " (metal3.io: annotation baremetalhost.metal3.io/status)",
        meanwhile="the machine is not managed from there",
    ),
    kind(
        "hosted cluster",
        "HostedCluster.hypershift.openshift.io",
        "NodePool.hypershift.openshift.io",
        path=("spec", "pausedUntil"),
        held="true",
        why="makes and deletes machines: both sides would make those of one cluster",
        meanwhile="no machine is made, changed or deleted from there",
    ),
    kind(
        "Sveltos cluster",
        "SveltosCluster.lib.projectsveltos.io",
        path=("spec", "paused"),
        why="puts objects into another cluster and takes them away there: both sides would",
        meanwhile="nothing is put there from there",
    ),
    kind(
        "Hive cluster",
        "ClusterDeployment.hive.openshift.io",
        path=("metadata", "annotations", "hive.openshift.io/reconcile-pause"),
        held="true",
        why="installs a cluster, and deletes it: without its status green's operator would install a second one",
        meanwhile="the cluster is not managed from there",
    ),
)
TOLD_OPERATED = (
    Row(
        "event source",
        why="takes events from outside, and has no field that pauses it: leave it on blue, or delete one of both at the cutover",
        meanwhile="",
        types=frozenset(f"{name}.sources.knative.dev" for name in _SOURCES),
        held=False,
    ),
    Row(
        "Camel integration",
        why="may take records from outside: if it does, hold it by cutover.oneSide (hold: field, field: /spec/replicas, value: 0)",
        meanwhile="",
        types=frozenset({"Integration.camel.apache.org", "Pipe.camel.apache.org"}),
        held=False,
    ),
    Row(
        "exported Service",
        why="makes green's pods answer for a Service of several clusters as soon as they are ready: leave it on blue, and make it"
        " on green at the cutover",
        meanwhile="",
        types=frozenset({"ServiceExport.multicluster.x-k8s.io", "ServiceExport.net.gke.io"}),
        held=False,
    ),
    Row(
        "cluster of MultiKueue",
        # keps/693-multikueue, garbage collector: what has the origin's label and is not in its own cluster.
        why="hands jobs to another cluster, and deletes there what its own does not know: green's would delete the jobs of blue."
        " Leave it on blue until those have ended",
        meanwhile="",
        types=frozenset({"MultiKueueCluster.kueue.x-k8s.io"}),
        held=False,
    ),
    Row(
        "runner scale set",
        # actions-runner-controller#4285, #3209: the pod of a listener has no owner but its custom resource.
        why="has a listener whose pod goes on where the controller is stopped, and GitHub gives no second one a session: delete"
        " that pod on blue after the cutover, or no job of it runs on green",
        meanwhile="",
        types=frozenset({"AutoscalingRunnerSet.actions.github.com"}),
        held=False,
    ),
    Row(
        "bucket",
        why="asks for a bucket: what lies in blue's is not copied into green's; and of a store that both reach, whoever deletes it"
        " on green deletes blue's. Copy it by the store's own means, or leave it out and give its Secret and ConfigMap to green",
        meanwhile="",
        types=frozenset({"BucketClaim.objectstorage.k8s.io", "ObjectBucketClaim.objectbucket.io"}),
        held=False,
    ),
    Row(
        "compactor of an operator",
        why="merges and deletes what lies in a bucket, which must have one compactor: leave it on blue, or give green's another",
        meanwhile="",
        types=frozenset({"LokiStack.loki.grafana.com", "TempoMonolithic.tempo.grafana.com", "TempoStack.tempo.grafana.com"}),
        held=False,
    ),
    Row(
        "scheduler of an operator",
        why="starts tasks or builds by itself, and its operator sets back what holds its pods: leave it on blue until the cutover",
        meanwhile="",
        types=frozenset({"AWX.awx.ansible.com", "Jenkins.jenkins.io", "Runner.apps.gitlab.com"}),
        held=False,
    ),
    Row(
        "data flow of an operator",
        why="may take records from outside, as a member of a group or alone: leave it on blue until the cutover, if it does",
        meanwhile="",
        types=frozenset(
            {"Logstash.logstash.k8s.elastic.co", *(f"{name}.compute.functionmesh.io" for name in ("Function", "Sink", "Source"))}
        ),
        held=False,
    ),
    Row(
        "backups of an operator",
        why=f"{BACKUP}, and it has no field that pauses it: leave it on blue until the cutover",
        meanwhile="",
        types=frozenset({"BackupSchedule.dataprotection.kubeblocks.io", "ScyllaDBManagerTask.scylla.scylladb.com"}),
        held=False,
    ),
    Row(
        "disks of nodes",
        why="makes a pool of disks of the node that it names: green may have one of that name. Change it for green's first",
        meanwhile="",
        types=frozenset({"CStorPoolCluster.cstor.openebs.io", "DiskPool.openebs.io", "MayastorPool.openebs.io"}),
        held=False,
    ),
    Row(
        "egress address",
        why=f"{ANNOUNCES}: leave it on blue, or give green's another one",
        meanwhile="",
        types=frozenset({"Egress.crd.antrea.io", "EgressGateway.egressgateway.spidernet.io", "EgressIP.k8s.ovn.org"}),
        held=False,
    ),
    Row(
        "replicated volume",
        why="says which side may write to a volume: green's would promote it, or stop blue's. Leave it on blue",
        meanwhile="",
        types=frozenset(
            {"VolumeGroupReplication.replication.storage.openshift.io", "VolumeReplication.replication.storage.openshift.io"}
        ),
        held=False,
    ),
    Row(
        "network of hosts",
        why="sets addresses and interfaces of hosts, which are blue's: leave it there, or change it for green's first",
        meanwhile="",
        types=frozenset({"NodeNetworkConfigurationPolicy.nmstate.io"}),
        held=False,
    ),
)
"""What nobody can hold, and a person should know of."""
