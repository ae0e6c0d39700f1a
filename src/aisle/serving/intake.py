"""From the bytes of a request to products, or to a refusal that names every field that is wrong."""

import binascii
import re
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers

from aisle.catalog.images import inspect_image
from aisle.catalog.product import Product
from aisle.errors import ImageProblem, InvalidField, UnsupportedContent
from aisle.serving import schemas
from aisle.serving.plain_json import names_written, read_json
from aisle.serving.problems import invalid_request
from aisle.settings import Serving

_BATCH = re.compile(rb'\s*\{\s*"products"')
_LONG = 1_000
_TEXTS = ("title", "description", "brand")


def require_json(headers: Headers) -> None:
    """Check that a request says that it carries plain JSON.

    Raises:
        UnsupportedContent: It says something else, nothing, or that the body is compressed.
    """
    kind, _, parameters = headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise UnsupportedContent(
            "The body must be application/json.", hint="Send the header Content-Type: application/json."
        )
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if charset not in ("", "charset=utf-8"):
        raise UnsupportedContent("JSON is UTF-8.", hint="Leave parameters other than charset=utf-8 out of Content-Type.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedContent("Compressed bodies are not read.", hint="Leave Content-Encoding out.")


def read_products(body: bytes, options: Serving) -> list[Product]:
    """Return the products of a request: one product object, or `{"products": [...]}`.

    Args:
        body: The request's body: JSON in UTF-8, without NaN, lone surrogates, a name twice or more than 1,024 levels.
        options: The limits.

    Raises:
        InvalidRequest: It is not that; the error names each field that is wrong.
    """
    many, sent = _decoded(body, options)
    products: list[Product] = []
    wrong: list[InvalidField] = []
    for position, product in enumerate(sent):
        path = ("products", position) if many else ()
        image = _image(product, options)
        if isinstance(image, str):
            wrong.append(InvalidField((*path, "image"), image))
            continue
        found = Product(
            str(position) if product.id is None or product.id is UNSET else product.id,
            None if product.title is UNSET else product.title,
            None if product.description is UNSET else product.description,
            None if product.brand is UNSET else product.brand,
            image,
        )
        wrong.extend(unfit(found, path, options))
        products.append(found)
    if wrong:
        raise invalid_request(wrong)
    return products


def read_explanation(body: bytes, options: Serving) -> tuple[Product, str | None, int]:
    """Return the product, the code and the number of terms of a request for an explanation.

    Args:
        body: Its JSON.
        options: The limits.

    Raises:
        InvalidRequest: It is no such request; the error names each field that is wrong.
    """
    content = read_json(body)
    try:
        asked = schemas.ExplanationRequest.model_validate(content)
    except ValidationError as error:
        raise invalid_request(list(_malformed(error, schemas.ExplanationRequest))) from None
    image = _image(asked.product, options)
    if isinstance(image, str):
        raise invalid_request([InvalidField(("product", "image"), image)])
    sent = asked.product
    product = Product("0" if sent.id is None else sent.id, sent.title, sent.description, sent.brand, image)
    if wrong := list(unfit(product, ("product",), options)):
        raise invalid_request(wrong)
    return product, asked.code, asked.terms


def unfit(product: Product, path: tuple[str | int, ...], options: Serving) -> Iterable[InvalidField]:
    """Yield what keeps a product from being classified: a text beyond the limit, or nothing to go by.

    Args:
        product: The product.
        path: The way to it in its request.
        options: The limits.
    """
    for name in _TEXTS:
        text = getattr(product, name)
        if text is not None and len(text) > options.max_text_chars:
            yield InvalidField((*path, name), f"has {len(text):,} characters; the limit is {options.max_text_chars:,}.")
    if product.image is None and not _has_text(product.title) and not _has_text(product.description):
        yield InvalidField(path, "needs a title, a description or an image.")


class _Sent(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(max_length=schemas.MAX_ID_CHARS)] | UnsetType | None = UNSET
    title: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    brand: str | UnsetType | None = UNSET
    image: str | UnsetType | None = UNSET


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    products: Annotated[list[_Sent], msgspec.Meta(min_length=1)]


_FIELDS = attrgetter("id", "title", "description", "brand", "image")
_ONE = msgspec.json.Decoder(_Sent)
_MANY = msgspec.json.Decoder(_Batch)


def _decoded(body: bytes, options: Serving) -> tuple[bool, Sequence[_Sent | schemas.Product]]:
    """Return whether several products were sent, and what was sent."""
    many = _BATCH.match(body) is not None
    try:
        sent = _MANY.decode(body).products if many else [_ONE.decode(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # The quick decoder tells its first complaint only; the one below finds every field that is wrong.
        return _explained(body, options)
    written = many + sum(5 - _FIELDS(product).count(UNSET) for product in sent)
    if len(sent) > options.max_products or names_written(body if many else _without_image(body, sent[0])) != written:
        return _explained(body, options)
    return many, sent


def _without_image(body: bytes, product: _Sent) -> bytes:
    # An image is most of its body and holds no name. What has none of these three marks can be taken out wherever it stands:
    # as many names are left, and each of them whole.
    image = product.image
    if not isinstance(image, str) or len(image) < _LONG or '"' in image or ":" in image or "\\" in image:
        return body
    return body.replace(image.encode(), b"", 1)


def _explained(body: bytes, options: Serving) -> tuple[bool, Sequence[schemas.Product]]:
    content = read_json(body)
    if not isinstance(content, dict):
        raise invalid_request([InvalidField((), 'The body must be an object: a product, or {"products": [...]}.')])
    many = "products" in content
    if many and isinstance(content["products"], list) and len(content["products"]) > options.max_products:
        found = f"has {len(content['products']):,} entries; the limit of one request is {options.max_products:,}."
        raise invalid_request([InvalidField(("products",), found)])
    try:
        return many, schemas.ProductBatch.model_validate(content).products if many else [
            schemas.Product.model_validate(content)
        ]
    except ValidationError as error:
        raise invalid_request(list(_malformed(error, schemas.ProductBatch if many else schemas.Product))) from None


def _has_text(text: str | None) -> bool:
    return text is not None and not (text == "" or text.isspace())


def _image(product: _Sent | schemas.Product, options: Serving) -> bytes | str | None:
    """Return a product's image, or as text why it cannot be used."""
    if not product.image:
        return None
    try:
        data = binascii.a2b_base64(product.image, strict_mode=True)
    except ValueError:
        return "is not base64."
    return unusable(data, options) or data


def unusable(image: bytes, options: Serving) -> str | None:
    """Return why an image file cannot be used, or None where it can.

    Args:
        image: The file's bytes.
        options: The limits.
    """
    try:
        inspect_image(image, max_bytes=options.max_body_bytes, max_pixels=options.max_image_pixels)
    except ImageProblem as error:
        return f"cannot be used: {error}"
    return None


def _malformed(error: ValidationError, known: type[BaseModel]) -> Iterable[InvalidField]:
    for found in error.errors(include_url=False, include_input=False):
        detail = f"is not valid: {found['msg']}."
        if found["type"] == "extra_forbidden":
            shape = known if len(found["loc"]) == 1 else schemas.Product
            detail = f"is no known field; known are {', '.join(shape.model_fields)}."
        yield InvalidField(found["loc"], detail)
