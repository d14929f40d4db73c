"""A control plane of the new minor that emulates the old one, so that the old one can go on with the same etcd (KEP-4330).

What an emulating API server writes, the emulated minor can read: no API, feature or storage version of later is on.
kubeadm has no setting for it (kubeadm#3263); it takes the flag as a patch of its static pods. Of kubeadm's phases only the
static pods are done while a version is emulated: settings and add-ons inside of the cluster stay those of the old minor.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from migrator.errors import BlockedError, MigratorError
from migrator.model.kubeadm import CONTROL_PLANE
from migrator.nodes.action import await_done
from migrator.nodes.detached import running_units
from migrator.nodes.hop import made_of
from migrator.nodes.hop.etcd import SNAPSHOTS
from migrator.nodes.hop.kubeadm import PATCHES, forget_marks, is_marked, kubeadm_upgrade, kubelet_words, mark
from migrator.nodes.hop.local_api import LOCAL_KUBECTL, asked_newest
from migrator.nodes.hop.staged import Staged
from migrator.nodes.hop.static_pod_swap import replace_manifests
from migrator.nodes.paths import MANIFESTS, SECOND_API, STATE
from migrator.nodes.spec import ClusterSpec
from migrator.ports import Host
from migrator.untrusted import for_shell

FLAG = "--emulated-version"
# The person's patches and the flag; kubeadm reads one folder.
_PATCHES = f"{STATE}/emulating-patches"
_MARK = "emulating"
# kubeadm's phases that change more than this node's static pods: they are done when the emulation is raised.
_LATER = "upload-config,kubelet-config,bootstrap-token,addon,post-upgrade"
# kubeadm waits as long for a static pod (its timeout upgradeManifests).
_RESTART_SECONDS = 300.0


@dataclass(slots=True, frozen=True)
class ControlPlaneEmulating:
    """Have the control plane's static pods, etcd included, of the new version, emulating the old minor."""

    staged: Staged
    cluster: ClusterSpec
    emulated: str
    say: Callable[[str], None]

    @property
    def name(self) -> str:
        """What a person reads."""
        return f"kubeadm upgrade apply, emulating {self.emulated}"

    def done(self, host: Host) -> bool:
        """Return whether kubeadm ended well here, and the manifests still say so."""
        tags = " && ".join(
            f"grep -q ':v{self.staged.version}$' {path} && grep -q -e '{FLAG}={self.emulated}$' {path}" for path in _manifests()
        )
        return is_marked(host, _MARK, self.staged.version) and host.ok(tags)

    def run(self, host: Host) -> None:
        """Run kubeadm as a unit of its own; raises MigratorError with kubeadm's own words."""
        version = self.staged.version
        words = f"apply v{version} --yes --skip-phases={_LATER}"
        unit = f"migrator-emulating-{version}"
        if f"{unit}.service" not in running_units(host):
            self._bring_patches(host)
        kubeadm_upgrade(host, self.staged, words, self.cluster, unit=unit, say=self.say, patches=_PATCHES)
        mark(host, _MARK, version)
        made_of.remember(host, version, FLAG)

    def _bring_patches(self, host: Host) -> None:
        """Write them anew; a kubeadm of an earlier run that still reads them would do without the flag."""
        host.run(
            f"set -e; rm -rf {_PATCHES}; mkdir -p -m 700 {_PATCHES}; if test -d {PATCHES}; then cp -a {PATCHES}/. {_PATCHES}/; fi"
        )
        patch = json.dumps([{"op": "add", "path": "/spec/containers/0/command/-", "value": f"{FLAG}={self.emulated}"}])
        for component in CONTROL_PLANE:
            # kubeadm applies patches in the order of their names: this one after a person's.
            host.write(f"{_PATCHES}/{component}~emulated+json.json", patch.encode(), mode=0o600)


@dataclass(slots=True, frozen=True)
class EmulationRaised:
    """Have a control plane that emulates nothing: it serves what its own minor has."""

    version: str
    name: str = "emulated version raised"

    def done(self, host: Host) -> bool:
        """Return whether no manifest has the flag, and the API server of this host says so."""
        if host.ok(" || ".join(f"grep -q -e {FLAG}= {path}" for path in _manifests())):
            return False
        said = local_version(host)
        emulates = said.get("emulationMinor", said["minor"]) != said["minor"]
        return said.get("gitVersion") == f"v{self.version}" and not emulates and FLAG not in _mirrored(host)

    def run(self, host: Host) -> None:
        """Take the flag out and wait for the API server; raises MigratorError when it does not come up."""
        _replace(self, host, f"sed '/{FLAG}=/d' \"$now\"", "`migrator upgrade resume`")


@dataclass(slots=True, frozen=True)
class ManifestsPutBack:
    """Have API server, controller-manager and scheduler of before the hop, on the etcd that runs, with all of its data."""

    hop: str
    version: str
    name: str = "previous static pods"

    def done(self, host: Host) -> bool:
        """Return whether the manifests are those of before, and the API server of this host says so."""
        same = " && ".join(
            f"{saved_manifest(self.hop, component)} | cmp -s - {MANIFESTS}/{component}.yaml" for component in CONTROL_PLANE
        )
        said = host.ok(same) and local_version(host).get("gitVersion") == f"v{self.version}"
        return said and _mirrored(host).count(f":v{self.version} ") == len(CONTROL_PLANE)

    def run(self, host: Host) -> None:
        """Put them back and wait for the API server; raises BlockedError where they are not saved."""
        require_saved(host, self.hop)
        forget_marks(host)
        saved = f'tar -xzOf {SNAPSHOTS}/{self.hop}/settings.tar.gz {MANIFESTS.lstrip("/")}/"$name".yaml'
        _replace(self, host, saved, "`migrator upgrade rollback`")


def require_saved(host: Host, hop: str) -> None:
    """Raise BlockedError unless the manifests of before a hop are saved on a host."""
    if not host.ok(" && ".join(f"{saved_manifest(hop, component)} | grep -q {component}" for component in CONTROL_PLANE)):
        raise BlockedError(
            f"{host.name} has no manifests saved before this hop",
            hint=f"{SNAPSHOTS}/{hop} is gone or not whole; nothing was changed: see docs/upgrade.md to go back by hand",
        )


def local_version(host: Host) -> dict[str, str]:
    """Return what the API server of this host says of its version; without `emulationMinor` where it knows none."""
    try:
        said = json.loads(host.run(f"{asked_newest('/version')} 2>/dev/null; true", timeout=30))
    except ValueError:
        return {"gitVersion": "", "minor": ""}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {"gitVersion": "", "minor": ""}


def _manifests() -> list[str]:
    return [f"{MANIFESTS}/{component}.yaml" for component in CONTROL_PLANE]


def saved_manifest(hop: str, component: str) -> str:
    """Return the command that prints a manifest of before a hop."""
    return f"tar -xzOf {SNAPSHOTS}/{hop}/settings.tar.gz {MANIFESTS.lstrip('/')}/{component}.yaml 2>/dev/null"


def _replace(action: EmulationRaised | ManifestsPutBack, host: Host, content: str, again: str) -> None:
    """Replace the manifests; the API server's first where no second one answers, which the kubelet tells of the others."""

    def late() -> MigratorError:
        return _late(host, action.version, again)

    # An older controller-manager may ask a newer API server, a newer one not an older: its controllers look for their APIs once.
    if isinstance(action, ManifestsPutBack) and host.ok(f"systemctl is-active -q {SECOND_API}"):
        replace_manifests(host, CONTROL_PLANE, content)
    else:
        replace_manifests(host, CONTROL_PLANE[:1], content)
        await_done(_Answers(action.version), host, _RESTART_SECONDS, late)
        replace_manifests(host, CONTROL_PLANE[1:], content)
    await_done(action, host, _RESTART_SECONDS, late)


@dataclass(slots=True, frozen=True)
class _Answers:
    """Have an API server of this version."""

    version: str
    name: str = "API server"

    def done(self, host: Host) -> bool:
        """Return whether it answers."""
        return local_version(host).get("gitVersion") == f"v{self.version}"

    def run(self, host: Host) -> None:
        """Do nothing: the kubelet starts it."""


def _mirrored(host: Host) -> str:
    """Return image and command of the three static pods as the kubelet has told the API server of them."""
    pods = " ".join(for_shell(f"{component}-{host.name}") for component in CONTROL_PLANE)
    path = '{range .items[*]}{.spec.containers[0].image} {.spec.containers[0].command}{"\\n"}{end}'
    return host.run(f"{LOCAL_KUBECTL} -n kube-system get pods {pods} -o jsonpath={for_shell(path)} 2>/dev/null; true", timeout=30)


def _late(host: Host, version: str, again: str) -> MigratorError:
    return MigratorError(
        f"{host.name}: the API server of {version} does not answer after {_RESTART_SECONDS:.0f} s: {kubelet_words(host)[-400:]}",
        hint=f"`crictl ps -a` and `journalctl -u kubelet` there; {again} goes on",
    )
