"""The challenge's category names."""

from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.categories import CHALLENGE_CATEGORIES, CHALLENGE_CODES, category_name


def test_the_challenge_has_27_codes_in_numerical_order() -> None:
    codes = list(CHALLENGE_CATEGORIES)
    assert len(codes) == 27
    assert codes == sorted(codes, key=int)
    assert frozenset(codes) == CHALLENGE_CODES


def test_no_two_categories_share_a_name() -> None:
    for language in ("en", "fr"):
        names = {category_name(code, language) for code in CHALLENGE_CODES}
        assert len(names) == 27
        assert all(name == name.strip() and name[0].isupper() for name in names)


def test_a_name_is_given_in_the_language_asked_for() -> None:
    assert category_name("10") == "Used books"
    assert category_name("10", "en") == "Used books"
    assert category_name("10", "fr") == "Livres d'occasion"


@given(st.text().filter(lambda code: code not in CHALLENGE_CODES), st.sampled_from(["en", "fr"]))
def test_a_code_of_another_catalogue_is_its_own_name(code: str, language: str) -> None:
    assert category_name(code, language) == code  # type: ignore[arg-type]
