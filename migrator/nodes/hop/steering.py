"""Have the kernel give new connections to that one of two API servers on one port which answers well.

Listeners of one port are a group, in the order in which they began to listen; a filter chooses among them
(SO_ATTACH_REUSEPORT_CBPF in socket(7)). An API server listens from its very beginning and is ready seconds later: until then the
older one gets what is new.
Connections to the loopback address go to the newest one: a starting API server asks itself there, whoever else has the port
(k8s.io/apiserver/pkg/server/config_selfclient.go), and so does who wants to know whether the newest one is ready.
"""

from __future__ import annotations

from migrator.nodes.hop.local_api import ANY_ADDRESS, PORT
from migrator.nodes.paths import SECOND_FOLDER
from migrator.ports import Host

_FILE = f"{SECOND_FOLDER}/steer.pl"
# The filter belongs to the group, so it is set through one more listener, which is gone again at once: a filter never chooses the
# third, and the API servers' own listeners take none, because they are of multipath TCP, as Go has it.
_PROGRAM = r"""
use strict; use warnings; use Socket;
my ($port, $to) = @ARGV;
my $both = qx(ss -Hltn 'sport = :$port') =~ /\s\*:$port\s/;
socket(my $listener, $both ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
setsockopt($listener, SOL_SOCKET, $_, 1) or die "setsockopt: $!\n" for SO_REUSEADDR, SO_REUSEPORT;
my $any = $both ? sockaddr_in6($port, Socket::IN6ADDR_ANY) : sockaddr_in($port, INADDR_ANY);
bind($listener, $any) or die "bind: $!\n";
listen($listener, 16) or die "listen: $!\n";
# linux/filter.h: code, steps if true, steps if false, constant. 0xfff00000 is where the IP header begins.
my %filters = (
  newest => [[0x06, 0, 0, 1]],
  oldest => [
    [0x30, 0, 0, 0xfff00000], [0x74, 0, 0, 4], [0x15, 2, 0, 6], # IP version 6?
    [0x30, 0, 0, 0xfff00010], [0x15, 4, 5, 127],                # to 127.0.0.0/8?
    [0x20, 0, 0, 0xfff00024], [0x15, 0, 3, 1],                  # to ::1?
    [0x20, 0, 0, 0xfff00018], [0x15, 0, 1, 0],
    [0x06, 0, 0, 1],                                            # the second of the group, the newest one
    [0x06, 0, 0, 0],
  ],
);
my $filter = $filters{$to};
if (!$filter) { setsockopt($listener, SOL_SOCKET, 68, 0) or die "SO_DETACH_REUSEPORT_BPF: $!\n"; exit }
my $packed = join '', map { pack 'SCCL', @$_ } @$filter;
setsockopt($listener, SOL_SOCKET, 51, pack('S x![P] P', scalar @$filter, $packed)) or die "SO_ATTACH_REUSEPORT_CBPF: $!\n";
"""


def to_oldest() -> str:
    """Return a line of shell after which the one that listens for longest gets what is new, where this host can choose."""
    return _steer("oldest")


def to_newest() -> str:
    """Return a line of shell after which the newest one gets what is new, or the only one."""
    return _steer("newest")


def by_chance() -> str:
    """Return a line of shell after which the kernel chooses by chance, as it does where nobody steers."""
    return _steer("chance")


def begin(host: Host) -> bool:
    """Let the API server that runs get all connections that are new; return whether this host can choose at all.

    It cannot without `perl` or `ss`, and where the API server listens on one address alone.
    """
    host.run(f"install -d -m 700 {SECOND_FOLDER}")
    host.write(_FILE, _PROGRAM.encode(), mode=0o600)
    if host.ok(f"{ANY_ADDRESS} && {to_oldest()}"):
        return True
    host.run(f"rm -f {_FILE}")
    return False


def _steer(to: str) -> str:
    return f"{{ {PORT}; test ! -e {_FILE} || perl {_FILE} $p {to}; }}"
