"""The mark of a host: whose it is, and how far it has come."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.nodes.kubeadm import Init
from migrator.nodes.mark import MARK_FILE, Mark, read_mark, refuse_foreign, write_mark
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, spec


def test_hosts_of_other_clusters_are_refused() -> None:
    """With our mark of another stack, and without any mark."""
    marked = FakeHost()
    write_mark(marked, Mark("migrator/blue", "complete"))
    with pytest.raises(BlockedError, match="part of cluster migrator/blue"):
        Init(FIRST, spec()).run(marked)
    with pytest.raises(BlockedError, match="not made here"):
        Init(FIRST, spec()).run(FakeHost(accepts=[f"cat {MARK_FILE}", "test -e /etc/kubernetes/kubelet.conf"]))


def test_a_mark_is_read_as_it_was_written_and_only_root_reads_it() -> None:
    """A host without one has none."""
    host = FakeHost()
    write_mark(host, Mark("migrator/green", "started"))
    assert read_mark(host) == Mark("migrator/green", "started")
    assert host.modes[MARK_FILE] == 0o600
    assert read_mark(FakeHost(accepts=[f"cat {MARK_FILE}"])) is None


def test_a_host_of_this_cluster_is_not_foreign_whatever_stands_on_it() -> None:
    """The mark decides, not the files of Kubernetes."""
    host = FakeHost(accepts=["test -e /etc/kubernetes/kubelet.conf"])
    write_mark(host, Mark("migrator/green", "complete"))
    refuse_foreign(host, "migrator/green")
    assert not any("kubelet.conf" in command for command in host.commands)
