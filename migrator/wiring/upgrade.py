"""From a stack's file to a session of an upgrade in place: hosts over SSH, the API server, the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from migrator import __version__
from migrator.adapters.clock import SystemClock
from migrator.adapters.identity import this_process
from migrator.config.stack import load_stack
from migrator.errors import ApiError, ConfigError, JournalError
from migrator.journal.file import FileJournal, iter_entries
from migrator.journal.ledger import Ledger
from migrator.journal.records.base import Entry
from migrator.journal.records.upgrade import UPGRADE, UpgradeRecord
from migrator.kube.access import Access, load_access, received_access
from migrator.kube.cluster import KubeCluster
from migrator.model.events import Note
from migrator.model.facts import UpgradeFacts
from migrator.model.upgrade import DrainRules, StepTime, Workers
from migrator.model.version import Version
from migrator.nodes.paths import ADMIN_CONF
from migrator.nodes.spec import cluster_of, node_of
from migrator.ports import Host, Reporter
from migrator.ssh.host import SshHost, socket_folder
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import UpgradeFold, UpgradeState, fold_upgrade
from migrator.wiring.access import warn_of
from migrator.wiring.inputs import UpgradeInputs

# An API server that another upgrade, or a boot, has just restarted.
_PATIENCE = 60.0
_FILE = "--stack NAME takes stacks/Pulumi.NAME.yaml below this folder, --file the path of such a file"
RESUME_PATIENCE = 240.0
"""kubeadm may be at work on the only control plane, whose API server is away for parts of it."""


@contextmanager
def upgrade_session(
    inputs: UpgradeInputs,
    reporter: Reporter,
    *,
    patches: str = "",
    patience: float = _PATIENCE,
    api_may_be_down: bool = False,
    begun: bool = False,
) -> Iterator[UpgradeSession]:
    """Open journal, hosts and API server; the journal is tied to the cluster.

    An API server that is away is waited for `patience` seconds. With `begun` raises JournalError where no upgrade was begun:
    no host is asked then, and no empty journal is made in the wrong folder.
    """
    stack = load_stack(inputs.file, hint=_FILE)
    if begun:
        _require_begun(inputs)
    clock = SystemClock()
    configured = (*stack.control_planes, *(node for node in stack.nodes if node.role == "worker"))
    nodes = tuple(node_of(stack, node) for node in configured)
    hosts: Mapping[str, Host] = {
        node.name: SshHost(node.name, stack.login(node), socket_folder(), clock=clock) for node in configured
    }
    spec = cluster_of(stack, inputs.name)
    access = warn_of(_access(inputs, hosts[nodes[0].name], spec.endpoint), reporter)
    first = 2.0 if api_may_be_down else patience
    cluster = KubeCluster(inputs.name, access, clock=clock, patience=patience, first_patience=first)
    identities: dict[str, str] = {}
    try:
        identities["cluster"] = cluster.identity()
    except ApiError:
        if not api_may_be_down:
            raise
    name = f"upgrade of {inputs.name}"
    with FileJournal(inputs.journal, UPGRADE, tool=__version__, migration=name, clock=clock) as journal:
        journal.bind(**identities)
        yield UpgradeSession(
            cluster=cluster,
            hosts=hosts,
            nodes=nodes,
            spec=spec,
            ledger=Ledger(journal, UpgradeFold()),
            reporter=reporter,
            clock=clock,
            holder=this_process(),
            patches=_patches(patches),
            weave=stack.weave if stack.cni == "weave" else None,
            records=tuple(_records(inputs.journal, reporter)),
        )


def read_state(inputs: UpgradeInputs) -> UpgradeState:
    """Return the state of an upgrade without locking the journal; raises JournalError where no upgrade was begun.

    Raises ConfigError when the stack's file is missing or has mistakes.
    """
    load_stack(inputs.file, hint=_FILE)
    return fold_upgrade(journal_entries(inputs))


def journal_entries(inputs: UpgradeInputs) -> Iterator[Entry[UpgradeRecord]]:
    """Return the journal's entries without locking it; raises JournalError where no upgrade was begun."""
    _require_begun(inputs)
    return iter_entries(inputs.journal, UPGRADE)


def _require_begun(inputs: UpgradeInputs) -> None:
    if not inputs.journal.exists():
        # By default it lies below the folder that the command is called in.
        hint = "call this in the folder where it was begun, or name its --state-dir; `migrator upgrade run --to VERSION` begins one"
        raise JournalError(f"{inputs.journal}: no upgrade of {inputs.name} was begun here", hint=hint)


def _access(inputs: UpgradeInputs, first: Host, endpoint: str) -> Access:
    """Return how to reach the API server: by the person's kubeconfig, or the one on the first control plane."""
    if inputs.kubeconfig:
        return load_access(str(inputs.kubeconfig), None, cluster=inputs.name, relative_to=Path())
    return received_access(
        first.run(f"cat {ADMIN_CONF}"), endpoint=endpoint, cluster=inputs.name, where=f"{ADMIN_CONF} on {first.name}"
    )


def _patches(folder: str) -> tuple[tuple[str, bytes], ...]:
    if not folder:
        return ()
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise ConfigError([f"--patches {folder}: is not a folder"], hint="kubeadm's documentation of --patches has the file names")
    return tuple((file.name, file.read_bytes()) for file in sorted(path.iterdir()) if file.is_file())


def _records(journal: Path, reporter: Reporter) -> Iterator[StepTime]:
    """Yield what steps took in upgrades of other clusters, from the journals beside this one; they only serve estimates."""
    for path in sorted(journal.parent.parent.glob("upgrade-*/journal.jsonl")):
        if path != journal:
            try:
                yield from fold_upgrade(iter_entries(path, UPGRADE)).times
            except JournalError as error:
                reporter.emit(Note(f"{error.message}: the times in it are not used", warning=True))


def advice_of_hosts(target: Version, inputs: UpgradeInputs, reporter: Reporter) -> tuple[UpgradeFacts, int]:
    """Return what advice is made from, hosts included, and how many control planes there are."""
    from migrator.upgrade.plan import PlanOptions, gather

    with upgrade_session(inputs, reporter) as session:
        options = PlanOptions(target, Workers.EACH_HOP, DrainRules(delete_emptydir_data=True))
        return gather(session, options), len(session.control_planes)


def advice_of_cluster(target: Version, kubeconfig: Path, context: str | None, reporter: Reporter) -> tuple[UpgradeFacts, int]:
    """Return the same from a cluster's API server alone."""
    from migrator.upgrade.advise import count_control_planes
    from migrator.upgrade.plan import gather_cluster

    clock = SystemClock()
    access = warn_of(load_access(str(kubeconfig), context, cluster="blue", relative_to=Path()), reporter)
    facts = gather_cluster(KubeCluster("blue", access, clock=clock), target, clock)
    return facts, count_control_planes(facts)
