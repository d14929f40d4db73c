"""Accounts and their tokens."""

from __future__ import annotations

import pytest

from migrator.model.manifest import ref_of
from migrator.rules import accounts
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.skip import skip_reason
from tests.support.contexts import PLAIN, owned
from tests.support.objects import made


def test_token_secrets() -> None:
    """Blue's signatures go from a hand-made token Secret, other data stays; a generated one is recognised."""
    secret = made("v1", "Secret", "s", type=accounts.TOKEN_TYPE, data={"token": "x", "ca.crt": "y", "namespace": "z", "mine": "1"})
    assert accounts.blank_token(secret, PLAIN)["data"] == {"mine": "1"}
    assert accounts.is_generated_token(owned(secret, {"f:data": {}}, "kube-controller-manager"))
    assert not accounts.is_generated_token(owned(secret, {"f:data": {}}))


def test_references_to_tokens_that_blue_generated_go() -> None:
    """The Secret decides, and not its name: an own one that is named like a generated one stays."""
    names = ({"name": "robot-token-x7k2p"}, {"name": "robot-token-own"})
    account = made("v1", "ServiceAccount", "robot", namespace="n", secrets=list(names))
    context = RuleContext(PLAIN.config, blue=BlueFacts(generated_tokens=frozenset({("n", "robot-token-x7k2p")})))
    assert accounts.drop_token_references(account, context)["secrets"] == [{"name": "robot-token-own"}]
    assert accounts.drop_token_references(account, PLAIN) is account


@pytest.mark.parametrize("name", ["openshift.io/token-secret.name", "openshift.io/internal-registry-auth-token.service-account"])
def test_what_openshift_signed_for_its_own_registry_stays(name: str) -> None:
    """Green's registry would refuse it; the account is not to name it, and keeps what a person gave it."""
    login = made("v1", "Secret", "app-dockercfg-x7k2p", namespace="n", annotations={name: "app"}, type="kubernetes.io/dockercfg")
    assert "signed by blue" in skip_reason(login, ref_of(login), PLAIN)
    persons = {**login, "metadata": {"name": "o", "namespace": "n"}}
    assert not skip_reason(persons, ref_of(persons), PLAIN)
    named = [{"name": "app-dockercfg-x7k2p"}, {"name": "own"}]
    account = made("v1", "ServiceAccount", "app", namespace="n", secrets=named[:1], imagePullSecrets=named)
    context = RuleContext(PLAIN.config, blue=BlueFacts(generated_tokens=frozenset({("n", "app-dockercfg-x7k2p")})))
    done = accounts.drop_token_references(account, context)
    assert "secrets" not in done
    assert done["imagePullSecrets"] == named[1:]


def test_default_account_moves_only_when_changed() -> None:
    """The default account stays unless a person gave it something."""
    account = made("v1", "ServiceAccount", "default", namespace="n")
    assert skip_reason(account, ref_of(account), PLAIN)
    changed = {**account, "imagePullSecrets": [{"name": "login"}]}
    assert not skip_reason(changed, ref_of(changed), PLAIN)
    mountable = {**account, "secrets": [{"name": "own"}]}
    assert not skip_reason(mountable, ref_of(mountable), PLAIN)


def test_a_token_that_is_signed_anew_is_told() -> None:
    """Who uses blue's from outside would be refused; other Secrets say nothing."""
    token = made("v1", "Secret", "ci", namespace="n", type=accounts.TOKEN_TYPE)
    assert "green signs another token" in accounts.notes(token, PLAIN)[0]
    assert not accounts.notes(made("v1", "Secret", "s", namespace="n", type="Opaque"), PLAIN)
