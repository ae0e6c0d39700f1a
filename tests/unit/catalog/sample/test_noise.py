"""Tags, entities and broken letters."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.sample.noise import (
    BREAK_STYLES,
    ENTITY_STYLES,
    TAG_STYLES,
    add_entities,
    add_tags,
    break_letters,
)

TAG = re.compile(r"</?[a-z]+[^>]*>")
ENTITY = re.compile(r"&(#\d+|[A-Za-z]+);")
TEXT = "Découvrez l'été : c'est neuf. Taille 12 x 34 cm. À bientôt"

plain = st.text(st.sampled_from("abcé àô'\"+=:.,123"), max_size=60)


@pytest.mark.parametrize("style", range(TAG_STYLES))
def test_tags_come_in_and_the_words_stay(style: int) -> None:
    tagged = add_tags(TEXT, style)
    assert TAG.search(tagged)
    assert re.sub(r"[ .]+", " ", TAG.sub(" ", tagged)).split() == re.sub(r"[ .]+", " ", TEXT).split()


@given(plain, st.integers(0, TAG_STYLES - 1))
def test_every_text_gets_a_tag(text: str, style: int) -> None:
    assert TAG.search(add_tags(text, style))


@given(plain, st.integers(0, TAG_STYLES - 1))
def test_tags_that_open_close_again(text: str, style: int) -> None:
    tagged = add_tags(text, style)
    for name in ("p", "ul", "li", "strong", "div", "span"):
        assert len(re.findall(rf"<{name}[ >]", tagged)) == tagged.count(f"</{name}>")


@given(plain, st.integers(0, ENTITY_STYLES - 1))
def test_entities_come_in_and_can_be_read_back(text: str, style: int) -> None:
    changed = add_entities(text, style)
    assert ENTITY.search(changed)
    assert html.unescape(changed).replace("\u00a0", " ").rstrip() == text.rstrip()


def test_the_styles_of_entities_differ() -> None:
    assert len({add_entities(TEXT, style) for style in range(ENTITY_STYLES)}) == 3


def test_a_broken_letter_leaves_the_sign_in_its_place() -> None:
    assert break_letters("Décoré", 0) == break_letters("Décoré", 1) == "D\u00bfcor\u00bf"
    assert break_letters("Décoré", 2) == "D\u00bf\u00bfcor\u00bf\u00bf"
    assert break_letters("l'été", 3) == "l\u00bfété"


@given(plain)
def test_utf_8_read_as_latin_1_can_be_repaired(text: str) -> None:
    assert break_letters(text, 4).encode("latin-1").decode("utf-8") == text


@given(st.text(st.characters(codec="ascii", exclude_characters="'")), st.integers(0, BREAK_STYLES - 1))
def test_a_text_without_accents_stays_whole(text: str, style: int) -> None:
    assert break_letters(text, style) == text
