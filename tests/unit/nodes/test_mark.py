"""The mark of a host: whose it is, and how far it has come."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.nodes.kubeadm import Init
from migrator.nodes.mark import COMPLETE, MARK_FILE, STARTED, Mark, Marked, read_mark, refuse_foreign, write_mark
from migrator.nodes.reset import Reset
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, spec


def test_hosts_of_other_clusters_are_refused() -> None:
    """With our mark of another stack, and without any mark."""
    marked = FakeHost()
    write_mark(marked, spec(id="migrator/blue"), COMPLETE)
    with pytest.raises(BlockedError, match="part of cluster migrator/blue"):
        Init(FIRST, spec()).run(marked)
    with pytest.raises(BlockedError, match="not made here"):
        Init(FIRST, spec()).run(FakeHost(accepts=[f"cat {MARK_FILE}", "test -e /etc/kubernetes/kubelet.conf"]))


def test_a_mark_is_read_as_it_was_written_and_only_root_reads_it() -> None:
    """A host without one has none."""
    host = FakeHost()
    write_mark(host, spec(), STARTED)
    assert read_mark(host) == Mark("migrator/green", "started")
    assert host.modes[MARK_FILE] == 0o600
    assert read_mark(FakeHost(accepts=[f"cat {MARK_FILE}"])) is None


def test_a_host_of_this_cluster_is_not_foreign_whatever_stands_on_it() -> None:
    """The mark decides, not the files of Kubernetes."""
    host = FakeHost(accepts=["test -e /etc/kubernetes/kubelet.conf"])
    write_mark(host, spec(), COMPLETE)
    refuse_foreign(host, spec())
    assert not any("kubelet.conf" in command for command in host.commands)


@pytest.mark.parametrize("uid", ["", "of-this-clone"])
def test_a_mark_of_0_1_0_counts_and_gets_the_uid_of_its_cluster(uid: str) -> None:
    """It has a name only; from then on another clone of the same name is told apart."""
    host = FakeHost()
    host.files[MARK_FILE] = '{"cluster": "migrator/green", "state": "complete"}'
    cluster = spec(uid=uid)
    refuse_foreign(host, cluster)
    marked = Marked(cluster)
    assert marked.done(host) is not bool(uid)
    marked.run(host)
    assert marked.done(host)
    assert read_mark(host) == Mark("migrator/green", "complete", uid)


def test_a_host_of_another_clone_is_refused_and_never_reset() -> None:
    """Both stacks have one name; a wrong address must not cost the other one its node."""
    host = FakeHost()
    write_mark(host, spec(uid="of-their-clone"), COMPLETE)
    ours = spec(uid="of-this-clone")
    for act in (Reset(ours).run, Init(FIRST, ours).run, Marked(ours).run, lambda host: refuse_foreign(host, ours)):
        with pytest.raises(BlockedError, match="another cluster that has the name migrator/green, too") as caught:
            act(host)
        assert "is its address right?" in caught.value.hint
    assert not [line for line in host.commands if "reset" in line or "systemd-run" in line]


def test_a_stack_that_was_renamed_keeps_its_hosts() -> None:
    """The UID decides where both have one; the name in the mark follows."""
    host = FakeHost()
    write_mark(host, spec(uid="u"), COMPLETE)
    renamed = spec(id="migrator/emerald", uid="u")
    refuse_foreign(host, renamed)
    assert not Marked(renamed).done(host)
    Marked(renamed).run(host)
    assert read_mark(host) == Mark("migrator/emerald", "complete", "u")


@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": "a"}', "1"])
def test_a_mark_that_cannot_be_read_is_one_clear_line(text: str) -> None:
    """Nothing is known of the host, so nothing is done to it."""
    host = FakeHost()
    host.files[MARK_FILE] = text
    with pytest.raises(BlockedError, match="cannot be read"):
        refuse_foreign(host, spec())
