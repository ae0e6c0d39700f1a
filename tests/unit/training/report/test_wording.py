import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.training.report.wording import breadth, listed, percent, printable, shortened, size

anything = st.text(st.characters())  # lone surrogates and control characters among them


@given(anything)
def test_printable_text_goes_through_utf_8_and_keeps_its_length(text: str) -> None:
    shown = printable(text)
    assert shown.encode().decode() == shown
    assert len(shown) == len(text)
    assert printable(shown) == shown


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("L'été à 5 €", "プール", "سلام", "a\tb\nc", "👩‍🚀"):
        assert printable(text) == text


@given(anything, st.integers(3, 40))
def test_shortened_text_fits_and_keeps_both_ends(text: str, most: int) -> None:
    line = " ".join(text.split())
    short = shortened(text, most)
    assert len(short) <= most
    if len(line) <= most:
        assert short == line
    else:
        start, end = short.split("…", 1) if "…" not in line else (short[:1], short[-1:])
        assert line.startswith(start)
        assert line.endswith(end)


def test_broad_letters_take_more_room() -> None:
    assert breadth("") == 0
    assert breadth("aaaa") < breadth("AAAA") < breadth("水水水水")


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2.5e9, "2.5 GB"), (None, "–")])
def test_sizes_are_said_in_the_largest_unit(count: float | None, said: str) -> None:
    assert size(count) == said


def test_percentages_are_never_broken_over_lines() -> None:
    assert percent(0.5) == "50.0\N{NO-BREAK SPACE}%"
    assert percent(0.5, 0) == "50\N{NO-BREAK SPACE}%"


def test_lists_of_any_length_can_stand_in_a_sentence() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]
