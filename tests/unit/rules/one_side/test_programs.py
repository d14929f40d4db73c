"""Programs that act outside are known by their images and the words of their commands."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
from migrator.rules.one_side.recognise import row_of
from tests.support.programs import workload


@pytest.mark.parametrize(
    ("manifest", "row"),
    [
        (workload("timothyjmiller/cloudflare-ddns:latest"), "dynamic DNS"),
        (workload("tailscale/k8s-operator:v1.90"), "tunnel"),
        (workload("qmcgaw/gluetun:v3"), "tunnel"),
        (workload("ghcr.io/costela/hcloud-ip-floater:v0.1"), "cloud controller"),
        (workload("europe-docker.pkg.dev/gardener-project/releases/gardener/gardenlet:v1.110"), "management agent"),
        (workload("ghcr.io/inlets/inlets-pro:0.11", "tcp", "client", "--url=x", command=["inlets-pro"]), "tunnel"),
        (workload("xpkg.crossplane.io/crossplane/crossplane:v2", "core", "start"), "Crossplane"),
        (workload("quay.io/submariner/submariner-gateway:0.21", kind="DaemonSet"), "tunnel"),
        (workload("ghcr.io/galleybytes/terraform-operator:v0.17"), "outside resources"),
        (workload("osixia/keepalived:2.0.20", kind="DaemonSet"), "VRRP"),
        (workload("alpine:3", command=["keepalived", "-n", "-l"], kind="DaemonSet"), "VRRP"),
        (workload("quay.io/frrouting/frr:9.1", kind="DaemonSet"), "BGP"),
        (
            workload("hashicorp/consul-k8s-control-plane:1.5", command=["/bin/sh", "-ec", "exec consul-k8s sync-catalog \\"]),
            "Consul sync",
        ),
        (workload("public.ecr.aws/gravitational/teleport-distroless:18"), "management agent"),
        (workload("mcr.microsoft.com/azurearck8s/clusterconnect-agent:1.31"), "management agent"),
        (workload("rancher/rancher-agent:v2.9"), "management agent"),
        (workload("registry.gitlab.com/gitlab-org/cluster-integration/gitlab-agent/agentk:v17"), "management agent"),
        (workload("quay.io/thanos/thanos:v0.40", "sidecar", "--objstore.config-file=/x", kind="StatefulSet"), "Thanos sidecar"),
        (workload("sigp/lighthouse:v8", "lighthouse", "vc"), "block signer"),
        (workload("jpillora/dnsmasq:1", "--dhcp-range=192.168.1.10,192.168.1.99", kind="DaemonSet"), "DHCP server"),
        (workload("pihole/pihole:2026", env=[{"name": "FTLCONF_dhcp_active", "value": "true"}]), "DHCP server"),
        (workload("quay.io/tinkerbell/smee:v0.18"), "DHCP server"),
        (workload("monstrenyatko/mdns-repeater:1"), "mDNS reflector"),
        (workload("tenderduty/gaiad:v21", "start", "--home=/x", command=["gaiad"]), "block signer"),
        (workload("consensys/web3signer:26"), "block signer"),
        (workload("storjlabs/storagenode:latest"), "file sync"),
        (workload("ghcr.io/home-operations/sonarr:4"), "automation"),
        (workload("ghcr.io/paperless-ngx/paperless-ngx:2.20"), "mail fetcher"),
        (workload("docker.redpanda.com/redpandadata/connect:4"), "data flow"),
        (workload("concourse/concourse:8", "web"), "Concourse"),
        (workload("ghcr.io/buildkite/agent-stack-k8s/controller:0.30"), "CI runner"),
        (workload("ghcr.io/pipe-cd/pipecd/piped:v0.52"), "PipeCD"),
        (workload("consensys/teku:25", "teku", "validator-client"), "block signer"),
        (workload("lightninglabs/lnd:v0.20"), "payment channels"),
        (workload("goldy/tor-hidden-service:latest"), "tunnel"),
        (workload("evcc/evcc:0.210"), "automation"),
        (workload("bbernhard/signal-cli-rest-api:0.95"), "chat bridge"),
        (workload("grafana/loki:3", "-config.file=/x", "-target=all", kind="StatefulSet"), "compactor"),
        (workload("ghcr.io/k8up-io/k8up:v2", "operator"), "K8up"),
        (workload("offen/docker-volume-backup:v2"), "backup tool"),
        (workload("rclone/rclone:1", "sync", "a:", "b:"), "rclone"),
        (workload("quay.io/thanos/thanos:v0.40", "compact", "--wait"), "compactor"),
        (workload("grafana/loki:3", "-config.file=/x", "-target=backend"), "compactor"),
        (workload("traefik:v3", "--certificatesresolvers.le.acme.dnschallenge.provider=cloudflare"), "ACME client"),
        (workload("ghcr.io/kubereboot/kured:1.20", kind="DaemonSet"), "kured"),
    ],
)
def test_a_program_is_known(manifest: Manifest, row: str) -> None:
    """As its project deploys it."""
    found = row_of(manifest)
    assert found is not None
    assert found.name == row


@pytest.mark.parametrize(
    "manifest",
    [
        workload("ghcr.io/inlets/inlets-pro:0.11", "tcp", "server", command=["inlets-pro"]),
        workload("xpkg.crossplane.io/crossplane/crossplane:v2", "rbac", "start"),
        workload("quay.io/thanos/thanos:v0.40", "query"),
        workload("pihole/pihole:2026", env=[{"name": "FTLCONF_dhcp_active", "value": "false"}]),
        workload("rclone/rclone:1", "serve", "http", "a:"),
        workload("quay.io/thanos/thanos:v0.40", "sidecar", kind="StatefulSet"),
        workload("hashicorp/consul-k8s-control-plane:1.5", command=["/bin/sh", "-ec", "exec consul-k8s inject-connect"]),
        workload("cafebazaar/keepalived-exporter:1", kind="DaemonSet"),
        workload("grafana/loki:3", "-target=read"),
        workload("myddns/web:1"),
        workload("traefik:v3", "--providers.kubernetesingress"),
    ],
)
def test_others_of_its_kind_are_not(manifest: Manifest) -> None:
    """The same image serves, or reads only."""
    assert row_of(manifest) is None
