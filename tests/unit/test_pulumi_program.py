"""The Pulumi program, under Pulumi's own mocks: the engine is not part of these tests."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pulumi
import yaml


class Mocks(pulumi.runtime.Mocks):
    """Answers for an engine that is not there."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return the inputs as outputs."""
        return args.name, args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Return nothing."""
        del args
        return {}, None


def test_each_stack_exports_its_cluster(monkeypatch: Any) -> None:
    """Every file in stacks/ gives the program what it needs, and what it says is exported."""
    root = Path(__file__).parents[2]
    files = sorted((root / "stacks").glob("Pulumi.*.yaml"))
    assert files
    for file in files:
        config = yaml.safe_load(file.read_text())["config"]
        pulumi.runtime.set_mocks(Mocks(), project="migrator", stack=file.name.split(".")[1])
        pulumi.runtime.set_all_config(config)
        seen: dict[str, Any] = {}
        monkeypatch.setattr(pulumi, "export", seen.__setitem__)
        runpy.run_path(str(root / "__main__.py"))
        assert seen["kubernetesVersion"] == config["migrator:kubernetesVersion"]
        assert set(seen) == {"kubernetesVersion", "kubeconfig", "context"}
