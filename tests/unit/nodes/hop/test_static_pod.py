"""The container of a static pod is proven before anything is taken from it (review of safety, finding 2)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.nodes.hop.etcd_members import take_tools
from migrator.nodes.hop.static_pod import running_container, static_pod_query
from tests.support.crictl import Container, Crictl
from tests.support.hosts import FakeHost

TENANT = Container(id="evil", namespace="shop", pod="etcd-cp-7d9f", image="evil.example/etcd:1", source="api", pid=666)


def test_the_static_pod_of_the_node_is_found() -> None:
    """Namespace, pod, container and image are those of the manifest: its process is returned."""
    assert running_container(Crictl().on(FakeHost("cp")), "etcd").pid == 4242


@pytest.mark.parametrize("strict", [True, False])
def test_a_container_of_a_tenant_with_the_same_name_is_never_chosen(*, strict: bool) -> None:
    """A tenant's container named etcd is listed first, also by a crictl that ignores labels: it is not taken."""
    host = Crictl(containers=[TENANT, Container()], strict=strict).on(FakeHost("cp"))
    assert running_container(host, "etcd").pid == 4242


@pytest.mark.parametrize(
    ("containers", "why"),
    [
        ([TENANT], "no running container"),
        ([Container(), Container(id="c2", pid=7)], "2 running containers"),
        ([Container(source="api")], "did not read it from a file"),
        ([Container(image="evil.example/etcd:1")], "does not run the image of the manifest"),
        ([Container(pid=0)], "names no process"),
        ([Container(pod="etcd-other")], "no running container"),
    ],
)
def test_what_is_not_proven_is_refused_and_nothing_is_copied(containers: list[Container], why: str) -> None:
    """Without proof the answer is an error, and no command touches a process's file system."""
    host = Crictl(containers=containers).on(FakeHost("cp"))
    with pytest.raises(BlockedError, match=why):
        take_tools(host)
    assert not any("/proc/" in command for command in host.commands)


def test_a_manifest_with_two_containers_of_the_name_is_refused() -> None:
    """The manifest itself must be unambiguous."""
    host = Crictl().on(FakeHost("cp"))
    host.files["/etc/kubernetes/manifests/etcd.yaml"] = "spec: {containers: [{name: etcd, image: a}, {name: etcd, image: b}]}"
    with pytest.raises(BlockedError, match="no single container etcd"):
        running_container(host, "etcd")


def test_sandboxes_are_selected_by_pod_name_and_namespace() -> None:
    """A rollback stops the static pods of this node, not every pod with the label of a component."""
    query = static_pod_query("etcd", "cp")
    assert "io.kubernetes.pod.name=etcd-cp" in query
    assert "io.kubernetes.pod.namespace=kube-system" in query


@pytest.mark.parametrize("linked", ["usr/local/bin/etcdctl", "usr/local"])
def test_a_symbolic_link_in_the_image_is_not_followed(tmp_path: Path, linked: str) -> None:
    """The image has a link in the place of the program, or of a folder: the host's file behind it is not copied."""
    outside = tmp_path / "outside"
    (outside / "bin").mkdir(parents=True)
    for folder in (outside, outside / "bin"):
        (folder / "etcdctl").write_text("of the host")
        (folder / "etcdutl").write_text("of the host")
    root = tmp_path / "root"
    link = root / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / "etcdctl" if link.name == "etcdctl" else outside)
    done = _copied(root, tmp_path / "tools")
    assert done.returncode != 0
    assert "only behind a symbolic link" in done.stderr
    assert not list((tmp_path / "tools").glob("etcd?tl"))


def test_programs_of_the_image_are_copied(tmp_path: Path) -> None:
    """Plain files are copied, whichever of the usual folders they are in."""
    root = tmp_path / "root"
    for folder, tool in (("usr/local/bin", "etcdctl"), ("usr/bin", "etcdutl")):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / tool).write_text(tool)
    assert _copied(root, tmp_path / "tools").returncode == 0
    assert sorted(path.name for path in (tmp_path / "tools").iterdir()) == ["etcdctl", "etcdutl"]


def _copied(root: Path, tools: Path) -> subprocess.CompletedProcess[str]:
    """Run the very shell that a host gets, with its two folders replaced by folders of the test."""
    host = Crictl().on(FakeHost("cp"))
    take_tools(host)
    script = host.commands[-1].replace("/proc/4242/root", str(root)).replace("/var/lib/migrator/etcd-tools", str(tools))
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "answer", ["", "no JSON", "[]", '{"containers": "x"}', '{"containers": [1]}', '{"containers": [{"labels": 1}]}']
)
def test_an_answer_of_another_shape_is_refused(answer: str) -> None:
    """What crictl prints is hostile until proven: a clear refusal, and no bug."""
    host = Crictl().on(FakeHost("cp"))
    host.answers["crictl ps "] = answer
    with pytest.raises(BlockedError):
        running_container(host, "etcd")


@pytest.mark.parametrize("manifest", ["{", "[]", "spec: 1", "spec: {containers: x}", "spec: {containers: [1]}"])
def test_a_manifest_of_another_shape_is_refused(manifest: str) -> None:
    """A broken manifest proves nothing."""
    host = Crictl().on(FakeHost("cp"))
    host.files["/etc/kubernetes/manifests/etcd.yaml"] = manifest
    with pytest.raises(BlockedError, match="no single container etcd"):
        running_container(host, "etcd")
