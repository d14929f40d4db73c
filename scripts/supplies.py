"""Build once what the tests on real clusters need, before they run beside each other: binaries, packages, images.

Warm it takes a second. Without root or Go it leaves out what needs them, as the tests do.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable

from migrator.testbed.binaries import GO_WORK, Store
from migrator.testbed.machines.registry import fill_registry
from migrator.testbed.machines.rootfs import base_root
from migrator.testbed.machines.supplies import packages
from migrator.testbed.planes.pair import default_cache
from migrator.testbed.versions import BLUE, GREEN

COLD_SECONDS = 300.0
"""A run that took longer has compiled Kubernetes."""


def main() -> None:
    """Build what is missing, saying what, and how long each took."""
    store = Store(default_cache(), lambda text: print(f"→ {text}", file=sys.stderr, flush=True))
    whole = 0.0
    for name, build in steps(store):
        begun = time.monotonic()
        build()
        seconds = time.monotonic() - begun
        whole += seconds
        if seconds > 2:
            print(f"→ {name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    if whole > COLD_SECONDS:
        # What the compilers keep is five times what they made, and fills the disk that the nodes share.
        shutil.rmtree(GO_WORK / "go-build", ignore_errors=True)


def steps(store: Store) -> list[tuple[str, Callable[[], object]]]:
    """Return what is to be had, by name."""
    found: list[tuple[str, Callable[[], object]]] = [
        ("etcd", store.etcd),
        *((f"Kubernetes {version}", lambda version=version: store.kubernetes(version)) for version in (BLUE, GREEN)),
        ("kubectl", lambda: store.kubernetes(GREEN, ("kubectl",))),
        ("KWOK", store.kwok),
    ]
    if shutil.which("go"):
        found.append(("Helm", store.helm))
        if os.geteuid() == 0 and shutil.which("debootstrap") and shutil.which("makepkg"):
            found.append((f"packages of {BLUE} and {GREEN}", lambda: packages(store, (BLUE, GREEN))))
            arm = lambda: packages(store, (GREEN,), architecture="aarch64", names=["kubernetes"])  # noqa: E731 - as the others
            found.append((f"aarch64 package of {GREEN}", arm))
            found.append(("images", lambda: fill_registry(store, base_root(store.cache, store.say), (BLUE, GREEN), store.say)))
            if not shutil.which("pulumi"):
                found.append(("Pulumi", store.pulumi))
    return found


if __name__ == "__main__":
    main()
