from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import TrainingError
from aisle.training.search import Bracket, Budget, Candidate, SearchPlan, Trial, plan_search
from aisle.training.search.plan import _by_bracket, _ladder
from tests.unit.training.search.curves import BRACKETS, candidates

DAY = Budget(86_400)


def plan(tried: list[Candidate], budget: Budget = DAY, *, rows: int = 18_000, jobs: int = 2, **options) -> SearchPlan:
    return plan_search(tried, rows, budget, jobs=jobs, seed=7, **options)


fields = st.lists(
    st.builds(
        lambda family, modality, number, cost, fixed: Candidate(Trial(family, modality, {"n": number}), cost, fixed),
        st.sampled_from(["linear", "forest"]),
        st.sampled_from(["text", "image"]),
        st.integers(0, 30),
        st.floats(0, 100),
        st.floats(0, 5),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda candidate: candidate.trial,
)


@given(fields, st.integers(1, 3_000), st.integers(1, 200_000), st.integers(1, 8), st.integers(2, 4))
def test_every_plan_keeps_its_promises(tried, seconds, rows, jobs, eta):
    try:
        made = plan(tried, Budget(seconds), rows=rows, jobs=jobs, eta=eta, share=0.5, reserved=1)
    except TrainingError as error:
        assert "too small" in error.message  # noqa: PT017 - which of the two it is follows from the example
        return
    asked = {candidate.trial.bracket for candidate in tried}
    assert made.seconds <= seconds * 0.5 - 1 + 1e-6
    assert set(made.brackets) == asked
    assert Counter((*made.entrants, *made.left_out)) == Counter(tried)
    assert [rung.share for rung in made.rungs] == [eta**-step for step in reversed(range(len(made.rungs)))]
    assert made.rungs[0].size == len(made.entrants)
    assert made.rungs[0].rows >= min(1_000, rows)
    assert made.rungs[-1].rows == rows
    sizes = [rung.size for rung in made.rungs]
    assert sizes == sorted(sizes, reverse=True)
    for rung in made.rungs:
        assert set(rung.quotas) == asked
        assert min(rung.quotas.values()) >= 1
        assert min(rung.places.values()) >= 0


@given(fields, st.randoms(use_true_random=False), st.integers(100, 1_000))
def test_the_same_is_planned_twice_and_whichever_bracket_is_named_first(tried, random, seconds):
    order = sorted({candidate.trial.bracket for candidate in tried})
    random.shuffle(order)
    mixed = [candidate for bracket in order for candidate in tried if candidate.trial.bracket == bracket]
    try:
        made = plan(tried, Budget(seconds))
    except TrainingError:
        with pytest.raises(TrainingError):
            plan(mixed, Budget(seconds))
    else:
        assert plan(mixed, Budget(seconds)) == made
        assert plan(mixed, Budget(seconds)).digest == made.digest


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 100)), min_size=1, max_size=7), st.integers(1, 4))
def test_no_choice_of_survivors_costs_more_than_was_reckoned(drawn, jobs):
    """Against every choice that quotas and places allow, handed out to machines one by one."""
    names = [("linear", "text"), ("forest", "text"), ("forest", "image")]
    tried = [Candidate(Trial(*names[name], {"n": n}), cost) for n, (name, cost) in enumerate(drawn)]
    for rung in _ladder(_by_bracket(tried), 9, jobs, 2, 3):
        for chosen in combinations(tried, rung.size):
            spare = Counter(candidate.trial.modality for candidate in chosen)
            spare.subtract({bracket.modality: 0 for bracket in rung.quotas})
            for bracket, quota in rung.quotas.items():
                spare[bracket.modality] -= quota
            numbers = Counter(candidate.trial.bracket for candidate in chosen)
            if all(numbers[bracket] >= quota for bracket, quota in rung.quotas.items()) and spare == Counter(rung.places):
                machines = [0.0] * jobs
                for candidate in chosen:
                    machines[machines.index(min(machines))] += candidate.cost_at(rung.share)
                assert sum(machines) <= rung.core_seconds + 1e-9
                assert max(machines) <= rung.seconds + 1e-9


def test_with_time_enough_everything_is_tried_on_all_rows():
    made = plan(candidates(4))
    assert [rung.share for rung in made.rungs] == [1.0]
    assert made.left_out == ()
    assert made.core_seconds == pytest.approx(made.grid_core_seconds)


def test_with_less_time_the_ladder_grows_before_anybody_is_left_out():
    tried = candidates(9)
    grid = plan(tried).seconds
    made = plan(tried, Budget(int(grid * 0.45)))
    assert made.left_out == ()
    assert [rung.share for rung in made.rungs] == pytest.approx([1 / 9, 1 / 3, 1])
    assert [rung.size for rung in made.rungs] == [72, 24, 8]
    assert [rung.rows for rung in made.rungs] == [2_000, 6_000, 18_000]


def test_with_still_less_the_later_candidates_of_each_bracket_stay_out():
    made = plan(candidates(9), Budget(140))
    assert made.left_out
    entered = Counter(candidate.trial.bracket for candidate in made.entrants)
    assert set(entered) == {Bracket(*bracket) for bracket in BRACKETS}
    for candidate in made.left_out:
        assert candidate.trial.options["n"] >= entered[candidate.trial.bracket]


def test_one_that_is_too_expensive_does_not_keep_the_others_out():
    tried = candidates(3)
    tried.insert(1, Candidate(Trial("forest", "text", {"trees": 10**6}), 50_000))
    made = plan(tried, Budget(600))
    assert [candidate.trial.options for candidate in made.left_out] == [{"trees": 10**6}]


def test_where_the_first_of_a_bracket_is_too_expensive_the_cheapest_stands_in():
    dear, cheap = (Candidate(Trial("linear", "text", {"c": cost}), cost) for cost in (100, 10))
    other = Candidate(Trial("svm", "text", {}), 20)
    made = plan([dear, cheap, other], Budget(40), jobs=1, rows=900)
    assert made.entrants == (cheap, other)
    assert made.left_out == (dear,)


def test_a_rung_is_never_smaller_than_its_rows_tell_something():
    with pytest.raises(TrainingError, match="too small"):
        plan(candidates(2), Budget(10), rows=2_000)
    assert len(plan(candidates(9), Budget(140), rows=2_999).rungs) == 1
    assert len(plan(candidates(9), Budget(140), rows=3_000).rungs) <= 2


@given(fields, st.integers(1, 4), st.floats(0.1, 1), st.floats(0, 50))
def test_the_smallest_budget_that_is_named_works_and_one_much_smaller_does_not(tried, jobs, share, reserved):
    options = {"jobs": jobs, "share": share, "reserved": reserved}
    try:
        plan(tried, Budget(1), **options)
    except TrainingError as error:
        named = error.hint.split("budget of ")[1].split()[0]
        assert plan(tried, Budget.parse(named), **options).seconds >= 0
        with pytest.raises(TrainingError):
            plan(tried, Budget(int(Budget.parse(named).seconds / 1.2) - 1), **options)


def test_the_sentence_of_a_budget_too_small():
    with pytest.raises(TrainingError) as caught:
        plan(candidates(3), Budget(20), share=0.5)
    assert str(caught.value) == (
        "A budget of 20s is too small: one trial of each of the 8 asked combinations of family and modality takes about 41s "
        "on 2 cores already. Give a budget of 1m30s at least, or ask for fewer families or modalities."
    )


def test_nothing_to_try_is_told():
    with pytest.raises(TrainingError, match="no candidate to try"):
        plan([])


@pytest.mark.parametrize(
    "wrong", [{"eta": 1}, {"jobs": 0}, {"rows": 0}, {"share": 0}, {"share": 1.1}, {"reserved": -1}], ids=str
)
def test_steering_out_of_bounds_is_refused(wrong: dict[str, float]):
    with pytest.raises(ValueError, match="out of bounds"):
        plan(candidates(1), **wrong)


def test_the_digest_follows_from_what_the_outcome_does():
    tried = candidates(3)
    same = plan(tried)
    assert plan(tried, jobs=1).digest == same.digest, "jobs change no outcome"
    assert plan(tried, Budget(80_000)).digest == same.digest, "nor does a budget that leads to the same rungs"
    others = [
        plan(tried[:-1]),
        plan(tried, Budget(80)),
        plan_search(tried, 18_000, DAY, jobs=2, seed=8),
        plan(tried, rows=9_000),
    ]
    assert len({same.digest, *(other.digest for other in others)}) == 5


def test_it_says_what_it_will_do():
    made = plan(candidates(9), Budget(300))
    assert str(made) == "72 candidates (72 on 2,000 rows, 24 on 6,000 rows, 8 on 18,000 rows), about 3m20s."
    assert str(plan(candidates(9), Budget(140))).count("left out") == 1
