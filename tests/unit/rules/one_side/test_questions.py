"""What looks as if it acted outside is asked about, by the names of what it gets."""

from __future__ import annotations

import pytest
import yaml

from migrator.model.manifest import Manifest
from migrator.rules.one_side.questions import question
from tests.support.contexts import configured
from tests.support.objects import config_map, cron_job, deployment


def with_env(*names: object) -> Manifest:
    """Return a Deployment whose container gets these variables."""
    manifest = deployment("sync")
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": name, "value": "hush"} for name in names]
    return manifest


def test_a_credential_is_a_question() -> None:
    """By its name; the value is nobody's business."""
    found = question(with_env("PATH", "HCLOUD_TOKEN", "AWS_ACCESS_KEY_ID"))
    assert found is not None
    assert found.text == "gets AWS_ACCESS_KEY_ID, HCLOUD_TOKEN: may it run on both sides?"
    assert "hush" not in repr(found)


@pytest.mark.parametrize("manifest", [with_env("PATH"), with_env(), with_env(7), config_map("a"), cron_job("c")])
def test_most_are_none(manifest: Manifest) -> None:
    """A CronJob runs on one side anyway."""
    assert question(manifest) is None


@pytest.mark.parametrize("hold", ["auto", "both"])
def test_the_line_is_an_answer_as_it_stands(hold: str) -> None:
    """It can be put into the file."""
    found = question(with_env("HCLOUD_TOKEN"))
    assert found is not None
    (rule,) = configured(f"cutover: {{oneSide: [{found.line(hold)}]}}").cutover.one_side
    assert (rule.target.name, rule.target.namespace, rule.hold) == ("sync", "shop", hold)
    assert yaml.safe_load(found.line(hold))["name"] == "sync"
