"""A second API server, and a second etcd where there is one member, answer while the kubelet replaces the static pods.

Both are copies of the process that runs: same program, arguments, environment and files (its mount namespace), as systemd units.
A static pod would not do: a new kubelet restarts all of them at once.

- The API servers share their port (`--permit-port-sharing`, SO_REUSEPORT). Requests of one connection stay with one of them.
- Two etcds never have one data folder: the second one starts when the first has closed its port, and is ended once the
  kubelet starts the next one. etcd writes ahead, so that it may be killed at any time.
"""

from __future__ import annotations

from migrator.errors import BlockedError, MigratorError
from migrator.model.kubeadm import PORT_SHARING
from migrator.nodes.hop.emulation import LOCAL_KUBECTL
from migrator.nodes.paths import MANIFESTS, SECOND_API, SECOND_ETCD
from migrator.ports import Host

SHARED = f"--{PORT_SHARING}=true"
_FOLDER = "/run/migrator/second"
# A resource that nobody has: servers of its own are a check of `readyz` by which the second API server is known, and no more
# (k8s.io/apiserver/pkg/server/options/etcd.go: etcd-override-readiness-0).
_OVERRIDE = "migrator.invalid/second"
# For the second one's start, and for the regular one's.
_READY_SECONDS, _REGULAR_SECONDS = 60.0, 300.0
# The regular server is away meanwhile: each look is time without one of two.
_POLL = 0.2

# The mount namespace is kept open as descriptor 7, because it ends with its last process. The environment, which may hold
# secrets, is read from a file that only root reads, and after all programs of the host were found.
_COPY = r"""
set -eu
pid={pid}
words() {{ tr '\0' '\n' < /proc/$pid/$1; }}
identity() {{ awk -v name="$1:" '$1 == name {{ print $3 }}' /proc/$pid/status; }}
install -d -m 700 {folder}
umask 077
program=$(readlink /proc/$pid/exe)
arguments=$(words cmdline | tail -n +2 | sed "s/'/'\\\\''/g; s/.*/'&'/" | tr '\n' ' ')
words environ | sed -n "s/'/'\\\\''/g; s/^\([A-Za-z_][A-Za-z0-9_]*\)=\(.*\)/export \1='\2'/p" > {folder}/{name}.env
enter="$(command -v nsenter) --mount=/proc/self/fd/7 --setuid $(identity Uid) --setgid $(identity Gid)"
start=". {folder}/{name}.env; exec $enter -- $program $arguments"
"""
_START_API = r"""
servers=$(words cmdline | sed -n 's/^--etcd-servers=//p' | tr , ';')
echo "exec 7< /proc/$pid/ns/mnt; {before}; $start {more} '--etcd-servers-overrides={override}#$servers'" > {folder}/{name}.sh
systemctl reset-failed {unit} 2>/dev/null || true
systemd-run --quiet --collect --unit={unit} sh {folder}/{name}.sh
"""
_START_ETCD = r"""
ss -Hltn 'sport = :2379' | grep -q .
pgrep -x etcd >/dev/null
cat > {folder}/{name}.sh <<END
exec 7< /proc/$pid/ns/mnt
others=" \$(pgrep -x etcd | tr '\n' ' ')"
listens() {{ ss -Hltn 'sport = :2379' | grep -q .; }}
while kill -0 $pid 2>/dev/null && listens; do sleep 0.1; done
kill -9 $pid 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
  ( $start ) &
  own=\$!
  while kill -0 \$own 2>/dev/null; do
    for found in \$(pgrep -x etcd); do
      case "\$others\$own " in *" \$found "*) ;; *) kill -9 \$own; exit 0 ;; esac
    done
    sleep 0.05
  done
  # The ports of the one that was killed may be in use for a moment longer.
  sleep 0.1
done
END
systemctl reset-failed {unit} 2>/dev/null || true
systemd-run --quiet --collect --unit={unit} sh {folder}/{name}.sh
"""
_ASK = f'{LOCAL_KUBECTL} get --raw "/readyz?verbose" 2>/dev/null; true'
CLUSTER_CONFIGURATION = f"{LOCAL_KUBECTL} -n kube-system get configmap kubeadm-config -o jsonpath={{.data.ClusterConfiguration}}"
_MARK = "etcd-override-readiness-0"


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
    """Start a copy of an API server; raises BlockedError when it does not get ready."""
    copy_api(host, pid)
    await_second(host)


def copy_api(host: Host, pid: int, more: str = "", before: str = ":") -> None:
    """Start a copy of an API server as a unit, with more arguments, quoted for a shell; `before` is done a moment earlier."""
    words = {"folder": _FOLDER, "name": "api", "unit": SECOND_API, "override": _OVERRIDE, "more": more, "before": before}
    host.run((_COPY + _START_API).format(pid=pid, **words))


def await_second(host: Host) -> None:
    """Wait until the second API server says itself that it is ready; raises BlockedError when it does not."""
    deadline = host.clock.monotonic() + _READY_SECONDS
    while not _answers(host, second=True):
        if host.clock.monotonic() > deadline or not host.ok(f"systemctl is-active -q {SECOND_API}"):
            words = host.run(f"journalctl -u {SECOND_API} -n 2 --no-pager -o cat 2>/dev/null; true").strip()
            raise BlockedError(f"it is not ready: {words}")
        host.clock.sleep(_POLL)


def start_etcd(host: Host, pid: int) -> None:
    """Have a copy of an etcd started at the moment at which it closes its port."""
    host.run((_COPY + _START_ETCD).format(pid=pid, folder=_FOLDER, name="etcd", unit=SECOND_ETCD))


def present(host: Host) -> bool:
    """Return whether a second server is left on a host."""
    return host.ok(f"systemctl is-active -q {SECOND_API} || systemctl is-active -q {SECOND_ETCD}")


def remove(host: Host) -> None:
    """End the second servers; the API server at once: told to end, it would take the address out of the Service `kubernetes`."""
    units = f"{SECOND_API} {SECOND_ETCD}"
    # `kill` returns before they have ended.
    host.run(f"systemctl kill -s KILL {units} 2>/dev/null; systemctl stop {units} 2>/dev/null; rm -rf {_FOLDER}; true")


def await_regular(host: Host) -> None:
    """Wait until the regular API server says itself that it is ready; raises MigratorError when it does not in time."""
    deadline = host.clock.monotonic() + _REGULAR_SECONDS
    while not _answers(host, second=False):
        if host.clock.monotonic() > deadline:
            raise MigratorError(
                f"{host.name}: the API server is not ready after {_REGULAR_SECONDS:.0f} s; a second one still answers",
                hint=f"`crictl ps -a` and `journalctl -u kubelet -u {SECOND_API}` there; run this again to go on",
            )
        host.clock.sleep(_POLL)


def remove_left(host: Host) -> None:
    """Remove what is left, once the regular API server is ready: at once where that one does not share its port."""
    if present(host):
        if host.ok(f"grep -q -e '--{PORT_SHARING}' {MANIFESTS}/kube-apiserver.yaml"):
            await_regular(host)
        remove(host)


def _answers(host: Host, *, second: bool) -> bool:
    """Return whether one of the two said now that it is ready; which of them is asked is chance."""
    said = host.run(_ASK, timeout=30)
    return "readyz check passed" in said and (_MARK in said) is second
