"""A set of test nodes: up, down, status; all of its state in one folder."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import yaml

from migrator.adapters.commands import run
from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.testbed.binaries import Store
from migrator.testbed.machines.emulated import boot_emulated, remove_link
from migrator.testbed.machines.machine import Machine, boot, halt, write_root
from migrator.testbed.machines.network import gateway, make_bridge, remove_bridge
from migrator.testbed.machines.registry import fill_registry
from migrator.testbed.machines.rootfs import USER, base_root, remove_root
from migrator.testbed.processes import Process, is_free, start, stop
from migrator.testbed.state import StateFolder
from migrator.testbed.waiting import PATIENCE_SECONDS, wait

# Each instruction is translated: systemd takes minutes.
_EMULATED_BOOT_SECONDS = 900.0
# inotify instances: systemd, the kubelet and CRI-O of all containers share one limit.
_WATCHERS = 8192
_REGISTRY_PORT = 5000


@dataclass(slots=True, frozen=True)
class LabStatus:
    """What of a set of nodes runs."""

    running: bool
    machines: tuple[Machine, ...]
    registry: str
    """Address of the image registry that the nodes use for registry.k8s.io; empty before `up`."""
    faked: tuple[str, ...]
    """What this machine lacks, and what stands in for it."""


@dataclass(slots=True)
class Lab:
    """Nodes in a folder."""

    folder: Path
    name: str
    store: Store
    say: Callable[[str], None]
    emulate: str = ""
    """Debian's name of an architecture: the nodes are then whole emulated machines of it, and no containers. Empty: containers."""
    memory: int = 3072
    """Of an emulated machine, MiB."""
    packages: tuple[str, ...] = ()
    """Of Debian, beside what a node needs."""
    images: tuple[str, ...] = ()
    """Of the registry, beside what Kubernetes needs and the sample application."""

    @property
    def user(self) -> str:
        """The user to log in as, who may use sudo."""
        return USER

    @property
    def key(self) -> Path:
        """The private key that opens all of them."""
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        """Their host keys."""
        return self.folder / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        """`ssh -F FILE NAME` reaches a node."""
        return self.folder / "ssh_config"

    def up(self, count: int, versions: tuple[str, ...]) -> LabStatus:
        """Start nodes until `count` are on, and a registry with what `versions` of Kubernetes need.

        What runs already stays; what crashed is started again with its disk as it was. Raises MigratorError.
        """
        plain = base_root(self.store.cache, self.say, emulated=self.emulate)
        base = base_root(self.store.cache, self.say, emulated=self.emulate, more=self.packages)
        images = dataclasses.replace(self.store, architecture=self.emulate) if self.emulate else self.store
        storage = fill_registry(images, plain, versions, self.say, more=self.images)
        _allow_watchers()
        with self._state.locked():
            network = make_bridge(self._bridge)
            self._state.update(network=str(network), emulate=self.emulate)
            self._serve_images(storage, network)
            if not self.key.exists():
                run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"testbed {self.name}", "-f", self.key])
            names = {f"{self.name}-{number}": str(network[10 + number]) for number in range(1, count + 1)}
            self.say(f"booting {count} nodes of {self.name}: {', '.join(names)}")
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda item: self._ensure(base, item[0], item[1], network), names.items()))
            self._write_ssh_config()
            for name in names:
                self._wait(name)
            self._state.update(complete=True)
            return self.status()

    def down(self) -> bool:
        """End all nodes and remove everything of them; returns whether there were any."""
        if not self.folder.exists():
            return False
        with self._state.locked():
            state = self._state.read()
            for machine in self.status().machines:
                halt(machine, self._root(machine.name))
                if state.get("emulate"):
                    remove_link(f"vb-{self._unit(machine.name)}")
            stop([Process(**item) for item in state.get("processes", ())])
            remove_bridge(self._bridge)
            nodes = self.folder / "nodes"
            for entry in nodes.iterdir() if nodes.exists() else ():
                remove_root(entry / "root")
            existed = bool(state)
        shutil.rmtree(self.folder)
        return existed

    def status(self) -> LabStatus:
        """Return what runs."""
        state = self._state.read()
        machines = tuple(
            Machine(item["name"], item["address"], Process(**item["process"]), tuple(item["cgroups"]))
            for item in state.get("machines", ())
        )
        running = bool(state.get("complete")) and all(machine.alive for machine in machines)
        registry = f"{gateway(IPv4Network(state['network']))}:5000" if "network" in state else ""
        faked = ("the whole machine: a processor, disk and network of QEMU's",) if state.get("emulate") else _faked()
        return LabStatus(running, machines, registry, faked)

    def power_off(self, name: str) -> None:
        """Take a node's power away, as a person pulls the plug; its disk stays, `up` starts it again."""
        machine = self._machine(name)
        halt(dataclasses.replace(machine), self._root(name))

    def reinstall(self, name: str) -> None:
        """Give a node that is off a fresh disk, as a person does with a new SD card; its host key changes."""
        remove_root(self._root(name))

    def cut(self, name: str) -> None:
        """Pull a node's network cable."""
        run(["ip", "link", "set", f"vb-{self._unit(name)}", "down"])

    def mend(self, name: str) -> None:
        """Plug it in again."""
        run(["ip", "link", "set", f"vb-{self._unit(name)}", "up"])

    def stop_registry(self) -> None:
        """Take the image registry away; `up` brings it back."""
        stop([Process(**item) for item in self._state.read().get("processes", ())])

    def command(self, name: str, *words: str) -> list[str]:
        """Return the ssh command line that runs `words` on a node, or logs in."""
        return ["ssh", "-F", str(self.ssh_config), self._machine(name).name, *words]

    @property
    def _bridge(self) -> str:
        return f"mg{self.mark}"

    @property
    def mark(self) -> str:
        """The letters that stand in the names of all links and cgroups of these nodes, and of no other ones."""
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    def _unit(self, name: str) -> str:
        return f"{self.mark}-{name.rpartition('-')[2]}"

    def _root(self, name: str) -> Path:
        return self.folder / "nodes" / name / "root"

    def _machine(self, name: str) -> Machine:
        for machine in self.status().machines:
            if machine.name == name:
                return machine
        there = ", ".join(machine.name for machine in self.status().machines) or "none"
        raise BlockedError(f"testbed: no node {name}; there are {there}", hint="`migrator testbed nodes up` makes them")

    def _ensure(self, base: Path, name: str, address: str, network: IPv4Network) -> None:
        known = {machine.name: machine for machine in self.status().machines}
        if name in known and known[name].alive:
            return
        if name in known:
            halt(known[name], self._root(name))
        root = self._root(name)
        if not root.exists():
            partial = root.with_name("partial")
            remove_root(partial)
            partial.parent.mkdir(parents=True, exist_ok=True)
            run(["cp", "--archive", "--reflink=auto", base, partial])
            hosts = {f"{self.name}-{number}": str(network[10 + number]) for number in range(1, 20)}
            key = self.key.with_suffix(".pub").read_text()
            write_root(partial, name=name, address=address, gateway=gateway(network), hosts=hosts, public_key=key)
            partial.rename(root)
        machine = self._boot(name, address, root)
        with self._state.recording() as state:
            others = [item for item in state.get("machines", ()) if item["name"] != name]
            state["machines"] = [*others, dataclasses.asdict(machine)]

    def _boot(self, name: str, address: str, root: Path) -> Machine:
        unit = self._unit(name)
        if not self.emulate:
            return boot(name, address, root=root, bridge=self._bridge, unit=unit, log=root.parent / "console.log")
        return boot_emulated(
            name,
            address,
            root=root,
            bridge=self._bridge,
            unit=unit,
            architecture=self.emulate,
            memory=self.memory,
        )

    def _serve_images(self, storage: Path, network: IPv4Network) -> None:
        state = self._state.read()
        if any(Process(**item).alive for item in state.get("processes", ())):
            return
        address = f"{gateway(network)}:{_REGISTRY_PORT}"
        if not is_free(_REGISTRY_PORT, gateway(network)):
            # Ours would end at once, and the nodes would be served by what a killed testbed has left.
            raise MigratorError(
                f"testbed: another process listens on {address}", hint=f"`ss -ltnp sport = :{_REGISTRY_PORT}` names it"
            )
        config = self.folder / "registry.yml"
        settings = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(storage)}},
            "http": {"addr": address},
        }
        config.write_text(yaml.safe_dump(settings))
        process = start("registry", ["docker-registry", "serve", config], self.folder / "registry.log")
        self._state.update(processes=[dataclasses.asdict(process)])

    def _write_ssh_config(self) -> None:
        keys, entries = [], []
        for machine in self.status().machines:
            public = (self._root(machine.name) / "etc/ssh/ssh_host_ed25519_key.pub").read_text().rsplit(" ", 1)[0]
            keys.append(f"{machine.address} {public}\n")
            entries.append(f"Host {machine.name}\n  HostName {machine.address}\n")
        self.known_hosts.write_text("".join(keys))
        common = (
            f"Host *\n  User {USER}\n  IdentityFile {self.key}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  StrictHostKeyChecking yes\n  ConnectTimeout 10\n  LogLevel ERROR\n"
        )
        self.ssh_config.write_text("".join(entries) + common)

    def _wait(self, name: str) -> None:
        said = ""

        def failure() -> MigratorError:
            log = self._root(name).parent / "console.log"
            return MigratorError(f"test node {name} does not answer SSH: {said}", hint=f"see {log}")

        def answers() -> bool:
            nonlocal said
            try:
                run(self.command(name, "true"))
            except CommandFailedError as error:
                said = error.message
                if not self._machine(name).alive:
                    raise failure() from error
                return False
            return True

        wait(answers, failure, seconds=_EMULATED_BOOT_SECONDS if self.emulate else PATIENCE_SECONDS)

    @property
    def _state(self) -> StateFolder:
        return StateFolder(self.folder)


def _allow_watchers() -> None:
    """Let this machine's user have enough inotify instances: the nodes share one kernel, and so its limit of 128."""
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(limit.read_text()) < _WATCHERS:
        limit.write_text(str(_WATCHERS))


def _faked() -> tuple[str, ...]:
    """Return what this machine lacks of a board, and what the nodes have instead."""
    found = []
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        found.append("cgroup v2: the nodes run on v1, so kubelets of 1.35 and later need failCgroupV1: false")
    status = Path("/proc/self/status").read_text()
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd"))
    if not bounding >> 24 & 1:
        found.append("CAP_SYS_RESOURCE: a shim before runc leaves it out of containers")
    if not Path("/sys/fs/cgroup/hugetlb").exists() and not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        found.append("hugetlb cgroup: the shim drops huge page limits")
    if not Path("/proc/sys/net/bridge").exists():
        found.append("br_netfilter: pods use ptp in place of a bridge")
    return tuple(found)
