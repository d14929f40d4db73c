"""A plan is shown by namespace; what is blocked comes first and is never cut short."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.cli.view import plan as view
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef

NOTHING: dict[str, Any] = {"oneSide": [], "guards": [], "questions": []}


def item(name: str, decision: Decision = Decision.MOVE, **more: Any) -> PlanItem:
    """Return an item of a ConfigMap."""
    ref = ObjectRef("", "ConfigMap", "shop", name)
    return PlanItem(ref, ref, decision, **more)


def shown(capsys: pytest.CaptureFixture[str], *items: PlanItem, everything: bool = False, **document: Any) -> list[str]:
    """Return the lines of a plan."""
    plan = Plan(items, (), {}, {"Event": "it is written anew"}, (), ("look here",))
    view.show(plan, NOTHING | document, everything=everything)
    return capsys.readouterr().out.splitlines()


def test_the_first_of_each_group_are_shown_and_all_that_is_blocked(capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is counted, and `--all` shows it."""
    moves = [item(f"moves-{number}") for number in range(14)]
    stops = [item(f"stops-{number}", Decision.BLOCKED, reason="it cannot be", hint="change it") for number in range(14)]
    lines = shown(capsys, *moves, *stops)
    assert lines[0] == "shop"
    assert lines[1:3] == ["  blocked ConfigMap/stops-0  it cannot be", "       hint: change it"]
    assert sum("moves-" in line for line in lines) == 12
    assert sum("stops-" in line for line in lines) == 14
    assert "  move … and 2 more (--all)" in lines
    assert "kinds that are not moved: 1 (--all lists them)" in lines
    assert lines[-3:] == ["warning: look here", "", "14 move, 14 blocked; 0 waves"]
    every = shown(capsys, *moves, everything=True)
    assert sum("moves-" in line for line in every) == 14
    assert "  Event: it is written anew" in every


def test_what_is_skipped_is_counted_by_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Names would hide what matters."""
    lines = shown(capsys, *(item(f"old-{number}", Decision.SKIP, reason="it is empty") for number in range(3)))
    assert lines[1] == "  skip 3: it is empty"


@pytest.mark.parametrize(
    ("took", "words"), [(None, "not copied yet: `migrator data copy`"), (80, "the last pass will take about 80 ms")]
)
def test_who_runs_on_one_side_is_told_with_its_data(capsys: pytest.CaptureFixture[str], took: int | None, words: str) -> None:
    """With what happens to it at a cutover, and who may not start it."""
    group = {"group": "g", "why": "it writes", "objects": ["o"], "held": ["h"], "meanwhile": "it waits"}
    more = {"claims": ["shop/db"], "lastPassMs": took, "cutover": "moves", "rollback": "comes back"}
    guard = {"side": "green", "policy": "p", "group": "g"}
    lines = shown(capsys, oneSide=[group | more], guards=[guard])
    assert f"     data: shop/db; {words}" in lines
    assert "     at cutover it moves; at rollback it comes back" in lines
    assert "  g: nobody else may start it on green until its cutover: ValidatingAdmissionPolicy p" in lines


def test_what_only_a_person_knows_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """With where to answer."""
    lines = shown(capsys, questions=[{"object": "o", "question": "may it run twice?", "answer": "oneSide: [...]"}])
    assert lines[-2:] == ["  o may it run twice?", "     - oneSide: [...]"]
