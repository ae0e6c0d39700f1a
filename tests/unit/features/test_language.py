"""The language of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.features.language import LANGUAGES, detect_language
from aisle.features.normalise import normalise

SENTENCES = {
    "fr": [
        "Housse de couette pour enfant avec taies d'oreiller",
        "Lot de 6 revues sur les trains et la vie du rail",
        "Le jardin des secrets - tome 2",
        "Coussin en velours pour canapé, très doux",
        "Table basse en bois avec deux tiroirs",
        "Qu'est-ce que la littérature ?",
        "Piscine ronde hors sol avec échelle",
    ],
    "en": [
        "Cover for the garden table with elastic",
        "The Lord of the Rings - the two towers",
        "New baby girl winter dress with flowers",
        "Wall sticker for kids room, easy to remove",
        "It is made of wood and can be used in your home",
    ],
    "de": [
        "Tischdecke für den Garten mit Gummiband",
        "Der Herr der Ringe und die zwei Türme",
        "Personalisiertes Notizbuch mit Rosen und Punkten",
        "Spiel für Kinder ab 3 Jahren aus Holz",
        "Die große Enzyklopädie der Eisenbahn",
    ],
    "es": [
        "Funda para el sofá del salón con flores",
        "El señor de los anillos y las dos torres",
        "Juego de mesa para niños y niñas",
        "¿Cómo adaptar una novela al cine?",
        "Libro sobre la historia de España en los años veinte",
    ],
    "it": [
        "Copertura per il tavolo da giardino con elastico",
        "Il signore degli anelli e le due torri",
        "Gioco per bambini della casa editrice",
        "Quaderno personalizzato con le rose che sono nel giardino",
        "Storia della cucina italiana di una volta",
    ],
}


@pytest.mark.parametrize(("language", "sentence"), [(lang, text) for lang, texts in SENTENCES.items() for text in texts])
def test_sentences(language: str, sentence: str) -> None:
    assert detect_language(sentence) == language
    assert detect_language(sentence.upper().replace("SS", "ß") if "ß" in sentence else sentence.upper()) == language


def test_most_sentences_are_told_without_their_accents_too() -> None:
    pairs = [(language, normalise(text)) for language, texts in SENTENCES.items() for text in texts]
    assert sum(detect_language(text) == language for language, text in pairs) / len(pairs) > 0.9


@pytest.mark.parametrize("text", ["Игра для детей", "日本語の本", "كتاب للأطفال", "Παιχνίδι για παιδιά Lego"])
def test_other_scripts(text: str) -> None:
    assert detect_language(text) == "other"


@pytest.mark.parametrize("text", ["", " ", "75192", "Lego Technic", "!!!", "XKCD-42 / B07"])
def test_too_little_to_tell(text: str) -> None:
    assert detect_language(text) == "unknown"


@given(st.text())
def test_every_text_has_an_answer(text: str) -> None:
    assert detect_language(text) in LANGUAGES


def test_only_the_beginning_is_read() -> None:
    assert detect_language("le chat et la souris " + "the and of " * 100_000) == detect_language(
        ("le chat et la souris " + "the and of " * 1_000)[:2_000]
    )
