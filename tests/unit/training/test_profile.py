from aisle.catalog.product import Product
from aisle.training.profile import reference_profile


def test_shares_and_deciles_are_of_the_rows_given() -> None:
    items = [
        Product("1", title="Housse pour la table", description="<p>Une housse de jardin</p>"),
        Product("2", title="Cover for the table", description=" "),
        Product("3", title=None, description="Une description"),
        Product("4", title="xyz"),
    ]
    profile = reference_profile(items, ["b", "a", "b", "b"])
    assert profile["rows"] == 4
    assert profile["category_rows"] == {"a": 1, "b": 3}
    assert list(profile["category_rows"]) == ["a", "b"]
    assert profile["missing_description_share"] == 0.5
    assert profile["html_share"] == 0.25
    assert profile["language_rows"] == {"en": 1, "fr": 2, "unknown": 1}
    assert (profile["title_chars"][0], profile["title_chars"][-1]) == (0, 20)
    assert (profile["description_chars"][0], profile["description_chars"][-1]) == (15, 27)
    assert len(profile["title_words"]) == 11
    assert profile["title_words"] == sorted(profile["title_words"])


def test_without_descriptions_there_is_nothing_to_say_of_their_length() -> None:
    profile = reference_profile([Product("1", title="jeu")], ["a"])
    assert profile["description_chars"] == []
    assert profile["missing_description_share"] == 1.0
