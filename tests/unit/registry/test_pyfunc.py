from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.product import Product
from aisle.models.bundle import Bundle
from aisle.models.prediction import Prediction
from aisle.registry.pyfunc import PyfuncModel


class EchoBundle:
    """Answers with what it was asked, so that a test can see what arrived."""

    def __init__(self) -> None:
        self.asked: list[Product] = []

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        self.asked = list(products)
        return [
            Prediction(p.id, p.title or "nothing", f"name of {p.title}", 1 / (n + 2), (), ()) for n, p in enumerate(products)
        ]


def model() -> tuple[PyfuncModel, EchoBundle]:
    bundle = EchoBundle()
    return PyfuncModel(cast("Bundle", bundle)), bundle


def test_columns_become_fields_and_answers_become_columns() -> None:
    loaded, bundle = model()
    frame = pd.DataFrame(
        {"brand": ["b", None], "id": ["x", "y"], "title": ["t1", "t2"], "description": [None, "d"], "image": [b"jpeg", None]}
    )
    answers = loaded.predict(frame)
    assert bundle.asked == [Product("x", "t1", None, "b", b"jpeg"), Product("y", "t2", "d", None, None)]
    assert answers.columns.tolist() == ["code", "name", "confidence"]
    assert answers["code"].tolist() == ["t1", "t2"]
    assert answers["name"].tolist() == ["name of t1", "name of t2"]
    assert answers["confidence"].tolist() == [1 / 2, 1 / 3]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, np.nan])
def test_whatever_pandas_takes_for_missing_is_missing(missing: object) -> None:
    loaded, bundle = model()
    loaded.predict(
        pd.DataFrame({"title": ["t", missing], "description": [missing, "d"], "id": [missing, "7"]}, dtype=object)
    )
    assert bundle.asked == [Product("0", "t"), Product("7", None, "d")]


def test_a_column_of_nothing_but_missing_numbers_is_missing() -> None:
    """So pandas reads an empty column of a CSV file."""
    loaded, bundle = model()
    loaded.predict(pd.DataFrame({"title": ["t", "u"], "description": [np.nan, np.nan]}))
    assert bundle.asked == [Product("0", "t"), Product("1", "u")]


def test_other_columns_are_not_looked_at() -> None:
    loaded, bundle = model()
    loaded.predict(pd.DataFrame({"title": ["t"], "price": [3.5]}))
    assert bundle.asked == [Product("0", "t")]


def test_rows_keep_their_index() -> None:
    loaded, _ = model()
    assert loaded.predict(pd.DataFrame({"title": ["a", "b"]}, index=[7, 3])).index.tolist() == [7, 3]


def test_no_rows_give_no_answers_in_the_same_columns() -> None:
    loaded, _ = model()
    answers = loaded.predict(pd.DataFrame({"title": []}))
    assert answers.shape == (0, 3)
    assert answers.columns.tolist() == ["code", "name", "confidence"]


@given(st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=8))
def test_every_text_arrives_as_it_was_sent(titles: list[str | None]) -> None:
    loaded, bundle = model()
    loaded.predict(pd.DataFrame({"title": pd.Series(titles, dtype=object)}))
    assert [product.title for product in bundle.asked] == titles
