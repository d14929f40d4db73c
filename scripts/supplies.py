"""Build once what the tests on real clusters need, before they run beside each other: programs, packages, images.

Warm it takes a second. A run that was ended goes on where it was, and two at once wait for each other, artefact by artefact.
Without root or Go it leaves out what needs them, as the tests do. `--arm` adds what the tests of an aarch64 machine need.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from migrator.testbed.binaries import Store
from migrator.testbed.go_build import WORK
from migrator.testbed.machines.registry import fill_registry
from migrator.testbed.machines.rootfs import base_root
from migrator.testbed.machines.supplies import CROSS_BUILT, RUNTIME, packages
from migrator.testbed.planes.pair import default_cache
from migrator.testbed.versions import BLUE, CONTROL_PLANE, GREEN, kubernetes

BESIDE = 2
"""How many artefacts are made at a time: while one is downloaded or linked, another is compiled."""
ROOM = 30 * 1024**3
"""Free bytes on the disk below which what the compiler keeps is removed at the end: it is five times what was made."""


class Step(NamedTuple):
    """Something to be had, and how it is made where it is missing."""

    name: str
    make: Callable[[Store], object]


def main() -> None:
    """Make what is missing."""
    found = steps(nodes=can_make_nodes(), arm="--arm" in sys.argv[1:])
    progress = Progress(len(found))
    with ThreadPoolExecutor(BESIDE) as pool:
        for running in [pool.submit(progress.run, step) for step in found]:
            running.result()
    progress.end()
    if WORK.exists() and shutil.disk_usage(WORK).free < ROOM:
        shutil.rmtree(WORK / "go-build", ignore_errors=True)


def can_make_nodes() -> bool:
    """Return whether this machine can make test nodes, and what they are made of."""
    return os.geteuid() == 0 and all(map(shutil.which, ("go", "debootstrap", "makepkg")))


def steps(*, nodes: bool, arm: bool) -> list[Step]:
    """Return what there is to make; what takes longest, and what most tests wait for, comes first."""
    if not nodes:
        found = [
            Step("etcd", programs("etcd")),
            *(Step(f"Kubernetes {version}", partial(of_kubernetes, version=version)) for version in (BLUE, GREEN)),
            Step("KWOK", programs("kwok")),
        ]
        return [*found, Step("Helm", programs("helm"))] if shutil.which("go") else found
    pulumi = () if shutil.which("pulumi") else ("pulumi", "pulumi-language-python")
    found = [
        Step("root file system of nodes", lambda store: base_root(store.cache, store.say)),
        Step("etcd", programs("etcd", "etcdctl", "etcdutl")),
        # Two versions of Kubernetes at once would both compile the libraries that they share. Pulumi has packages of minutes,
        # which keep one core busy only.
        Step(f"Kubernetes {BLUE}", partial(all_of_kubernetes, version=BLUE)),
        Step("Pulumi, its plugin, Helm", programs("helm", "pulumi-resource-kubernetes", *pulumi)),
        Step(f"Kubernetes {GREEN}", partial(all_of_kubernetes, version=GREEN)),
        Step("KWOK, CoreDNS", programs("kwok", "coredns")),
        *(Step(f"package of {name}", partial(package, name=name)) for name in RUNTIME),
        Step(f"aarch64 package of {CROSS_BUILT}", partial(package, name=CROSS_BUILT, architecture="aarch64")),
        Step("images", lambda store: fill_registry(store, base_root(store.cache, store.say), (BLUE, GREEN), store.say)),
    ]
    if arm:
        names = ("kubernetes", *RUNTIME)
        found += [Step(f"aarch64 package of {name}", partial(package, name=name, architecture="aarch64")) for name in names]
    return found


def programs(*names: str) -> Callable[[Store], object]:
    """Return how programs are made that are not Kubernetes' own."""
    return lambda store: store.programs(*names)


def of_kubernetes(store: Store, version: str) -> None:
    """Get the programs of a version that the testbed without nodes starts, and those that its tests call."""
    store.kubernetes(version, (*CONTROL_PLANE, "kubectl") if version == GREEN else CONTROL_PLANE)


def all_of_kubernetes(store: Store, version: str) -> None:
    """Make a version's programs and then its package, for which most is compiled by then."""
    store.kubernetes(version, tuple(kubernetes(version).programs))
    packages(store, (version,), names=["kubernetes"])


def package(store: Store, name: str, architecture: str = "x86_64") -> None:
    """Make one package of the newer version's nodes."""
    packages(store, (GREEN,), architecture=architecture, names=[name])


@dataclass
class Progress:
    """Tells what is being made, since when, and how many of how many are there."""

    steps: int
    begun: float = field(default_factory=time.monotonic)
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, step: Step) -> None:
        """Take one step; of one that has nothing to do, nothing is told."""
        begun, at = time.monotonic(), time.strftime("%H:%M:%S")
        told: list[str] = []

        def say(text: str) -> None:
            if not told:
                self.tell(f"{step.name}: begun at {at}")
            told.append(text)
            self.tell(f"{step.name}: {text}")

        step.make(Store(default_cache(), say))
        with self.lock:
            self.done += 1
            if told:
                self.tell(f"{step.name}: {time.monotonic() - begun:.0f} s, {self.done} of {self.steps} are there")

    def end(self) -> None:
        """Tell how long all of it took, where it took long."""
        seconds, used = time.monotonic() - self.begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        if seconds > 5:
            self.tell(f"all {self.steps} are there: {seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processors")

    @staticmethod
    def tell(text: str) -> None:
        """Print a line at once."""
        print(f"→ {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
