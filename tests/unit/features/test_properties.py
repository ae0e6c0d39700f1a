"""What a product looks like from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.product import Product
from aisle.features.properties import ImageProperties, describe


def test_a_whole_product() -> None:
    image = ImageProperties(width=500, height=250, size=20_000)
    product = Product("1", title="Coussin d&#39;été pour la maison", description="Très doux<br>et léger")
    properties = describe(product, image)
    assert properties.title_chars == 32
    assert properties.description_chars == 21
    assert properties.title_words == 6
    assert not properties.missing_description
    assert properties.html_residue
    assert properties.language == "fr"
    assert properties.image == image
    assert image.aspect == pytest.approx(2.0)


def test_a_bare_product() -> None:
    properties = describe(Product("1"))
    assert (properties.title_chars, properties.description_chars, properties.title_words) == (0, 0, 0)
    assert properties.missing_description
    assert not properties.html_residue
    assert properties.language == "unknown"
    assert properties.image is None


@pytest.mark.parametrize("description", [None, "", "  \n"])
def test_a_blank_description_is_missing(description: str | None) -> None:
    assert describe(Product("1", title="x", description=description)).missing_description


@pytest.mark.parametrize(("title", "description"), [("a <b>c</b>", None), (None, "l&rsquo;eau"), ("x", "a<br/>b")])
def test_html_is_seen_in_either_field(title: str | None, description: str | None) -> None:
    assert describe(Product("1", title=title, description=description)).html_residue


def test_an_image_without_height_has_no_aspect() -> None:
    assert ImageProperties(10, 0, 0).aspect == 0


@given(st.none() | st.text(), st.none() | st.text())
def test_any_product_can_be_described(title: str | None, description: str | None) -> None:
    properties = describe(Product("1", title=title, description=description))
    assert properties.title_chars == len(title or "")
    assert properties.description_chars == len(description or "")
    assert 0 <= properties.title_words <= 20 * properties.title_chars
