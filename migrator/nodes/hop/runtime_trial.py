"""A new CRI-O is proven on one node before it goes to the next: one container is started, entered and removed.

A runtime can be active, answer and pull images, and start nothing: a monitor that a kept setting names and the package has no
more, an OCI runtime that fails on this kernel (cri-o#8385, cri-o#8743, crun#1599, runc#5007). Nodes stay Ready meanwhile, and the
next restart of a static pod is the one that does not come back.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from dataclasses import dataclass

from migrator.errors import CommandFailedError, MigratorError
from migrator.nodes.packages import Packages, installed_version
from migrator.nodes.paths import STATE
from migrator.ports import Host
from migrator.untrusted import for_shell

# Versions of before, from the moment that packages change until a container has run.
_BEFORE = f"{STATE}/runtime-before.json"
_FOLDER = "/run/migrator/trial"
# A kubelet ends pods that it does not know within seconds, and a busy host is late: a trial that was cut off so says nothing.
_TRIES = 5
# NODE of the CRI's NamespaceMode: a trial needs no pod network, which may be what is broken.
_HOST_NETWORK = {"security_context": {"namespace_options": {"network": 2, "pid": 1}}}
_NAME = {"name": "migrator-trial", "namespace": "kube-system", "attempt": 1}
_POD = {"log_directory": _FOLDER, "linux": _HOST_NETWORK}
# EX_TEMPFAIL of sysexits.h: no image to try with says nothing about the runtime.
_NO_IMAGE = 75
_TRIAL = f"""set -e
# A setting that is as it was by default is printed as a comment.
# A pod that is gone once its container had started was ended by the kubelet: the runtime has done its work.
pause=$(crio config 2>/dev/null | sed -n 's/^[# ]*pause_image *= *"\\(.*\\)"/\\1/p' | tail -n 1)
test -n "$pause" || {{ echo 'crio config names no pause image: its settings cannot be read' >&2; exit 1; }}
crictl inspecti -q "$pause" >/dev/null 2>&1 || crictl pull "$pause" >/dev/null || exit {_NO_IMAGE}
sed -i "s|@IMAGE@|$pause|" {_FOLDER}/container.json
for old in $(crictl pods -q --name '^migrator-trial$'); do crictl rmp -f "$old" >/dev/null 2>&1 || true; done
pod=$(crictl runp {_FOLDER}/pod.json)
trap 'crictl rmp -f "$pod" >/dev/null 2>&1 || true' EXIT
container=$(crictl create "$pod" {_FOLDER}/container.json {_FOLDER}/pod.json)
crictl start "$container" >/dev/null
if ! said=$(crictl exec "$container" /pause -v 2>&1); then
  sleep 2
  if crictl inspectp "$pod" 2>/dev/null | grep -q SANDBOX_READY; then
    running=$(crictl inspect "$container" 2>/dev/null | grep CONTAINER_RUNNING || true)
    case "$running$said" in
      *CONTAINER_RUNNING*'no such file'* | *CONTAINER_RUNNING*'not found'*) ;;
      *) echo "$said" >&2; exit 1 ;;
    esac
  fi
fi
"""
_CUT_OFF = (
    "not found",
    "does not exist",
    "not running",
    "not created or running",
    "is stopped",
    "could not find",
    "no such container",
    *("deadline exceeded", "deadlineexceeded", "connection refused", "unavailable", "is reserved for"),
)
"""Words of a trial that the kubelet has ended, and of a runtime that is late: it was restarted a moment ago."""


@dataclass(slots=True, frozen=True)
class ProvenRuntime:
    """Have packages of CRI-O, and a container started by them; where none starts, the packages of before come back."""

    packages: Packages

    @property
    def name(self) -> str:
        """What a person reads."""
        return self.packages.name

    def done(self, host: Host) -> bool:
        """Return whether they are installed, and no proof of them is outstanding."""
        return self.packages.done(host) and not host.ok(f"test -e {_BEFORE}")

    def run(self, host: Host) -> None:
        """Install them and start a container; raises MigratorError once those of before are back, with what was said."""
        if not host.ok(f"test -e {_BEFORE}"):
            before = {name: installed_version(host, name) for name in self.packages.versions}
            host.write(_BEFORE, json.dumps(before).encode(), mode=0o600)
        _install(host, self.packages)
        try:
            start_a_container(host)
        except CommandFailedError as error:
            if error.code == _NO_IMAGE:
                raise MigratorError(
                    f"{host.name}: the pause image cannot be pulled, so the new CRI-O is not proven: {_said(error)}",
                    hint="see `crio config | grep pause_image` and the registry there; then `migrator upgrade resume`",
                ) from error
            self._put_back(host, error)
        host.run(f"rm -f {_BEFORE}")

    def _put_back(self, host: Host, error: CommandFailedError) -> None:
        said = _said(error)
        before = {name: version for name, version in json.loads(host.read(_BEFORE)).items() if version}
        new = self.packages.versions.get("cri-o", "")
        old = before.get("cri-o", "")
        if old in ("", new):
            raise MigratorError(
                f"{host.name}: CRI-O {new} starts no container: {said}",
                hint="see `journalctl -u crio` and /etc/crio/crio.conf.d there; then `migrator upgrade resume`",
            ) from error
        _install(host, dataclasses.replace(self.packages, versions=before, allow_downgrade=True))
        try:
            start_a_container(host)
            now = f"{old} is back there, and starts them"
        except CommandFailedError as again:
            now = f"{old} is back there, and starts none either ({_said(again)}): is it a setting? See /etc/crio/crio.conf.d"
        host.run(f"rm -f {_BEFORE}")
        raise MigratorError(
            f"{host.name}: CRI-O {new} starts no container: {said}; {now}",
            hint="no further node is changed; fix it, or choose another (--package cri-o=VERSION), then `migrator upgrade resume`",
        ) from error


def _said(error: CommandFailedError) -> str:
    """Return the runtime's last words in one line."""
    return " ".join(error.output.split())[-400:]


def _install(host: Host, packages: Packages) -> None:
    """Install packages; a CRI-O that then does not start at all is no error here: the trial shows it, and says why."""
    try:
        if not packages.done(host):
            packages.run(host)
    except CommandFailedError:
        if not packages.done(host):
            raise
    host.run("systemctl is-active -q crio || systemctl start crio || true")


def start_a_container(host: Host) -> None:
    """Start a container in a pod of its own, enter it and remove both; raises CommandFailedError with the runtime's words."""
    for number in range(_TRIES):
        # A name of which a busy CRI-O has not let go yet is refused.
        pod = {**_POD, "metadata": {**_NAME, "uid": f"migrator-trial-{secrets.token_hex(4)}"}}
        host.write(f"{_FOLDER}/pod.json", json.dumps(pod).encode())
        container = {"metadata": {"name": "trial"}, "image": {"image": "@IMAGE@"}, "log_path": "trial.log", "linux": _HOST_NETWORK}
        host.write(f"{_FOLDER}/container.json", json.dumps(container).encode())
        try:
            host.run(f"sh -c {for_shell(_TRIAL)}", timeout=300)
        except CommandFailedError as error:
            if number + 1 == _TRIES or not any(word in error.output.lower() for word in _CUT_OFF):
                raise
            host.clock.sleep(1)
        else:
            break
    host.run(f"rm -rf {_FOLDER}")
