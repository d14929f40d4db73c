"""What the rounds of the fault suite do."""

from __future__ import annotations

from tests.support.faults.plan import ON_DEMAND, SPANS, VERBS, drawn

SEED = 7


def test_a_round_follows_from_seed_and_number_alone() -> None:
    """A violation can be repeated by playing its round alone."""
    assert [drawn(SEED, number, on_demand=True) for number in (3, 40)] == [
        drawn(SEED, number, on_demand=True) for number in (3, 40)
    ]
    assert drawn(SEED, 3, on_demand=True) != drawn(SEED + 1, 3, on_demand=True)


def test_each_verb_meets_each_fault_before_one_comes_twice() -> None:
    """A few rounds hold all pairs of verb and fault."""
    pairs = [(verb, kind) for verb, kinds in VERBS.items() for kind in kinds]
    plans = [drawn(SEED, number, on_demand=True) for number in range(1, len(pairs) + 1)]
    assert sorted((plan.verb, plan.kind) for plan in plans) == sorted(pairs)


def test_a_fault_begins_within_what_its_verb_does() -> None:
    """The moment is counted in something that the verb does, and not after its end."""
    plans = [drawn(SEED, number, on_demand=False) for number in range(1, 400)]
    assert all(plan.count <= SPANS[plan.verb][plan.counted] for plan in plans)
    assert not ON_DEMAND & {plan.kind for plan in plans}
