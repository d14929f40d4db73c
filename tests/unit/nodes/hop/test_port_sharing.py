"""An API server shares its port from one restart on, unless a person says otherwise."""

from __future__ import annotations

import json

import pytest

from migrator.nodes.hop.covered import Covered
from migrator.nodes.hop.second_server import CLUSTER_CONFIGURATION
from tests.support.second_servers import REGULAR, SECOND, Plane, Swap


def test_one_without_the_flag_restarts_once_and_keeps_it() -> None:
    """It is said before, and written where kubeadm makes the next manifest from; a copy takes over within the same unit."""
    host, swap, said = Plane([SECOND, REGULAR, SECOND, REGULAR]), Swap(), list[str]()
    host.shares = False
    Covered(swap, said.append, alone=True, manifest=CLUSTER_CONFIGURATION).run(host)
    assert "restarts once" in said[0]
    assert swap.meanwhile == {"api", "etcd"}
    assert "permit-port-sharing" in host.given[0]
    (copied,) = [line for line in host.commands if "unit=migrator-second-api" in line and "kill -9 7" in line]
    assert copied.index("/proc/$pid/ns/mnt; mv ") < copied.index("kill -9 7") < copied.index("$start $more")
    assert "more=\"'--permit-port-sharing=true' " in copied


@pytest.mark.parametrize(
    "config", ["apiServer: {extraArgs: [{name: permit-port-sharing, value: 'false'}]}", "[]", "apiServer: {extraArgs: x}", "a: ["]
)
def test_a_port_that_a_person_does_not_want_shared_is_not(config: str) -> None:
    """Nothing is changed, and the hop goes on."""
    host, swap, said = Plane([]), Swap(), list[str]()
    host.shares = False
    host.answers["get configmap kubeadm-config -o json"] = json.dumps({"data": {"ClusterConfiguration": config}})
    Covered(swap, said.append, alone=True, manifest=CLUSTER_CONFIGURATION).run(host)
    assert swap.meanwhile == set()
    assert "ClusterConfiguration does not let it share its port" in said[-1]
    assert not any("patch" in line or "kill -9 7" in line for line in host.commands)
