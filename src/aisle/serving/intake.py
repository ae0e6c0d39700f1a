"""From the bytes of a request to products, or to a refusal that names every field that is wrong."""

import binascii
from collections.abc import Iterable

import orjson
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers

from aisle.catalog.images import inspect_image
from aisle.catalog.product import Product
from aisle.errors import ImageProblem, InvalidField, UnsupportedContent
from aisle.serving import schemas
from aisle.serving.problems import invalid_request
from aisle.settings import Serving

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
        body: The request's body: JSON in UTF-8, without NaN, lone surrogates or more than 1,024 levels.
        options: The limits.

    Raises:
        InvalidRequest: It is not that; the error names each field that is wrong.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        detail = f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise invalid_request([InvalidField((), detail)]) from None
    if not isinstance(content, dict):
        raise invalid_request([InvalidField((), 'The body must be an object: a product, or {"products": [...]}.')])
    many = "products" in content
    if many and isinstance(content["products"], list) and len(content["products"]) > options.max_products:
        found = f"has {len(content['products']):,} entries; the limit of one request is {options.max_products:,}."
        raise invalid_request([InvalidField(("products",), found)])
    try:
        sent = schemas.ProductBatch.model_validate(content).products if many else [schemas.Product.model_validate(content)]
    except ValidationError as error:
        raise invalid_request(list(_malformed(error, schemas.ProductBatch if many else schemas.Product))) from None
    products: list[Product] = []
    wrong: list[InvalidField] = []
    for position, product in enumerate(sent):
        path = ("products", position) if many else ()
        image = _image(product, options)
        if isinstance(image, str):
            wrong.append(InvalidField((*path, "image"), image))
            continue
        wrong.extend(_too_long(product, path, options.max_text_chars))
        if image is None and not _has_text(product.title) and not _has_text(product.description):
            wrong.append(InvalidField(path, "needs a title, a description or an image."))
        identity = str(position) if product.id is None else product.id
        products.append(Product(identity, product.title, product.description, product.brand, image))
    if wrong:
        raise invalid_request(wrong)
    return products


def _has_text(text: str | None) -> bool:
    return text is not None and not (text == "" or text.isspace())


def _too_long(product: schemas.Product, path: tuple[str | int, ...], limit: int) -> Iterable[InvalidField]:
    for name in _TEXTS:
        text = getattr(product, name)
        if text is not None and len(text) > limit:
            yield InvalidField((*path, name), f"has {len(text):,} characters; the limit is {limit:,}.")


def _image(product: schemas.Product, options: Serving) -> bytes | str | None:
    """Return a product's image, or as text why it cannot be used."""
    if not product.image:
        return None
    try:
        data = binascii.a2b_base64(product.image, strict_mode=True)
        inspect_image(data, max_bytes=options.max_body_bytes, max_pixels=options.max_image_pixels)
    except ImageProblem as error:
        return f"cannot be used: {error}"
    except ValueError:
        return "is not base64."
    return data


def _malformed(error: ValidationError, known: type[BaseModel]) -> Iterable[InvalidField]:
    for found in error.errors(include_url=False, include_input=False):
        detail = f"is not valid: {found['msg']}."
        if found["type"] == "extra_forbidden":
            shape = known if len(found["loc"]) == 1 else schemas.Product
            detail = f"is no known field; known are {', '.join(shape.model_fields)}."
        yield InvalidField(found["loc"], detail)
