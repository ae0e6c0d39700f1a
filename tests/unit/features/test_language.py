"""The language of a text."""

from collections import Counter
from pathlib import Path

import polars as pl
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


@given(st.sampled_from([(lang, text) for lang, texts in SENTENCES.items() for text in texts]), st.integers(0, 9_999))
def test_numbers_and_signs_do_not_matter(pair: tuple[str, str], number: int) -> None:
    language, sentence = pair
    assert detect_language(f"{number} - {sentence} ({number})!") == language


def test_a_few_foreign_letters_make_no_other_language() -> None:
    assert detect_language("Le jeu de l'oie Ω pour les enfants") == "fr"
    assert detect_language("The Greek letter Ω on a mug") == "en"


def test_descriptions_of_a_french_shop_are_french(shared_data: Path) -> None:
    rows = pl.read_csv(shared_data / "cdiscount-50k" / "products.csv", infer_schema=False, n_rows=2_000)
    told = Counter(detect_language(text) for text in rows["Description"] if text)
    assert told["unknown"] / told.total() < 0.1
    assert told["fr"] / (told.total() - told["unknown"]) > 0.9
