"""The language of a product's text, told by its little words and its letters.

Made for statistics and monitoring of catalogues: titles are short and full of names, so `unknown` is a frequent and
honest answer. Nothing is learnt, and no model reads the answer.
"""

import re
from typing import Literal, TypeAlias

from aisle.features.normalise import normalise

Language: TypeAlias = Literal["fr", "en", "de", "es", "it", "other", "unknown"]

LANGUAGES: tuple[Language, ...] = ("fr", "en", "de", "es", "it", "other", "unknown")
"""Every answer. Of two languages with equal evidence the earlier one is taken."""

_LITTLE_WORDS: dict[Language, str] = {
    "fr": """le la les un une des du de et en dans pour avec sans sur sous par au aux ce cette ces son sa ses est sont qui
        que ou où à plus pas très notre votre nos vos leur je vous nous il elle d l qu n s c j tome neuf neuve noir blanc
        rouge bleu vert jeu jeux livre lot pièces housse enfant femme homme fille garçon bébé maison jardin piscine""",
    "en": """the a an of and in for with without on by to from at is are this that these your our my his her it its be
        not you we they all new old black white red blue green game games book set pieces cover child women men girl
        boy baby home garden pool outdoor kit case toy""",
    "de": """der die das den dem des ein eine einer einen und oder mit ohne für auf von zum zur im in ist sind nicht auch
        aus bei nach über unter wie sie ihr sein zu als bis schwarz weiß rot blau grün spiel spiele buch stück set
        kinder damen herren mädchen baby haus garten""",
    "es": """el la los las un una unos unas de del y o en con sin para por sobre es son que no más muy su sus al lo como
        este esta estos se mi negro blanco rojo azul verde juego juegos libro piezas funda niño niña mujer hombre bebé
        casa jardín piscina""",
    "it": """il lo la i gli le un uno una di del della dei delle degli e o in con senza per su da dal nel nella al alla è
        sono che non più molto suo sua come questo questa si nero bianco rosso blu verde gioco giochi libro pezzi
        custodia bambino bambina donna uomo bambini casa giardino piscina""",
}
_LETTERS: dict[Language, str] = {"fr": "çèêëîïœûùâ", "en": "", "de": "ßäöü", "es": "ñ¿¡íóú", "it": "ìò"}


def _votes(evidence: dict[Language, list[str]]) -> dict[str, tuple[tuple[Language, float], ...]]:
    # A mark that several languages share counts for each of them, and less.
    speakers: dict[str, list[Language]] = {}
    for language, marks in evidence.items():
        for mark in dict.fromkeys(marks):
            speakers.setdefault(mark, []).append(language)
    return {mark: tuple((language, 1 / len(languages)) for language in languages) for mark, languages in speakers.items()}


def _word_votes() -> dict[str, tuple[tuple[Language, float], ...]]:
    votes = _votes({language: words.split() for language, words in _LITTLE_WORDS.items()})
    # Many catalogues have lost their accents: "bebe" counts as "bébé" does, unless it is a word of its own.
    return {normalise(word): vote for word, vote in votes.items()} | votes


_WORD_VOTES = _word_votes()
_LETTER_VOTES = _votes({language: list(letters) for language, letters in _LETTERS.items()})
_WORD = re.compile(r"[^\W\d_]+")
_LETTER = re.compile(f"[{''.join(_LETTER_VOTES)}]")
_FOREIGN = re.compile(r"[^\W\d_\u0000-\u024f]")
_LEAST_EVIDENCE = 0.5
_READ = 2_000


def detect_language(text: str) -> Language:
    """Return the language of a text, raw as the shop wrote it; only its first 2,000 characters are read.

    Returns:
        One of the five, `other` for a text mostly in another script, `unknown` where too little tells.

    >>> detect_language("Housse de couette pour enfant"), detect_language("Cover for the garden table")
    ('fr', 'en')
    >>> detect_language("Игра для детей"), detect_language("Lego 75192")
    ('other', 'unknown')
    """
    text = text[:_READ].lower()
    words = _WORD.findall(text)
    scores: dict[Language, float] = {}
    for word in words:
        for language, weight in _WORD_VOTES.get(word, ()):
            scores[language] = scores.get(language, 0.0) + weight
    if not text.isascii():
        if 2 * len(_FOREIGN.findall(text)) > sum(map(len, words)):
            return "other"
        for letter in _LETTER.findall(text):
            for language, weight in _LETTER_VOTES[letter]:
                scores[language] = scores.get(language, 0.0) + weight
    best = max(LANGUAGES, key=lambda language: scores.get(language, 0.0))
    return best if scores.get(best, 0.0) >= _LEAST_EVIDENCE else "unknown"
