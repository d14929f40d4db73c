"""Have an etcd that is about to start elect itself at once, where it is the only member.

It waits for a random part of its election timeout otherwise, up to a second, although nobody else could be elected
(go.etcd.io/raft/v3: resetRandomizedElectionTimeout; etcd has no request of clients for it, as `MoveLeader` asks a leader).
A member tells another one to stand for election by `MsgTimeoutNow`, as when a leader hands over. It is sent as a member sends
it, with the member's own certificate; the connection waits in the queue of the port until etcd serves it.
A member that leads ignores the message, and one that does not take it elects itself as it would without.
"""

from __future__ import annotations

# It is repeated for the second in which it is of use: an election is refused until changes of membership in the log are applied.
# `raftpb.Message`: type 14 (MsgTimeoutNow), to, from; without a term it is taken as of the present one.
ELECTION = r"""
election=
# Members speak HTTP 1.1; what speaks HTTP 2 there is taken for gRPC. The first refusal ends it: an election comes without it, too.
ask() { timeout 30 curl -s -f --fail-early --http1.1 --noproxy '*' $tls "$@" 2>/dev/null; }
prepare_election() {
  tls=
  inside=/proc/$own/root
  if test -n "$cert" -a -r "$inside$cert" -a -r "$inside$key" -a -r "$inside$ca"; then
    # Open before that etcd ends, and its files with it.
    exec 3< "$inside$cert" 4< "$inside$key" 5< "$inside$ca"
    tls='--cert /proc/self/fd/3 --key /proc/self/fd/4 --cacert /proc/self/fd/5'
  fi
  told=$(ask -i -m 5 "$second_peer/members" | tr -d '\r')
  cluster=$(echo "$told" | sed -n 's/^[Xx]-[Ee]tcd-[Cc]luster-[Ii][Dd]: *\([0-9a-f]*\)$/\1/p')
  member=$(echo "$told" | grep -o '"id":[0-9]*' | sed 's/.*://')
  version=$(ask -m 5 "$second_peer/version" | sed -n 's/.*"etcdserver":"\([0-9.]*\)".*/\1/p')
  # Of several members it stays empty: they elect one of them.
  case "$member" in *[!0-9]* | '') return ;; esac
  test -n "$cluster" -a -n "$version" || return
  perl -e '
    my ($left, $id) = ($ARGV[0], "");
    do { my $bits = $left & 127; $left >>= 7; $id .= chr($left ? $bits | 128 : $bits) } while $left;
    print "\x08\x0e\x10$id\x18$id";
  ' "$member" > "$folder/election" && election=ready
}
ask_for_election() {
  test -n "$election" || return
  ask -o /dev/null --rate 50/s -H "X-Etcd-Cluster-ID: $cluster" -H "X-Server-Version: $version" \
    --data-binary "@$folder/election" "$next_peer/raft?[1-50]"
}
"""
"""Shell functions; `own` is the process of the etcd that serves meanwhile, `second_peer` and `next_peer` are URLs for members."""
