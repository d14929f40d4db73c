"""What a host tells the checks of an upgrade."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from migrator.errors import CommandFailedError, HostError
from migrator.model.facts import HostReading
from migrator.model.host import HostFacts
from migrator.nodes.hop.read_host import read_host, with_files, with_target
from tests.support.crictl import etcd_manifest
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, STAGED, WORKER
from tests.support.shell_host import ShellHost


def test_a_host_tells_what_the_checks_need() -> None:
    """Packages, kubelet, edited lines, gates and flags that the target's kubelet does not know."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\ncgroup=2\ndisk=9000\nclock=1\n",
        "@@ installed": "@@ installed\nkubernetes 1.36.3-1\n@@ kubelet\nmaxPods: 40\n@@ flags\nKUBELET_ARGS=--gone --v=2\n# --not-read\n"
        f"@@ manifest etcd.yaml\n{etcd_manifest(data='/data/etcd')}\n@@ manifest other.yaml\nspec: {{}}\n",
        "du -sm /data/etcd ": "42\n",
        "upgrade diff": "--- /etc/kubernetes/manifests/kube-apiserver.yaml\n+++ new manifest\n-    - --v=4\n-      value: hunter2\n",
        "kubelet --help": "  --v number\n  --feature-gates  KnownGate=true|false (BETA - default=true)\n",
        "--config /dev/stdin": 'E1 run.go:72] "command failed" err="failed to set feature gates from initial flags-based config: unrecognized feature gate: Gone"\n',
        "version -o short": "v1.37.2",
    }
    seen = with_target(host, read_host(host, FIRST, "1.36.3"), STAGED, None)
    assert (seen.installed, seen.facts.etcd, seen.kubelet) == ({"kubernetes": "1.36.3-1"}, 42, {"maxPods": 40})
    assert seen.edited == ("kube-apiserver has `- --v=4`", "kube-apiserver has `value: (hidden)`")
    assert (dict(seen.refused), seen.unknown_flags) == ({"kubelet": ("unrecognized feature gate: Gone",)}, ("--gone",))


def test_the_size_of_an_etcd_whose_folder_is_not_known_is_none() -> None:
    """That it is not known is said by the check of etcd."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": "@@ manifest etcd.yaml\nspec: {}\n",
        "upgrade diff": "",
    }
    assert read_host(host, FIRST, "1.36.3").facts.etcd == 0


def test_a_host_that_cannot_be_asked_is_a_reading_with_the_reason() -> None:
    """The plan shows it beside the others."""
    host = FakeHost("green-1")
    host.answers["echo architecture="] = HostError("green-1: refused", hint="is it on?")
    seen = read_host(host, FIRST, "1.36.3")
    assert (seen.name, seen.role, seen.error, seen.hint) == ("green-1", "control-plane", "green-1: refused", "is it on?")


def test_what_is_no_yaml_is_left_out_and_a_worker_s_manifests_are_not_compared() -> None:
    """Files of other names are told apart; the policy of a state file is read."""
    host = FakeHost("green-2")
    host.answers = {
        "echo architecture=": "architecture=aarch64\ncgroup=2\ndisk=9000\nclock=1\n",
        "@@ installed": (
            "@@ installed\n@@ kubelet\n]: [\n@@ manifest broken.yaml\n- a list\n@@ manifest etcd.yaml.bak\nkind: Pod\n"
            '@@ state cpu\n{"policyName":"static","checksum":1}\n@@ state memory\n'
        ),
    }
    seen = read_host(host, WORKER, "1.36.3")
    assert (seen.kubelet, seen.manifests, seen.facts.etcd, seen.edited) == ({}, {"broken": {}}, 0, ())
    assert (seen.other_files, seen.state) == ({"etcd.yaml.bak": {"kind": "Pod"}}, {"cpuManagerPolicy": "static"})


def test_what_a_kubelet_has_beside_its_file_is_read() -> None:
    """Drop-in files in their order, then flags over them; and whose file a flag is in."""
    host = FakeHost("green-2")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": (
            "@@ flags\n/usr/bin/kubelet\n--config-dir\n/etc/kubelet.d\n--fail-swap-on=false\n--feature-gates=B=false\n--pause=x\n"
            '@@ flags of kubeadm\nKUBELET_KUBEADM_ARGS="--pause=x --v=2"\n'
            "@@ drop-in /etc/kubelet.d/10.conf\nmaxPods: 1\nfeatureGates: {A: true}\n@@ drop-in /etc/kubelet.d/20.conf\nmaxPods: 2\n"
        ),
    }
    seen = read_host(host, WORKER, "1.36.3")
    assert seen.kept == {"maxPods": 2, "failSwapOn": False, "featureGates": {"A": True, "B": False}}
    assert seen.in_force["maxPods"] == 2
    assert (seen.flags["--config-dir"], seen.flags_of_kubeadm) == ("/etc/kubelet.d", frozenset({"--pause"}))


@pytest.mark.parametrize(
    ("told", "unreadable", "cpus"),
    [
        ('@@ state cpu\n{"policyName":"static","defaultCpuSet":"0","entries":{"u":{"c":"1"}}}\n@@ cpus\n0-1\n', (), ("0,1", "0-1")),
        ("@@ state cpu\n@@ empty state\n/var/lib/kubelet/cpu_manager_state\n", ("/var/lib/kubelet/cpu_manager_state",), ("", "")),
        ('@@ state memory\n{"policyName":"Static"\n', ("/var/lib/kubelet/memory_manager_state",), ("", "")),
        ("@@ state cpu\n" + "[" * 20_000 + "\n", ("/var/lib/kubelet/cpu_manager_state",), ("", "")),
        (
            "@@ state cpu\n7\n@@ state memory\n{}\n",
            tuple(f"/var/lib/kubelet/{name}_manager_state" for name in ("cpu", "memory")),
            ("", ""),
        ),
        ("@@ empty state\n/var/lib/kubelet/dra_manager_state\n", ("/var/lib/kubelet/dra_manager_state",), ("", "")),
        ('@@ state cpu\n{"policyName":"none"}\n@@ cpus\n0-3\n', (), ("", "0-3")),
    ],
    ids=["static", "empty", "cut", "deep", "other forms", "another empty one", "no policy"],
)
def test_state_files_are_read_as_a_kubelet_would(told: str, unreadable: tuple[str, ...], cpus: tuple[str, str]) -> None:
    """One that is not there is no fault."""
    host = FakeHost("green-2")
    host.answers = {"echo architecture=": "architecture=aarch64\nclock=1\n", "@@ installed": told}
    seen = read_host(host, WORKER, "1.36.3")
    assert (seen.unreadable_state, seen.cpus) == (unreadable, cpus)


def test_gates_of_all_programs_are_asked_for() -> None:
    """Those of static pods, and those of the cluster's settings, which a hop writes; etcd's are its own."""
    manifest = "spec: {{containers: [{{command: [{0}, --feature-gates={1}]}}]}}\n"
    host = FakeHost("green-2")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": (
            f"@@ manifest kube-scheduler.yaml\n{manifest.format('kube-scheduler', 'Here=true')}"
            f"@@ manifest etcd.yaml\n{manifest.format('etcd', 'Own=true')}@@ manifest kube-apiserver.yaml\nspec: {{}}\n"
        ),
        "kubelet --help": "  --v number\n",
        "--config /dev/stdin": lambda _: "".join(
            f"panic: failed to set defaults, error: unrecognized feature gate: {gate}\n"
            for gate in yaml.safe_load(host.given[-1]).get("featureGates") or {}
        ),
        "version -o short": "v1.37.2",
    }
    shared = {"kube-proxy": {"Proxy": True}, "kube-scheduler": {"Later": True}}
    seen = with_target(host, read_host(host, WORKER, "1.36.3"), STAGED, {}, shared)
    named = {program: sorted(reason.split()[-1] for reason in reasons) for program, reasons in seen.refused.items()}
    assert named == {"kubelet": [], "kube-scheduler": ["Here", "Later"], "kube-proxy": ["Proxy"]}


def test_files_that_are_not_on_a_host_are_told(tmp_path: Path) -> None:
    """By their paths, as they are written in the settings; nothing is read of those that are."""
    host = ShellHost(tmp_path)
    host.write("/etc/k/there", b"key")
    reading = HostReading("cp", "control-plane")
    assert with_files(host, reading, ["/etc/k/there", "/etc/k/not here"]).missing == ("/etc/k/not here",)
    assert with_files(host, reading, []).missing == ()


def test_files_that_end_without_a_line_are_told_apart(tmp_path: Path) -> None:
    """As the kubelet writes its state, read by a real shell."""
    host = ShellHost(tmp_path)
    for name, content in {
        "etc/kubernetes/manifests/one.yaml": "kind: Pod",
        "etc/kubernetes/manifests/two.yaml": "kind: Pod",
        "var/lib/kubelet/cpu_manager_state": '{"policyName":"static","defaultCpuSet":"0-1"}',
        "var/lib/kubelet/memory_manager_state": '{"policyName":"None"}',
        "var/lib/kubelet/allocated_pods_state": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    seen = read_host(host, WORKER, "1.36.3")
    assert seen.error == ""
    assert seen.state == {"cpuManagerPolicy": "static", "memoryManagerPolicy": "None"}
    assert seen.manifests == {"one": {"kind": "Pod"}, "two": {"kind": "Pod"}}
    assert [path.rpartition("/")[2] for path in seen.unreadable_state] == ["allocated_pods_state"]


def test_the_program_that_a_kubelet_s_unit_starts_is_read_with_its_package(tmp_path: Path) -> None:
    """As systemd shows it; a link is of the package whose file it leads to."""
    host = ShellHost(tmp_path)
    (tmp_path / "kubelet").symlink_to("/usr/bin/env")
    for path, package in ((f"{tmp_path}/kubelet", "of-env"), ("/usr/local/bin/kubelet", ""), ("/bin/sh", None)):
        shown = f"{{ path={path} ; argv[]={path} --config=/x ; ignore_errors=no ; pid=7 }}"
        host.program("systemctl", f"#!/bin/sh\necho '{shown}'\n")
        host.program("pacman", f'#!/bin/sh\ntest "$1 $2" = "-Qoq {os.path.realpath("/usr/bin/env")}" && echo of-env\n')
        wanted = "" if package is None else f"{path} {package}".strip()
        assert read_host(host, WORKER, "1.36.3").kubelet_program == wanted


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        ({}, ""),
        ({"05-a.conf": "crun", "10-crio.conf": "crun"}, ""),
        ({"10-crio.con": "crun", "10-crun.conf": "crun"}, "crun"),
        ({"10-crio.conf": "runc", "9-own.conf": "crun", "20-own.conf": "youki"}, "crun"),
    ],
)
def test_the_program_that_runs_containers_is_read_with_what_counts_more_than_the_package(
    tmp_path: Path, files: dict[str, str], kept: str
) -> None:
    """CRI-O reads its files by their names, letter by letter."""
    host = ShellHost(tmp_path)
    host.program("crio", """#!/bin/sh\nprintf '# default_runtime is the name\\n# default_runtime = "crun"\\n'\n""")
    for name, runtime in files.items():
        host.write(f"/etc/crio/crio.conf.d/{name}", f'[crio.runtime]\ndefault_runtime = "{runtime}"\n'.encode())
    assert read_host(host, WORKER, "1.36.3").oci_runtime == ("crun", kept)


def test_settings_in_a_file_of_one_s_own_count_more_than_kubeadm_s(tmp_path: Path) -> None:
    """Kubespray's kubelets read none of kubeadm's; drop-in files count more than either, read by a real shell."""
    host = ShellHost(tmp_path)
    own, folder = host.path("/etc/kubernetes/kubelet-config.yaml"), host.path("/etc/kubelet.d")
    host.write("/var/lib/kubelet/config.yaml", b"maxPods: 1\nfailSwapOn: true\n")
    host.write("/etc/kubernetes/kubelet-config.yaml", b"maxPods: 2\nfailSwapOn: false")
    host.write("/etc/kubelet.d/10.conf", b"maxPods: 3")
    host.write("/etc/kubernetes/kubelet.env", f"KUBELET_ARGS=--config-dir={folder} --config={own} --v=2\n".encode())
    assert read_host(host, WORKER, "1.36.3").in_force == {"maxPods": 3, "failSwapOn": False}


@pytest.mark.parametrize(
    "told",
    [
        '@@ state cpu\n{"policyName":"static","entries":[1]}\n',
        '@@ state cpu\n{"policyName":"static","entries":{"u":[1]}}\n',
        "@@ manifest kube-apiserver.yaml\nspec: {containers: [--x]}\n",
        "@@ manifest etcd.yaml\nkind: Pod\nspec: {containers: {name: etcd}}\n",
        "@@ manifest etcd.yaml\nspec: {containers: [{name: etcd, command: etcd}]}\n",
        "@@ manifest kube-vip.yaml\nmetadata: {creationTimestamp: 2026-13-45}\n",
        "@@ kubelet\n- a list\n@@ drop-in a\n7\n@@ flags\n\x00\x1b[31m--\n",
        '@@ network\n{"plugins": [7, {"type": ["x"], "ipam": 7}]}\n@@ plugins\nloopback\n',
        "@@ writes\n" + 'etcd_disk_wal_fsync_duration_seconds_bucket{le="..e"} 1\n',
        "@@ certificate /etc/kubernetes/pki/ca.crt\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "@@ registries a\n\x00\n@@ short names\n\n@@ installed\nkubernetes\n \n",
    ],
)
def test_files_of_any_form_end_no_reading_of_the_other_hosts(told: str) -> None:
    """A reading says that something is wrong, or leaves the part out."""
    host = FakeHost("green-1")
    host.answers = {"echo architecture=": "architecture=aarch64\nclock=1\n", "@@ installed": told, "upgrade diff": ""}
    seen = read_host(host, FIRST, "1.36.3")
    assert seen.error == "" or seen.error.startswith("a file there is not of the form")
    assert seen.error == "" or seen.hint


def test_a_flag_whose_name_another_begins_with_is_not_taken_for_it() -> None:
    """`--container-runtime` went, `--container-runtime-endpoint` stayed."""
    host = FakeHost("green-2")
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": "@@ flags\n--container-runtime=remote\n--v=2\n",
        "kubelet --help": "  --container-runtime-endpoint string\n  -v, --v Level\n",
        "--config /dev/stdin": "",
        "version -o short": "v1.37.2",
    }
    assert with_target(host, read_host(host, WORKER, "1.36.3"), STAGED, {}).unknown_flags == ("--container-runtime",)


@pytest.mark.parametrize("fails", ["upgrade diff", "kubelet --help"])
def test_a_program_that_does_not_answer_leaves_only_its_own_part_out(fails: str) -> None:
    """What is wrong with it is found by another check."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\ncgroup=2\ndisk=9000\nclock=1\n",
        "@@ installed": "@@ installed\nkubernetes 1.36.3-1\n@@ flags\nKUBELET_ARGS=--gone\n",
        "du -sm /data/etcd ": "42\n",
        "upgrade diff": "--- /etc/kubernetes/manifests/etcd.yaml\n+    - --quota\n",
        "kubelet --help": "  --v number\n",
        "--config /dev/stdin": "",
        "version -o short": "v1.37.2",
    }
    host.fails(fails)
    seen = with_target(host, read_host(host, FIRST, "1.36.3"), STAGED, None)
    assert seen.installed == {"kubernetes": "1.36.3-1"}
    assert (seen.edited == ()) is (fails == "upgrade diff")
    assert (seen.unknown_flags == ()) is (fails == "kubelet --help")


FLANNEL = '{"name":"cbr0","cniVersion":"1.0.0","plugins":[{"type":"flannel","delegate":{"type":"x"}},{"type":"portmap"}]}'
CALICO = '{"plugins":[{"type":"calico","ipam":{"type":"calico-ipam"},"policy":{"type":"k8s"}}]}'


@pytest.mark.parametrize(
    ("content", "plugins", "lacking"),
    [
        (FLANNEL, ["flannel", "portmap"], ()),
        (FLANNEL, ["portmap"], ("flannel",)),
        (FLANNEL, [], ()),
        (CALICO, ["calico"], ("calico-ipam",)),
        ('{"type":"bridge","ipam":{"type":"host-local"}}', ["bridge", "host-local"], ()),
        ('{"type":"bridge"}', ["loopback"], ("bridge",)),
        ("", ["loopback"], ()),
        ('{"plugins":5}', ["loopback"], ()),
        ("no JSON: [", ["loopback"], ()),
    ],
    ids=["all there", "taken away", "elsewhere", "for addresses", "one plugin", "not that", "no network", "strange", "broken"],
)
def test_plugins_that_the_pod_network_calls_are_looked_for(content: str, plugins: list[str], lacking: tuple[str, ...]) -> None:
    """Where none is found at all, they are in a folder that is not known."""
    host = FakeHost("green-2")
    listed = "\n".join(plugins)
    host.answers = {
        "echo architecture=": "architecture=aarch64\nclock=1\n",
        "@@ installed": f"@@ network\n{content}\n@@ plugins\n{listed}\n",
    }
    assert read_host(host, WORKER, "1.36.3").no_plugins == lacking


def test_the_first_file_of_a_network_counts_and_the_runtime_names_folders(tmp_path: Path) -> None:
    """Read by a real shell; names are none that a machine may have."""
    host = ShellHost(tmp_path)
    host.write("/etc/cni/net.d/10-first.conflist", b'{"plugins": [{"type": "ours"}, {"type": "theirs"}, {"type": "gone"}]}')
    host.write("/etc/cni/net.d/20-second.conf", b'{"type": "nobody"}')
    host.write("/etc/cni/net.d/00-first.conflist.bak", b'{"type": "nobody"}')
    host.write("/etc/crio/crio.conf.d/10-crio.conf", f'[crio.network]\nplugin_dirs = ["{tmp_path}/cni"]\n'.encode())
    host.write("/opt/cni/bin/ours", b"")
    (tmp_path / "cni").mkdir()
    (tmp_path / "cni/theirs").write_text("")
    assert read_host(host, WORKER, "1.36.3").no_plugins == ("gone",)


BUCKET = 'etcd_disk_wal_fsync_duration_seconds_bucket{le="%s"} %d'
FAST = [("0.001", 50), ("0.008", 989), ("0.016", 995), ("8.192", 1000), ("+Inf", 1000)]


@pytest.mark.parametrize(
    ("buckets", "seconds"),
    [
        (FAST, 0.016),
        ([("0.512", 98), ("1.024", 99), ("+Inf", 100)], 1.024),
        ([("8.192", 1), ("+Inf", 2)], float("inf")),
        ([("+Inf", 0)], 0.0),
    ],
    ids=["card", "slow card", "beyond", "none yet"],
)
def test_how_long_etcd_waits_for_its_disk_is_read(tmp_path: Path, buckets: list[tuple[str, int]], seconds: float) -> None:
    """From what it tells Prometheus; a worker has none, and is not asked."""
    host = ShellHost(tmp_path)
    told = "\n".join(["# HELP etcd_disk_wal_fsync_duration_seconds x", *(BUCKET % item for item in buckets)])
    host.program("curl", f"#!/bin/sh\ncat <<'END'\n{told}\nEND\n")
    assert read_host(host, WORKER, "1.36.3").write_seconds == 0.0
    host.write("/etc/kubernetes/manifests/etcd.yaml", b"")
    assert read_host(host, WORKER, "1.36.3").write_seconds == seconds


def test_settings_that_do_not_fit_their_host_are_told() -> None:
    """Of groups and of swap a kubelet says nothing before it starts."""
    host = FakeHost("green-2")
    host.answers = {
        "test -d /sys/fs/cgroup/podruntime.slice": "",
        "test -d /sys/fs/cgroup/kubelet.service.slice": CommandFailedError("test", 1, ""),
        "kubelet --help": "  --v number\n",
        "--config /dev/stdin": "",
        "version -o short": "v1.37.2",
    }
    settings = {
        "enforceNodeAllocatable": ["pods", "kube-reserved", "system-reserved"],
        "kubeReservedCgroup": "/podruntime.slice",
        "systemReservedCgroup": "/system.slice/kubelet.service",
        "memorySwap": {"swapBehavior": "LimitedSwap"},
    }
    reading = HostReading("green-2", "worker", facts=HostFacts(cgroup=1))
    assert with_target(host, reading, STAGED, settings).refused["kubelet"] == (
        "systemReservedCgroup: /system.slice/kubelet.service is no cgroup of this host (it looks for kubelet.service.slice)",
        "memorySwap.swapBehavior: LimitedSwap needs cgroup v2",
    )
    fine = {**settings, "enforceNodeAllocatable": ["pods"]}
    assert with_target(host, HostReading("green-2", "worker"), STAGED, fine).refused["kubelet"] == ()
