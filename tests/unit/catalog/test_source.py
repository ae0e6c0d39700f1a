from pathlib import Path

import polars as pl
import pytest

from aisle.catalog.label_stream import CONFLICT, LabelStream
from aisle.catalog.source import open_source
from aisle.errors import SourceError
from tests.catalogues import write_challenge, write_csv

MAPPING = """
[files]
train = "products.csv"
[columns]
id = "@row"
title = "Libelle"
brand = "Marque"
label = ["A", "B"]
[values]
missing = ["AUCUNE"]
[images]
path = "pictures"
name = "{sku}.jpg"
"""


def _products(source, split="train", **options):
    return pl.concat([batch.frame for batch in source.products(split, batch_rows=options.pop("batch_rows", 100), **options)])


def _shop(tmp_path: Path, rows, mapping=MAPPING):
    (tmp_path / "pictures").mkdir(exist_ok=True)
    write_csv(tmp_path / "products.csv", ("sku", "Libelle", "Marque", "A", "B"), rows)
    (tmp_path / "catalog.toml").write_text(mapping)
    return open_source(tmp_path, name="shop")


def test_a_challenge_row_becomes_a_product_with_its_label_and_image_name(tmp_path):
    source = open_source(write_challenge(tmp_path / "shop"))
    assert source.name == "shop"
    assert source.splits == ("train", "test")
    first = _products(source).to_dicts()[0]
    assert first == {
        "row": 0,
        "label": "10",
        "id": "0",
        "title": "Livre n° 0, l'été",
        "description": None,
        "brand": None,
        "product_ref": "1000",
        "image_ref": "9000",
        "image_name": "image_9000_product_1000.jpg",
    }
    assert _products(source, "test")["label"].null_count() == 5
    assert source.rows("train") == 20


def test_labels_are_joined_by_id_whatever_their_order(tmp_path):
    folder = write_challenge(tmp_path / "shop", train=30)
    straight = _products(open_source(folder), batch_rows=7)
    path = folder / "Y_train_CVw08PX.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(lines)]) + "\n")
    assert _products(open_source(folder), batch_rows=7).equals(straight)


def test_a_bad_row_before_does_not_shift_the_labels(tmp_path):
    folder = write_challenge(tmp_path / "shop", train=6, images=False)
    path = folder / "X_train_update.csv"
    lines = path.read_text().splitlines()
    lines[2] += ",one,too,many"
    path.write_text("\n".join(lines) + "\n")
    frame = _products(open_source(folder))
    assert dict(frame.select("id", "label").iter_rows()) == {"0": "10", "2": "50", "3": "60", "4": "1140", "5": "1160"}


def test_an_id_with_two_labels_has_a_conflict_and_one_without_has_none(tmp_path):
    path = tmp_path / "y.csv"
    write_csv(path, ("id", "code"), [(1, 10), (1, 40), (2, 50), (2, 50)])
    labels = LabelStream(path, "id", "code", 100).of(pl.Series(["1", "2", "3"]))
    assert labels.to_list() == [CONFLICT, "50", None]


def test_levels_are_joined_until_the_first_empty_one(tmp_path):
    source = _shop(tmp_path, [("s0", "a", "x", "Toys", "Cars"), ("s1", "b", "x", "Toys", " "), ("s2", "c", "x", "", "Cars")])
    assert _products(source)["label"].to_list() == ["Toys > Cars", "Toys", None]


def test_a_separator_splits_one_column_into_levels(tmp_path):
    mapping = MAPPING.replace('["A", "B"]', '"A"') + '[label]\nseparator = "/"\n'
    source = _shop(tmp_path, [("s0", "a", "x", "Toys / Cars", ""), ("s1", "b", "x", "Toys", "")], mapping)
    assert _products(source)["label"].to_list() == ["Toys > Cars", "Toys"]


def test_values_that_mean_nothing_are_nothing(tmp_path):
    source = _shop(tmp_path, [("s0", "a", "AUCUNE", "T", "C"), ("s1", "  ", "Bosch", "T", "C")])
    frame = _products(source)
    assert frame["brand"].to_list() == [None, "Bosch"]
    assert frame["title"].to_list() == ["a", None]
    assert frame["id"].to_list() == ["0", "1"]
    assert frame["image_name"].to_list() == ["s0.jpg", "s1.jpg"]


def test_reading_may_start_in_the_middle(tmp_path):
    source = open_source(write_challenge(tmp_path / "shop", train=20))
    rows = [batch.start for batch in source.products("train", batch_rows=5, start=12)]
    assert rows == [10, 15]


def test_the_digest_follows_rows_labels_images_and_mapping(tmp_path):
    folder = write_challenge(tmp_path / "shop")
    digest = open_source(folder).digest("train")
    assert open_source(folder, name="other").digest("train") == digest
    (folder / "Y_train_CVw08PX.csv").write_text(",prdtypecode\n0,40\n")
    changed = open_source(folder)
    assert changed.digest("train") != digest
    assert changed.digest("test") == open_source(folder).digest("test")
    before = changed.digest("test")
    (folder / "images.zip").unlink()
    assert open_source(folder).digest("test") != before


def test_a_missing_file_or_column_is_found_before_anything_is_taken(tmp_path):
    source = _shop(tmp_path, [("s0", "a", "x", "T", "C")])
    source.check()
    (tmp_path / "products.csv").write_text("sku,Libelle,A,B\n")
    with pytest.raises(SourceError, match="'Marque'"):
        source.check()
    (tmp_path / "products.csv").unlink()
    with pytest.raises(SourceError, match="is not there"):
        source.check()


@pytest.mark.parametrize("name", ["", "a/b", "../x", "A B", "x" * 64])
def test_a_name_that_could_not_be_a_key_is_refused(tmp_path, name):
    write_challenge(tmp_path / "shop")
    with pytest.raises(SourceError, match="cannot be a catalogue's name"):
        open_source(tmp_path / "shop", name=name)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="is no folder"):
        open_source(tmp_path / "nowhere")
