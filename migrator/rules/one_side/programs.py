"""Programs that may run on one side only, by image or by words of their commands; a row per kind of thing.

Images of many people's own builds end as the published ones do; names of workloads decide nothing.
"""

from __future__ import annotations

from migrator.rules.one_side.proof import EXTERNAL_DNS
from migrator.rules.one_side.starters import DEPLOYERS, SCHEDULERS
from migrator.rules.one_side.table import ANNOUNCES, BACKUP, CONNECT, NO_BACKUP, NO_CONNECT, Row

_NOT_ANNOUNCED = "no address is announced from there"
_WHILE_CHECKED = "; during the migration it may do so while they are checked"


def _told(name: str, *images: str, why: str, flags: tuple[frozenset[str], ...] = ()) -> Row:
    """Return a row of what is not held: a person is told."""
    return Row(name, why, "", images=images, flags=flags, held=False)


_OUTSIDE = (
    Row(
        "external-dns",
        why="writes DNS records: each side would take or delete the other's",
        meanwhile="names of new or changed Services and Ingresses there do not get into DNS",
        images=("external-dns",),
        flags=(frozenset({"--source", "--provider", "--registry"}), frozenset({"--source", "--provider", "--txt-owner-id"})),
        addresses=True,
        proof=EXTERNAL_DNS,
    ),
    Row(
        "DNS controller",
        why="writes DNS records of the objects that it sees: each side would take or delete the other's",
        meanwhile="names of new or changed objects there do not get into DNS",
        images=("external-dns-management/dns-controller-manager", "dns-controller-manager", "kops/dns-controller"),
        addresses=True,
    ),
    Row(
        "dynamic DNS",
        why="writes its own network's address into DNS: each side would overwrite the other's",
        meanwhile="no address is written into DNS from there",
        images=("*ddns", "ddns-updater", "ddns-route53", "ddclient", "duckdns", "godns", "inadyn"),
    ),
    Row(
        "cert-manager",
        why="orders certificates: Let's Encrypt gives five a week for one set of names",
        meanwhile="certificates there are neither issued nor renewed; those that were copied are used",
        images=("cert-manager-controller",),
        flags=(frozenset({"--acme-http01-solver-image"}),),
    ),
    Row(
        "MetalLB speaker",
        ANNOUNCES,
        f"{_NOT_ANNOUNCED}; its controller runs: it answers a webhook and announces nothing",
        images=("metallb/speaker", "metallb-speaker"),
    ),
    Row(
        "FRR-K8s",
        why="announces routes by BGP: both sides would announce one address, and the objects that say which are copied",
        meanwhile="no route is announced from there",
        images=("metallb/frr-k8s",),
        words=frozenset({"frr-k8s"}),
    ),
    Row("kube-vip", ANNOUNCES, _NOT_ANNOUNCED, images=("kube-vip", "kube-vip-iptables")),
    Row("PureLB", ANNOUNCES, _NOT_ANNOUNCED, images=("purelb/lbnodeagent",)),
    Row("OpenELB", ANNOUNCES, _NOT_ANNOUNCED, images=("openelb", "openelb-speaker")),
    Row(
        "VRRP",
        ANNOUNCES,
        _NOT_ANNOUNCED,
        images=("keepalived", "docker-keepalived", "keepalived-vip", "kube-keepalived-vip"),
        flags=(frozenset({"keepalived"}),),
    ),
    Row(
        "BGP",
        ANNOUNCES,
        _NOT_ANNOUNCED,
        images=("frrouting/frr", "gobgp", "exabgp"),
        flags=(frozenset({"gobgpd"}), frozenset({"exabgp"})),
    ),
    Row(
        "DHCP server",
        why="answers requests for addresses and for network boots: both sides would, each by its own list",
        meanwhile="no request is answered from there",
        images=("dhcpd", "kea-dhcp4", "isc-kea-dhcp4", "tinkerbell/smee", "tinkerbell/boots"),
        flags=(frozenset({"--dhcp-range"}), frozenset({"DHCP_ACTIVE=true"}), frozenset({"FTLCONF_dhcp_active=true"})),
    ),
    Row(
        "mDNS reflector",
        why="repeats what it hears from one network in another: two would repeat each other without end",
        meanwhile="nothing is repeated from there",
        images=("mdns-repeater", "mdns-reflector", "*-mdns-repeater"),
    ),
    Row(
        "Consul sync",
        why="writes Services into Consul's catalog, and deletes those that its cluster has not: each side would delete the other's",
        meanwhile="Services there do not get into Consul's catalog",
        images=("consul-k8s-control-plane", "consul-k8s"),
        words=frozenset({"sync-catalog"}),
        addresses=True,
    ),
    Row(
        "management agent",
        why="lets a server outside act on its cluster, under an identity that may be there once: it would act on either side",
        meanwhile="the server outside sees the other side",
        images=(
            "rancher/rancher-agent",
            "rancher/fleet-agent",
            "gardener/gardenlet",
            "agentk",
            "open-cluster-management/registration-operator",
            "open-cluster-management/registration",
            "open-cluster-management/work",
            "kubernetes-agent-tentacle",
            "harness/delegate",
            "argocd-agent",
            "pluralsh/deployment-operator",
            # A Secret of its own has the UUID under which Teleport knows it.
            *(f"gravitational/teleport{name}" for name in ("", "-distroless", "-ent", "-ent-distroless")),
            *("azurearck8s/*", "eks-connector/eks-connector", "gkeconnect-gce"),
            *("spotinst/kubernetes-cluster-controller", "castai-hub/library/cluster-controller"),
        ),
    ),
    Row(
        "cloud controller",
        why="makes and deletes load balancers and routes in the cloud account",
        meanwhile="load balancers there are neither made nor changed; new nodes stay tainted until it runs",
        images=(
            "*cloud-controller-manager",
            "cloud-provider-*",
            "kube-vip-cloud-provider",
            "aws-load-balancer-controller",
            "aws-alb-ingress-controller",
            "aws-gateway-controller",
            "ingress-gce*",
            "octavia-ingress-controller",
            "azure-application-gateway/kubernetes-ingress",
            "alb-controller",
            "ako/ako",
            "citrix-k8s-ingress-controller",
            "netscaler-k8s-ingress-controller",
            "k8s-bigip-ctlr",
            "kube-ingress-aws-controller",
            "kube-loxilb",
            # They assign an address of the account to a node of their own cluster.
            *("hcloud-fip-controller", "hcloud-ip-floater", "robotlb", "kubip-agent"),
        ),
    ),
    Row(
        "tunnel",
        why="takes traffic from its network as soon as it runs, under an identity that may be there once",
        meanwhile="no traffic arrives there through the tunnel",
        images=(
            "cloudflare/cloudflared",
            "adyanth/cloudflare-operator",
            "cloudflare-tunnel-ingress-controller",
            "tailscale/tailscale",
            "tailscale/k8s-operator",
            "ngrok/ngrok",
            "ngrok/ngrok-operator",
            "ngrok/kubernetes-ingress-controller",
            "inlets-operator",
            "frpc",
            "fosrl/newt",
            "twingate/connector",
            "zerotier/zerotier",
            "netbirdio/netbird",
            "wg-easy",
            *("linuxserver/wireguard", "qmcgaw/gluetun", "nebulaoss/nebula"),
            "netclient",
            "firezone/gateway",
            "openziti/ziti-router",
            "submariner-gateway",
            "submariner-operator",
            "lighthouse-agent",
            "tor-daemon",
            "tor-hidden-service",
        ),
        flags=(frozenset({"inlets-pro", "client"}),),
    ),
    Row(
        "node autoscaler",
        why="makes and deletes machines in the cloud account; both sides may count the same node group",
        meanwhile="no node is added or removed there",
        images=("cluster-autoscaler", "cluster-autoscaler-*", "karpenter/controller"),
    ),
    Row(
        "outside resources",
        why="makes and deletes databases, buckets and the like outside: both sides would, by the same objects",
        meanwhile="what is asked for there is neither made nor deleted outside",
        images=(
            "crossplane-contrib/provider-*",
            "upbound/provider-*",
            "aws-controllers-k8s/*-controller",
            "azureserviceoperator",
            "aiven-operator",
            "mongodb-atlas-kubernetes-operator",
            "ext-postgres-operator",
            "movetokube/postgres-operator",
            "sap-btp-service-operator/controller",
            "kubernetes-service-catalog/service-catalog",
            "cnrm/controller",
            "hcp-terraform-operator",
            "terraform-cloud-operator",
            "pulumi-kubernetes-operator",
            "tf-controller",
            "tofu-controller",
            "galleybytes/terraform-operator",
        ),
    ),
    Row(
        "Crossplane",
        why="makes and deletes databases, buckets and the like outside, and starts the providers that do so",
        meanwhile="what is asked for there is neither made nor deleted outside",
        images=("crossplane/crossplane", "upbound/crossplane"),
        words=frozenset({"core"}),
        first=True,
    ),
    Row(
        "Kafka Connect",
        why=CONNECT,
        meanwhile=NO_CONNECT,
        images=("debezium/server", "debezium/connect", "cp-kafka-connect", "cp-kafka-connect-base", "cp-server-connect"),
        flags=tuple(
            frozenset({f"{name}.sh"})
            for name in ("connect-distributed", "connect-standalone", "connect-mirror-maker", "kafka-mirror-maker")
        ),
    ),
    Row(
        "block signer",
        why="signs blocks with a key: two that sign are punished (slashing)",
        meanwhile="nothing is signed there",
        images=(
            *("prysm/validator", "prysmaticlabs/prysm-validator", "nimbus-validator-client", "attestantio/vouch"),
            *("attestantio/dirk", "web3signer", "tmkms", "horcrux"),
        ),
        flags=(
            frozenset({"lighthouse", "vc"}),
            frozenset({"lighthouse", "validator_client"}),
            frozenset({"lodestar", "validator"}),
            frozenset({"teku", "validator-client"}),
            # Consensus by a key in a file, as of Cosmos, Solana, Polkadot and Cardano.
            *(frozenset({name, "start"}) for name in ("cometbft", "gaiad", "osmosisd")),
            *(frozenset({name, "--vote-account"}) for name in ("agave-validator", "solana-validator")),
            frozenset({"polkadot", "--validator"}),
            frozenset({"cardano-node", "--shelley-kes-key"}),
        ),
    ),
    Row(
        "payment channels",
        why="keeps channels by a key: two with it publish old states of each other's channels, and lose what is in them",
        meanwhile="no payment passes there",
        # docs.lightning.engineering, disaster recovery: never run two nodes with one seed.
        images=("lnd", "lightningd", "acinq/eclair"),
    ),
)
_BACKUPS = (
    Row(
        "Velero",
        why=BACKUP,
        meanwhile="backups and restores that are asked for there wait",
        images=("velero/velero", "bitnami/velero", "bitnamilegacy/velero"),
        words=frozenset({"server"}),
    ),
    Row("K8up", BACKUP, NO_BACKUP, images=("k8up", "k8up-io/k8up"), words=frozenset({"operator"})),
    Row(
        "backup tool",
        why=BACKUP,
        meanwhile=NO_BACKUP,
        images=(
            "borgmatic",
            "kopia/kopia",
            "restic/restic",
            "borgmatic-docker",
            "duplicati",
            "duplicacy",
            "resticker",
            "docker-volume-backup",
            "postgres-backup-*",
            "mysql-backup",
            "mysql-backup-*",
            "litestream/litestream",
            "etcd-backup-restore",
            "etcdbrctl",
        ),
    ),
    Row(
        "compactor",
        why="merges and deletes what lies in a bucket, which must have one compactor",
        meanwhile="what lies in the bucket is not merged from there",
        images=("thanos", "loki", "mimir", "tempo", "cortex"),
        words=frozenset({"compact", *(f"{dash}target={part}" for dash in ("-", "--") for part in ("all", "backend", "compactor"))}),
    ),
    Row(
        "rclone",
        why="copies files between places outside, and deletes in one what the other lacks",
        meanwhile="no file is copied there",
        images=("rclone/rclone",),
        words=frozenset({"bisync", "copy", "move", "sync"}),
    ),
    Row(
        "file sync",
        why="syncs files with others under an identity that may be there once",
        meanwhile="no file is synced there",
        images=("syncthing/syncthing", "linuxserver/syncthing", "resilio-sync", "storjlabs/storagenode"),
    ),
)
_ACME = (
    frozenset({"--certificatesresolvers.*.acme.*"}),
    frozenset({"--certificatesResolvers.*.acme.*"}),
)
_TOLD = (
    _told(
        "Thanos sidecar",
        flags=(frozenset({"sidecar", "--objstore.config*"}),),
        why="uploads blocks to a bucket: two with the same external labels overlap there, and the compactor stops at that",
    ),
    _told(
        "ACME client",
        "nginxproxy/acme-companion",
        "neilpang/acme.sh",
        "certbot/certbot",
        "certbot/dns-*",
        "goacme/lego",
        "caddy/ingress",
        flags=_ACME,
        why="orders certificates itself: green's orders anew what it does not find (Let's Encrypt: five a week)",
    ),
    _told("descheduler", "descheduler", why=f"evicts pods of its own cluster{_WHILE_CHECKED}"),
    _told("pod killer", "chaoskube", "kube-monkey", why=f"kills pods of its own cluster{_WHILE_CHECKED}"),
    _told("kured", "kured", why=f"drains and reboots nodes of its own cluster{_WHILE_CHECKED}"),
    _told(
        "system-upgrade-controller",
        "system-upgrade-controller",
        why="changes the version of its own cluster's nodes, to what its plans name",
    ),
)
FIXED = Row(
    "fixed address",
    why="its pods have an address of their own in the network of the nodes (Multus): both sides would answer for it",
    meanwhile="no such pod runs there",
    fixed=True,
)
PROGRAMS = (*_OUTSIDE, *_BACKUPS, *DEPLOYERS, *SCHEDULERS, *_TOLD, FIXED)
