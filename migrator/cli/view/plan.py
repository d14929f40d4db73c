"""How a plan is shown: what happens to every object, who runs on one side only, and what only the person can know."""

from __future__ import annotations

from typing import Any

from migrator.cli import render
from migrator.model.plan import Decision, Plan, PlanItem

# A group of one namespace: `--all` shows the rest.
_SHOWN = 12


def show(plan: Plan, document: dict[str, Any], *, everything: bool) -> None:
    """Print a plan and its document; `everything` leaves no object out."""
    _show_items(plan, everything=everything)
    _show_one_side(document["oneSide"])
    _show_guards(document["guards"])
    _show_questions(document["questions"])


def _show_items(plan: Plan, *, everything: bool) -> None:
    tree: dict[str, dict[str, list[PlanItem]]] = {}
    for item in plan.items:
        place = item.blue.namespace or "(cluster)"
        key = f"{item.decision.value}|{item.reason}" if item.decision is Decision.SKIP else item.decision.value
        tree.setdefault(place, {}).setdefault(key, []).append(item)
    for place in sorted(tree):
        render.line(place)
        for key in sorted(tree[place], key=lambda text: (not text.startswith("blocked"), not text.startswith("move"), text)):
            _show_group(tree[place][key], everything=everything)
    if plan.kinds_skipped:
        render.line()
        render.line(f"kinds that are not moved: {len(plan.kinds_skipped)}" + ("" if everything else " (--all lists them)"))
        for kind, reason in sorted(plan.kinds_skipped.items()) if everything else ():
            render.line(f"  {kind}: {reason}")
    for warning in plan.warnings:
        render.line(render.word("warning"), f": {warning}")
    render.line()
    render.line(*render.counts(plan.counts), f"; {len(plan.waves)} waves")


def _show_one_side(groups: list[dict[str, Any]]) -> None:
    if groups:
        render.line()
        render.line("on one side only, in the order of the hand-over:")
    for group in groups:
        render.line(f"  {group['group']}: {group['why']}")
        render.line(f"     objects: {', '.join(group['objects'])}")
        render.line(f"     held on green: {', '.join(group['held'])}; until then {group['meanwhile']}")
        if group["claims"]:
            took = group["lastPassMs"]
            known = "not copied yet: `migrator data copy`" if took is None else f"the last pass will take about {took} ms"
            render.line(f"     data: {', '.join(group['claims'])}; {known}")
        render.line(f"     at cutover it {group['cutover']}; at rollback it {group['rollback']}")


def _show_guards(guards: list[dict[str, str]]) -> None:
    for guard in guards:
        when = "until its cutover" if guard["side"] == "green" else "after its cutover"
        name = f"ValidatingAdmissionPolicy {guard['policy']}"
        render.line(f"  {guard['group']}: nobody else may start it on {guard['side']} {when}: {name}")


def _show_questions(questions: list[dict[str, str]]) -> None:
    if questions:
        render.line()
        render.line("only you can know (answer in migration.yaml, cutover.oneSide; hold: both says that it may):")
    for asked in questions:
        render.line(f"  {asked['object']} {asked['question']}")
        render.line(f"     - {asked['answer']}")


def _show_group(items: list[PlanItem], *, everything: bool) -> None:
    first = items[0]
    if first.decision is Decision.SKIP and not (everything or first.hint):
        render.line("  ", render.word("skip"), f" {len(items)}: {first.reason}")
        return
    shown = items if everything or first.decision is Decision.BLOCKED else items[:_SHOWN]
    for item in shown:
        target = f" → {item.green.namespace or item.green.name}" if item.green != item.blue else ""
        rules = f"  [{', '.join(item.transforms)}]" if item.transforms else ""
        reason = f"  {item.reason}" if item.reason else ""
        render.line("  ", render.word(item.decision.value), f" {item.blue.type_name}/{item.blue.name}{target}{rules}{reason}")
        for note in item.notes:
            render.line(f"       {note}")
        if item.hint:
            render.line(f"       hint: {item.hint}")
    if len(shown) < len(items):
        render.line("  ", render.word(first.decision.value), f" … and {len(items) - len(shown)} more (--all)")
