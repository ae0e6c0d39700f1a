"""The words of the synthetic catalogue, and the tables that choose from them."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.categories import CHALLENGE_CODES
from aisle.catalog.sample.classes import CLASS_FIGURES, CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.foreign import ENGLISH, GERMAN, ITALIAN, SPANISH
from aisle.catalog.sample.french import FRENCH
from aisle.catalog.sample.lexicon import Table, load_lexicon
from aisle.catalog.sample.phrases import FOREIGN_WEIGHTS, LANGUAGES, SHARED

VOCABULARIES = {"fr": FRENCH, "en": ENGLISH, "de": GERMAN, "it": ITALIAN, "es": SPANISH}


def words(text: str, separator: str = ",") -> list[str]:
    return [" ".join(word.split()) for word in text.split(separator)]


@pytest.mark.parametrize(("language", "least"), [("fr", 40), ("en", 14), ("de", 6), ("it", 5), ("es", 5)])
def test_every_class_has_words_of_its_own_in_every_language(language: str, least: int) -> None:
    assert set(VOCABULARIES[language]) == CHALLENGE_CODES
    for code, text in VOCABULARIES[language].items():
        phrases = words(text)
        assert all(phrases), f"an empty phrase in {code}"
        assert len(set(phrases)) == len(phrases), f"a phrase twice in {code}"
        assert len(phrases) >= least


def test_shared_phrases_are_there_in_every_language() -> None:
    assert tuple(SHARED) == LANGUAGES
    assert set(FOREIGN_WEIGHTS) == set(LANGUAGES) - {"fr"}
    for shared in SHARED.values():
        for part, separator in (
            ("general", ","),
            ("openers", "|"),
            ("connectors", "|"),
            ("qualifiers", "|"),
            ("facts", "|"),
        ):
            assert all(words(getattr(shared, part), separator))


@pytest.mark.parametrize("name", ["facts", "openers", "connectors", "qualifiers"])
def test_no_phrase_holds_an_entity_a_tag_or_the_end_of_a_sentence(name: str) -> None:
    # Tags and entities are counted: none may come in by another way.
    for shared in SHARED.values():
        assert not re.search(r"[<>;]|\. ", getattr(shared, name))


def test_words_are_numbered_once_and_again_with_a_space() -> None:
    lexicon = load_lexicon()
    plain, spaced = lexicon.words[: lexicon.spaced], lexicon.words[lexicon.spaced :]
    assert len(set(plain)) == len(plain) == len(spaced)
    assert plain[0] == spaced[0] == ""
    assert all(after == f" {before}" for before, after in zip(plain[1:], spaced[1:], strict=True))
    assert plain[lexicon.stop] == ". "


def test_digits_stand_where_hashes_stood() -> None:
    lexicon = load_lexicon()
    assert not [word for word in lexicon.words if "#" in word]
    numbered = [word for word in lexicon.words[: lexicon.spaced] if re.fullmatch(r"n° [1-9]{3}", word)]
    assert len(numbered) > 10


def test_the_lexicon_is_built_once() -> None:
    assert load_lexicon() is load_lexicon()


@pytest.mark.parametrize("code", ["10", "1160", "2583", "2905"])
def test_most_words_of_a_class_are_its_own_and_some_are_its_neighbours(code: str) -> None:
    lexicon = load_lexicon()
    key = CODES.index(code) * len(LANGUAGES)
    drawn = lexicon.words[lexicon.subjects.draw(np.full(20_000, key), Dice(1))].tolist()
    without_digits = [re.sub(r"\d", "#", word) for word in drawn]
    own = {re.sub(r"\d", "#", word) for word in words(FRENCH[code])}
    near = {re.sub(r"\d", "#", word) for other in CLASS_FIGURES[code].neighbours for word in words(FRENCH[other])} - own
    assert 0.55 < np.mean([word in own for word in without_digits]) < 0.85
    assert 0.05 < np.mean([word in near for word in without_digits]) < 0.25


def test_words_of_general_titles_come_from_the_language_asked_for() -> None:
    lexicon = load_lexicon()
    drawn = set(lexicon.words[lexicon.general.draw(np.full(5_000, LANGUAGES.index("de")), Dice(1))].tolist())
    assert "schwarz" in drawn
    assert "noir" not in drawn


def test_a_table_draws_by_weight_and_by_key() -> None:
    table = Table([[(7, 3), (8, 1)], [(9, 1)]])
    drawn = table.draw(np.zeros(40_000, dtype=np.int64), Dice(1))
    assert set(drawn.tolist()) == {7, 8}
    assert (drawn == 7).mean() == pytest.approx(0.75, abs=0.02)
    assert set(table.draw(np.ones(1_000, dtype=np.int64), Dice(1)).tolist()) == {9}


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 10**9)), min_size=1, max_size=6), min_size=1, max_size=6),
    st.integers(0, 1_000),
)
def test_a_table_never_draws_from_another_key(choices: list[list[tuple[int, int]]], seed: int) -> None:
    keys = np.repeat(np.arange(len(choices)), 20)
    drawn = Table(choices).draw(keys, Dice(seed))
    assert all(word in {number for number, _ in choices[key]} for key, word in zip(keys, drawn, strict=True))
