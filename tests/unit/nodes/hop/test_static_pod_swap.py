"""Static pods are replaced, and the API server of before is ended; a real shell does it to real files and processes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import CommandFailedError
from migrator.model.kubeadm import CONTROL_PLANE
from migrator.nodes.hop.static_pod_swap import replace_manifests, swapping
from migrator.nodes.paths import MANIFESTS
from tests.support.shell_host import ShellHost

CRICTL = """#!/bin/sh
# Stands for crictl on a host on which one API server runs, as a process of the test.
echo "$@" >> "$HOST/crictl"
case "$1" in
  ps) echo c1 ;;
  inspect) cat "$HOST/pid" ;;
esac
"""


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    """Return a control plane with its manifests."""
    made = ShellHost(tmp_path)
    made.program("crictl", CRICTL)
    made.program("kubectl", "#!/bin/sh\necho readyz check passed\n")
    made.program("ss", "#!/bin/sh\ncat $HOST/listens 2>/dev/null; true\n")
    made.program("sleep", f"#!/bin/sh\necho $1 >> $HOST/slept\nexec {shutil.which('sleep')} 0.02\n")
    for component in (*CONTROL_PLANE, "etcd"):
        made.write(f"{MANIFESTS}/{component}.yaml", b"old\n", mode=0o600)
    return made


@pytest.fixture
def server(host: ShellHost) -> Iterator[subprocess.Popen[bytes]]:
    """Start what stands for the API server, and does not end by itself."""
    begun = subprocess.Popen(["sleep", "600"])
    (host.root / "pid").write_text(str(begun.pid))
    yield begun
    begun.kill()
    begun.wait()


@pytest.mark.parametrize("changed", ["etcd", "kube-apiserver"])
def test_an_api_server_ends_when_its_manifest_or_etcd_s_is_replaced(
    host: ShellHost, server: subprocess.Popen[bytes], changed: str
) -> None:
    """While a program such as kubeadm replaces it and waits; its output and its end are the program's own."""
    replace = f"echo new > {MANIFESTS}/{changed}.yaml"
    # The program ends once the API server has, as kubeadm does once the new one answers.
    waits = f"while ps -o stat= -p {server.pid} | grep -q '^[^Z]'; do sleep 0.1; done"
    assert host.run(swapping(f"sh -c '{_quoted(f'{replace}; {waits}; echo replaced')}'", "cp")).strip() == "replaced"
    assert server.wait(timeout=30) == -9
    asked = (host.root / "crictl").read_text()
    assert "io.kubernetes.pod.name=kube-apiserver-cp" in asked
    assert "io.kubernetes.pod.namespace=kube-system" in asked


@pytest.mark.parametrize("second", [True, False], ids=["a second one answers", "alone"])
def test_an_api_server_is_given_time_only_where_no_second_one_answers(
    host: ShellHost, server: subprocess.Popen[bytes], *, second: bool
) -> None:
    """Where one does it is ended before the kubelet tells it to end: it would leave the Service `kubernetes`."""
    host.program("sleep", '#!/bin/sh\necho "$1" >> $HOST/slept\nexit 0\n')
    if second:
        host.path("units/migrator-second-api").touch()
    replace_manifests(host, CONTROL_PLANE, "echo new")
    assert server.wait(timeout=30) == -9
    assert host.path("slept").read_text() == ("0\n" if second else "2\n")


@pytest.mark.parametrize("second", [True, False])
def test_an_etcd_that_is_up_in_time_needs_no_end_of_an_api_server(
    host: ShellHost, server: subprocess.Popen[bytes], *, second: bool
) -> None:
    """With several control planes another API server answers the kubelet; with one, a second etcd lets its API server answer."""
    if second:
        host.path("units/migrator-second-etcd").touch()
    else:
        (host.root / "listens").write_text("LISTEN 0 4096 *:2379 *:*\n")
    # It looks for the API server as it begins, and again when it has seen the new etcd; what it does then is done two pauses later.
    seen = "until test $(grep -c ^ps $HOST/crictl) -gt 1; do sleep 0.02; done"
    pauses = "$(grep -vc ^0.02 $HOST/slept)"
    over = f"before={pauses}; until test {pauses} -gt $((before + 2)); do sleep 0.02; done"
    host.run(swapping(f"sh -c 'echo new > {MANIFESTS}/etcd.yaml; {seen}; {over}'", "cp"))
    assert server.poll() is None


def test_what_is_not_replaced_runs_on_and_a_failure_is_the_program_s(host: ShellHost, server: subprocess.Popen[bytes]) -> None:
    """The exit code is handed on; manifests of others are no reason."""
    host.program("cksum", f"#!/bin/sh\necho >> $HOST/looks\nexec {shutil.which('cksum')}\n")
    seen = "until test $(wc -l < $HOST/looks) -gt 6; do sleep 0.02; done"
    with pytest.raises(CommandFailedError) as caught:
        host.run(swapping(f"sh -c 'echo new > {MANIFESTS}/kube-scheduler.yaml; {seen}; exit 7'", "cp"))
    assert caught.value.code == 7
    assert server.poll() is None


def test_a_manifest_that_is_as_wanted_is_not_written_and_nothing_is_ended(host: ShellHost, server: subprocess.Popen[bytes]) -> None:
    """A second run changes nothing."""
    before = host.path(f"{MANIFESTS}/kube-apiserver.yaml").stat().st_ino
    replace_manifests(host, CONTROL_PLANE, 'cat "$now"')
    assert host.path(f"{MANIFESTS}/kube-apiserver.yaml").stat().st_ino == before
    assert server.poll() is None
    assert sorted(path.name for path in host.path("/etc/kubernetes").iterdir()) == ["manifests"], "no file is left beside it"


def test_an_empty_manifest_is_never_put_in_place(host: ShellHost) -> None:
    """The kubelet would end the component."""
    with pytest.raises(CommandFailedError):
        replace_manifests(host, CONTROL_PLANE, "true")
    assert host.read(f"{MANIFESTS}/kube-apiserver.yaml") == b"old\n"


def _quoted(script: str) -> str:
    return script.replace("'", "'\\''")
