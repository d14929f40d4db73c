"""Write docs/objects.md: for every kind of object what happens to it, and why; read from the rules themselves.

`--check` writes nothing and fails when the page is not what the rules say.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from migrator.model.manifest import POD_TEMPLATES
from migrator.readiness import kinds as readiness
from migrator.rules import holds, order, ownership, runs, skip, staying_kinds, table

PAGE = Path(__file__).parents[1] / "docs/objects.md"
_EVERY = "every kind"
_WORKLOADS = frozenset(POD_TEMPLATES)

_HEAD = """\
# What happens to each kind of object

Written by `make docs` from the rules; do not edit it. A rule that is named here is named by `migrator plan` beside the objects
that it changes, a reason beside those that it leaves.

A kind that is not in these tables, such as a custom resource, moves with its CRD as it is: what holds for every kind holds for
it. Blue's status is not written, but of a run that has ended and of a kind whose status is a field as any other; what green's
API server fills in by itself is no difference.
"""
_BESIDE = """\
## What no table tells

- **Who made it decides, not its name.** Roles of the API server and of kubeadm are known by their label and their field
  manager; an add-on's role that is called `system:...` moves.
- **kube-system, kube-public, kube-node-lease** stay. What there was made by no part of Kubernetes, and is not on green, is
  named one by one, with the line of `move.objects.include` that brings it; `init` proposes it. The plan warns where something
  that moves needs it: rights for an account, a key of sealed-secrets, a Secret or Service that is referred to.
- **What lives and dies with something that stays** (a pod, a ReplicaSet, a Job, a node) stays, too: on green it would have no
  owner, and live for ever.
- **What is known by its status alone** gets that part of it: what AWS Controllers for Kubernetes, Config Connector, Datadog,
  Coralogix, HCP Terraform and the operator of Cloudflare's tunnels keep outside, of which they would make a second one, or fail;
  the role of a PostgresUser (movetokube), and that a DbUser was made (db-operator); the cluster ID of Strimzi's Kafka, which its
  data bears; that OpenSearch's operator made a role, a policy or a template, which it would find in moved data and never touch
  again.
- **Pods of a controller** are made anew. Before that comes what changes pods: mutating policies, and webhooks with the
  workloads behind them. A workload whose pods such a webhook changes is written once it answers, and is held with the reason
  where it does not in `gates.backendTimeout`. A webhook that does no work on blue holds nobody.
- **A webhook or an APIService** is written last, when its backend has an endpoint; a webhook with `failurePolicy: Ignore` waits
  for none. `validate` sends a dry run through each webhook that fails closed, and a request to each APIService.
- **A LimitRange that refuses what blue has** is written after that; a Service with a chosen address or node port before those
  that are given one.
- **A default class** (of Ingresses, of claims) that moves is written after what asks for no class on blue, and so would get it.
- **A rollout that is stuck or paused on blue** starts on green with the revision whose pods do the work. `validate` fails where
  fewer pods of a workload work than on blue.
- **What green's validation refuses** although blue has it is found by `plan` and `copy`, by dry run before
  anything is written, and blocked with the reason.
- **Data in volumes** is not copied: a claim that had a volume fails `validate` until you account for it.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_kinds(), *_left(), *_rules(), *_steps(), *_ranks(), _BESIDE])


def _kinds() -> Iterator[str]:
    """Yield the table of kinds: what is left of each, what changes it, when it is written, when it is ready."""
    yield "## Kind by kind\n"
    yield "| Kind | Stays when it is | Changed by | Written | Ready when |"
    yield "|---|---|---|---|---|"
    for name in _names():
        left = [rule.reason for rule in skip.RULES if rule.types and name in rule.types]
        left += [f"made again for its {owner}" for child, owner in sorted(ownership.REGENERATED) if child == _kind(name)]
        changed = list(dict.fromkeys(rule.name for rule in table.RULES if rule.types and name in rule.types))
        yield _row(f"`{name}`", "; ".join(left), ", ".join(f"`{item}`" for item in changed), _rank(name), _ready(name))
    yield ""


def _names() -> list[str]:
    found = {name for types in _all_types() for name in types or ()}
    return sorted((found | order.RANKS.keys() | readiness.CHECKS.keys()) - staying_kinds.SKIPPED_KINDS.keys(), key=str.lower)


def _all_types() -> Iterator[Iterable[str] | None]:
    yield from (rule.types for rule in skip.RULES)
    yield from (rule.types for rule in table.RULES)


def _kind(name: str) -> str:
    return name.partition(".")[0]


def _rank(name: str) -> str:
    rank = order.Rank.PODS if name in _WORKLOADS else order.RANKS.get(name, order.Rank.PLAIN)
    return rank.name.lower()


def _ready(name: str) -> str:
    check = readiness.CHECKS.get(name)
    return _sentence(check) if check else ""


def _left() -> Iterator[str]:
    """Yield what stays."""
    yield "## Kinds that stay\n"
    yield "| Kind | Why |"
    yield "|---|---|"
    reasons: dict[str, list[str]] = {}
    for name, reason in staying_kinds.SKIPPED_KINDS.items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    for reason, names in reasons.items():
        yield _row(", ".join(names), reason)
    for group, reason in staying_kinds.SKIPPED_GROUPS.items():
        yield _row(f"all of `{group}`", reason)
    yield _row("all of an aggregated API", skip.AGGREGATED)
    yield ""
    yield "## Objects of every kind that stay\n"
    yield from (f"- {rule.reason}" for rule in skip.RULES if rule.types is None)
    yield f"- {skip.SYSTEM}"
    yield "- left out by `move` in your migration.yaml\n"


def _steps() -> Iterator[str]:
    """Yield what is created in another form at first, and the kinds that are carried out once."""
    yield "## In two steps\n"
    yield from (f"- `{name}` in that state: {hold.note}." for name, hold in holds.HOLDS.items())
    yield "- What is carried out once and has ended (a Job, and the kinds below) is created held, gets its status, and is let go."
    yield (
        "- Where nothing can hold it, the first copy writes it before what would carry it out. Once green serves its kind it stays"
        "\n  on blue, and in the archive that `retire` makes: no create brings a status, and its controller would begin it again.\n"
    )
    yield f"Carried out once, and can be held: {', '.join(f'`{name}`' for name in sorted(runs.HOLDS))}."
    yield f"Carried out once, and begins as soon as it is there: {', '.join(f'`{name}`' for name in sorted(runs.OTHERS))}."
    yield "So is every custom resource whose status tells when it ended; `runs` in your migration.yaml adds more.\n"


def _rules() -> Iterator[str]:
    """Yield the rules, in the order in which they are applied."""
    yield "## Rules, in their order\n"
    yield "| Rule | Kinds | What green gets |"
    yield "|---|---|---|"
    for rule in table.RULES:
        yield _row(f"`{rule.name}`", _types(rule.types), _sentence(rule.apply))
    yield ""


def _types(types: Iterable[str] | None) -> str:
    if types is None:
        return _EVERY
    names = set(types)
    rest = sorted(names - _WORKLOADS) if names >= _WORKLOADS else sorted(names)
    return ", ".join([*(["workloads"] if names >= _WORKLOADS else []), *(f"`{name}`" for name in rest)])


def _ranks() -> Iterator[str]:
    """Yield when what is written."""
    told = _attribute_docs(order, "Rank")
    yield "## Written in this order\n"
    yield "Within one rank what is referred to comes first; an object never comes before its owner, its namespace or its CRD.\n"
    yield "| Rank | What it is | Kinds |"
    yield "|---|---|---|"
    for rank in order.Rank:
        kinds = [name for name, own in order.RANKS.items() if own is rank]
        yield _row(rank.name.lower(), told.get(rank.name, ""), _types(kinds) if kinds else _OTHERS.get(rank, ""))
    yield ""


_OTHERS = {order.Rank.PLAIN: "all others", order.Rank.CUSTOM: "custom resources", order.Rank.PODS: "workloads"}


def _attribute_docs(module: ModuleType, name: str) -> dict[str, str]:
    """Return the texts that stand below the attributes of a class: Python itself does not keep them."""
    tree = ast.parse(inspect.getsource(module))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    docs = {}
    for node, following in zip(found.body, found.body[1:], strict=False):
        if isinstance(node, ast.Assign) and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            docs[ast.unparse(node.targets[0])] = _one_line(str(following.value.value))
    return docs


def _sentence(function: Callable[..., Any]) -> str:
    """Return the first sentence of a docstring, without its imperative."""
    text = _one_line(inspect.getdoc(function) or "").partition(". ")[0].rstrip(".")
    for word in ("Return ", "Ready: "):
        text = text.removeprefix(word)
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: list[str], file: Path = PAGE) -> int:
    """Write the page into a file, or check it; return the exit code."""
    text = page()
    if "--check" not in arguments:
        file.write_text(text, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return 0
    print(f"{file}: not what the rules say; `make docs` writes it")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
