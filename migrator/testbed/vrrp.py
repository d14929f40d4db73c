"""Real keepalived on the hosts of a small network, each with a file that it tracks."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from migrator.errors import MigratorError
from migrator.testbed.lan import ADDRESS, Lan
from migrator.testbed.processes import Process, start, stop
from migrator.testbed.waiting import wait

_CONFIG = """\
global_defs {{
    router_id {name}
}}
track_file migrator {{
    file {folder}/track
    weight 1
    init_file {value}
}}
vrrp_instance shop {{
    state BACKUP
    interface eth0
    virtual_router_id {router}
    priority {priority}
    advert_int {interval}
    garp_master_refresh 60
    authentication {{
        auth_type PASS
        auth_pass s3cret
    }}
    virtual_ipaddress {{
        {address}/16
    }}
    track_file {{
        migrator
    }}
}}
"""


@dataclass(slots=True)
class Keepalived:
    """One running keepalived."""

    name: str
    folder: Path
    namespace: str
    _processes: list[Process] = field(default_factory=list, repr=False)

    @property
    def config(self) -> Path:
        """Its keepalived.conf."""
        return self.folder / "keepalived.conf"

    @property
    def track(self) -> Path:
        """The file that it tracks."""
        return self.folder / "track"

    @property
    def paths(self) -> dict[str, str]:
        """How `migration.yaml` says where its files are."""
        return {"pidFile": str(self.folder / "pid"), "trackFile": str(self.track)}

    @property
    def children(self) -> list[int]:
        """Its processes, the one that does VRRP last."""
        return [int((self.folder / name).read_text()) for name in ("pid", "vrrp.pid")]

    def start(self) -> None:
        """Start it, and wait until it has read its configuration."""
        program = shutil.which("keepalived") or shutil.which("keepalived", path="/usr/sbin")
        if not program:
            raise MigratorError("keepalived is not installed", hint="apt-get install keepalived")
        files: list[str | Path] = ["-f", self.config, "-p", self.folder / "pid", "-r", self.folder / "vrrp.pid"]
        command: list[str | Path] = [
            "ip",
            "netns",
            "exec",
            self.namespace,
            "env",
            f"TMPDIR={self.folder}",
            program,
            "-n",
            "-l",
            "-D",
            "-P",
            *files,
        ]
        log = self.folder / "log"
        before = log.read_text().count("Startup complete") if log.exists() else 0
        self._processes.append(start("keepalived", command, log))
        failure = MigratorError("keepalived did not start", hint=f"see {log}")

        def started() -> bool:
            if not self._processes[-1].alive:
                raise failure
            return log.read_text().count("Startup complete") > before

        wait(started, lambda: failure)

    def stop(self) -> None:
        """End it, as systemd does."""
        stop(self._processes)
        self._processes.clear()


def keepalived(
    lan: Lan, stack: ExitStack, folder: Path, name: str, priority: int, *, may: bool, interval: float = 1, router: int = 51
) -> Keepalived:
    """Add a host to the network and run keepalived on it, with the address if it `may` hold it."""
    folder.mkdir(parents=True)
    one = Keepalived(name, folder, lan.add(name))
    one.config.write_text(
        _CONFIG.format(
            name=name,
            folder=folder,
            value=0 if may else -254,
            router=router,
            priority=priority,
            interval=interval,
            address=ADDRESS,
        )
    )
    one.start()
    stack.callback(one.stop)
    return one
