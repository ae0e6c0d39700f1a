"""The n-grams that speak for a category: words that people can read, each told once."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from aisle.features.text import TextConfig, TextFeatures
from aisle.models.classifier import Classifier
from aisle.models.component import Component
from aisle.models.families import FAMILIES
from aisle.models.family import Labels
from aisle.models.text_space_fit import TextOptions
from aisle.training.n_grams import heaviest_n_grams
from tests.unit.models.examples import WORDS, fitted, products

NAMES = tuple(sorted(WORDS))
# So many buckets that hardly two n-grams share one.
WIDE = TextOptions(config=TextConfig(bits=20))


@pytest.fixture(scope="module")
def model() -> Classifier:
    return fitted(240, WIDE)


@pytest.fixture(scope="module")
def learnt() -> tuple[csr_matrix, Labels, list[str]]:
    """Counts, classes and texts of the rows that the model has learnt from."""
    items, labels = products(240)
    features = TextFeatures(WIDE.config)
    return features.counts(items), labels, features.texts(items)


def test_the_heaviest_are_the_words_that_tell_the_category(
    model: Classifier, learnt: tuple[csr_matrix, Labels, list[str]]
) -> None:
    told = heaviest_n_grams(model, *learnt, NAMES, most=6)
    assert tuple(told) == NAMES
    for code, grams in told.items():
        assert len(grams) == 6
        weights = [weight for _, weight in grams]
        assert weights == sorted(weights, reverse=True)
        assert min(weights) > 0
        letters = [gram.strip("_") for gram, _ in grams]
        assert all(any(part in word for word in WORDS[code] for part in gram.split(" ")) for gram in letters), letters
        others = " ".join(word for other in NAMES if other != code for word in WORDS[other])
        assert not any(gram in others.split() for gram in letters)


def test_no_n_gram_is_part_of_another_of_the_same_category(
    model: Classifier, learnt: tuple[csr_matrix, Labels, list[str]]
) -> None:
    for grams in heaviest_n_grams(model, *learnt, NAMES).values():
        letters = [gram.strip("_") for gram, _ in grams]
        assert len(letters) > 3
        pairs = [(one, other) for one in letters for other in letters if one is not other]
        assert not any(one in other for one, other in pairs)


@pytest.mark.parametrize("most", [1, 3])
def test_so_many_are_told_at_most(model: Classifier, learnt: tuple[csr_matrix, Labels, list[str]], most: int) -> None:
    short, long = (heaviest_n_grams(model, *learnt, NAMES, most=number) for number in (most, 10))
    for code in NAMES:
        assert short[code] == long[code][:most]


def test_a_category_none_of_whose_rows_is_looked_at_has_none(
    model: Classifier, learnt: tuple[csr_matrix, Labels, list[str]]
) -> None:
    counts, labels, texts = learnt
    some = np.flatnonzero(labels != 1)
    told = heaviest_n_grams(model, counts[some], labels[some], [texts[row] for row in some], NAMES)
    assert told[NAMES[1]] == []
    assert told[NAMES[0]]
    assert told[NAMES[2]]


def test_classes_that_a_component_does_not_know_are_left_out(learnt: tuple[csr_matrix, Labels, list[str]]) -> None:
    model = fitted(240, WIDE)
    counts, labels, texts = learnt
    assert model.text is not None
    some = np.flatnonzero(labels != 1)
    family = FAMILIES["logistic"]
    scorer = family.fit(model.text.matrix(counts[some]), labels[some] // 2, 2, family.options(), seed=1, jobs=1)
    component = Component("text-logistic", "logistic", "text", scorer, 1.0, np.array([0, 2]))
    told = heaviest_n_grams(replace(model, components=(component,)), counts, labels, texts, NAMES, most=5)
    assert list(told) == [NAMES[0], NAMES[2]]
    for code, grams in told.items():
        assert any(gram.strip("_") in word for gram, _ in grams for word in WORDS[code])


def test_without_a_linear_component_on_text_there_is_nothing_to_tell(
    model: Classifier, learnt: tuple[csr_matrix, Labels, list[str]]
) -> None:
    (linear,) = model.components
    for others in ((replace(linear, modality="both"),), (replace(linear, modality="image"),)):
        assert heaviest_n_grams(replace(model, components=others), *learnt, NAMES) == {}
    family = FAMILIES["forest"]
    items, labels = products(60)
    assert model.text is not None
    matrix = model.text.matrix(TextFeatures(WIDE.config).counts(items))
    scorer = family.fit(matrix, labels, 3, family.options(trees=2), seed=1, jobs=1)
    forest = Component("text-forest", "forest", "text", scorer)
    assert heaviest_n_grams(replace(model, components=(forest,)), *learnt, NAMES) == {}
    assert heaviest_n_grams(replace(model, components=(forest, linear)), *learnt, NAMES, most=2)
