"""A second etcd, where there is one member: it serves while the kubelet replaces the regular one's static pod.

It is a copy of the process that runs, on ports of its own. etcd opens its ports first and then waits for the lock of its data
(bbolt's flock on `member/snap/db`), before it changes anything there. So each of the two is ready and waits while the other one
serves, the same data is never open twice, and a hand-over takes as long as etcd needs to read its log and to elect itself,
which each of them does at once: the second one by a short timeout of its own, the regular one because it is asked to.
Meanwhile connections to the regular port wait in the queue of the one that is about to serve (REDIRECT of this host's own
connections); a client that is refused instead tries again only after a second (grpc's back-off).

The rule must be there before the kubelet ends the regular one, less than 0.1 s after its manifest has changed. So it is set when
kubeadm has written the next manifest aside, renews etcd's certificates, and is about to move the file (kubeadm:
phases/upgrade/staticpods.go). kubeadm asks etcd nothing in between, and connections that are open stay where they are.
"""

from __future__ import annotations

from migrator.errors import MigratorError
from migrator.nodes.hop.etcd_election import ELECTION
from migrator.nodes.hop.process_copy import COPY, RUN
from migrator.nodes.paths import KUBEADM_COPIES, MANIFESTS, SECOND_ETCD, SECOND_FOLDER
from migrator.ports import Host

_NEXT_SECONDS, _POLL = 300.0, 0.2
_ASIDE_SECONDS = 10.0
"""How long new connections wait for a manifest that kubeadm has written aside and does not move."""
_GO, _SERVES = f"{SECOND_FOLDER}/etcd.go", f"{SECOND_FOLDER}/etcd.serves"
_REDIRECT = (
    "OUTPUT -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 2379 -m comment --comment migrator-second-etcd"
    " -j REDIRECT --to-ports 22379"
)
_START = r"""
listens() {{ ss -Hltn "sport = :$1" | grep -q .; }}
listens 2379
grep -q "^[0-9]*: FLOCK .*WRITE $pid " /proc/locks
urls=$(words cmdline | sed -n '/^--listen-[a-z]*-urls=/s/:23\([78][0-9]\)/:223\1/gp' | tr '\n' ' ')
case "$urls" in
  *--listen-client-urls=*:22379*--listen-peer-urls=*:22380*) ;;
  *) echo "etcd has other ports than 2379 and 2380" >&2; exit 1 ;;
esac
for port in 22379 22380 22381; do if listens $port; then echo "port $port is in use" >&2; exit 1; fi; done
iptables -w -t nat -S OUTPUT > /dev/null
flag() {{ words cmdline | sed -n "s/^--$1=//p" | cut -d , -f 1 | sed "s/'/'\\\\''/g; s/.*/'&'/"; }}
next_peer=$(flag listen-peer-urls)
cat > $folder/election.sh <<END
folder=$folder next_peer=$next_peer second_peer=$(echo "$next_peer" | sed "s/:2380'$/:22380'/")
cert=$(flag peer-cert-file) key=$(flag peer-key-file) ca=$(flag peer-trusted-ca-file)
END
cat >> $folder/election.sh <<'END'
{election}
END
cat > $folder/etcd-end.sh <<END
for table in iptables ip6tables; do while \$table -w -t nat -D {redirect} 2>/dev/null; do :; done; done
END
# Before the unit starts: it may be told to serve before it has run its first line.
rm -f {go} {serves}
cat > $folder/etcd.sh <<END
exec 7< /proc/$pid/ns/mnt
pid=$pid
listens() {{ ss -Hltn "sport = :\$1" | grep -q .; }}
ended() {{ kill -TERM \$1; sleep 0.05; kill -9 \$1; while kill -0 \$1; do sleep 0.02; done; }} 2>/dev/null
written_aside() {{
  for file in {copies}/kubeadm-upgraded-manifests*/etcd.yaml; do test "\$file" -nt $folder/etcd.sh && return; done
  return 1
}}
take_connections() {{
  test -z "\$taken" || return 0
  iptables -w -t nat -I {redirect} || return
  ip6tables -w -t nat -I {redirect}
  taken=yes
}}
( $start $urls --heartbeat-interval=10 --election-timeout=100 ) &
own=\$!
tries=0 aside=0 taken=
# Its turn comes with a new manifest, when it is told to, or when the other one ends by itself.
until test -e {go} -o ! -e {manifests}/etcd.yaml -o {manifests}/etcd.yaml -nt $folder/etcd.sh || ! kill -0 \$pid 2>/dev/null; do
  tries=\$((tries + 1))
  test \$((tries % 10)) -ne 0 || listens 2379 || break
  kill -0 \$own || exit 1
  # Once: kubeadm may have found it equal to the present one, and leave it there.
  if test \$aside -le {aside_tries} && written_aside && listens 22379; then
    aside=\$((aside + 1))
    take_connections || exit 1
    if test \$aside -gt {aside_tries}; then sh $folder/etcd-end.sh; taken=; fi
  fi
  sleep 0.05
done
# It may be told before it has opened its ports, and a client that is refused tries again only after a second.
until listens 22379; do kill -0 \$own || exit 1; sleep 0.05; done
# Where nobody would reach it, it leaves its turn to the kubelet.
take_connections || exit 1
touch {serves}
ended \$pid
. $folder/election.sh
prepare_election
# The next one has opened its port and waits for the data.
until listens 2379; do kill -0 \$own || exit 1; sleep 0.05; done
ask_for_election &
asking=\$!
sh $folder/etcd-end.sh
ended \$own
wait \$asking
END
"""


def start_etcd(host: Host, pid: int, aside_seconds: float = _ASIDE_SECONDS) -> None:
    """Have a copy of an etcd wait for its data; raises CommandFailedError where one cannot be started without any risk for them."""
    words = {"pid": pid, "name": "etcd", "unit": SECOND_ETCD, "seconds": 3, "go": _GO, "serves": _SERVES, "manifests": MANIFESTS}
    words |= {"copies": KUBEADM_COPIES, "aside_tries": round(aside_seconds / 0.05)}
    # Also after a kill or a crash (systemd.service(5), ExecStopPost=), so that no rule stays behind.
    end = f'--property=ExecStopPost="-/bin/sh {SECOND_FOLDER}/etcd-end.sh"'
    host.run((COPY + _START + RUN).format(**words, redirect=_REDIRECT, election=ELECTION, more_properties=end))


def serve_now() -> str:
    """Return a line of shell after which the regular etcd has ended, and the second one has its data, if there is one."""
    begun = f"systemctl is-active -q {SECOND_ETCD} && touch {_GO}"
    ended = f"! kill -0 $(cat {SECOND_FOLDER}/etcd.pid) 2>/dev/null"
    # Five seconds at most: what comes next restarts etcd anyway.
    return f"if {begun}; then for try in $(seq 100); do {ended} && break; sleep 0.05; done; fi"


def await_next(host: Host) -> None:
    """Wait until the regular etcd has its data back; raises MigratorError when it has not in time."""
    deadline = host.clock.monotonic() + _NEXT_SECONDS
    while host.ok(f"test -e {_SERVES} && systemctl is-active -q {SECOND_ETCD}"):
        if host.clock.monotonic() > deadline:
            raise MigratorError(
                f"{host.name}: etcd is not started after {_NEXT_SECONDS:.0f} s; a second one serves still",
                hint=f"`crictl ps -a` and `journalctl -u kubelet -u {SECOND_ETCD}` there; run this again to continue",
            )
        host.clock.sleep(_POLL)
