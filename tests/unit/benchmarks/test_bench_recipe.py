"""The recipe that ours is held against: its cleaning, its words and its candidates are those that are told of it."""

from collections import Counter

import polars as pl
import pytest
from sklearn.model_selection import ParameterGrid

from benchmarks.bench_recipe import WORDS, cleaned, figures_of, grid
from benchmarks.french_stop_words import FRENCH_STOP_WORDS


def test_texts_are_cleaned_as_the_recipe_does() -> None:
    frame = pl.DataFrame(
        {
            "title": ["Le Jeu-Vidéo de l'été, c'est bon !", None, "Piscine"],
            "description": [None, "même PAS", "À la maison <br>"],
        }
    )
    assert cleaned(frame) == ["jeuvidéo lété cest bon", "", "piscine maison br"]


def test_the_stop_words_are_lower_case_and_keep_their_accents() -> None:
    assert len(FRENCH_STOP_WORDS) == 157
    assert {"été", "même", "à", "ils", "eussent"} <= FRENCH_STOP_WORDS
    assert all(word == word.lower() and word.isalpha() for word in FRENCH_STOP_WORDS)


def test_there_are_22_candidates_half_of_them_on_counts() -> None:
    candidates = list(ParameterGrid(grid(quick=False)))
    assert Counter(type(candidate["words"]).__name__ for candidate in candidates) == {
        "CountVectorizer": 11,
        "TfidfVectorizer": 11,
    }
    assert Counter(type(candidate["model"]).__name__ for candidate in candidates) == {
        "RandomForestClassifier": 8,
        "LogisticRegression": 6,
        "SVC": 6,
        "XGBClassifier": 2,
    }
    assert {candidate["words"].max_features for candidate in candidates} == {WORDS}


@pytest.mark.parametrize(("quick", "bars"), [(False, 2), (True, 0)])
def test_scores_and_times_stand_beside_each_other(quick: bool, bars: int) -> None:
    figures = figures_of(list("aabb"), (list("aaab"), 50.0), (list("aabb"), 10.0), (list("abbb"), 40.0), quick=quick)
    told = {figure.name: figure.value for figure in figures}
    assert told["ours: weighted F1"] == 1
    assert told["ours better by, weighted F1"] == pytest.approx(1 - told["recipe: weighted F1"])
    assert told["ours sooner, times"] == 5
    assert sum(figure.bar is not None for figure in figures) == bars
