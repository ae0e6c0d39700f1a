"""Titles and descriptions as they are drawn, before noise."""

import numpy as np
import pytest

from aisle.catalog.sample.classes import CLASS_FIGURES, CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.lexicon import load_lexicon
from aisle.catalog.sample.phrases import LANGUAGES
from aisle.catalog.sample.texts import Topics, draw_descriptions, draw_titles, draw_topics

ROWS = 4_000


def topics_of(code: str, *, language: str = "fr", opaque: bool = False, rows: int = ROWS) -> Topics:
    return Topics(
        topic=np.full(rows, CODES.index(code)),
        language=np.full(rows, LANGUAGES.index(language)),
        opaque=np.full(rows, opaque),
    )


@pytest.mark.parametrize("code", ["10", "1160", "2583", "2705"])
def test_languages_are_as_usual_in_a_class(code: str) -> None:
    figures = CLASS_FIGURES[code]
    topics = draw_topics(np.full(20_000, CODES.index(code)), Dice(1))
    assert (topics.language > 0).mean() == pytest.approx(figures.foreign / figures.rows, abs=0.015)


def test_foreign_rows_are_english_german_italian_and_spanish_in_this_order() -> None:
    topics = draw_topics(np.full(40_000, CODES.index("10")), Dice(1))
    counts = np.bincount(topics.language, minlength=len(LANGUAGES))[1:]
    assert counts.min() > 100
    assert counts.tolist() == sorted(counts.tolist(), reverse=True)


def test_few_rows_are_opaque() -> None:
    assert 0.03 < draw_topics(np.zeros(20_000, dtype=np.int64), Dice(1)).opaque.mean() < 0.1


def test_every_row_has_a_title_of_one_line() -> None:
    titles = draw_titles(topics_of("2522"), load_lexicon(), Dice(1))
    assert len(titles) == ROWS
    assert all(title and title == " ".join(title.split()) for title in titles)
    assert 30 < np.median([len(title) for title in titles]) < 80


def test_titles_are_spelt_in_many_ways() -> None:
    titles = draw_titles(topics_of("1280"), load_lexicon(), Dice(1))
    assert 0.05 < np.mean([title.isupper() for title in titles]) < 0.2
    assert 0.4 < np.mean([title.istitle() for title in titles]) < 0.8


def test_an_opaque_title_names_nothing_of_its_class() -> None:
    clear = " ".join(draw_titles(topics_of("2583"), load_lexicon(), Dice(1))).lower()
    opaque = " ".join(draw_titles(topics_of("2583", opaque=True), load_lexicon(), Dice(1))).lower()
    assert clear.count("piscine") > 500
    assert opaque.count("piscine") == 0


def test_an_opaque_description_names_nothing_of_its_class() -> None:
    opaque = draw_descriptions(topics_of("2583", opaque=True), load_lexicon(), Dice(1))
    assert not [text for text in opaque if text and "piscine" in text]


def test_words_are_those_of_the_language() -> None:
    titles = " ".join(draw_titles(topics_of("2220", language="de"), load_lexicon(), Dice(1))).lower()
    assert "hund" in titles
    assert "chien" not in titles


@pytest.mark.parametrize("code", ["2905", "2403", "1280"])
def test_descriptions_lack_as_often_as_usual_in_a_class(code: str) -> None:
    figures = CLASS_FIGURES[code]
    described = [text is not None for text in draw_descriptions(topics_of(code), load_lexicon(), Dice(1))]
    assert np.mean(described) == pytest.approx(figures.described / figures.rows, abs=0.03)


def test_descriptions_are_sentences_without_anything_hanging_over() -> None:
    descriptions = [text for text in draw_descriptions(topics_of("2905"), load_lexicon(), Dice(1)) if text]
    assert all(text == text.strip() and "  " not in text and ".." not in text for text in descriptions)
    sentences = [len(text.split(". ")) for text in descriptions]
    assert (min(sentences), max(sentences)) == (1, 13)
    assert 200 < np.median([len(text) for text in descriptions]) < 500


def test_no_rows_give_no_texts() -> None:
    topics = topics_of("10", rows=0)
    assert draw_titles(topics, load_lexicon(), Dice(1)) == []
    assert draw_descriptions(topics, load_lexicon(), Dice(1)) == []
