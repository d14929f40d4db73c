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


def test_an_object_that_changes_its_name_or_its_form_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it goes to, by which rules, and what to know of it; names of a cluster reach no terminal as they are."""
    renamed = PlanItem(
        ObjectRef("", "ConfigMap", "shop", "a\x1b[2J"),
        ObjectRef("", "ConfigMap", "market", "a\x1b[2J"),
        Decision.MOVE,
        transforms=("namespaces", "images"),
        notes=("its key ca.crt is green's own",),
    )
    lines = shown(capsys, renamed)
    (line,) = (text for text in lines if "move ConfigMap/" in text)
    assert line.endswith(" → market  [namespaces, images]")
    assert "       its key ca.crt is green's own" in lines
    assert not any("\x1b" in text for text in lines)


def test_a_plan_without_skipped_kinds_or_warnings_has_no_lines_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """An object without a namespace stands below a heading of its own."""
    ref = ObjectRef("", "Namespace", "", "shop")
    view.show(Plan((PlanItem(ref, ref, Decision.MOVE),), (), {}, {}, (), ()), NOTHING, everything=False)
    assert capsys.readouterr().out.splitlines() == ["(cluster)", "  move Namespace/shop", "", "1 move; 0 waves"]


def test_a_group_without_data_has_no_line_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """It is handed over all the same."""
    group = {"group": "g", "why": "it writes", "objects": ["o"], "held": ["h"], "meanwhile": "it waits"}
    lines = shown(capsys, oneSide=[group | {"claims": [], "lastPassMs": None, "cutover": "moves", "rollback": "comes back"}])
    assert not any(text.startswith("     data:") for text in lines)
    assert "     held on green: h; until then it waits" in lines
