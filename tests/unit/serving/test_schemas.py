import dataclasses
import re

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from aisle.catalog import product
from aisle.models import explain, prediction
from aisle.serving import protocol_schemas, schemas
from aisle.serving.shape import Shape


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        (schemas.Product, product.Product),
        (schemas.Prediction, prediction.Prediction),
        (schemas.Candidate, prediction.Candidate),
        (schemas.Explanation, explain.Explanation),
        (schemas.ComponentShare, explain.ComponentShare),
        (schemas.ModalityShare, explain.ModalityShare),
        (schemas.TextShare, explain.TextShare),
        (schemas.Term, explain.Term),
    ],
)
def test_the_documented_fields_are_those_of_the_thing_itself(shown: type[BaseModel], real: type) -> None:
    fields = msgspec.structs.fields(real) if issubclass(real, msgspec.Struct) else dataclasses.fields(real)
    assert list(shown.model_fields) == [field.name for field in fields]


def all_shapes() -> list[type[BaseModel]]:
    everything = {**vars(schemas), **vars(protocol_schemas)}.values()
    found = [s for s in everything if isinstance(s, type) and issubclass(s, BaseModel) and s not in {BaseModel, Shape}]
    return [shape for shape in found if not shape.__name__.startswith("_")]


@pytest.mark.parametrize("shape", all_shapes())
def test_every_shape_refuses_unknown_fields_and_explains_itself(shape: type[BaseModel]) -> None:
    assert shape.__doc__
    if issubclass(shape, protocol_schemas._Open):
        return
    assert shape.model_config["extra"] == "forbid"
    with pytest.raises(ValidationError, match="extra_forbidden"):
        shape.model_validate({"no such field": 1})


def test_the_shapes_refer_to_components() -> None:
    components = schemas.component_schemas(schemas.PredictionAnswer)
    assert set(components) == {"PredictionAnswer", "Prediction", "Candidate", "ModelRef"}
    assert components["PredictionAnswer"]["properties"]["model"] == {"$ref": "#/components/schemas/ModelRef"}
    assert not any("$defs" in component for component in components.values())


def test_the_product_schema_asks_for_something_to_go_by() -> None:
    schema = schemas.component_schemas(schemas.Product)["Product"]
    assert [option["required"] for option in schema["anyOf"]] == [["title"], ["description"], ["image"]]
    assert schema["additionalProperties"] is False


def test_the_documented_limit_of_terms_is_the_one_that_holds() -> None:
    assert schemas.MAX_TERMS == explain.MAX_TERMS


def test_the_document_calls_empty_exactly_what_the_server_does() -> None:
    schema = schemas.component_schemas(schemas.Product)["Product"]
    (pattern,) = {one["properties"][one["required"][0]]["pattern"] for one in schema["anyOf"]}
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    assert [point for point in points if re.search(pattern, point) is None] == [point for point in points if point.isspace()]
    # Spelled in ASCII escapes, and with none that means something else in another language.
    assert pattern.isascii()
    assert not re.search(r"\\[sSwWdDpPhH]", pattern)
