"""Clusters that operators make: databases, queues, stores. A row for each whose operator can stop them, by its source.

A field that only ends reconciliation keeps no pod from running; it holds a new object, and stops none.
"""

from __future__ import annotations

from migrator.rules.one_side.table import BACKUP, NO_BACKUP, Row, kind

_TWO_CLUSTERS = "two clusters would archive into one place, and each would take writes"
_APART = "each of two clusters would take writes, and nobody could join them"
_NO_DATABASE = "there is no database there"
_PAUSED_CLUSTERS = (
    "PerconaPGCluster.pgv2.percona.com",
    "PerconaServerMongoDB.psmdb.percona.com",
    "PerconaServerMySQL.ps.percona.com",
    "PerconaXtraDBCluster.pxc.percona.com",
)
_HALTED_CLUSTERS = tuple(
    f"{name}.kubedb.com"
    for name in (
        *(
            "Cassandra",
            "ClickHouse",
            "Druid",
            "Elasticsearch",
            "FerretDB",
            "Hazelcast",
            "Ignite",
            "Kafka",
            "MariaDB",
            "MongoDB",
            "MSSQLServer",
        ),
        *("MySQL", "PerconaXtraDB", "Postgres", "RabbitMQ", "Redis", "Singlestore", "Solr", "ZooKeeper"),
    )
)
MADE_PODS = {
    "Cluster.postgresql.cnpg.io": "cnpg.io/cluster={}",
    "Cluster.postgresql.k8s.enterprisedb.io": "k8s.enterprisedb.io/cluster={}",
    **dict.fromkeys(_HALTED_CLUSTERS, "app.kubernetes.io/instance={},app.kubernetes.io/managed-by=kubedb.com"),
    "VirtualMachine.kubevirt.io": "vm.kubevirt.io/name={}",
    **dict.fromkeys(_PAUSED_CLUSTERS, "app.kubernetes.io/instance={}"),
    "PerconaPGCluster.pgv2.percona.com": "postgres-operator.crunchydata.com/cluster={}",
    "PostgresCluster.postgres-operator.crunchydata.com": "postgres-operator.crunchydata.com/cluster={}",
    "postgresql.acid.zalan.do": "application=spilo,cluster-name={}",
    "CassandraDatacenter.cassandra.datastax.com": "cassandra.datastax.com/datacenter={}",
    "ClickHouseInstallation.clickhouse.altinity.com": "clickhouse.altinity.com/chi={}",
    "Cluster.core.pingcap.com": "pingcap.com/cluster={}",
    "RabbitmqCluster.rabbitmq.com": "app.kubernetes.io/name={},app.kubernetes.io/component=rabbitmq",
    # What answers where the others are runs on while they are suspended.
    "TidbCluster.pingcap.com": (
        "app.kubernetes.io/instance={},app.kubernetes.io/managed-by=tidb-operator,app.kubernetes.io/component!=discovery"
    ),
    **{
        f"{name}.kafka.strimzi.io": f"strimzi.io/cluster={{}},strimzi.io/kind={name}"
        for name in ("KafkaConnect", "KafkaMirrorMaker2")
    },
}
"""The selector of the pods that an operator makes of an object, with its name filled in: these end before it has stopped."""
CLUSTERS = (
    kind("database cluster", *_PAUSED_CLUSTERS, path=("spec", "pause"), why=_TWO_CLUSTERS, meanwhile=_NO_DATABASE),
    kind(
        "Crunchy PostgreSQL",
        "PostgresCluster.postgres-operator.crunchydata.com",
        path=("spec", "shutdown"),
        why=_TWO_CLUSTERS,
        meanwhile=_NO_DATABASE,
    ),
    kind(
        "Zalando PostgreSQL",
        "postgresql.acid.zalan.do",
        path=("spec", "numberOfInstances"),
        held=0,
        why=_TWO_CLUSTERS,
        meanwhile=_NO_DATABASE,
    ),
    Row(
        "CloudNativePG",
        why=_TWO_CLUSTERS,
        meanwhile=_NO_DATABASE,
        # Hibernation waits until a cluster was healthy once, so it holds no new one; one that is not reconciled keeps its pods.
        fields=(
            (("metadata", "annotations", "cnpg.io/reconciliationLoop"), "disabled"),
            (("metadata", "annotations", "cnpg.io/hibernation"), "on"),
        ),
        types=frozenset({"Cluster.postgresql.cnpg.io"}),
    ),
    Row(
        "EDB Postgres",  # CloudNativePG under other names
        why=_TWO_CLUSTERS,
        meanwhile=_NO_DATABASE,
        fields=(
            (("metadata", "annotations", "k8s.enterprisedb.io/reconciliationLoop"), "disabled"),
            (("metadata", "annotations", "k8s.enterprisedb.io/hibernation"), "on"),
        ),
        types=frozenset({"Cluster.postgresql.k8s.enterprisedb.io"}),
    ),
    kind("KubeDB", *_HALTED_CLUSTERS, path=("spec", "halted"), why=_APART, meanwhile=_NO_DATABASE),
    kind(
        "Cassandra",
        "CassandraDatacenter.cassandra.datastax.com",
        path=("spec", "stopped"),
        why=_APART,
        meanwhile=_NO_DATABASE,
    ),
    kind(
        "ClickHouse",
        "ClickHouseInstallation.clickhouse.altinity.com",
        path=("spec", "stop"),
        held="yes",
        why=_APART,
        meanwhile=_NO_DATABASE,
    ),
    kind(
        "RabbitMQ",
        "RabbitmqCluster.rabbitmq.com",
        # Its operator takes 0, and then only the number that was there before (cluster-operator#1899, 2025). An earlier one leaves
        # its pods running, so that the hand-over ends after its limit.
        path=("spec", "replicas"),
        held=0,
        why="each of two clusters would take messages, and its consumers would work on them twice",
        meanwhile="there is no queue there",
    ),
    Row(
        "TiDB",
        why=_APART,
        meanwhile=_NO_DATABASE,
        # Only what was up once can be suspended (pkg/manager/suspender); what is paused keeps its pods.
        fields=((("spec", "paused"), True), (("spec", "suspendAction", "suspendStatefulSet"), True)),
        types=frozenset({"TidbCluster.pingcap.com"}),
    ),
    kind(
        "TiDB (operator 2)",
        "Cluster.core.pingcap.com",
        path=("spec", "suspendAction", "suspendCompute"),
        why=_APART,
        meanwhile=_NO_DATABASE,
    ),
)
SCHEDULES = (
    kind("Medusa schedule", "MedusaBackupSchedule.medusa.k8ssandra.io", path=("spec", "disabled"), why=BACKUP, meanwhile=NO_BACKUP),
    kind(
        "TiDB backup schedule",
        "BackupSchedule.pingcap.com",
        "BackupSchedule.br.pingcap.com",
        path=("spec", "pause"),
        why=BACKUP,
        meanwhile=NO_BACKUP,
    ),
    Row(
        "Solr backup",
        why=BACKUP,
        meanwhile=NO_BACKUP,
        fields=((("spec", "recurrence", "disabled"), True),),
        types=frozenset({"SolrBackup.solr.apache.org"}),
        needs=("spec", "recurrence"),
    ),
)
_BY_HAND = "leave it on blue, or stop its operator and its pods there in hooks.beforeCutover"


def _told(name: str, *types: str, why: str) -> Row:
    return Row(name, why=f"{why}: {_BY_HAND}", meanwhile="", types=frozenset(types), held=False)


_NO_FIELD = "has no field that is known to stop it"
TOLD_CLUSTERS = (
    _told(
        "Kafka (Strimzi)",
        "Kafka.kafka.strimzi.io",
        why="has no field that stops it: `strimzi.io/pause-reconciliation` only ends reconciliation",
    ),
    _told("MariaDB", "MariaDB.k8s.mariadb.com", why="has no field that stops it (`suspend` only ends reconciliation)"),
    _told(
        "database",
        *("AerospikeCluster.asdb.aerospike.com", "ArangoDeployment.database.arangodb.com", "CouchbaseCluster.couchbase.com"),
        *("Dragonfly.dragonflydb.io", "InnoDBCluster.mysql.oracle.com", "MysqlCluster.mysql.presslabs.org"),
        *("MySQLCluster.moco.cybozu.com", "ScyllaCluster.scylla.scylladb.com", "SGCluster.stackgres.io"),
        *("YBCluster.yugabyte.com", "RedisEnterpriseCluster.app.redislabs.com", "SGShardedCluster.stackgres.io"),
        *("Cluster.apps.kubeblocks.io", "ClickHouseCluster.clickhouse.com", "KeeperCluster.clickhouse.com"),
        *("ClickHouseKeeperInstallation.clickhouse-keeper.altinity.com", "Hazelcast.hazelcast.com", "Infinispan.infinispan.org"),
        *("MongoDB.mongodb.com", "MongoDBMultiCluster.mongodb.com", "ScyllaDBCluster.scylla.scylladb.com"),
        *("ScyllaDBDatacenter.scylla.scylladb.com", "Valkey.hyperspike.io", "ValkeyCluster.valkey.io"),
        *("GarageCluster.garage.rajsingh.info",),
        why=_NO_FIELD,
    ),
    _told(
        "broker",
        *("ActiveMQArtemis.broker.amq.io", "QueueManager.mq.ibm.com"),
        *("Kafka.platform.confluent.io", "KafkaCluster.kafka.banzaicloud.io", "Redpanda.cluster.redpanda.com"),
        why=_NO_FIELD,
    ),
    _told(
        "Elasticsearch (ECK)",
        "Elasticsearch.elasticsearch.k8s.elastic.co",
        why="cannot be stopped: `eck.k8s.elastic.co/managed` only ends reconciliation, and a list counts its nodes",
    ),
    _told(
        "OpenSearch",
        "OpenSearchCluster.opensearch.opster.io",
        "OpenSearchCluster.opensearch.org",
        why="has no field that stops it, and its nodes are counted in a list; green's operator may begin a second cluster beside "
        "data that came along, unless `status.initialized` is true there",
    ),
    _told(
        "Redis",
        *(f"{name}.redis.redis.opstreelabs.in" for name in ("Redis", "RedisCluster", "RedisReplication", "RedisSentinel")),
        "RedisFailover.databases.spotahome.com",
        why="has no field that stops it (`skip-reconcile` only ends reconciliation)",
    ),
    _told(
        "MongoDB (community operator)",
        "MongoDBCommunity.mongodbcommunity.mongodb.com",
        why="has no field that stops it, and its operator sets the StatefulSet's replicas back",
    ),
    _told(
        "etcd",
        *("EtcdCluster.etcd.aenix.io", "EtcdCluster.etcd.database.coreos.com", "EtcdCluster.operator.etcd.io"),
        "Etcd.druid.gardener.cloud",
        why=_NO_FIELD,
    ),
    _told("CockroachDB", "CrdbCluster.crdb.cockroachlabs.com", why="has no field that stops it: it has three nodes at the least"),
    _told("Vitess", "VitessCluster.planetscale.com", why="has no field that stops it, and its tablets are counted in lists"),
    _told(
        "Cassandra (K8ssandra)",
        "K8ssandraCluster.k8ssandra.io",
        why="sets back what holds its CassandraDatacenters; `stopped` stands in each entry of spec.cassandra.datacenters",
    ),
    _told(
        "Solr",
        "SolrCloud.solr.apache.org",
        why="has no field that stops it, and moves shards away, or deletes claims, where its nodes become fewer",
    ),
    _told("ZooKeeper", "ZookeeperCluster.zookeeper.pravega.io", why="has no field that stops it: it takes no 0 replicas"),
    _told("SeaweedFS", "Seaweed.seaweed.seaweedfs.com", why="has no field that stops it"),
    _told("MinIO", "Tenant.minio.min.io", why="has no field that stops it, and its servers are counted in a list"),
    _told(
        "Ceph (Rook)",
        "CephCluster.ceph.rook.io",
        why="makes a second storage cluster, of green's disks, and has no field that stops one",
    ),
)
"""What its operator cannot stop; a person should know of it."""
