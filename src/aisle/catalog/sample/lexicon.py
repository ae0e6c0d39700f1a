"""Every word of the synthetic catalogue as one array, and weighted tables that choose from it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from aisle.catalog.sample.classes import CLASS_FIGURES, CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.foreign import ENGLISH, GERMAN, ITALIAN, SPANISH
from aisle.catalog.sample.french import FRENCH
from aisle.catalog.sample.phrases import LANGUAGES, SHARED

_SCALE = 1 << 30
_OWN, _NEIGHBOURS, _SHARED = 64, 20, 16
_NAMES = 3_000
_VARIANTS = 40
_CLASS_WORDS = {"fr": FRENCH, "en": ENGLISH, "de": GERMAN, "it": ITALIAN, "es": SPANISH}
_ONSETS = ["b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "v", "br", "ch", "cl", "gr", "tr"]
_VOWELS = ["a", "e", "i", "o", "u", "é", "ai", "ou", "an", "on"]
_CODAS = ["", "", "l", "n", "r", "s", "x", "rd", "ck", "ot", "ier", "elle"]

Weighted = list[tuple[int, int]]
"""Word numbers with their weights."""


class Table:
    """Weighted choices of words, one list for each key.

    Args:
        choices: The choices of each key, at least one each.
    """

    def __init__(self, choices: Sequence[Weighted]) -> None:
        ends, words = [], []
        for key, weighted in enumerate(choices):
            weights = np.array([weight for _, weight in weighted], dtype=np.int64)
            ends.append(key * _SCALE + np.cumsum(weights) * _SCALE // int(weights.sum()))
            words.append(np.array([word for word, _ in weighted], dtype=np.int64))
        self._ends = np.concatenate(ends)
        self._words = np.concatenate(words)

    def draw(self, keys: npt.NDArray[np.int64], dice: Dice) -> npt.NDArray[np.int64]:
        """Choose one word number for each key."""
        return self._words[np.searchsorted(self._ends, keys * _SCALE + dice.below(_SCALE, len(keys)), side="right")]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words, and the tables to draw them by.

    Args:
        words: Every word or phrase; number 0 is empty. Then all of them again with a space before.
        spaced: What to add to a word's number to have it with a space before; a space before nothing is nothing.
        subjects: Words of a class, by class number times languages plus language number.
        general: Words of titles that every class shares, and made-up names, by language number.
        openers: Beginnings of sentences, by language number.
        connectors: Words between two things, by language number.
        qualifiers: Words after a thing, by language number.
        facts: Whole sentences, by language number.
        stop: The number of what ends a sentence.
    """

    words: npt.NDArray[np.object_]
    spaced: int
    subjects: Table
    general: Table
    openers: Table
    connectors: Table
    qualifiers: Table
    facts: Table
    stop: int


class _Collector:
    """Gives each word its number."""

    def __init__(self, dice: Dice) -> None:
        self.numbers: dict[str, int] = {"": 0}
        self._dice = dice

    def number(self, word: str) -> int:
        """Return a word's number, giving it the next one where it is new."""
        return self.numbers.setdefault(word, len(self.numbers))

    def weigh(self, phrases: Iterable[str], share: int) -> Weighted:
        """Weigh phrases by their rank and scale the weights so that they sum to about `share` millions."""
        ranked = [(phrase, 1_000_000 // (rank + 5)) for rank, phrase in enumerate(phrases)]
        total = sum(weight for _, weight in ranked)
        weighted: Weighted = []
        for phrase, weight in ranked:
            variants = self._variants(phrase)
            scaled = share * 1_000_000 * weight // (total * len(variants))
            weighted.extend((self.number(variant), scaled) for variant in variants)
        return weighted

    def _variants(self, phrase: str) -> list[str]:
        """Fill a phrase's `#` with digits in many ways, never with a leading nought."""
        if "#" not in phrase:
            return [phrase]
        digits = iter(self._dice.below(9, phrase.count("#") * _VARIANTS).tolist())
        return [re.sub("#", lambda _: str(next(digits) + 1), phrase) for _ in range(_VARIANTS)]


def _phrases(text: str, separator: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in text.split(separator)]


def _made_up_names(dice: Dice) -> list[str]:
    """Make names of people, places and brands that exist nowhere, from two or three syllables."""
    names = []
    for pick in dice.raw(_NAMES).tolist():
        rest, syllables = pick, []
        for _ in range(2 + pick % 2):
            rest, onset = divmod(rest, len(_ONSETS))
            rest, vowel = divmod(rest, len(_VOWELS))
            syllables.append(_ONSETS[onset] + _VOWELS[vowel])
        names.append("".join(syllables).capitalize() + _CODAS[rest % len(_CODAS)])
    return list(dict.fromkeys(names))


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Build the lexicon, once; it does not depend on any seed."""
    dice = Dice(0)
    collector = _Collector(dice)
    names = [(collector.number(name), 1) for name in _made_up_names(dice)]
    stop = collector.number(". ")
    parts: dict[str, list[Weighted]] = {"general": [], "openers": [], "connectors": [], "qualifiers": [], "facts": []}
    for language in LANGUAGES:
        shared = SHARED[language]
        general = collector.weigh(_phrases(shared.general, ","), 2)
        names_weight = sum(weight for _, weight in general) // len(names) + 1
        parts["general"].append(general + [(name, names_weight) for name, _ in names])
        for part in ("openers", "connectors", "qualifiers", "facts"):
            parts[part].append(collector.weigh(_phrases(getattr(shared, part), "|"), 1))
    subjects = []
    for code in CODES:
        neighbours = CLASS_FIGURES[code].neighbours
        for position, language in enumerate(LANGUAGES):
            vocabulary = _CLASS_WORDS[language]
            weighted = collector.weigh(_phrases(vocabulary[code], ","), _OWN)
            for neighbour in neighbours:
                weighted += collector.weigh(_phrases(vocabulary[neighbour], ","), _NEIGHBOURS // len(neighbours))
            # The shared words sum to four millions for each language, made-up names included.
            weighted += [(word, weight * _SHARED // 4) for word, weight in parts["general"][position]]
            subjects.append(weighted)
    words = list(collector.numbers)
    spaced = ["" if not word else f" {word}" for word in words]
    return Lexicon(
        words=np.array(words + spaced, dtype=np.object_),
        spaced=len(words),
        subjects=Table(subjects),
        general=Table(parts["general"]),
        openers=Table(parts["openers"]),
        connectors=Table(parts["connectors"]),
        qualifiers=Table(parts["qualifiers"]),
        facts=Table(parts["facts"]),
        stop=stop,
    )
