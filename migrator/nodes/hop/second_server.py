"""A second API server, and a second etcd where there is one member, answer while the kubelet replaces the static pods.

Both are copies of the process that runs: same program, arguments, environment and files (its mount namespace), as systemd units.
A static pod would not do: a new kubelet restarts all of them at once.
The API servers share their port (`--permit-port-sharing`, SO_REUSEPORT). Requests of one connection stay with one of them.
"""

from __future__ import annotations

from migrator.errors import BlockedError, MigratorError
from migrator.model.kubeadm import PORT_SHARING
from migrator.nodes.hop import second_etcd, steering
from migrator.nodes.hop.local_api import LOCAL_KUBECTL, asked_newest
from migrator.nodes.hop.process_copy import COPY, RUN
from migrator.nodes.paths import MANIFESTS, SECOND_API, SECOND_ETCD, SECOND_FOLDER
from migrator.ports import Host

SHARED = f"--{PORT_SHARING}=true"
# A resource that nobody has: servers of its own are a check of `readyz` by which the second API server is known, and no more
# (k8s.io/apiserver/pkg/server/options/etcd.go: etcd-override-readiness-0).
_OVERRIDE = "migrator.invalid/second"
# For the second one's start, and for the regular one's.
_READY_SECONDS, _REGULAR_SECONDS = 60.0, 300.0
# The regular server is away meanwhile: each look is time without one of two.
_POLL = 0.2

# It leaves the addresses of the Service `kubernetes` alone: it would take them out when it ends.
_START = r"""
servers=$(words cmdline | sed -n 's/^--etcd-servers=//p' | tr , ';')
more="{more} --endpoint-reconciler-type=none '--etcd-servers-overrides={override}#$servers'"
echo "exec 7< /proc/$pid/ns/mnt; {before}; $start $more" > $folder/api.sh
"""
_ASK = f"{asked_newest('/readyz?verbose')} 2>/dev/null; true"
_ASK_OLDEST = f"{LOCAL_KUBECTL} get --raw '/readyz?verbose' 2>/dev/null; true"
_RUNS_ON = f'test "$(cat /proc/$(cat {SECOND_FOLDER}/api.pid)/comm 2>/dev/null)" = kube-apiserver'
CLUSTER_CONFIGURATION = f"{LOCAL_KUBECTL} -n kube-system get configmap kubeadm-config -o jsonpath={{.data.ClusterConfiguration}}"
_MARK, _PASSED = "etcd-override-readiness-0", "readyz check passed"


def require_possible(host: Host, pid: int) -> None:
    """Raise BlockedError where no second API server can be started beside this process."""
    flags = host.run(f"tr '\\0' '\\n' < /proc/{pid}/cmdline").splitlines()
    if SHARED not in flags:
        raise BlockedError(f"the one that runs was started without {SHARED}")
    if any(flag.startswith("--etcd-servers-overrides") for flag in flags):
        raise BlockedError("it has --etcd-servers-overrides")
    used = f"$(awk '/^VmRSS:/ {{print $2}}' /proc/{pid}/status)"
    if not host.ok(f"test $(awk '/^MemAvailable:/ {{print $2}}' /proc/meminfo) -gt $(({used} * 3 / 2))"):
        raise BlockedError("there is too little memory")


def start_api(host: Host, pid: int) -> None:
    """Start a copy of an API server, which gets what is new from then on; raises BlockedError when it does not get ready."""
    steered = steering.begin(host)
    copy_api(host, pid)
    await_second(host)
    if steered:
        host.run(steering.to_newest())


def copy_api(host: Host, pid: int, more: str = "", before: str = ":") -> None:
    """Start a copy of an API server as a unit, with more arguments, quoted for a shell; `before` is done a moment earlier."""
    words = {"name": "api", "unit": SECOND_API, "seconds": 2, "more_properties": "", "override": _OVERRIDE}
    host.run((COPY + _START + RUN).format(pid=pid, more=more, before=before, **words))


def serve_now() -> str:
    """Return a line of shell after which the second servers serve alone; it does nothing where there are none."""
    pid = f"$(cat {SECOND_FOLDER}/api.pid)"
    ended = f'test "$(cat /proc/{pid}/comm 2>/dev/null)" != kube-apiserver || kill -9 {pid}'
    # Before etcd: each API server has some hundred connections to it, and all of them shake hands anew at once.
    return f"if systemctl is-active -q {SECOND_API}; then {ended}; {steering.to_oldest()}; fi; {second_etcd.serve_now()}"


def await_second(host: Host) -> None:
    """Wait until the second API server says itself that it is ready; raises BlockedError when it does not."""
    deadline = host.clock.monotonic() + _READY_SECONDS
    while not _answers(host, _ASK, second=True):
        if host.clock.monotonic() > deadline or not host.ok(f"systemctl is-active -q {SECOND_API}"):
            words = host.run(f"journalctl -u {SECOND_API} -n 2 --no-pager -o cat 2>/dev/null; true").strip()
            raise BlockedError(f"it is not ready: {words}")
        host.clock.sleep(_POLL)


def present(host: Host) -> bool:
    """Return whether a second server is left on a host."""
    return host.ok(f"systemctl is-active -q {SECOND_API} || systemctl is-active -q {SECOND_ETCD}")


def hand_over() -> str:
    """Return shell that waits for the next regular API server and gives it what is new: nobody starts with an old one then."""
    ready = f"*'{_PASSED}'*) {steering.to_newest()}; break ;;"
    asked = f'case "$({_ASK})" in *{_MARK}*) ;; {ready} esac'
    return f"for try in $(seq 600); do systemctl is-active -q {SECOND_API} || break; {asked}; sleep 0.3; done"


def remove(host: Host) -> None:
    """End the second servers: an API server is given time for the requests that it has."""
    after = f"{steering.by_chance()} 2>/dev/null; rm -rf {SECOND_FOLDER}"
    host.run(f"systemctl stop {SECOND_API} {SECOND_ETCD} 2>/dev/null; {after}; true")


def await_regular(host: Host) -> None:
    """Wait until the regular API server is ready, and give it what is new; raises MigratorError when it is not in time."""
    deadline = host.clock.monotonic() + _REGULAR_SECONDS
    # Where nothing was restarted it is the older one of the two.
    runs_on = host.ok(_RUNS_ON)
    ask, steered = (_ASK_OLDEST, steering.to_oldest()) if runs_on else (_ASK, steering.to_newest())
    if runs_on:
        host.run(steered)
    while not _answers(host, ask, second=False):
        if host.clock.monotonic() > deadline:
            raise MigratorError(
                f"{host.name}: the API server is not ready after {_REGULAR_SECONDS:.0f} s; a second one still answers",
                hint=f"`crictl ps -a` and `journalctl -u kubelet -u {SECOND_API}` there; run this again to continue",
            )
        host.clock.sleep(_POLL)
    # What waits in the queue of the one that ends would be refused.
    host.run(f"{steered}; sleep 0.3")


def remove_left(host: Host) -> None:
    """Remove what is left, once the regular API server is ready: at once where that one does not share its port."""
    if present(host):
        if host.ok(f"grep -q -e '--{PORT_SHARING}' {MANIFESTS}/kube-apiserver.yaml"):
            second_etcd.await_next(host)
            await_regular(host)
        remove(host)


def _answers(host: Host, ask: str, *, second: bool) -> bool:
    """Return whether one of the two said now that it is ready; which of them is asked is chance where nobody steers."""
    said = host.run(ask, timeout=30)
    return _PASSED in said and (_MARK in said) is second
