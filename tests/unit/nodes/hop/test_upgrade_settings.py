"""kubeadm's timeouts in an upgrade."""

from __future__ import annotations

import yaml

from migrator.nodes.hop.upgrade_settings import with_timeouts
from tests.support.hosts import FakeHost

FILE = "/run/migrator/kubeadm-upgrade.yaml"


def test_without_timeouts_nothing_is_written() -> None:
    """Kubeadm's own are for machines as they mostly are."""
    host = FakeHost()
    assert with_timeouts(host, {}, ["node", "--patches=/p"]) == ["node", "--patches=/p"]
    assert host.files == {}


def test_what_kubeadm_does_not_take_beside_a_file_goes_into_it() -> None:
    """Slow boards need more than five minutes for a component; the patches are not lost over that."""
    host = FakeHost()
    flags = ["apply", "v1.37.2", "--yes", "--etcd-upgrade=false", "--ignore-preflight-errors=Mem", "--patches=/p"]
    found = with_timeouts(host, {"upgradeManifests": "10m"}, flags)
    assert found == ["apply", "v1.37.2", "--yes", "--ignore-preflight-errors=Mem", f"--config={FILE}"]
    document = yaml.safe_load(host.files[FILE])
    assert document["timeouts"] == {"upgradeManifests": "10m"}
    assert document["apply"] == document["node"] == {"etcdUpgrade": False, "patches": {"directory": "/p"}}
