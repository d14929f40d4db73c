"""What looks as if it acted outside is asked about, by the names of what it gets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from migrator.model.manifest import Manifest
from migrator.rules.context import BlueFacts
from migrator.rules.one_side.questions import question
from tests.support.contexts import PLAIN, configured
from tests.support.objects import config_map, cron_job, deployment


def with_env(*names: object) -> Manifest:
    """Return a Deployment whose container gets these variables."""
    manifest = deployment("sync")
    manifest["metadata"]["namespace"] = "shop"
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": name, "value": "hush"} for name in names]
    return manifest


def test_a_credential_is_a_question() -> None:
    """By its name; the value is nobody's business."""
    found = question(with_env("PATH", "HCLOUD_TOKEN", "AWS_ACCESS_KEY_ID"), PLAIN)
    assert found is not None
    assert found.text == "gets AWS_ACCESS_KEY_ID, HCLOUD_TOKEN: may it run on both sides?"
    assert "hush" not in repr(found)


@pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "DISCORD_TOKEN", "ORDERS_CONSUMER_GROUP", "KAFKA_GROUP_ID"])
def test_a_bot_and_a_consumer_are_questions(name: str) -> None:
    """Two bots answer each message, or push each other out; who takes messages takes them from the other side."""
    found = question(with_env(name), PLAIN)
    assert found is not None
    assert found.signs == (name,)


def test_the_key_of_a_secret_counts_as_well() -> None:
    """Under whatever name the program gets it."""
    manifest = with_env()
    source = {"secretKeyRef": {"name": "dns", "key": "cloudflare-api-token"}}
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "TOKEN", "valueFrom": source}]
    found = question(manifest, PLAIN)
    assert found is not None
    assert found.signs == ("CLOUDFLARE_API_TOKEN",)


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        (["bundle", "exec", "sidekiq", "-C", "x.yml"], "sidekiq"),
        (["sh", "-c", "exec celery -A shop worker"], "celery worker"),
        (["/cron.sh"], "cron.sh"),
        (["/usr/sbin/crond", "-f"], "crond"),
        (["php", "artisan", "queue:work"], "artisan queue:work"),
        (["cron", "-f"], "cron -f"),
        (["bundle", "exec", "clockwork", "clock.rb"], "clockwork"),
        (["./bin/jobs"], "bin/jobs"),
        (["bin/rails", "solid_queue:start"], "solid_queue:start"),
        (["php", "bin/console", "messenger:consume", "async"], "messenger:consume"),
        (["python", "manage.py", "qcluster"], "qcluster"),
    ],
)
def test_what_works_unasked_is_a_question(command: list[str], runs: str) -> None:
    """For a queue, or at set times; also beside a web server in one pod."""
    manifest = with_env("HCLOUD_TOKEN")
    manifest["spec"]["template"]["spec"]["containers"].append({"name": "work", "command": command})
    found = question(manifest, PLAIN)
    assert found is not None
    assert found.text == f"gets HCLOUD_TOKEN and runs {runs}: may it run on both sides?"
    plain = with_env()
    plain["spec"]["template"]["spec"]["containers"].append({"name": "work", "command": command})
    alone = question(plain, PLAIN)
    assert alone is not None
    assert alone.text == f"runs {runs}: may it run on both sides?"


def test_what_its_account_may_write_is_a_question() -> None:
    """Whatever the image is called; what gives addresses of a pool inside is known to be harmless."""
    facts = BlueFacts(
        outside_roles=frozenset({("", "lb", "the addresses of Services")}),
        bound_accounts=frozenset({("shop", "default", "", "lb")}),
    )
    manifest = with_env()
    found = question(manifest, replace(PLAIN, blue=facts))
    assert found is not None
    assert found.text == "may write the addresses of Services: may it run on both sides?"
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "quay.io/metallb/controller:v0.16.2"
    assert question(manifest, replace(PLAIN, blue=facts)) is None


@pytest.mark.parametrize("manifest", [with_env("PATH"), with_env(), with_env(7), config_map("a"), cron_job("c")])
def test_most_are_none(manifest: Manifest) -> None:
    """A CronJob runs on one side anyway."""
    assert question(manifest, PLAIN) is None


@pytest.mark.parametrize("hold", ["auto", "both"])
def test_the_line_is_an_answer_as_it_stands(hold: str) -> None:
    """It can be put into the file."""
    found = question(with_env("HCLOUD_TOKEN"), PLAIN)
    assert found is not None
    (rule,) = configured(f"cutover: {{oneSide: [{found.line(hold)}]}}").cutover.one_side
    assert (rule.target.name, rule.target.namespace, rule.hold) == ("sync", "shop", hold)
    assert yaml.safe_load(found.line(hold))["name"] == "sync"
