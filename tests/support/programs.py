"""Workloads whose container runs a program."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import Manifest
from tests.support.objects import deployment


def workload(image: str, *args: str, kind: str = "Deployment", name: str = "any-name", **container: Any) -> Manifest:
    """Return a workload with one container."""
    manifest = deployment(name, 2)
    manifest["kind"] = kind
    manifest["metadata"]["namespace"] = "ns"
    manifest["spec"]["template"]["spec"]["containers"] = [{"name": "c", "image": image, "args": list(args), **container}]
    return manifest
