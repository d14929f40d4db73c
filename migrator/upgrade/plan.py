"""Look at the cluster and its hosts, and work out what an upgrade would do; nothing of the cluster is changed."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from migrator.cluster.pod_networks import weave_change
from migrator.errors import BlockedError, CommandFailedError, HostError, MigratorError
from migrator.model.events import Step
from migrator.model.facts import ClusterReading, HostReading, Member, UpgradeFacts
from migrator.model.kubeadm import files_of_static_pods
from migrator.model.kubelet import gates_of_cluster, settings_after
from migrator.model.manifest import get
from migrator.model.patches import kubelet_patch, read_patches
from migrator.model.strange import STRANGE
from migrator.model.upgrade import NO_SOAK, DrainRules, Hop, Soak, StepId, UpgradePlan, Workers
from migrator.model.verdict import Severity
from migrator.model.version import Version, parse_version, version_in
from migrator.nodes.hop.etcd_members import external_members, has_local_etcd, members
from migrator.nodes.hop.kubeadm import kubeadm_images
from migrator.nodes.hop.named_files import with_named_files
from migrator.nodes.hop.read_host import read_host, with_files, with_target
from migrator.nodes.hop.staged import Staged
from migrator.nodes.hop.upgrade_settings import manifest_differences
from migrator.nodes.packages import available_versions
from migrator.nodes.spec import NodeSpec
from migrator.ports import Clock, UpgradeCluster
from migrator.untrusted import printable
from migrator.upgrade.ask_kubeadm import ask_kubeadm
from migrator.upgrade.checks.table import check
from migrator.upgrade.hops import make_hops
from migrator.upgrade.read_cluster import examine_cluster, with_evictions
from migrator.upgrade.session import UpgradeSession, summarised
from migrator.upgrade.window import emulation, etcd_of

# Hosts: each is one process of ssh on this machine.
_AT_ONCE = 8


@dataclasses.dataclass(slots=True, frozen=True)
class PlanOptions:
    """What a person asks for."""

    target: Version
    workers: Workers
    drain: DrainRules
    ignored: tuple[str, ...] = ()
    packages: Mapping[str, str] = dataclasses.field(default_factory=dict)
    with_kubeadm_output: bool = False
    """Whether kubeadm's own plan and diff are wanted, too."""
    soak: Soak = NO_SOAK
    """Wanted between the new programs and the new minor."""
    one_step: bool = False
    """Whether the new minor comes with the new programs."""


def plan_upgrade(session: UpgradeSession, options: PlanOptions) -> UpgradePlan:
    """Return the plan with every finding; raises BlockedError when there is no way to the target at all."""
    facts = gather(session, options)
    images = {hop.key: _images(session, hop, facts.available) for hop in facts.hops}
    facts, one_step = _in_two_steps(facts, images, options)
    nodes = {node["metadata"]["name"]: node for node in facts.cluster.nodes}
    hops = facts.hops
    return UpgradePlan(
        facts.cluster.version,
        options.target,
        hops,
        tuple(summarised(node, nodes[node.name]) for node in session.nodes if node.name in nodes),
        check(facts, options.ignored),
        {hop.key: tuple(shown_steps(session, hop)) for hop in hops},
        images,
        _estimates(session, hops),
        _kubeadm_output(session, facts) if options.with_kubeadm_output else {},
        one_step,
    )


def _in_two_steps(
    facts: UpgradeFacts, images: Mapping[str, tuple[str, ...]], options: PlanOptions
) -> tuple[UpgradeFacts, dict[str, str]]:
    """Return facts whose hops emulate first where they can, and why others do not; raises BlockedError when a soak needs it."""
    hops: list[Hop] = []
    reasons: dict[str, str] = {}
    etcd = next((member.version for member in facts.members if member.version), "")
    for hop in facts.hops:
        emulated, reason = ("", "") if options.one_step else emulation(hop, facts, images[hop.key], etcd)
        etcd = etcd_of(images[hop.key]) or etcd
        hops.append(dataclasses.replace(hop, emulated=emulated))
        reasons |= {hop.key: reason} if reason else {}
    if reasons and options.soak:
        raise BlockedError(
            "; ".join(f"there can be no soak in {key}: {reason}" for key, reason in reasons.items()),
            hint="without --soak and --hold it goes in one step, whose way back is the snapshot; nothing was changed",
        )
    return dataclasses.replace(facts, hops=tuple(hops)), reasons


def gather(session: UpgradeSession, options: PlanOptions) -> UpgradeFacts:
    """Read the cluster and all hosts; raises BlockedError when there is no way to the target at all."""
    session.reporter.emit(Step("reading the cluster and its hosts"))
    cluster = examine_cluster(session.cluster, options.target.minor)
    hosts = _read_hosts(session, str(cluster.version))
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
        hosts = _with_target(session, hosts, session.hop_spec(hops[-1]).staged, cluster)
    if not options.drain.disable_eviction:
        cluster = with_evictions(cluster, session.cluster, [node.name for node in session.nodes], options.drain)
    local_etcd = _asked(lambda: has_local_etcd(session.control_plane_host), otherwise=False)
    return UpgradeFacts(
        cluster,
        hosts,
        _members(session, local_etcd, cluster.cluster_config),
        local_etcd,
        hops,
        available,
        options.drain,
        session.clock.now(),
        frozenset(name for name, _ in session.patches),
        kubelet_patch(session.patches),
        read_patches(session.patches),
        ask_kubeadm(session, cluster, hops, available),
        weave_change(cluster.daemon_sets, session.weave) if session.weave else None,
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


def _read_hosts(session: UpgradeSession, current: str) -> tuple[HostReading, ...]:
    timeouts = session.spec.kubeadm_timeouts
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(lambda node: read_host(session.hosts[node.name], node, current, timeouts), session.nodes))


def _with_target(
    session: UpgradeSession, hosts: Iterable[HostReading], staged: Staged, cluster: ClusterReading
) -> tuple[HostReading, ...]:
    patch = kubelet_patch(session.patches)
    gates = gates_of_cluster(cluster.cluster_config, cluster.proxy_config)

    def one(node: NodeSpec, reading: HostReading) -> HostReading:
        if not session.is_same_machine(node):
            return reading  # nothing is copied to a host that is not who it was
        host = session.hosts[node.name]
        settings = settings_after(cluster.kubelet_config, patch, reading.kubelet, reading.kept)
        here = {
            name: item for name, item in gates.items() if name in reading.manifests or (name, node) == ("kube-proxy", session.first)
        }
        if node.role == "control-plane":
            reading = with_files(host, reading, files_of_static_pods(cluster.cluster_config))
            reading = with_named_files(host, reading, cluster.cluster_config)
        return with_target(host, reading, staged, settings, here)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(one, session.nodes, hosts))


def _installed(hosts: Iterable[HostReading]) -> dict[str, str]:
    """Return what most hosts have of each package, without Arch's release number."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for host in hosts:
        for name, version in host.installed.items():
            seen[name][version.rpartition("-")[0] or version] += 1
    return {name: versions.most_common(1)[0][0] for name, versions in seen.items()}


def _available(session: UpgradeSession, hosts: Iterable[HostReading]) -> dict[str, tuple[str, ...]]:
    """Return what the package source has for all of the hosts' architectures."""
    architectures = {host.facts.architecture for host in hosts if host.facts.architecture}
    found = [available_versions(session.control_plane_host, session.spec.package_source, item) for item in sorted(architectures)]
    names = set().union(*found) if found else set()
    return {
        name: tuple(sorted(set.intersection(*(set(item.get(name, ())) for item in found)), key=parse_version)) for name in names
    }


def _members(
    session: UpgradeSession,
    local_etcd: bool,  # noqa: FBT001 - read right above
    configuration: Mapping[str, Any],
) -> tuple[Member, ...]:
    try:
        session.require_machine(session.first)
        host = session.control_plane_host
        return tuple(members(host) if local_etcd else external_members(host, configuration))
    except (MigratorError, *STRANGE) as error:
        if not local_etcd:
            return ()  # a setting of a strange form is a finding of another check
        # Without a member there would be nothing to judge, and so nothing wrong.
        reason = error.message if isinstance(error, MigratorError) else "what its etcdctl says cannot be read"
        return (Member(f"etcd on {session.first.name} ({reason})", "", learner=False, healthy=False),)


def _asked(question: Callable[[], bool], *, otherwise: bool) -> bool:
    try:
        return question()
    except HostError:
        return otherwise


def shown_steps(session: UpgradeSession, hop: Hop) -> Iterable[str]:
    """Yield the list of a hop as a person reads it, and the workers that stay at their version.

    While a control plane cannot be asked, which is a finding of its own, the whole list is shown.
    """
    try:
        steps = session.steps_left(hop)
    except HostError:
        steps = session.steps(hop)
    for step in steps:
        yield step.words
    for node in () if hop.workers else session.workers:
        yield f"{node.name}: stays at its version in this hop"


def _images(session: UpgradeSession, hop: Hop, available: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if str(hop.target) not in available.get("kubernetes", ()) or not session.is_same_machine(session.first):
        return ()
    try:
        spec = session.hop_spec(hop)
        spec.staged.bring(session.control_plane_host)
        return tuple(kubeadm_images(session.control_plane_host, spec.staged, spec.cluster))
    except MigratorError:
        # What is wrong with the package, or the host, is a finding already.
        return ()


def _estimates(session: UpgradeSession, hops: tuple[Hop, ...]) -> dict[str, float]:
    """Return seconds for each hop: the sum of the mean times of its steps in earlier upgrades.

    A step without a time adds nothing; a hop is left out if the control plane's step has none.
    """
    taken: dict[tuple[str, StepId], list[float]] = defaultdict(list)
    for item in (*session.records, *session.state.times):
        taken[item.role, item.step].append(item.seconds)
    means = {key: sum(values) / len(values) for key, values in taken.items()}
    found: dict[str, float] = {}
    for hop in hops:
        steps = [(step.node.role, id_) for step in session.steps(hop) if step.node for id_ in step.ids]
        if all(key in means for key in steps if key[1] is StepId.CONTROL_PLANE_FIRST):
            total = sum(means.get(key, 0.0) for key in steps)
            found |= {hop.key: round(total, 1)} if total else {}
    return found


def _kubeadm_output(session: UpgradeSession, facts: UpgradeFacts) -> dict[str, str]:
    """Return what the first hop's kubeadm says in its own words."""
    hops = facts.hops
    if not hops or str(hops[0].target) not in facts.available.get("kubernetes", ()) or not session.is_same_machine(session.first):
        return {}
    staged = session.hop_spec(hops[0]).staged
    try:
        difference = manifest_differences(
            session.control_plane_host, staged.kubeadm, str(hops[0].target), session.spec.kubeadm_timeouts
        )
    except CommandFailedError as error:
        difference = f"kubeadm gave no answer: {error.message}"
    return {"plan": facts.kubeadm.plan, "diff": difference.strip()}


def require_plan(plan: UpgradePlan) -> None:
    """Raise BlockedError with every failure, one a line; nothing was changed."""
    failures = [item for item in plan.findings if item.severity is Severity.FAILURE]
    if failures:
        lines = [printable(f"{item.subject}: {item.reason}; {item.hint} [{item.check}]") for item in failures]
        raise BlockedError("\n".join(lines), hint="nothing was changed; --ignore CHECK continues in spite of a check")
