"""kubeadm's timeouts in an upgrade."""

from __future__ import annotations

import pytest
import yaml

from migrator.nodes.hop.upgrade_settings import manifest_differences, with_timeouts
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


@pytest.mark.parametrize(
    ("version", "timeouts", "told"),
    [
        ("1.36.3", {"controlPlaneComponentHealthCheck": "15m"}, True),
        ("1.36.3", {}, False),
        ("1.30.2", {"etcdAPICall": "9m"}, False),
    ],
)
def test_differences_of_static_pods_are_those_with_the_timeouts(version: str, timeouts: dict[str, str], *, told: bool) -> None:
    """A cluster made with 15 minutes has failureThreshold 90, and 24 without: nobody has edited it."""
    host = FakeHost()
    host.answers["/k/kubeadm upgrade diff v"] = "+++ new manifest\n"
    assert manifest_differences(host, "/k/kubeadm", version, timeouts) == "+++ new manifest\n"
    assert [yaml.safe_load(text)["timeouts"] for text in host.given] == ([timeouts] if told else [])
