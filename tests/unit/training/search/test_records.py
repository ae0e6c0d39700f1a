import orjson
import pytest

from aisle.registry.records import TrialRecord
from aisle.training.search import Budget, SearchOutcome, plan_search, run_search, trial_records
from tests.unit.training.search.curves import BRACKETS, Curves, candidates


@pytest.fixture
def outcome() -> SearchOutcome:
    plan = plan_search(candidates(4, BRACKETS[:2]), 18_000, Budget(30), jobs=2, seed=7)
    lost = {plan.entrants[2].trial.id: 0.0}
    return run_search(plan, Curves(noise=0.01, lost=lost), jobs=1)


def test_each_trial_is_one_record_with_a_point_for_each_rung(outcome: SearchOutcome):
    records = trial_records(outcome)
    assert [record.trial_id for record in records] == [candidate.trial.id for candidate in outcome.plan.entrants]
    assert sum(len(record.curve) for record in records) == len(outcome.attempts)
    for record in records:
        own = [attempt for attempt in outcome.attempts if attempt.trial.id == record.trial_id]
        for point, attempt in zip(record.curve, own, strict=True):
            assert (point["rung"], point["rows"]) == (attempt.rung, outcome.plan.rungs[attempt.rung].rows)
            assert point.get("score") == (attempt.result.score if attempt.result else None)
            assert point["estimated_seconds"] > 0
    assert [record.lost for record in records if record.lost] == ["forest on image cannot be fitted. Try another."]


def test_it_says_what_was_tried_and_who_won(outcome: SearchOutcome):
    records = {record.trial_id: record for record in trial_records(outcome)}
    won = {trial_id for trial_id, record in records.items() if record.parameters["winner"]}
    assert won == {attempt.trial.id for attempt in outcome.winners.values()}
    first = outcome.plan.entrants[0].trial
    assert records[first.id].parameters == {"n": 0, "family": "forest", "modality": "image", "winner": first.id in won}
    assert records[first.id].name == f"forest on image {first.id[:6]}"


def test_it_comes_back_from_json(outcome: SearchOutcome):
    for record in trial_records(outcome):
        assert TrialRecord(**orjson.loads(orjson.dumps(record))) == record


def test_what_was_never_begun_is_no_record(outcome: SearchOutcome):
    times = iter(range(1_000))
    cut = run_search(outcome.plan, Curves(), jobs=1, deadline=3, clock=lambda: next(times))
    assert len(trial_records(cut)) == len(cut.attempts) == 3
