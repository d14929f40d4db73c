"""What a hop does to one node, one action each; each is asked `done` first, so that running them again goes on.

Order and reasons: kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from migrator.errors import CommandFailedError, MigratorError
from migrator.model.kubeadm import CONTROL_PLANE
from migrator.nodes.action import await_done
from migrator.nodes.await_ready import is_ready
from migrator.nodes.control_plane import get_node
from migrator.nodes.detached import Detached
from migrator.nodes.hop.addons import addon_flags
from migrator.nodes.hop.second_server import serve_now
from migrator.nodes.hop.staged import Staged
from migrator.nodes.hop.static_pod_swap import swapping
from migrator.nodes.hop.upgrade_settings import with_timeouts
from migrator.nodes.kubeadm import error_of, preflight_flags
from migrator.nodes.passing import BUSY, RESTORED, once_more
from migrator.nodes.paths import MANIFESTS, STATE
from migrator.nodes.runtime import list_images
from migrator.nodes.spec import ClusterSpec, NodeSpec
from migrator.ports import Host
from migrator.untrusted import for_shell

PATCHES = "/etc/kubernetes/migrator-patches"
_MARKS = f"{STATE}/upgraded"
# kubeadm's own waits (5 minutes for each of four static pods), with its retries; it is ended only beyond them.
_APPLY_SECONDS = 1800.0
# For one image over a slow line; the node still serves meanwhile.
_PULL_SECONDS = 900.0
# While one is unpacked, which takes one core, the next one comes over the line.
_PULLS = 2
# kubeadm gives a kubelet 4 minutes (its timeout kubeletHealthCheck).
_KUBELET_SECONDS = 240.0
# Restarts by systemd after which a kubelet is taken not to come up.
_CRASHES = 3


@dataclass(slots=True, frozen=True)
class ImagesPulled:
    """Have the images of the new version before anything is drained or restarted."""

    staged: Staged
    cluster: ClusterSpec
    role: str
    name: str = "images"

    def done(self, host: Host) -> bool:
        """Return whether CRI-O has all of them."""
        return not self._missing(host)

    def run(self, host: Host) -> None:
        """Pull those that are not there; raises MigratorError that names the first that cannot be had."""

        def pull(image: str) -> None:
            try:
                once_more(host, functools.partial(host.run, f"crictl pull {for_shell(image)}", timeout=_PULL_SECONDS))
            except CommandFailedError as error:
                raise MigratorError(
                    f"{host.name}: image {image} cannot be pulled: {error.output.strip()[-300:]}",
                    hint="nothing was drained; check the registry, then `migrator upgrade resume`",
                ) from error

        with ThreadPoolExecutor(_PULLS) as pool:
            list(pool.map(pull, self._missing(host)))

    def _missing(self, host: Host) -> list[str]:
        wanted = kubeadm_images(host, self.staged, self.cluster)
        if self.role == "worker":
            wanted = [image for image in wanted if any(part in image for part in ("/kube-proxy:", "/pause:", "/coredns"))]
        checks = "; ".join(f"crictl inspecti -q {for_shell(image)} >/dev/null 2>&1 || echo {for_shell(image)}" for image in wanted)
        return host.run(f"{checks}; true").split()


def kubeadm_images(host: Host, staged: Staged, cluster: ClusterSpec) -> list[str]:
    """Return the images that the staged kubeadm asks for."""
    return list_images(host, staged.kubeadm, cluster)


@dataclass(slots=True, frozen=True)
class ControlPlaneUpgraded:
    """Have the control plane's static pods, and on its first node the cluster's add-ons and settings, of the new version."""

    staged: Staged
    cluster: ClusterSpec
    first: bool
    """Whether this is the node that `kubeadm upgrade apply` runs on; the others follow with `upgrade node`."""
    say: Callable[[str], None]
    raising: bool = False
    """Whether kubeadm has upgraded the static pods before, and a version was emulated since."""
    unchanged: Callable[[Host], bool] = lambda _: False
    """Whether it would write them as they are: of what it did then, nothing is done again."""

    @property
    def name(self) -> str:
        """What a person reads."""
        return "kubeadm upgrade apply" if self.first else "kubeadm upgrade node"

    def done(self, host: Host) -> bool:
        """Return whether kubeadm ended well here, and the manifests still say so."""
        tags = " && ".join(f"grep -q ':v{self.staged.version}$' {MANIFESTS}/{name}.yaml" for name in CONTROL_PLANE)
        return is_marked(host, "control-plane", self.staged.version) and host.ok(tags)

    def run(self, host: Host) -> None:
        """Run kubeadm as a unit of its own; raises MigratorError with kubeadm's own words.

        kubeadm puts the manifests back when a component does not come up; what it has uploaded by then stays, and
        running it again is safe (kubeadm-upgrade: Recovering from a failure state).
        """
        version = self.staged.version
        words = f"apply v{version} --yes" if self.first else "node"
        words += " --etcd-upgrade=false --certificate-renewal=false" if self.raising else ""
        words += " --skip-phases=preflight,control-plane" if self.unchanged(host) else ""
        kubeadm_upgrade(host, self.staged, words, self.cluster, unit=f"migrator-control-plane-{version}", say=self.say)
        mark(host, "control-plane", version)


@dataclass(slots=True, frozen=True)
class NodeSettingsUpgraded:
    """Have the kubelet's settings of the new version on a worker."""

    staged: Staged
    cluster: ClusterSpec
    say: Callable[[str], None]
    name: str = "kubeadm upgrade node"

    def done(self, host: Host) -> bool:
        """Return whether kubeadm ended well here."""
        return is_marked(host, "node-settings", self.staged.version)

    def run(self, host: Host) -> None:
        """Run kubeadm."""
        unit = f"migrator-node-{self.staged.version}"
        kubeadm_upgrade(host, self.staged, "node", self.cluster, unit=unit, say=self.say)
        mark(host, "node-settings", self.staged.version)


@dataclass(slots=True, frozen=True)
class KubeletRestarted:
    """Have the installed kubelet running, and Ready."""

    node: NodeSpec
    version: str
    control_plane_host: Host
    name: str = "kubelet restarted"

    def done(self, host: Host) -> bool:
        """Return whether the cluster sees this version, Ready."""
        del host
        found = get_node(self.control_plane_host, self.node.name)
        return found is not None and _runs(found) == f"v{self.version}" and is_ready(found)

    def run(self, host: Host) -> None:
        """Restart it and wait; raises MigratorError with the kubelet's last words when it does not come back."""
        # A new kubelet starts static pods anew, beside the old ones (kubeadm#917): where second servers answer those end before.
        stopped = "systemctl daemon-reload && systemctl reset-failed kubelet; systemctl stop kubelet"
        host.run(f"trap '' HUP; {stopped}; {serve_now()}; systemctl start kubelet")

        def late() -> MigratorError:
            return MigratorError(
                f"{self.node.name}: the kubelet of {self.version} does not come up: {kubelet_words(host)[-500:]}",
                hint=f"`journalctl -u kubelet` on {host.name}; fix it, then `migrator upgrade resume`",
            )

        def crashes() -> bool:
            return int(host.run("systemctl show -p NRestarts --value kubelet; true").strip() or 0) >= _CRASHES

        await_done(self, host, _KUBELET_SECONDS, late, crashes)


@dataclass(slots=True, frozen=True)
class Patches:
    """Have the person's kubeadm patches on a node: what must survive an upgrade stands in them (KEP-1739)."""

    files: tuple[tuple[str, bytes], ...]
    name: str = "patches"

    def done(self, host: Host) -> bool:
        """Return whether exactly these are there."""
        there = host.run(f"ls {PATCHES} 2>/dev/null; true").split()
        return sorted(there) == sorted(name for name, _ in self.files) and all(
            host.read(f"{PATCHES}/{name}") == content for name, content in self.files
        )

    def run(self, host: Host) -> None:
        """Bring them."""
        host.run(f"rm -rf {PATCHES}; mkdir -p {PATCHES}")
        for name, content in self.files:
            host.write(f"{PATCHES}/{name}", content, mode=0o600)


def kubeadm_upgrade(
    host: Host,
    staged: Staged,
    words: str,
    cluster: ClusterSpec,
    *,
    unit: str,
    say: Callable[[str], None],
    patches: str = PATCHES,
) -> None:
    """Run `kubeadm upgrade WORDS` as a unit; raises MigratorError with kubeadm's own words.

    An API server that was away or busy for a moment ends it; it is run once more then, which kubeadm allows at any point.
    """
    flags = [f"--patches={patches}"] if host.ok(f"test -d {patches}") else []

    def upgrade() -> None:
        try:
            # While one of an earlier run is at work it is joined, and the API server may be away: nobody is asked.
            begun = Detached(unit, "", _APPLY_SECONDS).runs(host)
            skipped, accepted = ([], ()) if begun else addon_flags(host, staged.version)
            errors = preflight_flags((*cluster.ignore_preflight_errors, *accepted))
            arguments = with_timeouts(host, cluster.kubeadm_timeouts, (*words.split(), *errors, *skipped, *flags))
            command = " ".join((staged.kubeadm, "upgrade", *arguments))
            Detached(unit, swapping(command, host.name), _APPLY_SECONDS).run(host, say)
        except CommandFailedError as error:
            raise MigratorError(
                f"{host.name}: kubeadm upgrade {words} failed: {error_of(error.output)}",
                hint="`migrator upgrade resume` tries again; `migrator upgrade rollback` goes back to before this hop",
            ) from error

    once_more(host, upgrade, words=BUSY, never=RESTORED)


def kubelet_words(host: Host) -> str:
    """Return what the kubelet itself said last, without systemd's lines about it."""
    return host.run("journalctl -u kubelet -t kubelet -n 4 --no-pager -o cat 2>/dev/null; true").strip()


def _runs(node: dict[str, object]) -> str:
    status = node.get("status")
    info = status.get("nodeInfo") if isinstance(status, dict) else None
    return str(info.get("kubeletVersion", "")) if isinstance(info, dict) else ""


def is_marked(host: Host, what: str, version: str) -> bool:
    """Return whether kubeadm ended well for this version."""
    return host.run(f"cat {_MARKS}-{what} 2>/dev/null; true").strip() == version


def mark(host: Host, what: str, version: str) -> None:
    """Remember that kubeadm ended well for this version."""
    host.write(f"{_MARKS}-{what}", f"{version}\n".encode(), mode=0o600)


def forget_marks(host: Host) -> None:
    """Remove what says that kubeadm ended well: the node was taken back to before."""
    host.run(f"rm -f {_MARKS}-emulating {_MARKS}-made-of {_MARKS}-control-plane {_MARKS}-node-settings")
