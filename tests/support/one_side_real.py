"""Real controllers that act on the world outside, on both sides of a migration, and what was seen of them there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest
from migrator.testbed.balancer import balanced
from migrator.testbed.binaries import Store
from migrator.testbed.name_server import ZONE, NameServer, name_server
from migrator.traffic.dns_server import read_key
from tests.support.objects import deployment, made, service
from tests.support.pod_processes import PodProcesses, overlaps, pods_run
from tests.support.sandbox import TYPES, Result, Sandbox, until
from tests.support.zone_history import by_name, changes_since, missing_after, records, serial, update_times

NAMES = ("web", "api")
"""What external-dns keeps, as Services of these names ask for."""
TAKEN = "taken"
"""What a Service asks for, and another owner has."""
ADDRESSES = {"blue": "192.0.2.{}", "green": "198.51.100.{}"}
"""Of Services of type LoadBalancer (RFC 5737); the cloud that gives them is played."""
_FOREIGN = f"""\
mail IN A 203.0.113.1
{TAKEN} IN A 203.0.113.2
a-{TAKEN} IN TXT "heritage=external-dns,external-dns/owner=somebody-else,external-dns/resource=service/x/y"
plain IN TXT "written by hand"
"""
_ACCOUNT = "dns"


@dataclass(slots=True)
class Seen:
    """What was counted at the outside."""

    cutovers: int = 0
    rollbacks: int = 0
    updates: int = 0
    double_effects: list[str] = field(default_factory=list)
    records_lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class DnsStage:
    """A migration of external-dns, its DNS server, and what plays the kubelets of both sides."""

    sandbox: Sandbox
    server: NameServer
    blue: PodProcesses
    green: PodProcesses
    seen: Seen = field(default_factory=Seen)

    def address(self, side: str, names: Sequence[str] = (*NAMES, TAKEN)) -> None:
        """Give Services of a side their addresses, as a cloud does."""
        cluster = getattr(self.sandbox.pair, side)
        for number, name in enumerate(names, 1):
            status = {"loadBalancer": {"ingress": [{"ip": ADDRESSES[side].format(number)}]}}
            cluster.patch(TYPES["Service"], self.sandbox.namespace, name, {"status": status}, manager="cloud", subresource="status")

    def await_names(self, side: str) -> None:
        """Wait until all names lead to a side."""
        wanted = {name: {ADDRESSES[side].format(number)} for number, name in enumerate(NAMES, 1)}
        until(lambda: wanted.items() <= by_name(records(self.server), "A").items())

    def hand_over(self, verb: str, *options: str) -> Result:
        """Run cutover or rollback, wait for what follows in DNS, and count what was done there."""
        side = "green" if verb == "cutover" else "blue"
        before, first = records(self.server), serial(self.server)
        result = self.sandbox.run(verb, *options)
        assert result.code == 0, (result.out, result.err)
        self.await_names(side)
        self._count(before, first, verb)
        if verb == "cutover":
            self.seen.cutovers += 1
        else:
            self.seen.rollbacks += 1
        return result

    def _count(self, before: set, first: int, verb: str) -> None:  # type: ignore[type-arg]
        changes = changes_since(self.server, first)
        kept = [*((name, "A") for name in NAMES), *((f"a-{name}", "TXT") for name in NAMES)]
        own = {name for name, _ in kept}
        self.seen.updates += len(changes)
        self.seen.records_lost += [f"{verb}: {text}" for text in missing_after(before, changes, kept)]
        for change in changes:
            strange = change.names - own
            self.seen.double_effects += [f"{verb}: {name} was changed, which is not its own" for name in sorted(strange)]
        for name in NAMES:
            times = sum(name in change.names for change in changes)
            if times > 1:
                self.seen.double_effects.append(f"{verb}: {name} was changed {times} times")

    def judge(self) -> Seen:
        """Return what was seen, with who wrote when: each update has one process that may have made it."""
        assert (self.blue.failures, self.green.failures) == ([], [])
        self.seen.double_effects += [f"ran at the same time: {text}" for text in overlaps(self.blue, self.green)]
        runs = [*self.blue.runs, *self.green.runs]
        for moment in update_times(self.server):
            alive = [run.pod for run in runs if run.lived_at(moment)]
            if len(alive) != 1:
                self.seen.double_effects.append(f"an update at {moment} while these ran: {alive}")
        return self.seen


@contextmanager
def dns_stage(sandbox: Sandbox, store: Store, folder: Path) -> Iterator[DnsStage]:
    """Run external-dns on blue, with what belongs to it, until all its names are in DNS."""
    programs = store.programs("external-dns")
    with ExitStack() as stack:
        balancer, _, _ = stack.enter_context(balanced(folder / "haproxy"))
        server = stack.enter_context(name_server(folder / "bind", _FOREIGN))
        sides = [PodProcesses(cluster, sandbox.pair.kubeconfig, programs, folder / cluster.name) for cluster in _clusters(sandbox)]
        stack.enter_context(pods_run(*sides))
        haproxy = {"backend": "shop", "blue": ["blue"], "green": ["green"], "stateFile": str(balancer.state_file)}
        traffic = {"haproxy": {**haproxy, "socket": str(balancer.socket)}, "steps": [100], "soak": "0s"}
        sandbox.configure(traffic=traffic, gates={"minRequests": 0, "readyTimeout": "60s"})
        stage = DnsStage(sandbox, server, sides[0], sides[1])
        sandbox.on_blue(*external_dns(server, sandbox.namespace), *(published(name) for name in (*NAMES, TAKEN)))
        stage.address("blue")
        stage.await_names("blue")
        yield stage


def _clusters(sandbox: Sandbox) -> tuple[KubeCluster, KubeCluster]:
    return sandbox.pair.blue, sandbox.pair.green


def published(name: str) -> Manifest:
    """Return a Service whose address external-dns writes under its name."""
    manifest = service(name, type="LoadBalancer")
    manifest["metadata"]["annotations"] = {"external-dns.alpha.kubernetes.io/hostname": f"{name}.{ZONE}"}
    return manifest


def external_dns(server: NameServer, namespace: str) -> list[Manifest]:
    """Return external-dns as its documentation deploys it, with an account that may read this namespace."""
    read = [
        {"apiGroups": [""], "resources": ["services", "pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    ]
    account = {"kind": "ServiceAccount", "name": _ACCOUNT, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _ACCOUNT}
    ((key,),) = (read_key(server.key).ring.values(),)
    workload = deployment("external-dns", 1, **{"testbed/process": "true"})
    workload["spec"]["strategy"] = {"type": "Recreate"}
    workload["spec"]["template"]["spec"] = {
        "serviceAccountName": _ACCOUNT,
        "containers": [
            {
                "name": "external-dns",
                "image": "registry.k8s.io/external-dns/external-dns:v0.22.0",
                "args": [
                    *("--source=service", "--service-type-filter=LoadBalancer", f"--namespace={namespace}"),
                    *("--provider=rfc2136", "--rfc2136-host=127.0.0.1", f"--rfc2136-port={server.port}"),
                    *(f"--rfc2136-zone={ZONE}", "--rfc2136-axfr", "--rfc2136-tsig-keyname=migrator"),
                    *("--rfc2136-tsig-secret-alg=hmac-sha256", f"--domain-filter={ZONE}", "--metrics-address=127.0.0.1:0"),
                    *("--policy=sync", "--registry=txt", f"--txt-owner-id={namespace}", "--interval=1s"),
                ],
                "env": [
                    {
                        "name": "EXTERNAL_DNS_RFC2136_TSIG_SECRET",
                        "valueFrom": {"secretKeyRef": {"name": "tsig", "key": "secret"}},
                    }
                ],
            }
        ],
    }
    return [
        made("v1", "ServiceAccount", _ACCOUNT),
        made("rbac.authorization.k8s.io/v1", "Role", _ACCOUNT, rules=read),
        made("rbac.authorization.k8s.io/v1", "RoleBinding", _ACCOUNT, subjects=[account], roleRef=role),
        made("v1", "Secret", "tsig", stringData={"secret": _secret(key)}),
        workload,
    ]


def _secret(key: object) -> str:
    import base64

    return base64.b64encode(key.secret).decode()  # type: ignore[attr-defined]
