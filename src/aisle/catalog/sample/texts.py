"""Titles and descriptions, drawn for a block of rows at a time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aisle.catalog.sample.classes import CLASS_FIGURES, CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.lexicon import Lexicon
from aisle.catalog.sample.phrases import FOREIGN_WEIGHTS, LANGUAGES

Numbers = npt.NDArray[np.int64]
"""Class, language or word numbers."""

_OPAQUE = 0.06
_DESCRIBED = np.array([CLASS_FIGURES[code].described / CLASS_FIGURES[code].rows for code in CODES])
_FOREIGN = np.array([CLASS_FIGURES[code].foreign / CLASS_FIGURES[code].rows for code in CODES])
_FOREIGN_ENDS = np.cumsum([FOREIGN_WEIGHTS[language] for language in LANGUAGES[1:]])
_FACT_SHARE = 0.45
_LANES = 6


@dataclass(frozen=True, slots=True)
class Topics:
    """What each row of a block speaks of.

    Args:
        topic: Class numbers.
        language: Language numbers.
        opaque: Rows that name nothing of their class, as a novel's title does.
    """

    topic: Numbers
    language: Numbers
    opaque: npt.NDArray[np.bool_]


def draw_topics(topic: Numbers, dice: Dice) -> Topics:
    """Give each row a language as usual in its class, and make some rows say nothing of their class."""
    rows = len(topic)
    foreign = 1 + np.searchsorted(_FOREIGN_ENDS, dice.below(int(_FOREIGN_ENDS[-1]), rows), side="right")
    language = np.where(dice.uniform(rows) < _FOREIGN[topic], foreign, 0)
    return Topics(topic, language, dice.chance(_OPAQUE, rows))


def draw_titles(topics: Topics, lexicon: Lexicon, dice: Dice) -> list[str]:
    """Draw a title of two to nine phrases for each row, some of its class and some that any class may have."""
    rows = len(topics.topic)
    lengths = 2 + dice.below(5, rows) + dice.below(4, rows)
    clarity = np.where(topics.opaque, 0.0, 0.3 + 0.65 * dice.uniform(rows))
    row = np.repeat(np.arange(rows), lengths)
    language = topics.language[row]
    subjects = lexicon.subjects.draw(topics.topic[row] * len(LANGUAGES) + language, dice)
    general = lexicon.general.draw(language, dice)
    numbers = np.where(dice.uniform(len(row)) < clarity[row], subjects, general)
    words: list[str] = lexicon.words[numbers].tolist()
    ends = np.cumsum(lengths).tolist()
    titles = [" ".join(words[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    return [_spell(title, style) for title, style in zip(titles, dice.below(20, rows).tolist(), strict=True)]


def _spell(title: str, style: int) -> str:
    """Spell a title as sellers do: most with capitals, one in ten in capitals alone."""
    if style < 12:
        return title.title()
    if style < 14:
        return title.upper()
    return title if style < 17 else title.capitalize()


def draw_descriptions(topics: Topics, lexicon: Lexicon, dice: Dice) -> list[str | None]:
    """Draw a description of one to thirteen sentences for each row, or none as often as is usual in its class."""
    described = dice.uniform(len(topics.topic)) < _DESCRIBED[topics.topic]
    lengths = np.where(described, 1 + dice.below(7, len(described)) + dice.below(7, len(described)), 0)
    words: list[str] = lexicon.words[
        _draw_sentences(topics, np.repeat(np.arange(len(lengths)), lengths), lexicon, dice)
    ].tolist()
    ends = (np.cumsum(lengths) * _LANES).tolist()
    # The last word of every description ends a sentence; nothing follows it, so it is left out.
    return ["".join(words[start : end - 1]) if end > start else None for start, end in zip([0, *ends], ends, strict=False)]


def _draw_sentences(topics: Topics, row: Numbers, lexicon: Lexicon, dice: Dice) -> Numbers:
    """Draw the word numbers of sentences, six for each: opener, thing, connector, thing, qualifier and stop.

    Args:
        topics: What the rows speak of.
        row: The row of each sentence.
        lexicon: The words.
        dice: Where chance comes from.

    Returns:
        Word numbers, flat; a sentence that states a fact has it in the first place and nothing in the next four.
    """
    language = topics.language[row]
    subject = topics.topic[row] * len(LANGUAGES) + language
    lanes = np.zeros((len(row), _LANES), dtype=np.int64)
    opaque = topics.opaque[row]
    for lane in (1, 3):
        things = np.where(opaque, lexicon.general.draw(language, dice), lexicon.subjects.draw(subject, dice))
        lanes[:, lane] = things + lexicon.spaced
    lanes[:, 0] = lexicon.openers.draw(language, dice)
    lanes[:, 2] = lexicon.connectors.draw(language, dice) + lexicon.spaced
    lanes[:, 4] = lexicon.qualifiers.draw(language, dice) + lexicon.spaced
    fact = dice.chance(_FACT_SHARE, len(row))
    lanes[fact, :5] = 0
    lanes[fact, 0] = lexicon.facts.draw(language[fact], dice)
    lanes[:, 5] = lexicon.stop
    return lanes.reshape(-1)
