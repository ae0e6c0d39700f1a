"""Which candidates are tried, and which of them make an ensemble."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from aisle.errors import ModelError, TrainingError
from aisle.models.component import Modality
from aisle.models.families import FAMILIES
from aisle.settings import Training
from aisle.training.fit import silent
from aisle.training.layout import Layout, lay_out
from aisle.training.search.budget import Budget
from aisle.training.search.halving import run_search
from aisle.training.search.journal import open_journal
from aisle.training.search.outcome import SearchOutcome
from aisle.training.search.plan import plan_search
from aisle.training.search.trial import Attempt, Candidate, Trial, TrialResult
from aisle.training.selection import Asked, Evaluation, choose, class_shares, first_trials, plan
from tests.unit.models.examples import SMALL
from tests.unit.training.frames import catalogue

HOUR = Budget(3_600)


@pytest.fixture(scope="module")
def written(options: Training) -> Layout:
    """A layout of texts alone."""
    return lay_out(catalogue(120), options, SMALL, None, silent)


def families_of(planned: object) -> set[str]:
    return {bracket.family for bracket in planned.search.brackets}  # type: ignore[attr-defined]


class TestAsked:
    def test_names_are_taken_in_turn_and_once_each(self) -> None:
        asked = Asked.parse(" svm, logistic,,svm ", "both , text")
        assert asked == Asked(("svm", "logistic"), ("text", "both"))
        assert Asked.parse("", " , ") == Asked((), ())

    def test_an_unknown_family_is_told_what_was_meant(self) -> None:
        with pytest.raises(ModelError, match="no family 'forrest'") as caught:
            Asked.parse("logistic,forrest", "")
        assert "Did you mean forest?" in caught.value.hint
        assert "logistic, svm, forest, boosting" in caught.value.hint

    @pytest.mark.parametrize("name", ["images", "Text", "all"])
    def test_an_unknown_modality_is_told_which_there_are(self, name: str) -> None:
        with pytest.raises(TrainingError, match=f"no modality '{name}'") as caught:
            Asked.parse("", f"text,{name}")
        assert caught.value.hint == "They are: text, image, both."


class TestPlan:
    def test_each_family_that_is_nobodys_special_wish_is_tried_on_all_that_there_is(
        self, laid: Layout, options: Training
    ) -> None:
        planned = plan(laid, Asked((), ()), HOUR, options)
        assert families_of(planned) == {"logistic", "svm", "forest", "boosting"}
        assert {bracket.modality for bracket in planned.search.brackets} == {"text", "image", "both"}
        assert planned.search.left_out == planned.crowded_out == ()
        assert (planned.jobs, planned.search.jobs) == (1, 1)
        # Half of the hour for three times the fits: once a fold, and once more.
        assert planned.fit_seconds == pytest.approx(3_600 * 0.5 / 3)

    def test_an_optional_family_is_tried_where_it_is_named(self, laid: Layout, options: Training) -> None:
        (optional,) = (name for name, family in FAMILIES.items() if family.optional)
        assert optional not in families_of(plan(laid, Asked((), ()), HOUR, options))
        assert families_of(plan(laid, Asked((optional,), ()), HOUR, options)) == {optional}

    def test_the_same_is_always_the_same_plan(self, laid: Layout, options: Training) -> None:
        one, other = (plan(laid, Asked((), ()), HOUR, options).search.digest for _ in range(2))
        assert one == other
        assert one != plan(laid, Asked(("svm",), ()), HOUR, options).search.digest
        assert one != plan(laid, Asked((), ()), HOUR, options.model_copy(update={"seed": 7})).search.digest

    def test_of_families_that_nobody_named_the_most_expensive_go_first(self, laid: Layout, options: Training) -> None:
        seen = []
        for seconds in (60, 20, 12, 9, 7, 5, 4, 3, 2):
            try:
                found = families_of(plan(laid, Asked((), ()), Budget(seconds), options))
            except TrainingError:
                found = set()
            seen.append(len(found))
            assert found == set(list(FAMILIES)[: len(found)])
        assert seen == sorted(seen, reverse=True)
        assert seen[0] == 4
        assert {1, 2, 3} & set(seen), "somewhere between, some are left out"

    def test_a_family_that_was_named_is_never_left_out(self, laid: Layout, options: Training) -> None:
        asked = Asked(("logistic", "boosting"), ("text",))
        with pytest.raises(TrainingError, match="A budget of 1s is too small") as caught:
            plan(laid, asked, Budget(1), options)
        enough = Budget.parse(caught.value.hint.split("budget of ")[1].split()[0])
        assert families_of(plan(laid, asked, enough, options)) == {"logistic", "boosting"}

    def test_a_budget_too_small_for_anything_says_what_would_do(self, laid: Layout, options: Training) -> None:
        # One core and a long catalogue: the cheapest family costs a tenth of a second on each of three modalities.
        with pytest.raises(TrainingError, match="too small") as caught:
            plan(laid, Asked((), ()), Budget(0), options)
        enough = Budget.parse(caught.value.hint.split("budget of ")[1].split()[0])
        assert families_of(plan(laid, Asked((), ()), enough, options)) == {"logistic"}

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            (("image",), "has no image to learn from; it has text only"),
            (("both",), "has no products with text and image to learn from; it has text only"),
            (("image", "both"), "has no image and no products with text and image to learn from"),
        ],
    )
    def test_a_modality_that_is_not_there_is_refused(
        self, written: Layout, options: Training, asked: tuple[Modality, ...], words: str
    ) -> None:
        for attempt in (
            lambda: plan(written, Asked((), asked), HOUR, options),
            lambda: first_trials(written, Asked((), asked)),
        ):
            with pytest.raises(TrainingError, match=words) as caught:
                attempt()
            assert "aisle catalog ingest" in caught.value.hint

    def test_of_several_modalities_those_that_are_there_are_tried(self, written: Layout, options: Training) -> None:
        planned = plan(written, Asked(("svm",), ("text", "image")), HOUR, options)
        assert [str(bracket) for bracket in planned.search.brackets] == ["svm on text"]

    def test_costs_follow_from_the_data_alone(self, laid: Layout, written: Layout, options: Training) -> None:
        planned = plan(laid, Asked(("logistic",), ("text", "image")), HOUR, options)
        costs = {candidate.trial.bracket: candidate.cost for candidate in planned.search.entrants}
        rows = laid.places["train"]
        family = FAMILIES["logistic"]
        usable = int(laid.bench.seen[rows].sum())
        expected = family.cost(usable, usable * laid.bench.pictures.shape[1], 3, family.options())
        assert costs["logistic", "image"] == pytest.approx(expected)  # type: ignore[index]


class TestFirstTrials:
    def test_each_family_has_its_best_known_one_on_text_and_on_image(self, laid: Layout) -> None:
        found = first_trials(laid, Asked(("logistic", "svm"), ()))
        assert [str(trial.bracket) for trial in found] == [
            "logistic on text",
            "logistic on image",
            "svm on text",
            "svm on image",
        ]
        assert found[0].options == Trial("logistic", "text", _first("logistic", "text")).options

    def test_both_is_looked_at_where_it_is_asked_for(self, laid: Layout) -> None:
        assert [trial.modality for trial in first_trials(laid, Asked(("svm",), ("image", "both")))] == ["image", "both"]


class TestEvaluation:
    def test_it_scores_the_rows_that_it_can_use_and_keeps_scores_of_all(
        self, laid: Layout, bench_folder: Path, tmp_path: Path
    ) -> None:
        laid.bench.save(tmp_path)
        trial, (train, validation) = Trial("logistic", "image", {}), (laid.places["train"], laid.places["validation"])
        evaluation = Evaluation(tmp_path, train, validation)
        seen = laid.bench.seen[validation]
        part = evaluation(trial, 1 / 3, 1)
        assert not (tmp_path / "validation").exists(), "scores of a fit on some rows are nobody's"
        whole = evaluation(trial, 1.0, 1)
        assert whole.notes == part.notes == {"rows": int(seen.sum())}
        assert whole.log_loss is not None
        assert part.log_loss is not None
        assert 0.7 < whole.score <= 1
        assert whole.score >= part.score - 0.2
        assert whole.standard_error is not None
        assert 0 <= whole.standard_error < 0.1
        kept = np.load(tmp_path / "validation" / f"{trial.id}.npy")
        own = laid.bench.scores(laid.bench.fit(trial, train, seed=1), validation)
        assert np.array_equal(kept, own)
        labels = laid.bench.labels[validation]
        accuracy = (own.argmax(axis=1) == labels)[seen].mean()
        assert whole.standard_error == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / seen.sum()))

    def test_without_a_row_to_judge_by_a_trial_is_lost(self, laid: Layout, bench_folder: Path) -> None:
        blind = laid.places["validation"][~laid.bench.seen[laid.places["validation"]]]
        evaluation = Evaluation(bench_folder, laid.places["train"], blind)
        with pytest.raises(TrainingError, match="No validation row has what it looks at") as caught:
            evaluation(Trial("logistic", "image", {}), 0.5, 1)
        assert "AISLE_TRAINING_VALIDATION_SHARE" in caught.value.hint


class Found:
    """A search's outcome with made-up scores, beside its workbench."""

    def __init__(self, laid: Layout, folder: Path) -> None:
        self.laid, self.folder = laid, folder
        (folder / "validation").mkdir()
        self._generator = np.random.default_rng(3)
        self._attempts: list[tuple[Candidate, float]] = []

    def add(self, family: str, modality: str, *, strength: float, score: float, cost: float = 1.0) -> Trial:
        """Add a winner whose scores favour the correct class by so much, beside noise of its own."""
        trial = Trial(family, modality, _first(family, modality))
        labels = self.laid.bench.labels[self.laid.places["validation"]]
        scores = self._generator.normal(size=(labels.size, 3)).astype(np.float32)
        scores[np.arange(labels.size), labels] += np.float32(strength)
        np.save(self.folder / "validation" / f"{trial.id}.npy", scores)
        self._attempts.append((Candidate(trial, cost), score))
        return trial

    @property
    def outcome(self) -> SearchOutcome:
        candidates = [candidate for candidate, _ in self._attempts]
        made = plan_search(candidates, 100, HOUR, jobs=1, seed=1)
        attempts = tuple(Attempt(one.trial, 0, TrialResult(score), seconds=1.0) for one, score in self._attempts)
        return SearchOutcome(made, attempts, {one.trial.bracket: one for one in attempts}, (), 0)


@pytest.fixture
def found(laid: Layout, tmp_path: Path) -> Found:
    return Found(laid, tmp_path)


class TestChoose:
    def test_what_helps_is_taken_and_what_does_not_is_left(self, found: Found) -> None:
        text = found.add("logistic", "text", strength=1.5, score=0.9)
        image = found.add("svm", "image", strength=2.5, score=0.6)
        noise = found.add("forest", "both", strength=0.0, score=0.95)
        chosen = choose(found.outcome, found.folder, found.laid, fit_seconds=100)
        assert set(chosen.trials) == {text, image}
        assert noise not in chosen.trials
        assert [step.gain > 0 for step in chosen.steps] == [True] * len(chosen.steps)

    def test_each_modality_keeps_one_that_looks_at_nothing_else(self, found: Found) -> None:
        found.add("logistic", "image", strength=0.0, score=0.3)
        better = found.add("svm", "image", strength=2.0, score=0.4)
        both = found.add("logistic", "both", strength=4.0, score=0.9)
        text = found.add("logistic", "text", strength=0.0, score=0.5)
        chosen = choose(found.outcome, found.folder, found.laid, fit_seconds=100)
        assert chosen.trials == (both, text, better)
        assert len(chosen.steps) == 1

    def test_what_helped_least_goes_where_all_together_take_too_long(self, found: Found) -> None:
        trials = [
            found.add(family, "text", strength=1.2, score=0.9, cost=10)
            for family in ("logistic", "svm", "forest", "boosting")
        ]
        image = found.add("logistic", "image", strength=0.0, score=0.2)
        whole = choose(found.outcome, found.folder, found.laid, fit_seconds=100)
        assert len(whole.steps) >= 3
        short = choose(found.outcome, found.folder, found.laid, fit_seconds=25)
        assert short.steps == whole.steps[:2]
        assert short.trials == (*whole.trials[:2], image)
        assert set(short.trials[:2]) < set(trials)

    def test_what_takes_too_long_by_itself_is_not_looked_at_unless_there_is_nothing_else(self, found: Found) -> None:
        cheap = found.add("logistic", "text", strength=1.0, score=0.6, cost=5)
        found.add("boosting", "text", strength=5.0, score=0.99, cost=50)
        image = found.add("boosting", "image", strength=1.0, score=0.6, cost=50)
        chosen = choose(found.outcome, found.folder, found.laid, fit_seconds=10)
        assert set(chosen.trials) == {cheap, image}

    def test_what_takes_long_to_answer_has_to_bring_as_much(self, found: Found) -> None:
        trials = {found.add(family, "text", strength=1.2, score=0.9) for family in ("logistic", "svm", "forest", "boosting")}
        image = found.add("boosting", "image", strength=0.0, score=0.2)
        free = choose(found.outcome, found.folder, found.laid, fit_seconds=100)
        dear = choose(found.outcome, found.folder, found.laid, fit_seconds=100, price=1e6)
        assert len(dear.steps) == 1 < len(free.steps)
        # What looks at images alone is free: whoever sends an image waits for its decoding.
        assert dear.trials[0] == image
        micros = {
            trial: FAMILIES[trial.family].answer_micros("text", 3, FAMILIES[trial.family].options(**trial.options))
            for trial in trials
        }
        assert len(dear.trials) == 2
        assert micros[dear.trials[1]] == min(micros.values())

    def test_so_many_are_taken_at_most(self, found: Found) -> None:
        for family in ("logistic", "svm", "forest", "boosting"):
            found.add(family, "text", strength=2.0, score=0.9)
        found.add("logistic", "image", strength=0.0, score=0.3)
        assert len(choose(found.outcome, found.folder, found.laid, fit_seconds=100, most=2).trials) == 3

    def test_texts_alone_need_no_component_on_images(self, written: Layout, tmp_path: Path) -> None:
        found = Found(written, tmp_path)
        text = found.add("svm", "text", strength=1.0, score=0.5)
        assert choose(found.outcome, tmp_path, written, fit_seconds=100).trials == (text,)

    def test_a_search_that_went_on_in_another_workbench_is_chosen_from_alike(
        self, laid: Layout, options: Training, tmp_path: Path
    ) -> None:
        asked = Asked(("logistic",), ("text", "image"))
        planned = plan(laid, asked, HOUR, options)
        outcomes = []
        chosen = []
        for name in ("first", "second"):
            folder = tmp_path / name
            folder.mkdir()
            laid.bench.save(folder)
            evaluation = Evaluation(folder, laid.places["train"], laid.places["validation"])
            with open_journal(
                tmp_path / "journal", snapshot="s", configuration="c", commit="d", plan=planned.search
            ) as journal:
                outcomes.append(run_search(planned.search, evaluation, jobs=1, journal=journal))
            chosen.append(choose(outcomes[-1], folder, laid, fit_seconds=planned.fit_seconds))
            assert (folder / "validation").is_dir()
        first, second = outcomes
        assert (first.reused, second.reused) == (0, len(first.attempts))
        assert replace(second, reused=0) == first
        assert chosen[0] == chosen[1]
        kept = {path.name for path in (tmp_path / "second" / "validation").iterdir()}
        assert kept == {f"{attempt.trial.id}.npy" for attempt in first.ranking}
        for name in kept:
            assert np.array_equal(*(np.load(tmp_path / place / "validation" / name) for place in ("first", "second")))


def test_class_shares_are_those_of_the_rows() -> None:
    shares = class_shares(np.array([0, 2, 2, 2]), 4)
    assert shares.tolist() == [0.25, 0.0, 0.75, 0.0]
    assert shares.dtype == np.float32


def _first(family: str, modality: str) -> dict[str, object]:
    return asdict(FAMILIES[family].candidates(modality, 100, 3)[0])  # type: ignore[arg-type]
