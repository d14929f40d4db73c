"""What looks as if it acted on the world outside, and only a person can know: it is asked, and never held unasked."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from migrator.model.manifest import Manifest, containers, get, pod_spec, ref_of
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext
from migrator.rules.one_side.images import is_of
from migrator.rules.one_side.rights import rights
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
_PATTERNS = (
    "*BOT_TOKEN",
    "DISCORD_TOKEN",
    "*TELEGRAM_TOKEN",
    "*CONSUMER_GROUP",
    "*CONSUMER_GROUP_ID",
    "KAFKA_GROUP_ID",
    "*SQS_QUEUE_URL",
)
"""Of chat bots, of which two answer, or push each other out; and of what takes messages from a queue."""
_AT_WORK = (
    ("crond",),
    ("supercronic",),
    ("cron.sh",),
    ("celery", "worker"),
    ("sidekiq",),
    ("resque:work",),
    ("jobs:work",),
    ("artisan", "queue:work"),
    ("artisan", "horizon"),
    ("rq", "worker"),
    ("dramatiq",),
    ("good_job",),
    ("cron", "-f"),
    ("clockwork",),
    ("yacron",),
    ("go-crond",),
    ("solid_queue:start",),
    ("bin/jobs",),
    ("sneakers:work",),
    ("karafka", "server"),
    ("shoryuken",),
    ("messenger:consume",),
    ("qcluster",),
    ("run_huey",),
    ("huey_consumer",),
    ("taskiq", "worker"),
    ("procrastinate", "worker"),
    ("arq",),
)
"""Words of commands that work without being asked: at set times, or for what waits in a queue."""

_HARMLESS = ("metallb/controller", "metallb-controller", "purelb/allocator")
"""Images of what gives Services addresses of a pool in the cluster, and tells nobody outside of them."""


class Question(NamedTuple):
    """A workload that may act outside."""

    ref: ObjectRef
    signs: tuple[str, ...]
    """Names of its variables, or of the keys that they are read from; never values."""
    runs: tuple[str, ...] = ()
    """What works in it without being asked."""
    writes: tuple[str, ...] = ()
    """What its account may write outside."""

    @property
    def text(self) -> str:
        """The question, in a sentence."""
        parts = [f"gets {', '.join(self.signs)}"] if self.signs else []
        parts += [f"runs {', '.join(self.runs)}"] if self.runs else []
        parts += [f"may write {', '.join(self.writes)}"] if self.writes else []
        return f"{' and '.join(parts)}: may it run on both sides?"

    def line(self, hold: str) -> str:
        """Return the answer as an entry of `cutover.oneSide`; a name of an object needs no quotes in YAML's flow style."""
        target = f"kind: {self.ref.kind}, namespace: {self.ref.namespace}, name: {self.ref.name}"
        return f"{{name: {self.ref.name}, target: {{{target}}}, hold: {hold}}}"


def question(manifest: Manifest, context: RuleContext) -> Question | None:
    """Return what is to be asked about a workload that the table does not know."""
    ref = ref_of(manifest)
    if ref.type_name not in WORKLOADS:
        return None
    own = [*containers(pod_spec(manifest) or {})]
    names = {name for container in own for variable in container.get("env") or [] for name in _names(variable)}
    signs = tuple(sorted(name for name in names if name in CREDENTIALS or any(fnmatchcase(name, known) for known in _PATTERNS)))
    runs = tuple(" ".join(words) for words in _AT_WORK if any(set(words) <= _words(container) for container in own))
    writes = () if any(is_of(container, _HARMLESS) for container in own) else rights(manifest, context)
    return Question(ref, signs, runs, writes) if signs or runs or writes else None


def _names(variable: Manifest) -> Iterator[str]:
    """Yield a variable's name, and the key of the Secret that it is read from in the same form: people give both names."""
    for name in (variable.get("name"), get(variable, "valueFrom", "secretKeyRef", "key")):
        if isinstance(name, str):
            yield name.upper().replace("-", "_").replace(".", "_")


def _words(container: dict[str, Any]) -> set[str]:
    """Return the words of a container's command, of programs also without their folders."""
    texts = [text for key in ("command", "args") for text in container.get(key) or [] if isinstance(text, str)]
    words = {word for text in texts for word in text.split()}
    return words | {short for word in words for short in (word.rpartition("/")[2], word.removeprefix("./"))}
