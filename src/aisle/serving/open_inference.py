"""The Open Inference Protocol's tensors: from a request's JSON to products, and from predictions to its answer.

A row of the tensors is a product. Texts are BYTES tensors of shape [n] or [n, 1]; an image is its file in base64. An empty
element is a field that the product does not have. Names of outputs that are asked for decide what is told.
"""

import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from aisle.catalog.product import Product
from aisle.errors import InvalidField, InvalidRequest, UnsupportedContent
from aisle.models.prediction import Prediction
from aisle.serving.intake import unfit, unusable
from aisle.serving.plain_json import read_json
from aisle.serving.predictor import Champion
from aisle.serving.problems import invalid_request
from aisle.settings import Serving

MODEL = "aisle"
"""What the one model is called in addresses."""

INPUTS = ("title", "description", "brand", "image")
"""The tensors that are read."""

OUTPUTS = ("code", "name", "confidence")
"""The tensors that are answered where none are asked for."""

MORE = ("probabilities", "categories")
"""The tensors that are answered only if asked for: every category's probability, and the codes in their order."""

_BINARY = "binary_data"
_MAX_ID = 200
_NO_BINARY = (
    "Tensors in binary form are not read or written.",
    "Send `data` as JSON: with tritonclient, binary_data=False for inputs and outputs.",
)


@dataclass(frozen=True, slots=True)
class Inference:
    """What a request asks.

    Args:
        products: One for each row.
        outputs: Names of the tensors to answer.
        id: The client's name for the request, carried back.
    """

    products: Sequence[Product]
    outputs: tuple[str, ...]
    id: str | None


def read_inference(body: bytes, options: Serving) -> Inference:
    """Return what an inference request asks.

    Args:
        body: Its JSON.
        options: The limits.

    Raises:
        InvalidRequest: It is no such request; the error names each field that is wrong.
        UnsupportedContent: It asks for the binary extension.
    """
    content = read_json(body)
    if not isinstance(content, dict):
        raise invalid_request([InvalidField((), 'The body must be an object: {"inputs": [...]}.')])
    _refuse_binary(content)
    identity = content.get("id")
    if identity is not None and (not isinstance(identity, str) or len(identity) > _MAX_ID):
        raise invalid_request([InvalidField(("id",), f"must be a string of at most {_MAX_ID} characters.")])
    outputs = _outputs(content.get("outputs"))
    return Inference(_products(content.get("inputs"), options), outputs, identity)


def spell_inference(asked: Inference, champion: Champion, predictions: Sequence[Prediction]) -> bytes:
    """Return predictions as an inference answer.

    Args:
        asked: What was asked.
        champion: Who answered.
        predictions: Its answers, with every category where probabilities are asked for.
    """
    rows = len(predictions)
    codes = list(champion.model.categories)
    tensors: dict[str, tuple[str, list[int], list[Any]]] = {
        "code": ("BYTES", [rows], [one.code for one in predictions]),
        "name": ("BYTES", [rows], [one.name for one in predictions]),
        "confidence": ("FP32", [rows], [one.confidence for one in predictions]),
    }
    if "probabilities" in asked.outputs:
        shares = [{candidate.code: candidate.probability for candidate in one.top} for one in predictions]
        tensors["probabilities"] = ("FP32", [rows, len(codes)], [own[code] for own in shares for code in codes])
    tensors["categories"] = ("BYTES", [len(codes)], codes)
    told = [
        {"name": name, "datatype": tensors[name][0], "shape": tensors[name][1], "data": tensors[name][2]}
        for name in asked.outputs
    ]
    answer = {"model_name": MODEL, "model_version": str(champion.ref.version), "outputs": told}
    return orjson.dumps(answer if asked.id is None else {**answer, "id": asked.id})


def categories_told(asked: Inference, champion: Champion) -> int:
    """Return how many categories each prediction must hold for the answer."""
    return len(champion.model.categories) if "probabilities" in asked.outputs else 1


def _refuse_binary(content: Mapping[str, Any]) -> None:
    tensors = [
        tensor
        for name in ("inputs", "outputs")
        if isinstance(content.get(name), list)
        for tensor in content[name]
        if isinstance(tensor, dict)
    ]
    for holder in (content, *tensors):
        parameters = holder.get("parameters")
        if not isinstance(parameters, dict | None):
            raise invalid_request([InvalidField(("parameters",), "must be an object.")])
        if any(name.startswith(_BINARY) and value for name, value in (parameters or {}).items()):
            raise UnsupportedContent(_NO_BINARY[0], hint=_NO_BINARY[1])


def _outputs(asked: Any) -> tuple[str, ...]:
    if asked is None or asked == []:
        return OUTPUTS
    if not isinstance(asked, list):
        raise invalid_request([InvalidField(("outputs",), "must be a list.")])
    names: list[str] = []
    for place, entry in enumerate(asked):
        name = entry.get("name") if isinstance(entry, dict) else None
        if name not in (*OUTPUTS, *MORE) or name in names:
            known = ", ".join((*OUTPUTS, *MORE))
            raise invalid_request([InvalidField(("outputs", place, "name"), f"must be one of {known}, each once.")])
        names.append(name)
    return tuple(names)


def _products(inputs: Any, options: Serving) -> list[Product]:
    if not isinstance(inputs, list) or not inputs:
        raise invalid_request([InvalidField(("inputs",), "must be a list of at least one tensor.")])
    columns: dict[str, list[str]] = {}
    for place, tensor in enumerate(inputs[: len(INPUTS) + 1]):
        name, values = _tensor(tensor, ("inputs", place), options)
        if name in columns:
            raise invalid_request([InvalidField(("inputs", place, "name"), "is there twice.")])
        columns[name] = values
    if len({len(values) for values in columns.values()}) != 1:
        raise invalid_request([InvalidField(("inputs",), "must be tensors of the same number of rows.")])
    places = {name: place for place, name in enumerate(columns)}
    products, wrong = [], list[InvalidField]()
    for row, elements in enumerate(zip(*columns.values(), strict=True)):
        fields = {name: value or None for name, value in zip(columns, elements, strict=True)}
        image = _image(fields.pop("image", None), options)
        if isinstance(image, str):
            wrong.append(InvalidField(("inputs", places["image"], "data", row), image))
            continue
        product = Product(str(row), image=image, **fields)
        wrong.extend(_placed(unfit(product, (), options), places, row))
        products.append(product)
    if wrong:
        raise invalid_request(wrong)
    return products


def _placed(found: Iterable[InvalidField], places: Mapping[str, int], row: int) -> Iterable[InvalidField]:
    for field in found:
        if field.path:
            yield InvalidField(("inputs", places[str(field.path[0])], "data", row), field.detail)
        else:
            yield InvalidField(("inputs",), f"leave row {row} with nothing to go by: it {field.detail}")


def _tensor(tensor: Any, path: tuple[str | int, ...], options: Serving) -> tuple[str, list[str]]:
    """Return a tensor's name and its elements."""

    def refusal(name: str, detail: str) -> InvalidRequest:
        return invalid_request([InvalidField((*path, name) if name else path, detail)])

    if not isinstance(tensor, dict):
        raise refusal("", "must be an object.")
    if tensor.get("name") not in INPUTS:
        raise refusal("name", f"must be one of {', '.join(INPUTS)}.")
    if tensor.get("datatype") != "BYTES":
        raise refusal("datatype", "must be BYTES.")
    shape: Any = tensor.get("shape")
    data: Any = tensor.get("data")
    sizes = isinstance(shape, list) and all(type(size) is int for size in shape)
    if not sizes or len(shape) not in (1, 2) or shape[0] < 1 or (len(shape) == 2 and shape[1] != 1):
        raise refusal("shape", "must be [n] or [n, 1].")
    if shape[0] > options.max_products:
        raise refusal("shape", f"has {shape[0]:,} rows; the limit of one request is {options.max_products:,}.")
    # Nested or flat: the protocol allows both spellings.
    if isinstance(data, list) and data and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        raise refusal("data", "must be a list of strings.")
    if len(data) != shape[0]:
        raise refusal("data", f"has {len(data):,} elements, but the shape says {shape[0]:,}.")
    return tensor["name"], data


def _image(value: str | None, options: Serving) -> bytes | str | None:
    """Return an image's bytes, or as text why it cannot be used."""
    if value is None:
        return None
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return "is not base64."
    return unusable(data, options) or data
