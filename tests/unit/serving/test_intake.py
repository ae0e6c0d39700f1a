import base64
import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.datastructures import Headers

from aisle.catalog.product import Product
from aisle.errors import InvalidField, InvalidRequest, UnsupportedContent
from aisle.serving.intake import read_products, require_json
from aisle.serving.problems import field_name
from aisle.settings import Serving

OPTIONS = Serving(max_products=3, max_text_chars=1_000)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def read(body: Any, options: Serving = OPTIONS) -> list[Product]:
    return read_products(body if isinstance(body, bytes) else json.dumps(body).encode(), options)


def refusal(body: Any, options: Serving = OPTIONS) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(body, options)
    return caught.value


def read_or_refusal(body: Any) -> list[Product] | tuple[InvalidField, ...]:
    try:
        return read(body)
    except InvalidRequest as error:
        return error.fields


def wrong_fields(body: Any) -> list[str]:
    return [field_name(field.path) for field in refusal(body).fields]


def test_one_product() -> None:
    body = {"id": "A-17", "title": "Piscine", "description": "<p>ronde</p>", "brand": "Intex"}
    assert read(body) == [Product("A-17", "Piscine", "<p>ronde</p>", "Intex", None)]


def test_many_products_keep_their_order_and_may_share_an_id() -> None:
    products = [{"id": "x", "title": "b"}, {"id": "x", "title": "a"}, {"description": "c"}]
    assert [(p.id, p.title) for p in read({"products": products})] == [("x", "b"), ("x", "a"), ("2", None)]


def test_a_product_without_id_is_named_by_its_position() -> None:
    assert [p.id for p in read({"products": [{"title": "a"}, {"title": "b"}]})] == ["0", "1"]
    assert read({"title": "a"})[0].id == "0"
    assert read({"title": "a", "id": ""})[0].id == ""


def test_null_is_as_good_as_absent() -> None:
    assert read({"id": None, "title": None, "description": "d", "brand": None, "image": None}) == [
        Product("0", None, "d", None, None)
    ]


@given(st.lists(st.fixed_dictionaries({"id": TEXT, "title": TEXT.filter(str.strip), "brand": st.none() | TEXT}), min_size=1))
def test_what_is_sent_arrives_unchanged(products: list[dict[str, Any]]) -> None:
    found = read({"products": products}, Serving(max_products=1_000))
    assert [{"id": p.id, "title": p.title, "brand": p.brand} for p in found] == products


@given(st.binary(max_size=200) | TEXT.map(str.encode))
def test_any_bytes_are_products_or_a_refusal(body: bytes) -> None:
    found = read_or_refusal(body)
    assert found
    assert all(isinstance(item, Product | InvalidField) for item in found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["products", "title", "id", "x"]), inner),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_products_or_a_refusal(body: Any) -> None:
    found = read_or_refusal(body)
    assert found
    assert all(isinstance(item, InvalidField) or item.title or item.description or item.image for item in found)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "line 1"),
        (b'{"title": "a"} x', "no JSON"),
        (b'{"title": "\xff"}', "no JSON"),
        (b'\xef\xbb\xbf{"title": "a"}', "no JSON"),
        ('{"title": "a"}'.encode("utf-16"), "no JSON"),
        (b'{"title": "\\ud800"}', "no JSON"),
        (b'{"title": "\\udc00\\ud800"}', "no JSON"),
        (b'{"title": NaN}', "no JSON"),
        (b'{"title": Infinity}', "no JSON"),
        (b"{'title': 'a'}", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 5_000, "no JSON"),
        (b"[" * 2_000 + b"]" * 2_000, "no JSON"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b'"title"', "must be an object"),
        (b"1e999", "no JSON"),
    ],
)
def test_what_is_no_json_object_is_refused_as_a_whole(body: bytes, says: str) -> None:
    error = refusal(body)
    assert says in str(error)
    assert [field.path for field in error.fields] == [()]


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, ["a"]])
@pytest.mark.parametrize("name", ["id", "title", "description", "brand", "image"])
def test_a_field_of_another_type_is_named(name: str, value: Any) -> None:
    assert wrong_fields({"title": "a", name: value}) == [name]
    assert wrong_fields({"products": [{"title": "a"}, {"title": "a", name: value}]}) == [f"products[1].{name}"]


@pytest.mark.parametrize("products", [None, 1, "a", {}, {"title": "a"}])
def test_products_must_be_a_list(products: Any) -> None:
    assert wrong_fields({"products": products}) == ["products"]


def test_an_empty_list_and_items_that_are_no_objects_are_refused() -> None:
    assert wrong_fields({"products": []}) == ["products"]
    assert wrong_fields({"products": ["a", None]}) == ["products[0]", "products[1]"]


def test_an_unknown_field_is_named_with_those_that_are_known() -> None:
    error = refusal({"products": [{"title": "a"}, {"titel": "a"}]})
    assert [field_name(field.path) for field in error.fields] == ["products[1].titel"]
    assert "known are id, title, description, brand, image" in str(error)
    assert "known are products" in str(refusal({"products": [{"title": "a"}], "top": 3}))


@pytest.mark.parametrize(
    "product", [{}, {"id": "a"}, {"title": None}, {"title": ""}, {"title": " \t\n "}, {"brand": "Intex", "image": ""}]
)
def test_a_product_with_nothing_to_go_by_is_named(product: dict[str, Any]) -> None:
    error = refusal({"products": [{"title": "a"}, product]})
    assert str(error) == "products[1] needs a title, a description or an image."
    assert wrong_fields(product) == [""]


@pytest.mark.parametrize("name", ["title", "description", "brand"])
def test_text_beyond_the_limit_is_refused_and_text_at_the_limit_is_not(name: str) -> None:
    assert read({"title": "a", name: "é" * 1_000})
    error = refusal({"title": "a", name: "é" * 1_001})
    assert str(error) == f"{name} has 1,001 characters; the limit is 1,000."


def test_too_many_products_are_refused_with_the_limit() -> None:
    assert len(read({"products": [{"title": "a"}] * 3})) == 3
    error = refusal({"products": [{"title": "a"}] * 4})
    assert str(error) == "products has 4 entries; the limit of one request is 3."
    assert [field.path for field in error.fields] == [("products",)]


def test_every_wrong_field_is_told() -> None:
    long = "x" * 1_001
    assert wrong_fields({"products": [{"title": long}, {}, {"description": long, "title": "a"}]}) == [
        "products[0].title",
        "products[1]",
        "products[2].description",
    ]


def test_an_overlong_id_is_refused() -> None:
    assert wrong_fields({"id": "x" * 201, "title": "a"}) == ["id"]


IMAGE = base64.b64encode(bytes(3_000)).decode()


@pytest.mark.parametrize(
    "body",
    [
        f'{{"title": "a", "image": "{IMAGE}", "title": "b"}}',
        f'{{"image": "{IMAGE}", "title": "a", "image": "{IMAGE}"}}',
        # An image that spells a part of its own body, which would hide a name if it were taken out.
        '{"title": "' + "x" * 2_000 + '", "title": "b", "image": "title\\": \\"' + "x" * 2_000 + '\\", \\""}',
        '{"title" :' + " " * 2_000 + '"a", "title": "b", "image": ":' + " " * 2_000 + '"}',
    ],
)
def test_a_name_that_is_there_twice_is_found_beside_a_large_image(body: str) -> None:
    (field,) = refusal(body.encode()).fields
    assert "twice" in field.detail


@pytest.mark.parametrize("image", ["not base64!", "abc", "aGk", "aGk=\n", "aGk= ", "data:image/png;base64,aGk=", "aGk=aGk="])
def test_an_image_that_is_no_base64_is_named(image: str) -> None:
    error = refusal({"products": [{"title": "a"}, {"title": "b", "image": image}]})
    assert [field_name(field.path) for field in error.fields] == ["products[1].image"]
    assert "base64" in str(error)


def drawn(form: str, size: tuple[int, int] = (4, 3)) -> bytes:
    stream = BytesIO()
    Image.new("RGB", size, "navy").save(stream, form)
    return stream.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_an_image_arrives_as_its_bytes_and_needs_no_text(form: str) -> None:
    data = drawn(form)
    assert read({"image": b64(data)}) == [Product("0", image=data)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"Bonjour, ceci est du texte.", "begins with"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (drawn("JPEG")[:-40], "cannot be used"),
        (drawn("PNG")[:-20], "cannot be used"),
        (drawn("PNG", (200, 100)), "more than 10000"),
        (drawn("JPEG", (200, 100)), "more than 10000"),
    ],
)
def test_an_image_that_cannot_be_used_is_named_with_the_reason(data: bytes, says: str) -> None:
    options = Serving(max_image_pixels=10_000)
    error = refusal({"products": [{"title": "a"}, {"title": "b", "image": b64(data)}]}, options)
    assert [field_name(field.path) for field in error.fields] == ["products[1].image"]
    assert says in str(error)


@pytest.mark.parametrize(
    "value", ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"']
)
def test_json_is_read(value: str) -> None:
    require_json(Headers({"content-type": value}))
    require_json(Headers({"content-type": value, "content-encoding": "identity"}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "br"},
    ],
)
def test_anything_else_is_not(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedContent) as caught:
        require_json(Headers(headers))
    assert caught.value.hint
