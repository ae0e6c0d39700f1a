"""The one text normalisation: what it keeps apart, what it lets meet, and that nothing can break or slow it."""

import sys
import time
import unicodedata
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import BundleError
from aisle.features.normalise import VERSION, Normalisation, has_html, normalise

ANY_TEXT = st.text(st.characters(codec=None, categories=None))
"""Any code points at all: control characters, lone surrogates and unassigned ones included."""
HOSTILE_PARTS = """
    & amp; lt; &#39; &#x3c; &eacute ; < > <b </ !-- --> <script> ¿ Ã © â € ™ é e\u0301 \u200b \ud800 … 1 , 2 l c ur œ ß ﬁ İ
"""
HOSTILE = st.lists(st.sampled_from([" ", "\n", *HOSTILE_PARTS.split()]), max_size=30).map("".join)
UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\ufe0f\u034f\u061c"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", ""),
        ("   \t\n ", ""),
        ("Jeu-Vidéo", "jeu video"),
        ("L'été, l’été, lʼété", "l ete l ete l ete"),
        ("Cœur de bœuf, ÆON, Øre, Łódź", "coeur de boeuf aeon ore lodz"),
        ("Straße STRASSE", "strasse strasse"),
        ("İstanbul ısı", "istanbul isi"),
        ("Lego™ Star Wars®", "lego star wars"),
        ("n°5 nº5", "n 5 n 5"),
        ("ﬁn ＡＢＣ ① ½", "fin abc 1 1 2"),
        ("22cm 22 cm m² fms2293340", "22 cm 22 cm m 2 fms 2293340"),
        ("1,22 m", "122 m"),
        ("1.22 m", "1 22 m"),
        ("rouge,vert , 3, 4", "rouge vert 3 4"),
        ("a_b/c+d&e", "a b c d e"),
        ("d\x92eau c\x9cur", "d eau coeur"),
        ("a\x00b\x1fc\x7fd", "a b c d"),
        ("Игра Ёлка", "игра елка"),
        ("日本語 ﾃｽﾄ", "日本語 テスト"),
        ("हिन्दी", "हिन्दी"),
        ("co\u00adton", "coton"),
        ("x\ud83d\ude00\ud800y", "xy"),
        ("\U0001f600 a", "a"),
    ],
)
def test_characters(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("L&#39;&eacute;t&eacute;", "l ete"),
        ("R&#233;&#xE9;&Eacute;", "reee"),
        ("caf&amp;eacute; caf&amp;amp;eacute;", "cafe cafe"),
        ("18&quot de long", "18 de long"),
        ("toi&notre dungeons&dragons AT&T", "toi notre dungeons dragons at t"),
        ("x &copy y &or z", "x y or z"),
        ("d&#146;eau &#0174; &#1114112;", "d eau"),
        ("rouge<br/>vert<BR>bleu</p><p class='x'>noir", "rouge vert bleu noir"),
        ("&lt;b&gt;gras&lt;/b&gt;", "gras"),
        ("3 < 5 et 7 > 2", "3 5 et 7 2"),
        ("humidité <95% x", "humidite 95 x"),
        ("a<script>var x = '<b>';</script>b<style type=x>p {}</style>c", "a b c"),
        ("a<!-- rien <b> -->b", "a b"),
        ("a<!-- sans fin", "a"),
        ("a<script>sans fin", "a"),
        ("Disney</s", "disney"),
        ("pression</stro… Voir la présentation", "pression voir la presentation"),
        ("coupé <span style='color", "coupe"),
    ],
)
def test_html(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


def test_rules_switch_html_and_encoding_off() -> None:
    assert normalise("<b>caf&eacute;</b> TÃ©l", Normalisation(html=False)) == "b caf eacute b tel"
    assert normalise("<b>x</b> TÃ©l", Normalisation(encoding=False)) == "x ta l"


def test_decomposed_and_composed_letters_meet() -> None:
    for letter in "éàçñüőāžṩ한가":
        assert normalise(unicodedata.normalize("NFD", letter)) == normalise(unicodedata.normalize("NFC", letter)) != ""


def test_every_character_alone_is_stable() -> None:
    unstable = []
    for code in range(sys.maxunicode + 1):
        once = normalise(chr(code))
        if once and normalise(once) != once:
            unstable.append(hex(code))
    assert not unstable


@given(ANY_TEXT | HOSTILE)
def test_twice_is_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(ANY_TEXT | HOSTILE)
def test_what_comes_out(text: str) -> None:
    normal = normalise(text)
    assert normal == " ".join(normal.split(" ")).strip()
    for token in normal.split():
        assert all(unicodedata.category(character)[0] in "LNM" for character in token)
        assert token == token.lower()
    normal.encode()  # no surrogate is left


@given(HOSTILE | st.text(max_size=40), st.lists(st.tuples(st.integers(0, 200), st.sampled_from(UNSEEN)), max_size=8))
def test_unseen_characters_change_nothing(text: str, insertions: list[tuple[int, str]]) -> None:
    marked = text
    for place, unseen in insertions:
        marked = marked[:place] + unseen + marked[place:]
    assert normalise(marked) == normalise(text)


# Without accents: letters such as ß before « can be mojibake of another letter, and are mended as such.
@given(st.lists(st.text("abcd", min_size=1), min_size=1), st.sampled_from(list("-'’/.;:!?()[]+*_|\"«»–—·…&\t\n\u00a0")))
def test_punctuation_separates_and_never_glues(words: list[str], mark: str) -> None:
    assert normalise(f"{mark} ".join(words)) == normalise(mark.join(words)) == normalise(" ".join(words))


PIECES = """&amp; &# &#9999999 < <a <!-- <script <script> </script </b <br …<b
    ¿ a¿ d¿ qu¿ ï¿ Ã© Ã©é â€™a 1, a\u0301 É qu \U00020000"""


@pytest.mark.parametrize("piece", [*PIECES.split(), "Ã© é", "<script ", "</b ", "\u200b", "\ud800"])
def test_a_megabyte_takes_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    begin = time.process_time()
    once = normalise(text)
    assert time.process_time() - begin < 20, "a quadratic step would take minutes"
    assert normalise(once) == once


def test_a_number_too_long_for_a_character_is_no_error() -> None:
    assert normalise("&#" + "9" * 5_000 + ";").isdigit()
    assert normalise("&#x" + "f" * 5_000 + ";").startswith("x")
    assert normalise("a&#x7fffff;b&#xd800;c&#x110000;d") == "a bc d"


@given(st.text(st.sampled_from("aé1,°Ãœ²¿ ½ß\xad\x92©ÂN3ïè×÷ÿ&<b>Æ\xa0µ"), max_size=12), st.booleans(), st.booleans())
def test_the_table_of_bytes_gives_what_the_longer_way_gives(text: str, html: bool, encoding: bool) -> None:
    rules = Normalisation(html=html, encoding=encoding)
    with patch("aisle.features.normalise._western", return_value=None):
        longer = normalise(text, rules)
    assert normalise(text, rules) == longer


@given(HOSTILE)
def test_has_html_tells_what_stripping_would_change(text: str) -> None:
    if not has_html(text):
        assert normalise(text) == normalise(text, Normalisation(html=False))


def test_has_html_is_not_fooled_by_signs() -> None:
    assert not any(map(has_html, ["3 < 5", "AT&T", "Dupont & fils", "toi&notre", "<95%", "fin <", ""]))
    assert all(map(has_html, ["x<br>", "</p>", "&eacute;", "18&quot de", "&amp;lt;", "<!-- x", "long</stro…"]))


def test_rules_survive_json() -> None:
    rules = Normalisation(html=False, encoding=True)
    assert Normalisation.from_json(rules.to_json()) == rules


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"version": VERSION},
        Normalisation().to_json() | {"version": VERSION + 1},
        Normalisation().to_json() | {"stem": 1},
    ],
)
def test_rules_of_another_version_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="text normalisation") as refusal:
        Normalisation.from_json(value)
    assert f"version {VERSION}" in refusal.value.hint


def test_a_raw_and_a_stripped_catalogue_meet(shared_data: Path) -> None:
    raw = pl.read_csv(shared_data / "rakuten-raw" / "X_train_update.csv")
    stripped = pl.read_csv(shared_data / "rakuten-14k" / "X_train_update.csv")
    vocabulary = {word for title in stripped["designation"] for word in normalise(title).split()}
    words = [word for title in raw["designation"] for word in normalise(title).split()]
    assert sum(word in vocabulary for word in words) / len(words) > 0.75


def test_the_order_of_the_steps() -> None:
    # An entity may hide mojibake, a tag, a lost letter or a comma; what is decoded is treated like what was there.
    assert normalise("T&Atilde;&copy;l") == "tel"
    assert normalise("d&iquest;eau") == "d eau"
    assert normalise("1&#44;5") == "15"
    assert normalise("&lt;br&gt;x") == "x"
    assert normalise("a&#8203;b &#x202E;c") == "ab c"
    assert normalise("&\u200bamp;lt;") == normalise("&amp;lt;")


@given(st.integers(0, 10**9), st.text("abc", min_size=1, max_size=5))
def test_digits_part_from_letters(number: int, word: str) -> None:
    assert normalise(f"{word}{number}{word}") == f"{word} {number} {word}"
    assert normalise(f"{number}-{word}") == normalise(f"{number}{word}") == f"{number} {word}"


def test_upper_and_lower_case_meet() -> None:
    for word in ("ÉCRAN", "ŒUVRE", "STRASSE", "ΣΊΣΥΦΟΣ", "ЁЛКА", "ǅUNGLA"):
        assert normalise(word) == normalise(word.lower()) == normalise(word.title())


def test_a_table_that_is_full_still_folds() -> None:
    # Far more different characters than the table of folded ones may hold.
    every = "".join(map(chr, range(0x20, 0x2FFFF)))
    assert normalise(every) == normalise(normalise(every))
    assert normalise("É") == "e"
