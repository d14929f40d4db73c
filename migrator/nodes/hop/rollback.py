"""Take a node back to before a hop, from what was saved then."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.model.kubeadm import STATIC_PODS
from migrator.nodes.action import await_done
from migrator.nodes.hop.etcd import SNAPSHOTS, Snapshot
from migrator.nodes.hop.kubeadm import forget_marks, kubelet_words
from migrator.nodes.hop.second_server import present, remove
from migrator.nodes.hop.static_pod import static_pod_query
from migrator.nodes.paths import KUBECTL, MANIFESTS
from migrator.ports import Host

# A restored etcd first reads its whole log, and the API server waits for it.
_API_SECONDS = 300.0


@dataclass(slots=True, frozen=True)
class ControlPlaneStopped:
    """Have kubelet, API server and etcd stopped; the other pods go on serving."""

    snapshot: Snapshot
    name: str = "control plane stopped"

    def done(self, host: Host) -> bool:
        """Return whether it is stopped; one that is back with the snapshot's data must not be stopped again."""
        return host.ok(f"test -e {self.snapshot.folder}/restored") or (
            not host.ok("systemctl is-active -q kubelet") and not present(host) and not host.run(_list_pods(host)).split()
        )

    def run(self, host: Host) -> None:
        """Stop the kubelet first, or it would start them again."""
        # crictl needs CRI-O, which a hop that was cut off may have left stopped.
        host.run("systemctl stop kubelet; systemctl start crio", timeout=120)
        remove(host)
        host.run(
            f"for pod in $({_list_pods(host)}); do crictl stopp $pod >/dev/null; crictl rmp -f $pod >/dev/null; done", timeout=240
        )


@dataclass(slots=True, frozen=True)
class SettingsRestored:
    """Have a node's settings of before the hop."""

    hop: str
    name: str = "settings restored"

    def done(self, host: Host) -> bool:
        """Return whether they were put back since the hop."""
        return host.ok(f"test -e {SNAPSHOTS}/{self.hop}/settings-restored")

    def run(self, host: Host) -> None:
        """Put them back; manifests that the hop has added go."""
        folder = f"{SNAPSHOTS}/{self.hop}"
        if not host.ok(f"tar -tzf {folder}/settings.tar.gz >/dev/null"):
            raise BlockedError(
                f"{host.name} has no settings saved before this hop",
                hint=f"{folder} is gone: see docs/upgrade.md to go back by hand",
            )
        # Synced before the mark: it must not outlive the files in a power cut.
        host.run(f"rm -rf {MANIFESTS}; tar -C / -xzpf {folder}/settings.tar.gz && sync && touch {folder}/settings-restored")
        forget_marks(host)


@dataclass(slots=True, frozen=True)
class ControlPlaneStarted:
    """Have the kubelet running, and an API server that answers."""

    version: str
    name: str = "control plane started"

    def done(self, host: Host) -> bool:
        """Return whether the API server answers at this version."""
        try:
            answer = host.run(f"{KUBECTL} get --raw /version 2>/dev/null", timeout=30)
        except CommandFailedError:
            return False
        return f'"v{self.version}"' in answer and host.ok("systemctl is-active -q kubelet")

    def run(self, host: Host) -> None:
        """Start the kubelet and wait; raises MigratorError with its last words."""
        # The package that was put back has brought its own unit files.
        host.run("systemctl daemon-reload; systemctl restart kubelet")

        def late() -> MigratorError:
            words = kubelet_words(host)[-400:]
            return MigratorError(
                f"{host.name}: the API server of {self.version} does not answer after {_API_SECONDS:.0f} s: {words}",
                hint="`crictl ps -a` and `journalctl -u kubelet` there; `migrator upgrade rollback` continues",
            )

        await_done(self, host, _API_SECONDS, late)


@dataclass(slots=True, frozen=True)
class KubeletBack:
    """Have the kubelet of before the hop running, with its settings."""

    version: str
    hop: str
    name: str = "previous kubelet"

    def done(self, host: Host) -> bool:
        """Return whether it was restarted since the settings were put back."""
        return host.ok(f"test -e {SNAPSHOTS}/{self.hop}/kubelet-back")

    def run(self, host: Host) -> None:
        """Restart it."""
        host.run(f"systemctl daemon-reload && systemctl restart kubelet && touch {SNAPSHOTS}/{self.hop}/kubelet-back", timeout=120)


def _list_pods(host: Host) -> str:
    return " ; ".join(static_pod_query(name, host.name) for name in STATIC_PODS)


def restart_kubelet(host: Host) -> None:
    """Restart a kubelet without waiting for what it starts."""
    host.run("systemctl restart kubelet")
