import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.training.search import Attempt, Bracket, Candidate, Trial, TrialResult

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
options = st.dictionaries(st.text(), values, max_size=4)


@given(options)
def test_the_order_of_options_does_not_count(given_options):
    turned = dict(reversed(given_options.items()))
    one, two = Trial("linear", "text", given_options), Trial("linear", "text", turned)
    assert (one, one.id, hash(one)) == (two, two.id, hash(two))


@pytest.mark.parametrize(
    "other", [Trial("svm", "text", {"c": 1}), Trial("linear", "both", {"c": 1}), Trial("linear", "text", {"c": 2})]
)
def test_everything_else_does(other: Trial):
    assert other.id != Trial("linear", "text", {"c": 1}).id


def test_its_name_is_the_same_tomorrow():
    assert Trial("linear", "text", {"c": 1.0}).id == "df08e79abb8f7c68"


def test_what_json_cannot_say_is_refused():
    with pytest.raises(TypeError):
        Trial("linear", "text", {"c": object()})


@given(options, st.floats(0, 1) | st.none(), st.text(), st.integers(0, 9))
def test_an_attempt_comes_back_from_json(given_options, error, lost, rung):
    trial = Trial("linear", "text", given_options)
    for attempt in (
        Attempt(trial, rung, TrialResult(0.5, error, None, {"trees": 3}), "", 1.25, 1 << 30),
        Attempt(trial, rung, None, lost, 0.5, 7),
    ):
        assert Attempt.from_json(orjson.loads(orjson.dumps(attempt.to_json()))) == attempt


def test_a_lost_attempt_is_below_every_score():
    assert Attempt(Trial("a", "b", {}), 0, None, "It failed.").score == -math.inf


@pytest.mark.parametrize(("cost", "fixed"), [(-1, 0), (math.nan, 0), (math.inf, 0), (1, -1), (1, math.nan)])
def test_a_cost_is_a_number_of_seconds(cost: float, fixed: float):
    with pytest.raises(ValueError, match="finite and not negative"):
        Candidate(Trial("a", "b", {}), cost, fixed)


def test_a_cost_grows_with_the_rows_apart_from_what_is_fixed():
    candidate = Candidate(Trial("a", "b", {}), 9, 2)
    assert [candidate.cost_at(share) for share in (1 / 9, 1 / 3, 1)] == pytest.approx([3, 5, 11])


def test_a_bracket_reads_as_words():
    assert str(Bracket("linear", "text")) == "linear on text"
