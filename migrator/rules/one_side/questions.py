"""What looks as if it acted on the world outside, and only a person can know: it is asked, and never held unasked."""

from __future__ import annotations

from typing import NamedTuple

from migrator.model.manifest import Manifest, containers, pod_spec, ref_of
from migrator.model.ref import ObjectRef
from migrator.rules.one_side.table import WORKLOADS

CREDENTIALS = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_CLIENT_SECRET",
        "CF_API_KEY",
        "CF_API_TOKEN",
        "CLOUDFLARE_API_TOKEN",
        "DIGITALOCEAN_TOKEN",
        "DO_TOKEN",
        "GITHUB_TOKEN",
        "GITLAB_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "HCLOUD_TOKEN",
        "HETZNER_TOKEN",
        "LINODE_TOKEN",
        "OS_PASSWORD",
        "PDNS_API_KEY",
        "SMTP_PASSWORD",
        "TSIG_SECRET",
        "VULTR_API_KEY",
    }
)
"""Names of variables under which programs get credentials of clouds, DNS servers, Git hosts and mail servers."""


class Question(NamedTuple):
    """A workload that may act outside."""

    ref: ObjectRef
    signs: tuple[str, ...]
    """Names of its variables; never values."""

    @property
    def text(self) -> str:
        """The question, in a sentence."""
        return f"gets {', '.join(self.signs)}: may it run on both sides?"

    def line(self, hold: str) -> str:
        """Return the answer as an entry of `cutover.oneSide`; a name of an object needs no quotes in YAML's flow style."""
        target = f"kind: {self.ref.kind}, namespace: {self.ref.namespace}, name: {self.ref.name}"
        return f"{{name: {self.ref.name}, target: {{{target}}}, hold: {hold}}}"


def question(manifest: Manifest) -> Question | None:
    """Return what is to be asked about a workload that the table does not know."""
    ref = ref_of(manifest)
    if ref.type_name not in WORKLOADS:
        return None
    names = {
        name
        for container in containers(pod_spec(manifest) or {})
        for variable in container.get("env") or []
        if isinstance(name := variable.get("name"), str)
    }
    signs = tuple(sorted(names & CREDENTIALS))
    return Question(ref, signs) if signs else None
