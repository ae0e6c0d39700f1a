"""MLflow's scoring protocol: from the bodies that `mlflow models serve` takes to products, and to its answers.

What is missing, and what cannot be gone by, is treated as the bundle's pyfunc flavour treats it, so the answers are the
same: a row without anything gets the categories' shares. Types are those of the signature: text, and an image in base64.
"""

import binascii
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import orjson

from aisle.catalog.product import Product
from aisle.errors import InvalidField, InvalidRequest
from aisle.models.prediction import Prediction
from aisle.serving.intake import unfit
from aisle.serving.plain_json import read_json
from aisle.serving.problems import invalid_request
from aisle.settings import Serving

VERSION = "3.17.2"
"""The release of MLflow whose protocol is spoken."""

FORMATS = ("dataframe_split", "dataframe_records", "inputs", "instances")
"""The forms of a body in JSON, of which it has exactly one."""

_COLUMNS = tuple(field.name for field in fields(Product))
_MISSING = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA")
) | {"NULL", "NaN", "None", "n/a", "nan", "null"}
"""What a CSV's reader in MLflow takes for missing: pandas' own list."""


def read_scoring(body: bytes, options: Serving) -> list[Product]:
    """Return the products of a body in JSON.

    Args:
        body: An object with exactly one of `FORMATS`; `params` may stand beside it and says nothing to this model.
        options: The limits.

    Raises:
        InvalidRequest: It is not that; the error names each field that is wrong.
    """
    content = read_json(body)
    found = [name for name in FORMATS if name in content] if isinstance(content, dict) else []
    if len(found) != 1 or content.keys() - {*found, "params"}:
        raise invalid_request([InvalidField((), f"The body must be an object with exactly one of {', '.join(FORMATS)}.")])
    form = found[0]
    columns = {"dataframe_split": _split, "dataframe_records": _records, "inputs": _inputs, "instances": _instances}[form](
        content[form], form
    )
    return _products(columns, form, options)


def read_csv(body: bytes, options: Serving) -> list[Product]:
    """Return the products of a body in CSV whose first line names the columns.

    Args:
        body: UTF-8, as `DataFrame.to_csv()` writes it; an image cannot be sent so.
        options: The limits.

    Raises:
        InvalidRequest: It is not that.
    """
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise invalid_request([InvalidField((), f"The body is no CSV in UTF-8: {error}.")]) from None
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise invalid_request([InvalidField((), "The body needs a line of column names and at least one row.")])
    header, *values = rows
    if "image" in header:
        raise invalid_request([InvalidField(("image",), "cannot be sent as CSV; use JSON.")])
    if len(set(header)) != len(header) or any(len(row) > len(header) for row in values):
        raise invalid_request(
            [InvalidField((), "The body names a column twice, or has a row with more cells than columns.")]
        )
    table = {
        name: [None if place >= len(row) or row[place] in _MISSING else row[place] for row in values]
        for place, name in enumerate(header)
    }
    return _products(table, "", options)


def spell_scoring(predictions: Sequence[Prediction]) -> bytes:
    """Return predictions as MLflow spells a data frame of them."""
    told = [{"code": one.code, "name": one.name, "confidence": one.confidence} for one in predictions]
    return orjson.dumps({"predictions": told})


def _refusal(detail: str, *path: str | int) -> InvalidRequest:
    return invalid_request([InvalidField(path, detail)])


def _split(value: Any, form: str) -> dict[str, list[Any]]:
    if not isinstance(value, dict) or value.keys() - {"columns", "index", "data"}:
        raise _refusal("must be an object of columns, data and perhaps index.", form)
    columns, data = value.get("columns"), value.get("data")
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise _refusal("must be a list of names.", form, "columns")
    if len(set(columns)) != len(columns):
        raise _refusal("names a column twice.", form, "columns")
    if not isinstance(data, list):
        raise _refusal("must be a list of rows.", form, "data")
    for place, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise _refusal(f"must be a list of {len(columns)} values.", form, "data", place)
    return {name: [row[place] for row in data] for place, name in enumerate(columns)}


def _records(value: Any, form: str) -> dict[str, list[Any]]:
    if not isinstance(value, list):
        raise _refusal("must be a list of objects.", form)
    for place, row in enumerate(value):
        if not isinstance(row, dict):
            raise _refusal("must be an object.", form, place)
    return {name: [row.get(name) for row in value] for name in _COLUMNS} if value else {}


def _inputs(value: Any, form: str) -> dict[str, list[Any]]:
    if isinstance(value, list):
        return _records(value, form)
    if not isinstance(value, dict):
        raise _refusal("must be an object of columns.", form)
    columns = {name: own if isinstance(own, list) else [own] for name, own in value.items()}
    if len({len(own) for own in columns.values()}) > 1:
        raise _refusal("must be columns of the same length.", form)
    return columns


def _instances(value: Any, form: str) -> dict[str, list[Any]]:
    return _records(value, form) if isinstance(value, list) else _inputs(value, form)


def _products(columns: Mapping[str, Sequence[Any]], form: str, options: Serving) -> list[Product]:
    rows = max((len(values) for values in columns.values()), default=0)
    path = (form,) if form else ()
    if not rows:
        raise _refusal("holds no row.", *path)
    if rows > options.max_products:
        raise _refusal(f"holds {rows:,} rows; the limit of one request is {options.max_products:,}.", *path)
    products, wrong = [], list[InvalidField]()
    known = {name: columns[name] for name in _COLUMNS if name in columns}
    for row in range(rows):
        values = {name: own[row] for name, own in known.items()}
        odd = [name for name, value in values.items() if value is not None and not isinstance(value, str)]
        wrong.extend(InvalidField((*path, row, name), "must be a string or null.") for name in odd)
        if odd:
            continue
        try:
            image = None if values.get("image") is None else binascii.a2b_base64(values["image"], strict_mode=True)
        except ValueError:
            wrong.append(InvalidField((*path, row, "image"), "is not base64."))
            continue
        identity = str(row) if values.get("id") is None else values["id"]
        product = Product(identity, values.get("title"), values.get("description"), values.get("brand"), image)
        # A row with nothing to go by is answered, as the pyfunc flavour does; a text beyond the limit is not.
        wrong.extend(field for field in unfit(product, (*path, row), options) if len(field.path) > len(path) + 1)
        products.append(product)
    if wrong:
        raise invalid_request(wrong)
    return products
