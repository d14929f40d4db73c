"""How fast a copy is to a green that is far away: both clusters behind a way of 50 ms there and back."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import yaml
from stand import Bench, Manifest, forget, make_namespaces, run_migrator, seconds_of_writing, write_all

from migrator.model.ref import ResourceType

COUNT, MILLISECONDS = 421, 50


def measure(bench: Bench, objects: Callable[[int], list[tuple[ResourceType, Manifest]]]) -> dict[str, Any]:
    """Return the rate of writing, and the seconds before it; beside it the limit of the same API server without the way."""
    chosen = objects(COUNT)
    bench.blue(chosen)
    near = bench.green()
    make_namespaces(near)
    limit = COUNT / write_all(near, chosen)
    bench.green()
    forget(bench)
    with far_away(bench):
        began = time.time()
        whole, _ = run_migrator(bench, "copy")
    first, seconds = seconds_of_writing(bench, until="copy-ended")
    return {
        "far_round_trip_ms": MILLISECONDS,
        "far_objects": COUNT,
        "far_objects_per_s": round(COUNT / seconds, 1),
        "far_seconds_before_writing": round(first - began, 2),
        "far_seconds": round(whole, 2),
        "far_limit_near_objects_per_s": round(limit, 1),
    }


@contextmanager
def far_away(bench: Bench) -> Iterator[None]:
    """Put the way between the tool and both clusters."""
    beds = (bench.blue_bed, bench.green_bed)
    texts = [bed.kubeconfig.read_text() for bed in beds]
    addresses = [_address(text) for text in texts]
    command = [sys.executable, str(Path(__file__).with_name("delay.py")), str(MILLISECONDS), *addresses]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as way:
        told, ended = cast("IO[str]", way.stdout), cast("IO[str]", way.stdin)
        try:
            for bed, text, address in zip(beds, texts, addresses, strict=True):
                bed.kubeconfig.write_text(text.replace(address, f"127.0.0.1:{told.readline().strip()}"))
            yield
        finally:
            ended.close()
            for bed, text in zip(beds, texts, strict=True):
                bed.kubeconfig.write_text(text)


def _address(kubeconfig: str) -> str:
    return str(yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"]).partition("//")[2]
