"""The time between the new programs and the new minor: the control plane emulates the old one, and a rollback loses nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from migrator.errors import BlockedError, GateFailedError
from migrator.journal.records.upgrade import FinishStarted, WindowOpened
from migrator.model.events import Note
from migrator.model.facts import ClusterReading, UpgradeFacts
from migrator.model.kinds import NODES
from migrator.model.kubeadm import CONTROL_PLANE
from migrator.model.manifest import get
from migrator.model.upgrade import DrainRules, Hop, RunOptions
from migrator.model.verdict import CheckName
from migrator.model.version import Version, parse_version, version_in
from migrator.nodes.hop.emulation import local_version
from migrator.upgrade.checks.apis import requested_versions
from migrator.upgrade.node import Paused
from migrator.upgrade.read_cluster import read_requested
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.settling import settle

# From this minor on API server, controller-manager and scheduler all emulate three minors back (their references of 1.35).
_FIRST = (1, 35)
# Minor of Kubernetes to a newer minor of etcd than kubeadm gives it, with which its API server was proven to lose nothing
# (tests/integration/test_emulated_version.py, tests/e2e/test_upgrade.py).
_PROVEN = {(1, 36): (3, 7)}
# A soak lasts minutes to hours; the API server's log need not be full of looks.
_POLL = 2.0
# After so many seconds without a ready API server a soak has failed.
_AWAY_SECONDS = 60.0


def emulation(hop: Hop, facts: UpgradeFacts, images: Iterable[str], etcd: str) -> tuple[str, str]:
    """Return the minor that the new control plane can emulate, or why the hop goes in one step; `etcd` is its version before.

    Pure. With the same minor of etcd nothing new is asked of the old API server.
    """
    if hop.start == hop.target:
        return "", ""
    old, new = hop.start.line, hop.target.line
    if new < _FIRST:
        return "", f"{hop.target} does not emulate older minors in all of its components: 1.35 is the first that does"
    flagged = sorted(host.name for host in facts.hosts if _emulates(host.manifests))
    if flagged:
        return "", f"{', '.join(flagged)}: its manifests have --emulated-version already, which is left alone"
    if facts.local_etcd:
        before, after = _version(etcd), _etcd_of(images)
        if before is None or after is None:
            return "", "it is not known which etcd runs before and after it"
        if after.line != before.line and _PROVEN.get(old) != after.line:
            return "", f"etcd {after} was not proven to serve an API server of {hop.start}, which has had etcd {before}"
    return f"{old[0]}.{old[1]}", ""


def etcd_of(images: Iterable[str]) -> str:
    """Return the version of etcd among kubeadm's images, empty when there is none."""
    return str(_etcd_of(images) or "")


def soak(session: UpgradeSession, hop: Hop, options: RunOptions) -> None:
    """Wait as long as the person has said; raises Paused where they raise it themselves, GateFailedError when it is not well."""
    for node in session.control_planes:
        settle(session, node, frozenset(), steady=False)
    if hop.key not in session.state.opened:
        session.write(WindowOpened(hop.key))
    if not options.finish:
        _await_end(session, hop)
    _require_finishable(session, hop, options)
    session.say(f"{hop.target} no longer emulates {hop.emulated}: from here on {after_finish(session.state.id)}")
    session.write(FinishStarted(hop.key))


def after_finish(begun: str) -> str:
    """Return what a rollback is once the emulation is raised; `begun` is the id of the upgrade."""
    return f"a rollback goes back to the snapshot of {_day(begun)}, and what is written after it is lost"


def require_window(session: UpgradeSession, hop: Hop) -> None:
    """Raise BlockedError when something that only the new minor has is in use, so that the old one cannot go on."""
    found = list(_only_new(session, hop))
    if found:
        raise BlockedError(
            f"{'; '.join(found)}: this can hold what {hop.start} does not know",
            hint="`migrator upgrade rollback --from-snapshot` goes back to the snapshot; what was written since is lost",
        )


def _await_end(session: UpgradeSession, hop: Hop) -> None:
    soaked = session.state.soak
    until = session.state.opened[hop.key] + soaked.seconds
    told = f"the control plane is {hop.target} and emulates {hop.emulated}: `migrator upgrade rollback` loses nothing now"
    if soaked.hold:
        raise Paused(f"{told}, `migrator upgrade finish` goes on")
    if session.clock.now() < until:
        session.say(f"{told}; it goes on at {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(until))}")
    well = session.clock.monotonic()
    while session.clock.now() < until:
        session.clock.sleep(min(_POLL, max(0.0, until - session.clock.now())))
        if session.lock:
            session.lock.check()
        if session.cluster.healthy():
            well = session.clock.monotonic()
        elif session.clock.monotonic() - well > _AWAY_SECONDS:
            raise GateFailedError(
                f"the API server of {hop.target} is not ready for {_AWAY_SECONDS:.0f} s, while it emulates {hop.emulated}",
                hint="`migrator upgrade rollback` goes back and loses nothing; `resume` goes on with the soak",
            )
    if soaked.seconds:
        for node in session.control_planes:
            settle(session, node, frozenset(), steady=False)


def _require_finishable(session: UpgradeSession, hop: Hop, options: RunOptions) -> None:
    """Raise BlockedError while clients use what ends with the emulation, or something newer than it is in use."""
    found = list(_only_new(session, hop))
    reading = ClusterReading(hop.start, requested=read_requested(session.cluster))
    facts = UpgradeFacts(reading, (), (), False, (hop,), {}, DrainRules(), session.clock.now())
    asked = [f"{item.subject}: {item.reason}" for item in requested_versions(facts)]
    if CheckName.REMOVED_APIS in options.ignored:
        for text in asked:
            session.reporter.emit(Note(f"{text} (ignored)", warning=True))
        asked = []
    if CheckName.SKEW in options.ignored:
        for text in found:
            session.reporter.emit(Note(f"{text} (ignored)", warning=True))
        found = []
    if found or asked:
        raise BlockedError(
            "\n".join((*found, *asked)),
            hint="the control plane goes on emulating, and `migrator upgrade rollback` loses nothing; "
            "fix the cause, then `migrator upgrade finish`; or `finish --ignore removed-apis|skew`",
        )


def _only_new(session: UpgradeSession, hop: Hop) -> Iterator[str]:
    """Yield what of the new minor is in use although the old one is emulated; an API server that is away has nothing in use."""
    for node in session.control_planes:
        said = local_version(session.hosts[node.name])
        new, minor = said.get("gitVersion") == f"v{hop.target}", hop.emulated.rpartition(".")[2]
        if new and said.get("emulationMinor", said["minor"]) != minor:
            yield f"{node.name}: its API server is {hop.target} and emulates {said.get('emulationMinor', 'nothing')}, not {minor}"
    for item in session.cluster.list(NODES) if session.cluster.healthy() else ():
        kubelet = version_in(get(item, "status", "nodeInfo", "kubeletVersion"))
        if kubelet and kubelet.line > hop.start.line:
            yield f"{item['metadata']['name']}: its kubelet is {kubelet}, newer than the {hop.emulated} that is emulated"


def _emulates(manifests: Mapping[str, object]) -> bool:
    return any("--emulated-version" in str(manifests.get(component, "")) for component in CONTROL_PLANE)


def _etcd_of(images: Iterable[str]) -> Version | None:
    return next((_version(image.rpartition(":")[2]) for image in images if "/etcd:" in image), None)


def _version(text: str) -> Version | None:
    try:
        return parse_version(text.removeprefix("v").partition("-")[0])
    except ValueError:
        return None


def _day(begun: str) -> str:
    return f"{begun[:4]}-{begun[4:6]}-{begun[6:8]} {begun[9:11]}:{begun[11:13]} UTC"
