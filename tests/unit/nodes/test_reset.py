"""A cluster is taken off a host."""

from __future__ import annotations

from fnmatch import fnmatch

from migrator.nodes.mark import STARTED, write_mark
from migrator.nodes.paths import SECOND_API, SECOND_ETCD
from migrator.nodes.reset import Reset
from tests.support.hosts import FakeHost
from tests.support.nodes import spec


def test_a_reset_ends_a_kubeadm_that_still_runs() -> None:
    """It would go on with what is taken away under it; 0.1.0's configuration with its token goes, too."""
    host = FakeHost(accepts=["kubeadm reset", "systemctl stop"])
    write_mark(host, spec(), STARTED)
    host.accepts("rm -f /var/lib/migrator/node.json")
    Reset(spec()).run(host)
    ended, reset, cleaned, _ = (line for line in host.commands if "cat " not in line)
    assert ended.startswith("systemctl stop 'migrator-kubeadm-*' 'migrator-control-plane-*' 'migrator-node-*'")
    assert "packages" not in ended
    patterns = [word.strip("'") for word in ended.split() if word.startswith("'")]
    assert all(any(fnmatch(unit, pattern) for pattern in patterns) for unit in (SECOND_API, SECOND_ETCD))
    assert "kubeadm reset --force" in reset
    assert "/etc/systemd/networkd.conf.d/60-migrator.conf /etc/systemd/network/05-migrator.network " in cleaned
    assert "conf.d/60-migrator.conf\nrmdir /etc/systemd/networkd.conf.d 2>/dev/null\n" in cleaned
    assert "rm -rf /etc/kubernetes/migrator-kubeadm.yaml /run/migrator /var/lib/migrator/kubernetes-*" in cleaned
