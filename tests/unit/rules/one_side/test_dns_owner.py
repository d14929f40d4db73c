"""An external-dns that would delete records, or leave them to nobody, is refused in the plan, with its cure."""

from __future__ import annotations

import pytest

from migrator.config.one_side import OneSideRule
from migrator.model.manifest import Manifest
from migrator.rules.one_side.dns_owner import hindrance
from tests.support.contexts import configured
from tests.support.objects import deployment


def dns(*args: str, env: dict[str, str] | None = None) -> Manifest:
    """Return an external-dns with these arguments."""
    manifest = deployment("dns")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": "registry.k8s.io/external-dns/external-dns:v0.23.0", "args": list(args)}
    container["env"] = [{"name": name, "value": value} for name, value in (env or {}).items()]
    return manifest


def rule() -> OneSideRule:
    """Return an entry of a person."""
    return configured("cutover: {oneSide: [{name: dns, target: {kind: Deployment}}]}").cutover.one_side[0]


OWNED = ("--policy=sync", "--txt-owner-id=shop")


@pytest.mark.parametrize(
    ("blue", "green", "words"),
    [
        (OWNED, OWNED, ""),
        ((), (), ""),
        (("--policy=upsert-only",), ("--policy=upsert-only",), ""),
        (OWNED, ("--policy=sync", "--txt-owner-id=green"), "as shop on blue, and as green on green"),
        (("--txt-owner-id", "shop"), ("--txt-owner-id", "green"), "as shop on blue, and as green on green"),
        (("--txt-owner-id=shop",), (), "as shop on blue, and as default on green"),
        (("--policy=upsert-only", "--txt-owner-id=a"), ("--policy=upsert-only", "--txt-owner-id=b"), ""),
        (OWNED, (*OWNED[:1], "--txt-owner-id=g", "--migrate-from-txt-owner=shop"), "with --migrate-from-txt-owner=shop delete"),
        (("--policy=sync",), ("--policy=sync",), "no --txt-owner-id"),
        (("--policy", "sync"), ("--policy", "sync"), "no --txt-owner-id"),
        (("--policy=sync", "--registry=dynamodb"), ("--policy=sync", "--registry=dynamodb"), ""),
        (("--registry=noop",), ("--registry=noop",), "keeps no owners"),
        (("--registry=noop", "--policy=create-only"), ("--registry=noop", "--policy=create-only"), ""),
    ],
)
def test_what_would_delete_is_refused(blue: tuple[str, ...], green: tuple[str, ...], words: str) -> None:
    """Judged by what green gets; the policy that nobody names is sync, and then only a certain danger refuses."""
    found = hindrance(dns(*blue), dns(*green), None)
    assert (found is None) is (words == "")
    if found:
        assert words in found.reason
        assert "--policy=upsert-only" in found.hint
    assert hindrance(dns(*blue), dns(*green), rule()) is None


def test_variables_count_as_flags_do() -> None:
    """The chart of some vendors sets them."""
    both = {"EXTERNAL_DNS_POLICY": "sync", "EXTERNAL_DNS_TXT_OWNER_ID": "shop"}
    assert hindrance(dns(env=both), dns(env=both), None) is None
    found = hindrance(dns(env=both), dns(env=both | {"EXTERNAL_DNS_TXT_OWNER_ID": "other"}), None)
    assert found is not None
    assert "as shop on blue, and as other on green" in found.reason
    assert hindrance(dns(env=both), dns(env={"EXTERNAL_DNS_POLICY": "sync"}), None) is not None


def test_another_program_is_not_looked_at() -> None:
    """Its flags mean something else."""
    web = deployment("web")
    web["spec"]["template"]["spec"]["containers"][0]["args"] = ["--policy=sync"]
    assert hindrance(web, web, None) is None
