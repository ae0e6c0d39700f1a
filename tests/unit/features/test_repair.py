"""Mojibake is turned back, and what U+00BF stands for is told by its neighbours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.features.normalise import normalise
from aisle.features.repair import repair_encoding


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("TÃ©lÃ©phone Ã\xa0 clapet", "Téléphone à clapet"),
        ("lâ€™Ã©tÃ©", "l’été"),
        ("cÅ“ur", "cœur"),
        ("groÃŸ fÃ¼r MÃ¤dchen", "groß für Mädchen"),
    ],
)
def test_mojibake_is_turned_back(broken: str, whole: str) -> None:
    assert normalise(broken) == normalise(whole)
    assert repair_encoding(whole) == whole


@pytest.mark.parametrize("sound", ["Bébé CÂLINE", "Âge", "naïf", "PÂTÉ à l’ÂNE", "Ø 20 cm", "3 °C", "¿Qué tal?", "Über ÄÖÜ"])
def test_sound_text_is_left_alone(sound: str) -> None:
    assert repair_encoding(sound) == sound


@pytest.mark.parametrize(
    ("broken", "tokens"),
    [
        ("filtres d¿aquarium", "filtres d aquarium"),
        ("L¿Éperon D¿Argent", "l eperon d argent"),
        ("aujourd¿hui qu¿il s¿est lorsqu¿on", "aujourd hui qu il s est lorsqu on"),
        ("le c¿ur, ses s¿urs, un n¿ud, du b¿uf", "le coeur ses soeurs un noeud du boeuf"),
        ("¿uvres ¿il d¿¿illet ¿uf ¿illets man¿uvre", "oeuvres oeil deillet oeuf oeillets manoeuvre"),
        ("Caract¿¿ristique qualit¿¿ t¿¿l¿¿phone ¿¿crire", "caracteristique qualite telephone ecrire"),
        ("mat¿riau poign¿es num¿riques S¿Cr¿Taire", "materiau poignees numeriques secretaire"),
        ("dâ¿¿hygiène", "d hygiene"),
        ("1 9¿18 kg", "1 9 18 kg"),
        ("Heroes of Azeroth¿ and", "heroes of azeroth and"),
        ("Yu Gi Oh ¿ Ha05", "yu gi oh ha 05"),
        ("¿Cómo adaptar?", "como adaptar"),
        ("Grï¿?co c\ufffdur d\ufffdeau", "greco coeur d eau"),
        ("ï»¿Lego", "lego"),
    ],
)
def test_lost_letters(broken: str, tokens: str) -> None:
    assert normalise(broken) == tokens


@given(st.text("abcdeilruvhq ¿âïÃ©", max_size=40))
def test_a_repaired_text_has_no_lost_letter_between_letters(text: str) -> None:
    repaired = repair_encoding(text)
    assert not any(
        a.isalpha() and b == "¿" and c.isalpha() for a, b, c in zip(repaired, repaired[1:], repaired[2:], strict=False)
    )
