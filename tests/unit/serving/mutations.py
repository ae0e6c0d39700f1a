"""Bytes that are almost right: seeds of every kind of body, and mutations of them by a seeded generator."""

import json
import random
from collections.abc import Callable, Iterator, Mapping

from aisle.catalog.product import Product
from aisle.errors import AisleError
from aisle.serving.form_intake import read_form
from aisle.serving.intake import read_explanation, read_products
from aisle.serving.lines import Splitter
from aisle.serving.mlflow_scoring import read_csv, read_scoring
from aisle.serving.open_inference import read_inference
from aisle.settings import Serving

OPTIONS = Serving(max_products=5, max_text_chars=1_000, max_body_bytes=20_000, max_image_pixels=10_000)
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
_TITLES = {"name": "title", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}
_PART = b'--B\r\nContent-Disposition: form-data; name="title"\r\n\r\nPiscine\r\n'
_TOKENS = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"null",
    b"NaN",
    b"-",
    b"1e999",
    b"\xff",
    b"\xc3",
]
_TOKENS += [
    b"\x00",
    b"\r\n",
    b"--B",
    b"--B--",
    b'"title"',
    b'"products"',
    b'"id"',
    b"true",
    b"9" * 30,
    b"\xed\xa0\x80",
    b" ",
]


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


SEEDS: Mapping[str, list[bytes]] = {
    "products": [
        _json({"title": "Piscine", "id": "A", "brand": None}),
        _json({"products": [{"title": "é"}, {"description": "b", "image": _PIXEL}]}),
    ],
    "explanation": [_json({"product": {"title": "Piscine", "image": _PIXEL}, "code": "1", "terms": 3})],
    "inference": [
        _json({"inputs": [_TITLES], "outputs": [{"name": "code"}], "id": "r", "parameters": {"x": 1}}),
        _json({"inputs": [{**_TITLES, "shape": [2, 1], "data": [["a"], ["b"]]}, {**_TITLES, "name": "brand"}]}),
    ],
    "scoring": [
        _json({"dataframe_split": {"columns": ["id", "title"], "index": [1], "data": [["a", "b"]]}}),
        _json({"dataframe_records": [{"title": "a"}, {"image": _PIXEL}]}),
        _json({"inputs": {"title": ["a", "b"]}}),
        _json({"instances": [{"title": "a"}], "params": {}}),
    ],
    "csv": [b'id,title,brand\n1,"a, ""b""",c\n2,None,\n'],
    "form": [_PART + b"--B--\r\n", _PART + _PART.replace(b"title", b"brand") + b"--B--\r\n"],
}
"""Bodies of every kind that are right, by kind."""

READERS: Mapping[str, Callable[[bytes], object]] = {
    "products": lambda body: read_products(body, OPTIONS),
    "explanation": lambda body: read_explanation(body, OPTIONS)[0],
    "inference": lambda body: read_inference(body, OPTIONS).products,
    "scoring": lambda body: read_scoring(body, OPTIONS),
    "csv": lambda body: read_csv(body, OPTIONS),
    "form": lambda body: read_form(body, b"B", OPTIONS),
}
"""What reads each kind."""


def mutated(kind: str, cases: int, seed: int) -> Iterator[bytes]:
    """Yield bodies that are nearly of a kind: the same for the same seed."""
    draw = random.Random(f"{kind} {seed}")
    seeds = SEEDS[kind]
    for _ in range(cases):
        body = bytearray(draw.choice(seeds))
        for _ in range(draw.choice((1, 1, 1, 2, 2, 4, 8))):
            _mutate(body, draw, seeds)
        yield bytes(body)


def _mutate(body: bytearray, draw: random.Random, seeds: list[bytes]) -> None:
    at = draw.randrange(len(body) + 1)
    length = draw.choice((1, 1, 2, 4, 16))
    match draw.randrange(7):
        case 0:
            body[at : at + length] = b""
        case 1:
            body[at:at] = draw.choice(_TOKENS)
        case 2:
            body[at : at + length] = draw.choice(_TOKENS)
        case 3:
            body[at:at] = body[at : at + 40]
        case 4:
            body[at:at] = bytes(draw.randrange(256) for _ in range(length))
        case 5:
            other = draw.choice(seeds)
            begin = draw.randrange(len(other))
            body[at:] = other[begin:]
        case _:
            body[at:at] = draw.choice(_TOKENS) * draw.choice((2, 50, 1_500))


def outcome(kind: str, body: bytes) -> str:
    """Return how a body is taken: `read` or `refused`; anything else that is raised is the test's to see."""
    try:
        found = READERS[kind](body)
    except AisleError:
        return "refused"
    products = found if isinstance(found, list) else [found]
    assert products
    assert all(isinstance(product, Product) for product in products)
    for product in products:
        for text in (product.title, product.description, product.brand):
            assert text is None or len(text) <= OPTIONS.max_text_chars
            (text or "").encode()
    return "read"


def split_whole(body: bytes, sizes: list[int]) -> list[bytes | None]:
    """Return the lines of a body that comes in pieces."""
    splitter = Splitter(200)
    lines, at = [], 0
    for size in sizes:
        lines += splitter.feed(body[at : at + size])
        at += size
    lines += splitter.feed(body[at:])
    return [line.content for line in (*lines, *splitter.finish())]
