"""The Pulumi program, under Pulumi's own mocks: what it asks the engine for; tests/e2e runs it with the real one."""

from __future__ import annotations

import asyncio
import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pydantic import ValidationError

from migrator.config.stack import NetworkManifest, WeaveConfig, load_stack
from migrator.errors import ConfigError
from migrator.provision.addons import manifests
from migrator.provision.component import Cluster

ROOT = Path(__file__).parents[3]
STACKS = sorted(path.name.split(".")[1] for path in (ROOT / "stacks").glob("Pulumi.*.yaml"))


FLANNEL = """
kind: DaemonSet
apiVersion: apps/v1
metadata: {name: kube-flannel-ds, namespace: kube-flannel}
---
kind: ConfigMap
apiVersion: v1
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data: {net-conf.json: '{"Network": "10.244.0.0/16"}'}
"""


class Mocks(pulumi.runtime.Mocks):
    """Answers for an engine that is not there."""

    def __init__(self) -> None:
        self.made: list[pulumi.runtime.MockResourceArgs] = []
        self.kubeconfig = ""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return the inputs as outputs, and what providers would add."""
        self.made.append(args)
        more = {"ipv4Address": "198.51.100.1"} if args.typ.startswith("hcloud:") else {}
        return str(len(self.made)), {
            "kubeconfig": self.kubeconfig,
            "fingerprint": "sha256:1",
            "status": "Ready",
            "uid": "of-this-stack",
            "iptables": "nft",
            "slow": "",
            **args.inputs,
            **more,
        }

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Return nothing."""
        del args
        return {}, None


def run_program(stack: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Mocks, dict[str, Any]]:
    """Run the program for a stack; return what it made and exported."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, project="migrator", stack=stack)
    pulumi.runtime.set_all_config({"migrator:hostKey": "-----KEY-----"})
    seen: dict[str, Any] = {}
    monkeypatch.setattr(pulumi, "export", seen.__setitem__)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id_ed25519.pub").write_text("ssh-ed25519 AAAA")
    monkeypatch.setenv("HOME", str(home))

    pulumi.runtime.test(lambda: runpy.run_path(str(ROOT / "__main__.py")))()
    return mocks, seen


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_makes_its_nodes_and_exports_its_cluster(stack: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every file in stacks/ is one cluster: hosts examined once, a resource a node, the outputs that the migrator takes."""
    settings = load_stack(ROOT / "stacks" / f"Pulumi.{stack}.yaml")
    mocks, seen = run_program(stack, monkeypatch, tmp_path)
    nodes = [args for args in mocks.made if args.typ.endswith(":Node")]
    assert {args.name for args in nodes} == {node.name for node in settings.nodes}
    assert sum(args.typ.endswith(":Hosts") for args in mocks.made) == 1
    assert sum(bool(args.inputs["node"]["first"]) for args in nodes) == 1
    assert {args.inputs["cluster"]["uid"] for args in nodes} == {"of-this-stack"}
    assert set(seen) == {"kubeconfig", "apiServer", "kubernetesVersion", "packages", "nodes", "caFingerprint"}
    assert seen["kubernetesVersion"] == settings.kubernetes_version


def test_cloud_servers_are_made_and_reached_at_their_public_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server a node, in the private network, its host key known; only mocks can run this here."""
    mocks, _ = run_program("cloud", monkeypatch, tmp_path)
    servers = [args for args in mocks.made if args.typ == "hcloud:index/server:Server"]
    assert sorted(args.inputs["networks"][0]["ip"] for args in servers) == ["10.90.1.11", "10.90.1.12"]
    secret = servers[0].inputs["userData"]
    assert "4dabf18193072939515e22adb298388d" in secret, "a value with a private key in it is a Pulumi secret"
    document = yaml.safe_load(secret["value"])
    assert "pacman-package-manager" in document["packages"]
    assert document["ssh_keys"]["ed25519_private"] == "-----KEY-----\n"
    # Pods must not read the user data, with the host key in it.
    files = {item["path"]: item["content"] for item in document["write_files"]}
    unit = files["/etc/systemd/system/migrator-no-metadata.service"]
    assert "blackhole 169.254.169.254/32" in unit
    assert "Before=kubelet.service" in unit
    assert document["runcmd"] == [["systemctl", "enable", "--now", "migrator-no-metadata.service"]]
    nodes = [args for args in mocks.made if args.typ.endswith(":Node")]
    assert {args.inputs["node"]["ssh"]["address"] for args in nodes} == {"198.51.100.1"}


def test_weave_gets_the_stack_s_range_mtu_and_pinned_images() -> None:
    """No image of Weave Net is `latest`, and its settings are the stack's."""
    found = manifests(load_stack(ROOT / "stacks/Pulumi.green.yaml"), ROOT / "deploy", encrypted=True)
    pod = next(item for item in found if item["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    images = {container["image"] for container in (*pod["initContainers"], *pod["containers"])}
    assert all(image.startswith("docker.io/rajchaudhuri/weave-") and not image.endswith("latest") for image in images)
    values = {item["name"]: item.get("value") for item in pod["containers"][0]["env"]}
    assert (values["IPALLOC_RANGE"], values["WEAVE_MTU"]) == ("10.32.0.0/12", "1376")
    assert "WEAVE_PASSWORD" in values


def test_the_stack_has_the_last_word_on_all_objects_of_ours_and_on_no_others(tmp_path: Path) -> None:
    """Another manager of a field, as `migrator upgrade` of Weave's images, is no conflict; a person's own manifest is theirs."""
    stack = load_stack(ROOT / "stacks/Pulumi.green.yaml")
    (tmp_path / "flannel.yaml").write_text(FLANNEL)
    own = stack.model_copy(update={"cni": NetworkManifest(manifest="flannel.yaml"), "pod_subnet": "10.244.0.0/16"})
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")

    def forced(item: dict[str, Any]) -> bool:
        return "pulumi.com/patchForce" in item["metadata"].get("annotations", {})

    assert {item["kind"] for item in manifests(stack, ROOT / "deploy") if forced(item)} >= {"DaemonSet", "ClusterRole", "Role"}
    assert all(map(forced, manifests(stack, ROOT / "deploy")))
    theirs = [item["kind"] for item in manifests(own, tmp_path / "deploy") if not forced(item)]
    assert sorted(theirs) == ["ConfigMap", "DaemonSet"]


def test_weave_s_router_and_policies_are_told_the_hosts_back_end() -> None:
    """Left to itself each container guesses, by counts of rules, and a kernel without legacy tables is then asked for them."""
    found = manifests(
        load_stack(ROOT / "stacks/Pulumi.green.yaml"),
        ROOT / "deploy",
        of_hosts={"IPTABLES_BACKEND": "legacy", "WEAVE_NO_FASTDP": "1"},
    )
    pod = next(item for item in found if item["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    told = {item["name"]: {env["name"]: env.get("value") for env in item["env"]}["IPTABLES_BACKEND"] for item in pod["containers"]}
    assert told == {"weave": "legacy", "weave-npc": "legacy"}
    assert {"name": "WEAVE_NO_FASTDP", "value": "1"} in pod["containers"][0]["env"]


def test_weave_waits_for_the_api_server_before_its_router_starts(tmp_path: Path) -> None:
    """A program stands for the router's own question, and gets no answer twice: the container goes on asking and does not end."""
    found = manifests(load_stack(ROOT / "stacks/Pulumi.green.yaml"), ROOT / "deploy")
    first = next(item for item in found if item["kind"] == "DaemonSet")["spec"]["template"]["spec"]["initContainers"][0]
    asked, stand_in = tmp_path / "asked", tmp_path / "kube-utils"
    stand_in.write_text(f'#!/bin/sh\necho "$*" >> {asked}\ntest $(wc -l < {asked}) -ge 3\n')
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    for program in (stand_in, tmp_path / "sleep"):
        program.chmod(0o755)
    words = [word.replace("/home/weave/kube-utils", str(stand_in)) for word in first["command"]]
    done = subprocess.run(words, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, check=True)
    assert asked.read_text().splitlines() == ["-print-uid"] * 3
    assert done.stderr.splitlines() == ["no answer from the API server yet, asking again"] * 2


def test_a_network_by_the_person_s_manifest_is_made_and_waited_for(tmp_path: Path) -> None:
    """Each object is a resource of its own, what runs after its rights; the nodes' own condition is waited for."""
    project = tmp_path / "project"
    (project / "deploy").mkdir(parents=True)
    (project / "flannel.yaml").write_text(FLANNEL)
    text = (ROOT / "stacks/Pulumi.green.yaml").read_text()
    stack = yaml.safe_load(text)
    stack["config"]["migrator:cluster"] |= {"cni": {"manifest": "flannel.yaml"}, "podSubnet": "10.244.0.0/16"}
    (project / "stack.yaml").write_text(yaml.safe_dump(stack))
    settings = load_stack(project / "stack.yaml")
    assert settings.network == "manifest"
    kinds = [item["kind"] for item in manifests(settings, project / "deploy")]
    assert kinds[:2] == ["DaemonSet", "ConfigMap"]
    mocks = Mocks()
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(mocks, project="migrator", stack="green")
    pulumi.runtime.test(lambda: Cluster("green", settings, project / "deploy"))()
    names = [args.name for args in mocks.made]
    assert names.index("configmap/kube-flannel/kube-flannel-cfg") < names.index("daemonset/kube-flannel/kube-flannel-ds")
    ready = next(args for args in mocks.made if args.typ.endswith(":NodesReady"))
    assert ready.inputs["cluster"]["cni"] == "manifest"
    (project / "flannel.yaml").write_text(FLANNEL.replace("10.244.0.0/16", "10.0.0.0/8"))
    with pytest.raises(ConfigError, match=r"flannel\.yaml: ConfigMap kube-flannel-cfg: 10\.0\.0\.0/8 and serviceSubnet"):
        manifests(settings, project / "deploy")


def test_settings_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    """Rules of iptables beside those of nftables; a time that is none; a network that nobody knows."""
    text = yaml.safe_load((ROOT / "stacks/Pulumi.green.yaml").read_text())
    for more, words in (
        ({"cni": "weave", "kubeProxy": {"mode": "nftables"}}, "which nobody has tried beside those of nftables"),
        ({"readyTimeout": "soon"}, "'soon' is not a duration"),
        ({"cni": "flannel"}, r"'flannel' is none of weave, bridge, none; for another network write \{manifest: FILE\}"),
        ({"cni": {"manifest": "a", "x": "b"}}, "cni"),
    ):
        changed = {**text, "config": {"migrator:cluster": {**text["config"]["migrator:cluster"], **more}}}
        file = tmp_path / "Pulumi.x.yaml"
        file.write_text(yaml.safe_dump(changed))
        with pytest.raises(ConfigError, match=words):
            load_stack(file)


def test_weave_s_images_carry_the_digests_that_a_stack_pins() -> None:
    """A tag can be moved to another image; a pin of one image alone, or of something else, is a mistake."""
    stack = load_stack(ROOT / "stacks/Pulumi.green.yaml")
    digests = {"weave-kube": f"sha256:{'a' * 64}", "weave-npc": f"sha256:{'b' * 64}"}
    pinned = stack.model_copy(update={"weave": WeaveConfig(digests=digests)})
    pod = next(item for item in manifests(pinned, ROOT / "deploy") if item["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    images = {container["image"] for container in (*pod["initContainers"], *pod["containers"])}
    assert images == {f"docker.io/rajchaudhuri/{name}:2.9.0@{digest}" for name, digest in digests.items()}
    for wrong in (
        {"weave-kube": digests["weave-kube"]},
        {**digests, "x": digests["weave-npc"]},
        {**digests, "weave-npc": "latest"},
    ):
        with pytest.raises(ValidationError, match="digest"):
            WeaveConfig(digests=wrong)


def test_packages_over_plain_http_need_a_pin(tmp_path: Path) -> None:
    """A key or checksums; a checksum is one."""
    text = (ROOT / "stacks/Pulumi.green.yaml").read_text().replace("packageSource: dist/packages", "packageSource: http://x/y{}")
    file = tmp_path / "Pulumi.x.yaml"
    for pin, refused in (("", "pin packageKey or packageSums"), ("\n    packageSums: {a: b}", "a: is not a SHA-256")):
        file.write_text(text.replace("http://x/y{}", f"http://x/y{pin}"))
        with pytest.raises(ConfigError, match=refused):
            load_stack(file)
    for pin in ("packageKey: key.asc", f"packageSums: {{a: '{'0' * 64}'}}"):
        file.write_text(text.replace("http://x/y{}", f"http://x/y\n    {pin}"))
        assert load_stack(file).package_source == "http://x/y"
