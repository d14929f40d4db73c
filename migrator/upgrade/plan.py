"""Look at the cluster and its hosts, and work out what an upgrade would do; nothing of the cluster is changed."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from migrator.errors import BlockedError, CommandFailedError, HostError, MigratorError
from migrator.model.events import Step
from migrator.model.facts import ClusterReading, HostReading, Member, UpgradeFacts
from migrator.model.manifest import get
from migrator.model.upgrade import DrainRules, Hop, UpgradePlan, Workers
from migrator.model.version import Version, parse_version, version_in
from migrator.nodes.hop.actions import HopSpec, control_plane, kubelet, prepared, runtime, saved
from migrator.nodes.hop.etcd import has_local_etcd, members
from migrator.nodes.hop.kubeadm import kubeadm_images
from migrator.nodes.hop.read_host import read_host
from migrator.nodes.hop.staged import Staged
from migrator.nodes.packages import available_versions
from migrator.nodes.spec import NodeSpec
from migrator.ports import Clock, Host, UpgradeCluster
from migrator.untrusted import printable
from migrator.upgrade.checks.table import check
from migrator.upgrade.hops import make_hops
from migrator.upgrade.read_cluster import examine_cluster
from migrator.upgrade.session import UpgradeSession, summarised

_AT_ONCE = 8


@dataclasses.dataclass(slots=True, frozen=True)
class PlanOptions:
    """What a person asks for."""

    target: Version
    workers: Workers
    drain: DrainRules
    ignored: tuple[str, ...] = ()
    packages: Mapping[str, str] = dataclasses.field(default_factory=dict)
    kubeadm_words: bool = False
    """Whether kubeadm's own plan and diff are wanted, too."""


def plan_upgrade(session: UpgradeSession, options: PlanOptions) -> UpgradePlan:
    """Return the plan with every finding; raises BlockedError when there is no way to the target at all."""
    facts = gather(session, options)
    nodes = {node["metadata"]["name"]: node for node in facts.cluster.nodes}
    hops = facts.hops
    return UpgradePlan(
        facts.cluster.version,
        options.target,
        hops,
        tuple(summarised(node, nodes[node.name]) for node in session.nodes if node.name in nodes),
        check(facts, options.ignored),
        {hop.key: tuple(_steps(session, hop)) for hop in hops},
        {hop.key: _images(session, hop, facts.available) for hop in hops},
        _estimates(session, hops),
        _kubeadm_words(session, hops, facts.available) if options.kubeadm_words else {},
    )


def gather(session: UpgradeSession, options: PlanOptions) -> UpgradeFacts:
    """Read the cluster and all hosts; raises BlockedError when there is no way to the target at all."""
    session.reporter.emit(Step("reading the cluster and its hosts"))
    cluster = examine_cluster(session.cluster, options.target.minor)
    hosts = _read_hosts(session, str(cluster.version), None)
    available = _available(session, hosts)
    hops = make_hops(
        cluster.version,
        options.target,
        kubelets=kubelet_versions(cluster),
        installed=_installed(hosts),
        available=available,
        workers=options.workers,
        wanted=options.packages,
    )
    if hops and str(hops[-1].target) in available.get("kubernetes", ()):
        session.reporter.emit(Step(f"asking the programs of {hops[-1].target}"))
        hosts = _read_hosts(session, str(cluster.version), _table(session, hops[-1]).staged)
    local_etcd = _asked(lambda: has_local_etcd(session.through), otherwise=False)
    return UpgradeFacts(
        cluster,
        hosts,
        _members(session, local_etcd),
        local_etcd,
        hops,
        available,
        options.drain,
        session.clock.now(),
        frozenset(name for name, _ in session.patches),
    )


def gather_cluster(cluster: UpgradeCluster, target: Version, clock: Clock) -> UpgradeFacts:
    """Read the cluster alone, for advice: no host is asked, and minors in between are taken as to be had."""
    reading = examine_cluster(cluster, target.minor)
    between = [f"{target.major}.{minor}.0" for minor in range(reading.version.minor + 1, target.minor)]
    hops = make_hops(
        reading.version,
        target,
        kubelets=kubelet_versions(reading),
        installed={},
        available={"kubernetes": between},
        workers=Workers.EACH_HOP,
    )
    drain = DrainRules(delete_emptydir_data=True)
    return UpgradeFacts(reading, (), (), local_etcd=True, hops=hops, available={}, drain=drain, now=clock.now())


def kubelet_versions(cluster: ClusterReading) -> list[Version]:
    """Return the version of every kubelet that tells one."""
    told = (version_in(get(node, "status", "nodeInfo", "kubeletVersion")) for node in cluster.nodes)
    return [version for version in told if version]


def _read_hosts(session: UpgradeSession, current: str, staged: Staged | None) -> tuple[HostReading, ...]:
    def one(node: NodeSpec) -> HostReading:
        return read_host(session.hosts[node.name], node, staged, current)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(one, session.nodes))


def _installed(hosts: Iterable[HostReading]) -> dict[str, str]:
    """Return what most hosts have of each package, without Arch's release number."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for host in hosts:
        for name, version in host.installed.items():
            seen[name][version.rpartition("-")[0] or version] += 1
    return {name: versions.most_common(1)[0][0] for name, versions in seen.items()}


def _available(session: UpgradeSession, hosts: Iterable[HostReading]) -> dict[str, tuple[str, ...]]:
    """Return what the package source has for all of the hosts' architectures."""
    architectures = {host.values["architecture"] for host in hosts if host.values.get("architecture")}
    found = [available_versions(session.through, session.spec.package_source, item) for item in sorted(architectures)]
    names = set().union(*found) if found else set()
    return {
        name: tuple(sorted(set.intersection(*(set(item.get(name, ())) for item in found)), key=parse_version)) for name in names
    }


def _members(session: UpgradeSession, local_etcd: bool) -> tuple[Member, ...]:  # noqa: FBT001 - read right above
    if not local_etcd:
        return ()
    try:
        return tuple(Member(item.name, item.version, item.learner, item.healthy) for item in members(session.through))
    except MigratorError as error:
        return (Member(f"etcd on {session.first.name} ({error.message})", "", learner=False, healthy=False),)


def _asked(question: Callable[[], bool], *, otherwise: bool) -> bool:
    try:
        return question()
    except HostError:
        return otherwise


def _table(session: UpgradeSession, hop: Hop) -> HopSpec:
    cluster = dataclasses.replace(session.spec, kubernetes_version=str(hop.target), packages=hop.packages)
    return HopSpec(cluster, hop.key, applied=False, patches=session.patches, local_etcd=True, say=session.detail)


def _steps(session: UpgradeSession, hop: Hop) -> Iterable[str]:
    table, through = _table(session, hop), session.through
    for node in session.nodes:
        names = [action.name for action in (*runtime(table, node, through), *prepared(table, node), *saved(table, node))]
        yield f"{node.name}: {', '.join(names)}"
    for node in session.control_planes:
        yield f"{node.name}: {', '.join(action.name for action in control_plane(table, node))}"
    yield "pod network and kube-proxy rolled out"
    for node in [*session.control_planes, *(session.workers if hop.workers else ())]:
        yield f"{node.name}: drain, {', '.join(action.name for action in kubelet(table, node, through))}, uncordon, all well"
    for node in () if hop.workers else session.workers:
        yield f"{node.name}: stays at its version in this hop"


def _images(session: UpgradeSession, hop: Hop, available: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if str(hop.target) not in available.get("kubernetes", ()):
        return ()
    try:
        table = _table(session, hop)
        _bring(session.through, table.staged)
        return tuple(kubeadm_images(session.through, table.staged, table.cluster))
    except MigratorError:
        # What is wrong with the package, or the host, is a finding already.
        return ()


def _bring(host: Host, staged: Staged) -> None:
    if not staged.done(host):
        staged.run(host)


def _estimates(session: UpgradeSession, hops: tuple[Hop, ...]) -> dict[str, float]:
    """Return seconds for each hop from the mean of what its steps took before; steps without a record make it no estimate."""
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for role, action, seconds in (*session.records, *session.state.seconds):
        taken[role, action].append(seconds)
    if not any(action == "kubeadm upgrade apply" for _, action in taken):
        return {}
    means = {key: sum(values) / len(values) for key, values in taken.items()}
    found = {}
    for hop in hops:
        roles = [node.role for node in session.nodes if hop.workers or node.role == "control-plane"]
        once = ("kubeadm upgrade apply", "etcd snapshot")
        total = sum(mean * roles.count(role) for (role, action), mean in means.items() if action not in once)  # type: ignore[arg-type]
        found[hop.key] = round(total + sum(means.get(("control-plane", action), 0.0) for action in once), 1)
    return found


def _kubeadm_words(session: UpgradeSession, hops: tuple[Hop, ...], available: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    if not hops or str(hops[0].target) not in available.get("kubernetes", ()):
        return {}
    staged = _table(session, hops[0]).staged
    ignored = ",".join((*session.spec.ignore_preflight, "CreateJob"))
    version = f"v{hops[0].target}"
    commands = {
        "plan": f"{staged.kubeadm} upgrade plan {version} --ignore-preflight-errors={ignored}",
        "diff": f"{staged.kubeadm} upgrade diff {version}",
    }
    found = {}
    for name, command in commands.items():
        try:
            found[name] = session.through.run(f"{command} 2>/dev/null", timeout=180).strip()
        except CommandFailedError as error:
            found[name] = f"kubeadm did not say: {error.message}"
    return found


def require_plan(plan: UpgradePlan) -> None:
    """Raise BlockedError with every failure, one a line; nothing was changed."""
    failures = [item for item in plan.findings if item.severity.value == "failure"]
    if failures:
        lines = [printable(f"{item.subject}: {item.reason}; {item.cure} [{item.check}]") for item in failures]
        raise BlockedError("\n".join(lines), hint="nothing was changed; --ignore CHECK goes on in spite of a check")
