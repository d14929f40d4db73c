"""A real MetalLB controller on both sides: a Service keeps its address there and back, and one side announces it.

The speaker is played by a process that announces nothing: a real one would answer on this machine's own links.
"""

from __future__ import annotations

from pathlib import Path

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import get
from migrator.testbed.binaries import Store
from tests.support.both_sides import both_sides, define
from tests.support.guarded import done
from tests.support.objects import made, service
from tests.support.outside_programs import lb_class, metallb, sees_services
from tests.support.pod_processes import PodProcesses, overlaps
from tests.support.sandbox import TYPES, Sandbox, until

FIRST, SECOND = "192.0.2.16", "192.0.2.17"


def address(cluster: KubeCluster, namespace: str, name: str) -> str:
    """Return the address that a Service has."""
    found = get(cluster.get(TYPES["Service"], namespace, name), "status", "loadBalancer", "ingress") or [{}]
    return str(found[0].get("ip", ""))


def announces(side: PodProcesses) -> bool:
    """Return whether a side's speaker runs."""
    return any(run.program == "speaker" and run.ended is None for run in side.runs)


def test_a_service_keeps_its_address_and_one_side_announces_it(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """There, back and there; its address is not the one that green's controller would give first."""
    programs = store.programs("metallb-controller", "pause")
    controller, namespace = programs["metallb-controller"], sandbox.namespace
    define(sandbox.pair, *controller.parent.glob("*.yaml"))
    for create in (sandbox.on_blue, sandbox.on_green):
        create(sees_services(namespace))
    pool = made("metallb.io/v1beta1", "IPAddressPool", "lan", spec={"addresses": [f"{FIRST}-192.0.2.31"]})
    advertised = made("metallb.io/v1beta1", "L2Advertisement", "lan", spec={"ipAddressPools": ["lan"]})
    with both_sides(sandbox, tmp_path, {"controller": controller, "speaker": programs["pause"]}) as (blue, green):
        sandbox.on_blue(*metallb(namespace), pool, advertised)
        for name, given in (("early", FIRST), ("web", SECOND)):
            sandbox.on_blue(service(name, type="LoadBalancer", loadBalancerClass=lb_class(namespace)))
            until(lambda: address(sandbox.pair.blue, namespace, name) == given)  # noqa: B023 - called before the next one
        uid = sandbox.blue("Service", "early")["metadata"]["uid"]
        sandbox.pair.blue.delete(TYPES["Service"], namespace, "early", uid=uid)
        until(lambda: announces(blue))
        done(sandbox, "copy")
        until(lambda: address(sandbox.pair.green, namespace, "web") == SECOND)
        assert not announces(green)
        for verb, active, passive in (("cutover", green, blue), ("rollback", blue, green), ("cutover", green, blue)):
            if verb == "cutover":
                done(sandbox, "validate")
            done(sandbox, verb, *(["--yes"] if verb == "cutover" else []))
            until(lambda: announces(active))  # noqa: B023 - called before the next one
            assert not announces(passive)
            assert {address(cluster, namespace, "web") for cluster in (sandbox.pair.blue, sandbox.pair.green)} == {SECOND}
    assert [text for text in overlaps(blue, green) if "speaker" in text] == []
    assert (blue.failures, green.failures) == ([], [])


def test_one_that_waits_takes_nobodys_address(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """The pool is full on blue; on green, whose controller runs, the Service with the address is there before the other (metallb#1984)."""
    programs = store.programs("metallb-controller", "pause")
    controller, namespace = programs["metallb-controller"], sandbox.namespace
    define(sandbox.pair, *controller.parent.glob("*.yaml"))
    for create in (sandbox.on_blue, sandbox.on_green):
        create(sees_services(namespace))
    pool = made("metallb.io/v1beta1", "IPAddressPool", "lan", spec={"addresses": [f"{FIRST}-{FIRST}"]})
    with both_sides(sandbox, tmp_path, {"controller": controller, "speaker": programs["pause"]}) as (_, green):
        sandbox.on_blue(*metallb(namespace), pool)
        done(sandbox, "copy")
        sandbox.on_blue(service("web", type="LoadBalancer", loadBalancerClass=lb_class(namespace)))
        until(lambda: address(sandbox.pair.blue, namespace, "web") == FIRST)
        sandbox.on_blue(service("another", type="LoadBalancer", loadBalancerClass=lb_class(namespace)))
        until(lambda: any("config reloaded" in log.read_text() for log in green.folder.glob("controller-*/log")))
        done(sandbox, "copy")
        until(lambda: address(sandbox.pair.green, namespace, "web") == FIRST)
        assert address(sandbox.pair.green, namespace, "another") == ""
