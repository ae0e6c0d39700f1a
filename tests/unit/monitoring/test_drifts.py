"""Drifts that are made on purpose."""

import io

import numpy as np
import pytest
from PIL import Image

from aisle.catalog.product import Product
from aisle.features.marks import image_look
from aisle.monitoring.drifts import DRIFTS, drifted


def picture() -> bytes:
    image = Image.new("RGB", (80, 80), "white")
    image.paste("red", (30, 30, 50, 50))
    stream = io.BytesIO()
    image.save(stream, "JPEG")
    return stream.getvalue()


SHOP = [Product(str(n), title=f"Table de jardin numéro {n} pour la maison", description="Une table") for n in range(400)]
SHOP += [Product(f"e{n}", title="The table for the garden and the house", image=picture()) for n in range(40)]
CODES = ["10"] * 300 + ["20"] * 60 + ["30"] * 80


@pytest.mark.parametrize("name", DRIFTS)
def test_a_drift_happens_to_about_its_share_and_to_no_other_row(name: str) -> None:
    drift = DRIFTS[name]
    after = drifted(drift, SHOP, CODES, np.random.default_rng(0))
    assert [product.id for product in after] == [product.id for product in SHOP]
    changed = sum(one != other for one, other in zip(after, SHOP, strict=True))
    assert 0 < changed <= 1.3 * drift.share * len(SHOP)
    assert drifted(drift, SHOP, CODES, np.random.default_rng(0)) == after


def test_dark_and_cropped_images_look_so() -> None:
    before = image_look(picture())
    product, draw = Product("1", image=picture()), np.random.default_rng(0)
    dark, cropped = (DRIFTS[name].change(product, draw) for name in ("dark_images", "cropped_images"))
    assert image_look(dark.image).brightness < 0.6 * before.brightness
    assert image_look(cropped.image).white < before.white
    bare = Product("1", title="a")
    assert DRIFTS["dark_images"].change(bare, draw) == bare


def test_fields_are_swapped_only_where_there_are_two() -> None:
    swap = DRIFTS["swapped_fields"].change
    assert swap(Product("1", title="a", description="b"), np.random.default_rng(0)) == Product("1", "b", "a")
    assert swap(Product("1", title="a", description=" "), np.random.default_rng(0)).title == "a"


def test_where_nothing_can_be_chosen_nothing_changes() -> None:
    french = SHOP[:50]
    assert drifted(DRIFTS["language"], french, ["10"] * 50, np.random.default_rng(0)) == french
