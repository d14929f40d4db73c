"""Start a copy of a process that runs in a container: same program, arguments, environment, user and files."""

from __future__ import annotations

from migrator.nodes.paths import SECOND_FOLDER

COPY = (
    r"""
set -eu
pid={pid}
folder="""
    + SECOND_FOLDER
    + r"""
words() {{ tr '\0' '\n' < /proc/$pid/$1; }}
identity() {{ awk -v name="$1:" '$1 == name {{ print $3 }}' /proc/$pid/status; }}
install -d -m 700 $folder
umask 077
program=$(readlink /proc/$pid/exe)
arguments=$(words cmdline | tail -n +2 | sed "s/'/'\\\\''/g; s/.*/'&'/" | tr '\n' ' ')
words environ | sed -n "s/'/'\\\\''/g; s/^\([A-Za-z_][A-Za-z0-9_]*\)=\(.*\)/export \1='\2'/p" > $folder/{name}.env
echo $pid > $folder/{name}.pid
enter="$(command -v nsenter) --mount=/proc/self/fd/7 --setuid $(identity Uid) --setgid $(identity Gid)"
start=". $folder/{name}.env; exec $enter -- $program $arguments"
"""
)
"""Shell that sets `$start`.

The mount namespace is kept open as descriptor 7, because it ends with its last process. The environment, which may hold secrets,
is read from a file that only root reads, and after all programs of the host were found.
"""
RUN = r"""
systemctl reset-failed {unit} 2>/dev/null || true
systemd-run --quiet --collect --property=TimeoutStopSec={seconds} {more_properties} --unit={unit} sh $folder/{name}.sh
"""
"""Shell that starts the unit, from a script of the same name.

Without a limit systemd may wait 90 s for the end of a unit whose processes it cannot count (cgroup v1).
"""
