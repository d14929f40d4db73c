"""Replace static pods of the control plane without the time that nobody needs: docs/upgrade.md has where each second goes.

- An API server that is told to end closes its port at once, and then waits for its watches until the kubelet kills it after 30 s.
- While the only etcd is replaced, its API server answers nothing, and the kubelet asks it before it starts the new etcd: for 34 s.
  Once it asks, the API server is ended: the question fails, etcd starts, and the kubelet starts the API server again.
"""

from __future__ import annotations

from collections.abc import Iterable

from migrator.nodes.hop.second_server import hand_over
from migrator.nodes.hop.steering import to_oldest
from migrator.nodes.paths import MANIFESTS, SECOND_API, SECOND_ETCD
from migrator.ports import Host
from migrator.untrusted import for_shell

# When the kubelet has asked for sure (it tries a static pod again after 10 to 15 s), and how long an etcd may take from then.
_TRY_SECONDS, _AGAIN_SECONDS = 16, 5
# For requests that an API server has taken before its port was closed.
#
# Where a second one answers it is ended at once, before the kubelet tells it to end: it would first take its address out of the
# Service `kubernetes`, which nobody puts back for up to 10 s (k8s.io/kubernetes/pkg/controlplane/controller/kubernetesservice).
_IN_FLIGHT_SECONDS = 2
_START_SECONDS = 300.0

_FIND = """
find_api() {{
  container=$(crictl ps -q --state Running --label io.kubernetes.container.name=kube-apiserver \
    --label io.kubernetes.pod.namespace=kube-system --label io.kubernetes.pod.name={pod} 2>/dev/null | head -n 1)
  test -z "$container" || crictl inspect -o go-template --template '{{{{.info.pid}}}}' "$container" 2>/dev/null
}}
end_api() {{ for pid in $(find_api); do sleep "$1"; kill -9 "$pid" 2>/dev/null; done; }}
swapped_api() {{
  if ! systemctl is-active -q {second}; then end_api {seconds}; return; fi
  if test "$(cat "/proc/${{1:-0}}/comm" 2>/dev/null)" = kube-apiserver; then kill -9 "$1"; else end_api 0; fi
  {steered} || true
}}
"""
_WATCH = """
sum() {{ {{ cksum < {manifests}/$1.yaml; }} 2>/dev/null; }}
up() {{ ss -Hltn 'sport = :2379' 2>/dev/null | grep -q .; }}
free_etcd() {{
  sleep {wait}
  for try in 1 2 3 4 5 6; do
    if up; then return; fi
    end_api 0
    sleep {again}
  done
}}
api=$(sum kube-apiserver)
running=$(find_api)
etcd=$(sum etcd)
watch() {{
  while sleep 0.1; do
    now=$(sum etcd)
    if test -n "$now" -a "$now" != "$etcd"; then
      etcd=$now
      systemctl is-active -q {second_etcd} || free_etcd
      running=$(find_api)
    fi
    now=$(sum kube-apiserver)
    if test -n "$now" -a "$now" != "$api"; then api=$now; swapped_api "$running"; {hand_over} & running=$(find_api); fi
  done
}}
watch & watching=$!
{command}
code=$?
kill $watching
exit $code
"""
# The kubelet reads every file of the folder: a new one is written beside it and moved in.
_REPLACE = """
set -e
changed=
running=$(find_api)
for name in {components}; do
  now={manifests}/$name.yaml; new={folder}/.migrator-$name.yaml
  (umask 077; {content} > $new)
  test -s $new
  if cmp -s $new $now; then rm -f $new; else sync $new; mv $new $now; changed="$changed $name"; fi
done
case "$changed" in *kube-apiserver*) swapped_api "$running"; {hand_over} ;; esac
true
"""


def swapping(command: str, node: str) -> str:
    """Return a command that does the same, and ends the node's API server once its manifest is replaced, or etcd waits for it."""
    words = {"manifests": MANIFESTS, "second_etcd": SECOND_ETCD, "hand_over": f"{{ {hand_over()}; }} 2>/dev/null"}
    watched = _WATCH.format(wait=_TRY_SECONDS, again=_AGAIN_SECONDS, command=command, **words)
    return f"sh -c {for_shell(_find(node) + watched)}"


def replace_manifests(host: Host, components: Iterable[str], content: str) -> None:
    """Replace manifests, each in one moment, by what a line of shell prints of `$now`, which is there, or `$name`."""
    script = _REPLACE.format(
        components=" ".join(components),
        manifests=MANIFESTS,
        folder=MANIFESTS.rpartition("/")[0],
        content=content,
        hand_over=f"{hand_over()} || true",
    )
    host.run(_find(host.name) + script, timeout=_START_SECONDS)


def _find(node: str) -> str:
    return _FIND.format(pod=for_shell(f"kube-apiserver-{node}"), second=SECOND_API, seconds=_IN_FLIGHT_SECONDS, steered=to_oldest())
