"""What kubeadm refuses, read from its own words."""

from __future__ import annotations

import pytest

from migrator.model.facts import Refusal
from migrator.nodes.hop.ask_kubeadm import known_gates, planned, refusals_in, refused_configuration
from tests.support.hosts import FakeHost

PREFLIGHT = """[preflight] Running pre-flight checks.
error: error execution phase preflight: [preflight] Some fatal errors occurred:
\t[ERROR CoreDNSUnsupportedPlugins]: there are unsupported plugins in the CoreDNS Corefile
\t[ERROR CoreDNSMigration]: CoreDNS will not be upgraded: start version 'v9.9.9' not supported
[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`
To see the stack trace of this error execute with --v=5 or higher
"""


def test_each_of_kubeadm_s_checks_is_a_refusal_of_its_own() -> None:
    """By the name that `ignorePreflightErrors` takes (corefile-migration#23)."""
    assert refusals_in("plan", PREFLIGHT) == (
        Refusal("plan", "CoreDNSUnsupportedPlugins", "there are unsupported plugins in the CoreDNS Corefile"),
        Refusal("plan", "CoreDNSMigration", "CoreDNS will not be upgraded: start version 'v9.9.9' not supported"),
    )


@pytest.mark.parametrize("words", ["error: FATAL: no such version", "[upgrade] Fetching\nerror: FATAL: no such version\n"])
def test_what_no_check_says_is_told_as_it_stands(words: str) -> None:
    """It would end the run, too."""
    assert refusals_in("plan", words) == (Refusal("plan", "", "error: FATAL: no such version"),)


def test_the_gates_are_those_of_its_help() -> None:
    """The first stands on the line of the flag's values."""
    host = FakeHost()
    host.answers["init --help"] = (
        "      --feature-gates string   A set of key=value pairs. Options are:\n"
        "                               NodeLocalCRISocket=true|false (default=true)\n"
        "                               RootlessControlPlane=true|false (ALPHA - default=false)\n"
        "      --kubernetes-version string   X=1\n"
    )
    assert known_gates(host, "/x/kubeadm") == {"NodeLocalCRISocket", "RootlessControlPlane"}


def test_the_configuration_is_asked_about_as_that_of_the_version_to_come() -> None:
    """It is given over standard input, so that no file of a host is written."""
    host = FakeHost(accepts=("config validate",))
    assert refused_configuration(host, "/x/kubeadm", {"apiVersion": "kubeadm.k8s.io/v1beta4", "clusterName": "a"}, "1.37.2") == ()
    assert "kubernetesVersion: v1.37.2" in host.given[0]
    assert host.files == {}


def test_a_plan_that_is_refused_is_shown_and_found() -> None:
    """Errors of the checks that the stack accepts are not asked for."""
    host = FakeHost()
    host.fails("upgrade plan", PREFLIGHT)
    said, found = planned(host, "/x/kubeadm", "1.37.2", ("Mem",))
    assert said.startswith("kubeadm gave no answer: ")
    assert [item.check for item in found] == ["CoreDNSUnsupportedPlugins", "CoreDNSMigration"]
    assert "--ignore-preflight-errors=Mem,CreateJob" in host.commands[0]
