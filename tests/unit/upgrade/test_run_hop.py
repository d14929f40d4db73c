"""What a hop has changed of a node's settings is told when it is over."""

from __future__ import annotations

from migrator.upgrade.run_hop import differences
from tests.support.facts import hop
from tests.support.hosts import FakeHost
from tests.support.sessions import session_of


def test_a_setting_that_kubeadm_has_dropped_is_told_with_its_node() -> None:
    """A node without saved settings has nothing to compare with."""
    first, second = FakeHost("cp1"), FakeHost("w1")
    first.answers = {
        "settings.tar.gz var/lib/kubelet/config.yaml": "maxPods: 40\n",
        "cat /var/lib/kubelet/config.yaml": "maxPods: 110\n",
    }
    for host in (first, second):
        host.accepts("settings.tar.gz", "addons.json", "cat /etc/kubernetes/manifests/", "kubectl")
    session, _, _ = session_of(first, second)
    (node, _) = session.nodes
    assert differences(session, hop("1.36.3", "1.37.2")) == [f"{node.name}: kubelet.maxPods: 40 → 110"]
