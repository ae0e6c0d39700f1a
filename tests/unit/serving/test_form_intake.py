import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.product import Product
from aisle.errors import InvalidRequest, UnsupportedContent
from aisle.serving.form_intake import boundary_of, read_form
from aisle.serving.problems import field_name
from aisle.settings import Serving
from tests.unit.models.examples import picture
from tests.unit.serving.fakes import Client

OPTIONS = Serving(max_text_chars=1_000)
PICTURE = picture("50", 1)


def part(name: str, data: bytes, filename: str | None = None, more: bytes = b"") -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--B\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'.encode()
    return head + more + b"\r\n" + data + b"\r\n"


def read(*parts: bytes, end: bytes = b"--B--\r\n") -> Product:
    (product,) = read_form(b"".join(parts) + end, b"B", OPTIONS)
    return product


def test_a_form_is_a_product() -> None:
    found = read(part("title", "Manette é".encode()), part("id", b"A-1"), part("image", PICTURE, "a.jpg"))
    assert found == Product("A-1", "Manette é", image=PICTURE)


def test_an_image_that_was_not_chosen_is_none() -> None:
    assert read(part("title", b"a"), part("image", b"", "")) == Product("0", "a")


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([part("titel", b"a")], "titel"),
        ([part("", b"a")], ""),
        ([part("title", b"a"), part("title", b"b")], "title"),
        ([part("title", b"\xff")], "title"),
        ([part("title", b"a", "a.txt")], "title"),
        ([part("title", b"x" * 1_001)], "title"),
        ([part("title", b"a"), part("id", b"x" * 201)], "id"),
        ([part("title", b"a"), part("image", b"hello", "a.jpg")], "image"),
        ([part("image", PICTURE[:-60], "a.jpg")], "image"),
        ([part("title", b" ")], ""),
        ([part("title", b"YQ==", more=b"Content-Transfer-Encoding: base64\r\n")], "title"),
        ([part("title", b"a", more=b"X: " + b"y" * 2_000 + b"\r\n")], ""),
        ([b"nonsense"], ""),
        ([], ""),
    ],
)
def test_what_is_wrong_is_named(parts: list[bytes], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(*parts)
    assert field_name(caught.value.fields[0].path) == field


def test_a_form_that_breaks_off_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="breaks off"):
        read(part("title", b"a"), end=b"")


@given(
    st.binary(max_size=300) | st.lists(st.sampled_from([b"--B", b"\r\n", b":", b"a", b'name="title"', b"--"])).map(b"".join)
)
def test_any_bytes_are_a_product_or_a_refusal(body: bytes) -> None:
    found: list[Product] = []
    with contextlib.suppress(InvalidRequest):
        found = read_form(body, b"B", OPTIONS)
    assert all(product.title or product.description or product.image for product in found)


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 71}"]
)
def test_a_form_without_a_boundary_is_refused(kind: str) -> None:
    with pytest.raises(UnsupportedContent, match="boundary"):
        boundary_of(kind)


@pytest.mark.parametrize(
    ("files", "status"),
    [({"image": ("a.jpg", PICTURE)}, 200), ({"image": ("a.jpg", b"text")}, 422), ({"title": ("a", b"b")}, 422)],
)
def test_a_form_is_answered_like_json(client: Client, files: dict[str, Any], status: int) -> None:
    data = {} if "title" in files else {"title": "Coussin", "id": "A-1"}
    response = client.request("POST", "/v1/predictions", data=data, files=files, params={"top": 1})
    assert response.status_code == status
    if status == 200:
        (prediction,) = response.json()["predictions"]
        assert (prediction["id"], len(prediction["top"])) == ("A-1", 1)
