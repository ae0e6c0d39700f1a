from pathlib import Path

import pytest

from aisle.catalog.challenge import challenge_mapping, is_challenge
from aisle.catalog.mapping import read_mapping
from aisle.errors import SourceError
from tests.catalogues import write_challenge

GOOD = """
[files]
train = "products.csv"
[columns]
id = "@row"
title = "Libelle"
label = "Categorie1"
"""


def _mapping(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    return path


def test_a_mapping_names_the_columns_that_it_needs(tmp_path):
    mapping = read_mapping(_mapping(tmp_path, GOOD + '[images]\npath = "images"\nname = "{sku}_{n}.jpg"\n'))
    assert mapping.wanted("train") == ("Libelle", "Categorie1", "sku", "n")
    assert mapping.wanted("test") == ("Libelle", "sku", "n")
    assert mapping.layout == "mapped"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[files\n", "not TOML"),
        ('[files]\ntrain = "a.csv"\n', "columns"),
        (GOOD + "[colums]\n", "colums"),
        (GOOD.replace("title", "tittle"), "columns.tittle"),
        (GOOD + '[images]\npath = "i"\nname = "image.jpg"\n', "names no column"),
        (GOOD.replace("train =", "valid ="), "files"),
    ],
)
def test_what_a_mapping_cannot_say_is_refused_with_its_place(tmp_path, text, words):
    with pytest.raises(SourceError, match=words):
        read_mapping(_mapping(tmp_path, text))


def test_a_mapping_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_mapping(tmp_path / "catalog.toml")


@pytest.mark.parametrize("spelling", ["X_train_update.csv", "x_train.csv"])
def test_the_challenge_is_known_in_both_spellings(tmp_path, spelling):
    folder = write_challenge(tmp_path / "shop", spelling=spelling)
    assert is_challenge(folder)
    mapping = challenge_mapping(folder)
    assert mapping.files["train"] == spelling
    assert mapping.images is not None
    assert len(mapping.label.known) == 27


def test_the_challenge_may_have_only_one_of_its_splits(tmp_path):
    folder = write_challenge(tmp_path / "shop", images=False)
    (folder / "X_test_update.csv").unlink()
    mapping = challenge_mapping(folder)
    assert set(mapping.files) == {"train"}
    assert mapping.images is None
    (folder / "Y_train_CVw08PX.csv").unlink()
    with pytest.raises(SourceError, match="no labels"):
        challenge_mapping(folder)


def test_a_folder_with_neither_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(SourceError, match="holds no catalogue") as caught:
        challenge_mapping(tmp_path)
    assert "--mapping" in caught.value.hint
