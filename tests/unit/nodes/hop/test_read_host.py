"""What a host tells the checks of an upgrade."""

from __future__ import annotations

import pytest

from migrator.errors import HostError
from migrator.nodes.hop.read_host import read_host, with_target
from tests.support.crictl import etcd_manifest
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, STAGED, WORKER


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
        "version -o short": "v1.37.2",
    }
    seen = with_target(host, read_host(host, FIRST, "1.36.3"), STAGED)
    assert (seen.installed, seen.facts.etcd, seen.kubelet) == ({"kubernetes": "1.36.3-1"}, 42, {"maxPods": 40})
    assert seen.edited == ("kube-apiserver has `- --v=4`", "kube-apiserver has `value: (hidden)`")
    assert (seen.gates, seen.unknown_flags) == (frozenset({"KnownGate"}), ("--gone",))


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
        "version -o short": "v1.37.2",
    }
    host.fails(fails)
    seen = with_target(host, read_host(host, FIRST, "1.36.3"), STAGED)
    assert seen.installed == {"kubernetes": "1.36.3-1"}
    assert (seen.edited == ()) is (fails == "upgrade diff")
    assert (seen.unknown_flags == ()) is (fails == "kubelet --help")
