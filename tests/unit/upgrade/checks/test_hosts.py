"""What hosts and nodes must be before a hop."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.facts import Certificate, KubeadmReading, Member
from migrator.model.verdict import Severity
from tests.support.facts import DAY, NOW, findings, hop, host, hosts, node

NOT_READY = [{"type": "Ready", "status": "False", "message": "PLEG is not healthy"}]
PRESSURE = [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True", "message": "full"}]


def manifest(*flags: str) -> dict[str, Any]:
    """Return a static pod's manifest with these flags."""
    return {"kind": "Pod", "spec": {"containers": [{"command": ["kube-apiserver", *flags]}]}}


ROWS: list[tuple[str, dict[str, Any], str, Severity, str]] = [
    (
        "host away",
        {"hosts": (host("w1", error="w1: connection refused", hint="is it on?"),)},
        "ssh",
        Severity.FAILURE,
        "connection refused",
    ),
    ("node not in the file", {"hosts": (host("cp", "control-plane"), host("w1"))}, "nodes", Severity.FAILURE, "not in the file"),
    ("node not in the cluster", {"nodes": (node("cp"), node("w1"))}, "nodes", Severity.FAILURE, "not in the cluster"),
    ("not Ready", {"nodes": (node("cp"), node("w1", conditions=NOT_READY), node("w2"))}, "nodes", Severity.FAILURE, "PLEG"),
    ("pressure", {"nodes": (node("cp"), node("w1", conditions=PRESSURE), node("w2"))}, "nodes", Severity.FAILURE, "DiskPressure"),
    ("cordoned", {"nodes": (node("cp"), node("w1", unschedulable=True), node("w2"))}, "nodes", Severity.WARNING, "stays cordoned"),
    (
        "cgroup v1",
        {"hosts": hosts(facts={"cgroup": 1})},
        "cgroup",
        Severity.FAILURE,
        "do not start",
    ),
    (
        "cgroup v1, told to live with it",
        {"hosts": (host("cp", "control-plane"), host("w1", facts={"cgroup": 1}, kept={"failCgroupV1": False}), host("w2"))},
        "cgroup",
        Severity.WARNING,
        "no longer support",
    ),
    (
        "disk",
        {"hosts": hosts(facts={"disk": 1600, "etcd": 700})},
        "disk",
        Severity.FAILURE,
        "2900",
    ),
    (
        "certificate ran out",
        {
            "hosts": (
                host("cp", "control-plane", certificates=(Certificate("/x.crt", NOW - DAY, authority=False),)),
                host("w1"),
                host("w2"),
            )
        },
        "certificates",
        Severity.FAILURE,
        "ran out 1 days ago",
    ),
    (
        "authority runs out soon",
        {
            "hosts": (
                host("cp", "control-plane", certificates=(Certificate("/ca.crt", NOW + 90 * DAY, authority=True),)),
                host("w1"),
                host("w2"),
            )
        },
        "certificates",
        Severity.WARNING,
        "runs out in 90 days",
    ),
    ("read-only", {"hosts": hosts(facts={"read_only": ("/etc",)})}, "disk", Severity.FAILURE, "cannot write to /etc"),
    ("no inodes", {"hosts": hosts(facts={"inodes": 3})}, "disk", Severity.FAILURE, "3 inodes"),
    ("near eviction", {"hosts": hosts(facts={"disk_total": 200_000})}, "disk", Severity.WARNING, "less than 15% would be left"),
    ("pacman's lock", {"hosts": hosts(facts={"pacman_lock": True})}, "packages", Severity.FAILURE, "db.lck"),
    ("own name server", {"hosts": hosts(facts={"nameservers": ("127.0.0.1",)})}, "kubelet", Severity.FAILURE, "ask itself"),
    (
        "name servers of other nodes",
        {
            "hosts": hosts(facts={"resolved": False}),
            "kubelet_config": {"cgroupDriver": "systemd", "resolvConf": "/run/systemd/resolve/resolv.conf"},
        },
        "kubelet",
        Severity.FAILURE,
        "none would start",
    ),
    ("no forwarding", {"hosts": hosts(facts={"forwarding_off": ("/etc/sysctl.d/99.conf",)})}, "nodes", Severity.WARNING, "99.conf"),
    (
        "kernel's settings",
        {
            "hosts": hosts(facts={"kernel_settings": {"kernel.panic": "0"}}, kept={"protectKernelDefaults": True}),
        },
        "kubelet",
        Severity.FAILURE,
        "kernel.panic = 0",
    ),
    ("32-bit system", {"hosts": hosts(facts={"bits": 32})}, "board", Severity.FAILURE, "its system 32-bit"),
    ("kernel replaced", {"hosts": hosts(facts={"kernel_replaced": True})}, "board", Severity.WARNING, "was not booted since"),
    (
        "clock",
        {"hosts": hosts(facts={"skew": -90.0})},
        "clock",
        Severity.FAILURE,
        "-90 s",
    ),
    (
        "edited manifest",
        {"hosts": hosts(edited=("kube-apiserver has `- --v=4`",))},
        "manifests",
        Severity.FAILURE,
        "--v=4",
    ),
    (
        "kubelet's own setting",
        {"hosts": (host("cp", "control-plane"), host("w1", kubelet={"cgroupDriver": "systemd", "maxPods": 40}), host("w2"))},
        "kubelet",
        Severity.WARNING,
        "maxPods: 40",
    ),
    (
        "gate that goes",
        {
            "hosts": (
                host("cp", "control-plane"),
                host("w1", refused={"kubelet": ("unrecognized feature gate: OldGate",)}),
                host("w2"),
            )
        },
        "gates",
        Severity.FAILURE,
        "OldGate",
    ),
    (
        "gate of the API server",
        {
            "hosts": (
                host("cp", "control-plane", refused={"kube-apiserver": ("unrecognized feature gate: OldGate",)}),
                host("w1"),
                host("w2"),
            )
        },
        "gates",
        Severity.FAILURE,
        "OldGate",
    ),
    (
        "plugin that is gone",
        {
            "hosts": (
                host(
                    "cp",
                    "control-plane",
                    manifests={"kube-apiserver": manifest("--enable-admission-plugins=NodeRestriction,SecurityContextDeny")},
                ),
                host("w1"),
                host("w2"),
            )
        },
        "gates",
        Severity.FAILURE,
        "SecurityContextDeny",
    ),
    (
        "flag that is gone",
        {"hosts": (host("cp", "control-plane"), host("w1", unknown_flags=("--old-flag",)), host("w2"))},
        "gates",
        Severity.FAILURE,
        "--old-flag",
    ),
    (
        "copies of one disk (siderolabs/talos#4759, Azure/AgentBaker#2725)",
        {"nodes": (node("cp", machine="aa"), node("w1", machine="bb"), node("w2", machine="bb"))},
        "nodes",
        Severity.FAILURE,
        "has the same machine-id as w1",
    ),
    (
        "an address that leads to another machine",
        {"nodes": (node("cp", machine="aa"),), "hosts": (host("cp", "control-plane", facts={"machine_id": "bb"}),)},
        "identity",
        Severity.FAILURE,
        "its machine-id is bb, the node's aa",
    ),
]


@pytest.mark.parametrize(("broken", "name", "severity", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_fault_is_found_with_its_hint(broken: dict[str, Any], name: str, severity: Severity, words: str) -> None:
    """One thing is wrong: the check of that name says so, and what to do."""
    found = [item for item in findings(name, **broken) if words in item.reason]
    assert [item.severity for item in found[:1]] == [severity]
    assert all(item.hint for item in found if item.severity is Severity.FAILURE)


def test_a_host_that_cannot_be_asked_is_told_once() -> None:
    """What it would have said is not guessed."""
    broken = hosts(error="cp: connection refused", hint="is it on?", facts={"cgroup": 1, "disk": 0, "skew": 90.0})
    assert [(item.check, item.reason) for item in findings(hosts=broken)] == [("ssh", "connection refused")]


def test_an_edit_that_a_patch_keeps_is_let_be() -> None:
    """Kubeadm puts it on again."""
    edited = hosts(edited=("kube-apiserver has `- --v=4`",))
    assert findings("manifests", hosts=edited, patches=frozenset({"kube-apiserver0+merge.yaml"})) == []


def test_a_patch_of_another_program_keeps_no_edit() -> None:
    """A kubelet's patch says nothing of the API server's flags."""
    edited = hosts(edited=("kube-apiserver has `- --audit-log-path=/x`",))
    (found,) = findings("manifests", hosts=edited, patches=frozenset({"kubeletconfiguration0+merge.yaml"}))
    assert "--audit-log-path=/x" in found.reason


def test_a_certificate_that_is_not_valid_yet_is_a_failure() -> None:
    """A clock was wrong when it was signed, or is now."""
    later = Certificate("/x.crt", NOW + 400 * DAY, authority=False, not_before=NOW + DAY)
    (found,) = findings("certificates", hosts=hosts(certificates=(later,)))
    assert (found.severity, "is not valid before" in found.reason) == (Severity.FAILURE, True)


@pytest.mark.parametrize(
    ("skews", "found"),
    [
        ((-90.0, -91.0, -89.0), [("this machine", "warning")]),
        ((-90.0, 0.0, 1.0), [("cp", "failure")]),
        ((-90.0, -90.0, 90.0), [("cp", "failure"), ("w1", "failure"), ("w2", "failure")]),
        ((0.0, 1.0, 2.0), []),
    ],
    ids=["this machine is wrong", "one host is", "no two agree with this one", "all agree"],
)
def test_a_clock_is_compared_with_those_of_the_other_hosts(skews: tuple[float, ...], found: list[tuple[str, str]]) -> None:
    """Where all hosts agree, it is this machine's clock that is wrong, which harms no certificate."""
    roles = zip(("cp", "w1", "w2"), ("control-plane", "worker", "worker"), skews, strict=True)
    reading = tuple(host(name, role, facts={"skew": skew}) for name, role, skew in roles)
    assert [(item.subject, item.severity.value) for item in findings("clock", hosts=reading)] == found


def test_a_file_without_its_certificate_is_a_failure() -> None:
    """What reads it at its next start would not start."""
    empty = Certificate("/etc/kubernetes/pki/apiserver.crt", 0.0, authority=False, hint="bring it back", unreadable=True)
    (found,) = findings("certificates", hosts=hosts(certificates=(empty,)))
    assert (found.severity, found.hint, "empty or broken" in found.reason) == (Severity.FAILURE, "bring it back", True)


KUBELET = {"--config": "/var/lib/kubelet/config.yaml"}


@pytest.mark.parametrize(
    ("hostname", "flags", "found"),
    [
        ("cp", KUBELET, 0),
        ("CP\n", KUBELET, 0),
        ("board", KUBELET, 1),
        ("board", {**KUBELET, "--hostname-override": "cp"}, 0),
        ("cp", {**KUBELET, "--hostname-override": "board"}, 1),
        ("cp.home.example", KUBELET, 1),
        ("board", {}, 0),
        ("", KUBELET, 0),
    ],
)
def test_a_host_that_has_another_name_now_would_be_another_node(hostname: str, flags: dict[str, str], found: int) -> None:
    """A kubelet looks at the hostname when it starts, and never again (kubeadm#3244)."""
    assert len(findings("nodes", hosts=hosts(facts={"hostname": hostname}, flags=flags))) == found


ETCD = ("--listen-peer-urls=https://10.0.0.5:2380", "--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.5:2379")


@pytest.mark.parametrize(
    ("addresses", "flags", "arguments", "found"),
    [
        ({"127.0.0.1", "10.0.0.5"}, {"--node-ip": "10.0.0.5"}, ETCD, 0),
        ({"127.0.0.1", "10.0.0.9"}, {"--node-ip": "10.0.0.5"}, ETCD, 2),
        ({"127.0.0.1", "10.0.0.9"}, {}, ("--bind-address=0.0.0.0", "--advertise-address=192.0.2.7"), 0),
        ({"127.0.0.1", "10.0.0.9"}, {"--node-ip": "::"}, (), 0),
        (set(), {"--node-ip": "10.0.0.5"}, ETCD, 0),
        ({"10.0.0.5", "fd00::5"}, {"--node-ip": "10.0.0.5,FD00:0:0::0005"}, (), 0),
        ({"10.0.0.5", "fd00::9"}, {"--node-ip": "10.0.0.5,fd00::5"}, (), 1),
    ],
    ids=[
        *("its own", "another one by now", "any, and one before a router", "any of a family", "not told"),
        *("of version 6 in another form", "one of version 6 that was for a time"),
    ],
)
def test_an_address_that_the_host_has_lost_is_found(
    addresses: set[str], flags: dict[str, str], arguments: tuple[str, ...], found: int
) -> None:
    """What runs holds its socket; what starts again cannot have it (a lease that has changed)."""
    lost = hosts(facts={"addresses": frozenset(addresses)}, flags=flags, manifests={"etcd": manifest(*arguments)})
    assert len([item for item in findings("nodes", hosts=lost) if "any more" in item.reason]) == found


def test_a_certificate_that_no_upgrade_renews_says_who_does() -> None:
    """The kubelet's own, and those of an authority whose key is elsewhere."""
    own = Certificate("/var/lib/kubelet/pki/kubelet.crt", NOW + 5 * DAY, authority=False, renewed=False, hint="restart it")
    (found,) = findings("certificates", hosts=hosts(certificates=(own,)))
    assert found.hint == "restart it"


@pytest.mark.parametrize(
    ("name", "config", "brought", "renewed"),
    [
        ("etcd/server", {}, "3.6.11-0", True),
        ("etcd/server", {}, "3.6.5-0", False),
        ("etcd/peer", {}, "", False),
        ("etcd/healthcheck-client", {"etcd": {"local": {"imageTag": "3.6.5-0"}}}, "3.6.11-0", False),
        ("etcd/healthcheck-client", {"etcd": {"local": {"imageTag": "3.6.9-0"}}}, "", True),
        ("apiserver-etcd-client", {}, "", True),
        ("server", {}, "", True),
    ],
)
def test_etcd_s_certificates_are_renewed_with_etcd_alone(name: str, config: dict[str, Any], brought: str, *, renewed: bool) -> None:
    """Kubeadm skips an etcd that stays at its version (kubeadm#2989); the API server's certificate for it is not etcd's."""
    ending = Certificate(f"/etc/kubernetes/pki/{name}.crt", NOW + 20 * DAY, authority=False)
    (found,) = findings(
        "certificates",
        hosts=hosts(certificates=(ending,)),
        members=(Member("cp", "3.6.5", learner=False, healthy=True),),
        kubeadm=KubeadmReading(etcd={hop().key: brought}),
        cluster_config={"apiVersion": "kubeadm.k8s.io/v1beta4", **config},
    )
    assert (found.hint == "this upgrade renews it") is renewed


@pytest.mark.parametrize(("free", "found"), [(None, 0), (119, 1), (120, 0)])
def test_another_disk_below_etc_needs_room_for_kubeadm_s_copy(free: int | None, found: int) -> None:
    """On boards with a data disk /etc lies on the card."""
    assert len(findings("disk", hosts=hosts(facts={"disk_etc": free, "etcd": 100}))) == found


def test_four_lines_of_an_edit_are_shown() -> None:
    """The others are counted."""
    (found,) = findings("manifests", hosts=hosts(edited=tuple("abcdef")))
    assert found.reason.endswith(": a; b; c; d and 2 more lines")


def test_settings_of_one_kubelet_that_stay_are_let_be() -> None:
    """Those that kubeadm writes for each node, and those of a patch."""
    own = {"cgroupDriver": "systemd", "resolvConf": "/run/x", "clusterDNS": ["10.0.0.1"]}
    assert findings("kubelet", hosts=hosts(kubelet=own)) == []
    other = hosts(kubelet={"cgroupDriver": "systemd", "maxPods": 40})
    assert findings("kubelet", hosts=other, patches=frozenset({"kubeletconfiguration0+merge.yaml"})) == []


@pytest.mark.parametrize(
    ("broken", "shared", "found"),
    [
        ({"kept": {"failSwapOn": False}}, {}, []),
        ({"kubelet": {"failSwapOn": False}}, {}, ["swap"]),
        ({}, {"failSwapOn": False}, []),
        ({"kept": {"failSwapOn": True}}, {"failSwapOn": False}, ["swap"]),
    ],
    ids=["by a flag or a drop-in file", "by the node's own file, which is written over", "the cluster's", "taken back by a flag"],
)
def test_what_the_next_kubelet_is_told_counts(broken: dict[str, Any], shared: dict[str, Any], found: list[str]) -> None:
    """`kubeadm upgrade node` writes the cluster's settings over a node's file; flags and drop-in files stay, and count more."""
    swapping = hosts(facts={"swaps": ("/dev/zram0",)}, **broken)
    assert [item.check for item in findings("swap", hosts=swapping, kubelet_config={"cgroupDriver": "systemd", **shared})] == found


@pytest.mark.parametrize(
    ("version", "of_kubeadm", "found"), [("1.34.3", True, 0), ("1.34.3", False, 1), ("1.36.3", True, 1)], ids=str
)
def test_a_flag_that_kubeadm_takes_out_itself_is_let_be(version: str, found: int, *, of_kubeadm: bool) -> None:
    """Kubeadm 1.35 takes the pause image out of its own file, and of no other (image-builder#1866)."""
    flag = "--pod-infra-container-image"
    reading = hosts(unknown_flags=(flag,), flags_of_kubeadm=frozenset({flag} if of_kubeadm else ()))
    assert len(findings("gates", version=version, hosts=reading)) == found


def test_a_setting_that_the_next_kubelet_does_not_know_is_told() -> None:
    """It starts without it, which nobody would see."""
    (found,) = findings("kubelet", hosts=hosts(left_out=("oldSetting",)))
    assert (found.severity, "oldSetting" in found.reason) == (Severity.WARNING, True)


def test_a_plugin_is_gone_from_its_own_minor_on() -> None:
    """One of a later minor still works."""
    for plugin, count in (("PersistentVolumeLabel", 1), ("NodeRestriction", 0)):
        for what in ("enable", "disable"):
            manifests = {"kube-apiserver": manifest(f"--{what}-admission-plugins={plugin}")}
            assert len(findings("gates", hosts=hosts(manifests=manifests))) == count


@pytest.mark.parametrize(
    ("days", "authority", "severity"), [(29, False, "warning"), (31, False, ""), (179, True, "warning"), (181, True, "")]
)
def test_a_certificate_s_end_is_told_in_time(days: int, severity: str, *, authority: bool) -> None:
    """An authority's earlier: no upgrade renews it."""
    certificate = Certificate("/x.crt", NOW + days * DAY, authority=authority)
    found = findings("certificates", hosts=hosts(certificates=(certificate,)))
    assert [item.severity.value for item in found] == ([severity] if severity else [])
    assert all(("replace the authority" in item.hint) is authority for item in found)


def test_room_is_wanted_for_each_hop_s_snapshot() -> None:
    """Two copies of etcd a hop: ours and kubeadm's."""
    assert findings("disk", hosts=hosts(facts={"disk": 1700, "etcd": 100})) == []
    (found,) = findings("disk", hosts=hosts(facts={"disk": 1699, "etcd": 100}))
    assert "1700 are needed" in found.reason


def test_a_machine_id_that_is_written_as_a_uuid_is_the_same() -> None:
    """Capitals are, too; a node that has not told its own is not compared."""
    reading = hosts(facts={"machine_id": "Bb"})
    assert findings("identity", nodes=(node("cp", machine="b-B"), node("w1"), node("w2")), hosts=reading) == []


@pytest.mark.parametrize(("flags", "severity"), [([], "warning"), (["--kubelet-certificate-authority=/ca.crt"], "failure")])
def test_a_kubelets_own_certificate_that_ran_out_is_no_harm_by_default(flags: list[str], severity: str) -> None:
    """Every default cluster of more than a year has one (kubernetes#99418); an API server that compares it does not get through."""
    old = Certificate("/var/lib/kubelet/pki/kubelet.crt", NOW - 5 * DAY, authority=False, renewed=False, hint="restart it")
    server = {"spec": {"containers": [{"command": ["kube-apiserver", *flags]}]}}
    (found,) = findings("certificates", hosts=hosts(certificates=(old,), manifests={"kube-apiserver": server}))
    assert (found.severity.value, "ran out 5 days ago" in found.reason) == (severity, True)
