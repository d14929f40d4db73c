"""All checks, in the order that their findings are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from migrator.model.facts import UpgradeFacts
from migrator.model.strange import STRANGE, reason_of
from migrator.model.verdict import NEVER_IGNORED, CheckName, Finding, Severity
from migrator.upgrade.checks import (
    apis,
    disruption,
    edited_addons,
    etcd,
    files,
    hosts,
    images,
    kubeadm,
    kubelet_files,
    named_files,
    scheduling,
    system_pods,
    tied,
    versions,
    webhooks,
)

Check = Callable[[UpgradeFacts], Iterator[Finding]]
ON_HOSTS: tuple[Check, ...] = (
    hosts.reachable,
    hosts.identity,
    hosts.known,
    hosts.names,
    hosts.addresses,
    etcd.members,
    etcd.slow_disks,
    etcd.elsewhere,
    etcd.pinned,
    versions.runtime,
    versions.runtime_programs,
    versions.packages,
    versions.way_back,
    versions.replaced_programs,
    versions.foreign_programs,
    images.short_names,
    hosts.cgroups,
    hosts.disk,
    hosts.certificates,
    hosts.clocks,
    hosts.boards_before,
    hosts.systems_before,
    hosts.edited_manifests,
    files.uncompared,
    files.manifests_folder,
    files.references_of_static_pods,
    files.resource_managers,
    files.network_plugins,
    kubelet_files.credential_providers,
    kubelet_files.runtime_sockets,
    kubelet_files.trusted_authorities,
    kubelet_files.users,
    kubelet_files.profiles_of_pods,
    hosts.kubelet_settings,
    hosts.refused_settings,
    hosts.gates_and_plugins,
    kubeadm.faulty_versions,
    kubeadm.files_of_static_pods,
    named_files.readable,
    named_files.known_versions,
    kubeadm.refusals,
    system_pods.weave_net,
)
"""Checks of what only the hosts tell."""
IN_CLUSTER: tuple[Check, ...] = (
    hosts.conditions,
    hosts.twins,
    system_pods.daemon_sets,
    system_pods.static_pods,
    system_pods.programs_of_nodes,
    versions.kubelets,
    versions.control_planes,
    versions.runtimes_of_nodes,
    kubeadm.configuration,
    kubeadm.gates,
    kubeadm.arguments,
    kubeadm.exclusive_arguments,
    named_files.mounted,
    kubeadm.patches,
    kubeadm.addons,
    kubeadm.sockets,
    edited_addons.edits,
    edited_addons.refused_settings,
    apis.requested_versions,
    apis.stored_objects,
    apis.writers,
    apis.stored_versions,
    disruption.budgets,
    disruption.handed_evictions,
    disruption.released_budgets,
    disruption.ill_pods,
    disruption.cut_off,
    disruption.uncontrolled,
    disruption.long_goodbyes,
    disruption.endless,
    disruption.single_replicas,
    tied.pods_of_one_node,
    scheduling.places,
    webhooks.fail_closed,
)
"""Checks of what the API server tells."""


def _judged(one: Check, facts: UpgradeFacts) -> Iterator[Finding]:
    """Yield what a check finds; a value that is not of the form that its kind has keeps no other check from its own."""
    try:
        yield from one(facts)
    except STRANGE as error:
        name = CheckName.IDENTITY if one is hosts.identity else CheckName.UNREAD
        what = f"{one.__module__.rpartition('.')[2]}.{one.__name__}"
        reason = f"what the check {what} reads {reason_of(error)}"
        yield Finding(
            name, "cluster", Severity.FAILURE, reason, "look at the ConfigMap kubeadm-config and at what this check reads"
        )


def check(facts: UpgradeFacts, ignored: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Return every finding; a failure of an ignored check stays in sight as a warning."""
    accepted = frozenset(ignored) - NEVER_IGNORED
    checks = (*(ON_HOSTS if facts.hosts else ()), *IN_CLUSTER)
    found = [finding for one in checks for finding in _judged(one, facts)]
    found += [
        Finding(CheckName.UNREAD, "cluster", Severity.FAILURE, text, "grant it: what cannot be read cannot be judged")
        for text in facts.cluster.unread
    ]
    return tuple(
        replace(item, severity=Severity.WARNING, reason=f"{item.reason} (ignored)")
        if item.severity is Severity.FAILURE and item.check in accepted
        else item
        for item in found
    )
