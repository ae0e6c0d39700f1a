"""What is told of a finished training: figures that two runs share, and a report that knows how long it took."""

from dataclasses import replace

import numpy as np
import orjson
import polars as pl
import pytest

from aisle.settings import Training
from aisle.training.deciding import decision_figures
from aisle.training.fit import TrainingReport
from aisle.training.judging import Trained, bundle_metrics, judgement_of
from aisle.training.report.judgement import Judgement, Provenance
from aisle.training.rows import ImageReader
from aisle.training.search.outcome import SearchOutcome
from aisle.training.search.trial import Attempt

PROVENANCE = Provenance("5" * 64, "abc123", "9" * 64)


@pytest.fixture(scope="module")
def trained(pictured_training: tuple[TrainingReport, Trained]) -> Trained:
    """What a training on texts and images was judged by."""
    return pictured_training[1]


def slower(found: SearchOutcome) -> SearchOutcome:
    """Return the same outcome of a search on a busier machine."""

    def slow(attempt: Attempt) -> Attempt:
        return replace(attempt, seconds=attempt.seconds * 7 + 1, peak_bytes=attempt.peak_bytes + 1)

    winners = {bracket: slow(attempt) for bracket, attempt in found.winners.items()}
    return replace(found, attempts=tuple(map(slow, found.attempts)), winners=winners, reused=found.reused + 1)


def told(trained: Trained, options: Training, **more: object) -> Judgement:
    given = {"categories": {}, "level": None, "images": None, "finished": {}, "seconds": {}, **more}
    return judgement_of(trained, options, PROVENANCE, **given)  # type: ignore[arg-type]


def test_figures_of_a_bundle_know_no_clock(trained: Trained, options: Training, pictured_report: TrainingReport) -> None:
    metrics = bundle_metrics(trained, options)
    assert orjson.dumps(metrics) == orjson.dumps(bundle_metrics(replace(trained, search=slower(trained.search)), options))
    assert b"second" not in orjson.dumps(metrics)
    assert metrics == pictured_report.metrics


def test_each_component_is_told_with_what_it_scored(trained: Trained, options: Training) -> None:
    metrics = bundle_metrics(trained, options)
    components = {one["name"]: one for one in metrics["components"]}
    assert {"text-logistic", "image-logistic"} <= set(components)
    by_trial = {attempt.trial: attempt for attempt in trained.search.ranking}
    for trial, own in zip(trained.trials, metrics["components"], strict=True):
        assert (own["family"], own["modality"], own["options"]) == (trial.family, trial.modality, dict(trial.options))
        assert own["validation"]["weighted_f1"] == by_trial[trial].score
        assert own["bytes"] > 100
    patterns = {tuple(pattern["usable"]): pattern for pattern in metrics["patterns"]}
    assert ("text-logistic",) in patterns, "a product without an image has an answer of its own"
    assert all(set(pattern["weights"]) == set(components) for pattern in patterns.values())
    assert all(pattern["rows"] > 0 for pattern in patterns.values())


def test_labels_by_people_count_where_they_are_learnt(trained: Trained, options: Training) -> None:
    layout = trained.layout
    people = np.full(layout.rows.height, "source", dtype=object)
    # All gold rows, two that are learnt, and one of which nobody knows whose label it is.
    people[layout.places["gold"]] = "zoe"
    people[layout.learnable[:3]] = ["zoe", "ann", None]
    rows = layout.rows.with_columns(label_author=pl.Series(people.tolist(), dtype=pl.String))
    assert bundle_metrics(replace(trained, layout=replace(layout, rows=rows)), options)["rows_by_people"] == 2


def test_rows_images_and_rare_categories_are_counted(trained: Trained, options: Training) -> None:
    metrics = bundle_metrics(trained, options)
    assert metrics["rows"] == {part: len(places) for part, places in trained.layout.places.items()}
    assert metrics["images"] == {"rows": 200, "problems": {}}
    assert (metrics["too_rare"], metrics["not_judged"]) == ([], [])
    broken = replace(trained.layout, problems={"truncated": 3})
    assert bundle_metrics(replace(trained, layout=broken), options)["images"]["problems"] == {"truncated": 3}
    search = metrics["search"]
    assert search["trials"] == len(trained.search.attempts) > 20
    assert (search["lost"], search["cut_short"], search["plan"]) == (0, 0, trained.search.plan.digest)


def test_a_category_of_a_single_row_is_rare_and_one_without_gold_rows_not_judged(
    trained: Trained, options: Training
) -> None:
    layout = trained.layout
    keep = [row for row in layout.places["train"] if layout.bench.labels[row] != 1]
    single = next(row for row in layout.places["train"] if layout.bench.labels[row] == 1)
    places = {
        **layout.places,
        "train": np.array(sorted([*keep, single])),
        "validation": np.array([row for row in layout.places["validation"] if layout.bench.labels[row] != 1]),
    }
    gold = replace(trained.gold, correct=tuple("10" if code == "2583" else code for code in trained.gold.correct))
    metrics = bundle_metrics(replace(trained, layout=replace(layout, places=places), gold=gold), options)
    assert (metrics["too_rare"], metrics["not_judged"]) == (["2583"], ["2583"])
    judged = told(replace(trained, layout=replace(layout, places=places)), options)
    assert set(judged.rare) == {"2583"}
    assert judged.training_rows["2583"] == 1


def test_a_report_tells_of_every_trial_and_when_it_ended(trained: Trained, options: Training) -> None:
    first = trained.search.attempts[0]
    judged = told(trained, options, finished={(first.trial.id, first.rung): 2.5}, seconds={"search": 3.0})
    assert len(judged.trials) == len(trained.search.attempts)
    assert judged.trials[0]["finished_s"] == 2.5
    assert judged.trials[1]["finished_s"] is None
    assert judged.trials[0]["score"] == first.score
    assert "penalty" in judged.trials[0]["options"]
    assert judged.seconds == {"search": 3.0}


def test_a_lost_trial_says_why(trained: Trained, options: Training) -> None:
    first, *others = trained.search.attempts
    lost = replace(first, result=None, lost="It cannot be fitted.")
    search = replace(trained.search, attempts=(lost, *others))
    judged = told(replace(trained, search=search), options)
    assert (judged.trials[0]["score"], judged.trials[0]["lost"]) == (None, "It cannot be fitted.")
    assert judged.trials[1]["lost"] is None
    assert bundle_metrics(replace(trained, search=search), options)["search"]["lost"] == 1


def test_a_report_has_the_gold_rows_their_sets_and_thresholds(
    trained: Trained, options: Training, shop: tuple[pl.DataFrame, ImageReader]
) -> None:
    judged = told(trained, options, images=shop[1])
    assert judged.gold is trained.gold
    assert judged.rows["label"].to_list() == list(trained.gold.correct)
    figures = decision_figures(trained.gold, trained.decisions)
    assert judged.sets is not None
    assert (judged.sets.wanted, judged.sets.coverage) == (options.coverage, figures["set_coverage"])
    assert judged.sets.mean_size == figures["set_size"]
    assert all(0 <= least <= 1 for least in judged.thresholds.values())
    assert set(judged.thresholds) <= set(trained.layout.names)
    assert judged.training_sources == frozenset({"shop"})
    assert judged.images is shop[1]


def test_a_report_compares_all_winners_and_knows_the_plainest(trained: Trained, options: Training) -> None:
    judged = told(trained, options)
    assert [one.weighted_f1 for one in judged.components] == [attempt.score for attempt in trained.search.ranking]
    assert {one.name for one in judged.components} == {"text-logistic", "image-logistic", "both-logistic"}
    assert judged.baseline == "text-logistic"
    without = {bracket: one for bracket, one in trained.search.winners.items() if bracket.modality != "text"}
    assert told(replace(trained, search=replace(trained.search, winners=without)), options).baseline is None


def test_a_report_spells_the_n_grams_of_a_text_component(pictured_report: TrainingReport) -> None:
    spelt = pictured_report.judgement.n_grams
    assert set(spelt) == {"10", "2583", "50"}
    assert any("piscine" in gram or "pompe" in gram or "liner" in gram for gram, _ in spelt["2583"])
