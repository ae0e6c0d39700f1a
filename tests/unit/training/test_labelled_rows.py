import polars as pl
import pytest

from aisle.catalog.product import Product
from aisle.training.rows import labelled_rows, product_blocks, products
from tests.unit.training.frames import frame


def test_rows_without_a_label_are_left_out_and_the_rest_sorted() -> None:
    made = frame(["c", "a", "b", "d"], ["1", None, "2", ""], id=["9", "1", "10", "2"])
    found = labelled_rows(made)
    assert found["title"].to_list() == ["b", "c"]
    assert found.columns == made.columns


@pytest.mark.parametrize(
    ("level", "labels"),
    [
        (None, ["A > B > C", "A > D", "E"]),
        (1, ["A", "A", "E"]),
        (2, ["A > B", "A > D", "E"]),
        (3, ["A > B > C", "A > D", "E"]),
        (9, ["A > B > C", "A > D", "E"]),
    ],
)
def test_labels_are_cut_to_their_first_levels(level: int | None, labels: list[str]) -> None:
    made = frame(["x", "y", "z"], ["A > B > C", "A > D", "E"])
    assert labelled_rows(made, level)["label"].to_list() == labels


def test_a_sign_that_is_no_separator_stays() -> None:
    assert labelled_rows(frame(["x"], ["A>B > C"]), 1)["label"].to_list() == ["A>B"]


def test_rows_become_products() -> None:
    made = frame(["jeu", None], ["1", "2"], description=[None, "long"], brand=["SEGA", None])
    assert products(made) == [Product("0", title="jeu", brand="SEGA"), Product("1", description="long")]


def test_blocks_are_all_rows_in_their_order() -> None:
    made = pl.concat([frame(["jeu"], ["1"])] * 10_001)
    blocks = list(product_blocks(made))
    assert [len(block) for block in blocks] == [10_000, 1]
    assert [product for block in blocks for product in block] == products(made)
