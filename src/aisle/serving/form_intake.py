"""A product as a form: `multipart/form-data` with text fields and an image file, as browsers and `curl -F` send it."""

from collections.abc import Callable, Mapping
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from aisle.catalog.product import Product
from aisle.errors import InvalidField, InvalidRequest, UnsupportedContent
from aisle.serving.intake import unfit, unusable
from aisle.serving.problems import invalid_request
from aisle.serving.schemas import MAX_ID_CHARS
from aisle.settings import Serving

FIELDS = ("id", "title", "description", "brand", "image")
"""The fields of a form."""

_MAX_HEADER = 1_024


def boundary_of(content_type: str) -> bytes:
    """Return what separates the parts of a form.

    Args:
        content_type: The request's content type, `multipart/form-data`.

    Raises:
        UnsupportedContent: It names no boundary, or an odd one.
    """
    boundary: bytes = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise UnsupportedContent(
            "The content type multipart/form-data needs a boundary of 1 to 70 characters.",
            hint="Leave the header to your HTTP library: it knows the boundary that it writes.",
        )
    return boundary


def read_form(body: bytes, boundary: bytes, options: Serving) -> list[Product]:
    """Return the one product of a form.

    Args:
        body: The request's body.
        boundary: What separates its parts.
        options: The limits.

    Raises:
        InvalidRequest: It is no such form; the error names each field that is wrong.
    """
    parts = _Parts()
    parser = MultipartParser(boundary, parts.callbacks(), max_size=options.max_body_bytes)
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise invalid_request([InvalidField((), f"The body is no form: {error}.")]) from None
    if not parts.ended:
        raise invalid_request([InvalidField((), "The form breaks off before its end.")])
    values: dict[str, str] = {}
    wrong: list[InvalidField] = []
    image = bytes(parts.found.pop("image", b"")) or None
    for name, data in parts.found.items():
        try:
            values[name] = data.decode()
        except UnicodeDecodeError:
            wrong.append(InvalidField((name,), "is not UTF-8."))
    if len(values.get("id", "")) > MAX_ID_CHARS:
        wrong.append(InvalidField(("id",), f"has more than {MAX_ID_CHARS} characters."))
    if image is not None and (reason := unusable(image, options)):
        wrong.append(InvalidField(("image",), reason))
    product = Product(values.get("id", "0"), values.get("title"), values.get("description"), values.get("brand"), image)
    wrong.extend(unfit(product, (), options))
    if wrong:
        raise invalid_request(wrong)
    return [product]


class _Parts:
    """What a parser tells of a form: the bytes of each field by its name."""

    def __init__(self) -> None:
        self.found: dict[str, bytearray] = {}
        self.ended = False
        self._data = bytearray()
        self._name = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}

    def callbacks(self) -> Any:
        """Return the functions that a parser calls."""
        calls: Mapping[str, Callable[..., None]] = {
            "on_part_begin": self._begin,
            "on_part_data": self._more,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_end": self._end,
        }
        return dict(calls)

    def _begin(self) -> None:
        self._headers.clear()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._check(self._name)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check(self._value)

    def _header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        kind, details = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = details.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or name not in FIELDS:
            known = ", ".join(FIELDS)
            raise _refusal(name[:100], f"is no known field; known are {known}." if name else "of a part is not named.")
        if self._headers.get(b"content-transfer-encoding", b"8bit").lower() not in (b"7bit", b"8bit", b"binary"):
            raise _refusal(name, "must be sent as it is, without a transfer encoding.")
        if name in self.found:
            raise _refusal(name, "is there twice.")
        if b"filename" in details and name != "image":
            raise _refusal(name, "must be text, not a file.")
        self._data = self.found[name] = bytearray()

    def _more(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _end(self) -> None:
        self.ended = True

    def _check(self, text: bytearray) -> None:
        if len(text) > _MAX_HEADER:
            raise _refusal("", f"The form has a part with a header of more than {_MAX_HEADER:,} bytes.")


def _refusal(name: str, detail: str) -> InvalidRequest:
    return invalid_request([InvalidField((name,) if name else (), detail)])
