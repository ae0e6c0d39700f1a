"""The shapes of the protocols that other programs brought: Open Inference and MLflow's scoring."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aisle.serving.schemas import MAX_ID_CHARS
from aisle.serving.shape import Shape


class _Open(BaseModel):
    """A request that may hold more than is read, as its protocol allows."""

    model_config = ConfigDict(strict=True, frozen=True)


class Tensor(_Open):
    """A tensor of the Open Inference Protocol."""

    name: str = Field(description="Its name.", examples=["title"])
    datatype: str = Field(description="`BYTES` for text, `FP32` for numbers.", examples=["BYTES"])
    shape: list[int] = Field(description="Its sizes: `[n]`, or `[n, 1]`.", min_length=1, max_length=2)
    data: list[Any] = Field(description="Its elements, the rows one after the other.")


class TensorName(_Open):
    """An output that is asked for."""

    name: str = Field(description="Its name: code, name, confidence, probabilities or categories.")


class InferenceRequest(_Open):
    """A request of the Open Inference Protocol."""

    id: str | None = Field(None, max_length=MAX_ID_CHARS, description="Your name for it; the answer carries it back.")
    inputs: list[Tensor] = Field(min_length=1, max_length=4, description="The tensors; a row is a product.")
    outputs: list[TensorName] | None = Field(None, description="What to answer; code, name and confidence by default.")
    parameters: dict[str, Any] | None = Field(None, description="Nothing that is known here.")


class InferenceAnswer(Shape):
    """An answer of the Open Inference Protocol."""

    model_name: str = Field(description="Always `aisle`.")
    model_version: str = Field(description="The version that answered.", examples=["3"])
    id: str | None = Field(None, description="The request's id, if it had one.")
    outputs: list[Tensor] = Field(description="What was asked for.")


class InferenceLive(Shape):
    """The process runs."""

    live: bool = Field(description="Always true.")


class InferenceReady(Shape):
    """A verified model is in service."""

    ready: bool = Field(description="Always true; otherwise the answer is a problem.")


class InferenceServer(Shape):
    """What the server is."""

    name: str = Field(description="Always `aisle`.")
    version: str = Field(description="The release of aisle.")
    extensions: list[str] = Field(description="Extensions of the protocol; none.")


class TensorShape(Shape):
    """A tensor that the model takes or gives."""

    name: str = Field(description="Its name.")
    datatype: str = Field(description="`BYTES` or `FP32`.")
    shape: list[int] = Field(description="Its sizes; -1 for the number of rows.")


class InferenceModel(Shape):
    """What the model takes and gives."""

    name: str = Field(description="Always `aisle`.")
    versions: list[str] = Field(description="The versions in service: the champion, and a canary if there is one.")
    platform: str = Field(description="Always `aisle`.")
    inputs: list[TensorShape] = Field(description="What it takes; a row needs a title, a description or an image.")
    outputs: list[TensorShape] = Field(description="What it gives.")


class InferenceModelReady(Shape):
    """The model is in service."""

    name: str = Field(description="Always `aisle`.")
    ready: bool = Field(description="Always true; otherwise the answer is a problem.")


class Scoring(_Open):
    """A request of MLflow's scoring protocol: exactly one of the four forms."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 2})
    dataframe_split: dict[str, Any] | None = Field(None, description="Columns, and rows of values.")
    dataframe_records: list[dict[str, Any]] | None = Field(None, description="Rows.")
    inputs: Any | None = Field(None, description="Columns of values, or rows.")
    instances: Any | None = Field(None, description="Rows, or columns of values.")
    params: dict[str, Any] | None = Field(None, description="Nothing that is known here.")


class Scored(Shape):
    """A prediction as a row of MLflow's answer."""

    code: str = Field(description="The most probable category's code.")
    name: str = Field(description="Its name for people.")
    confidence: float = Field(ge=0, le=1, description="The probability that this category is right.")


class ScoringAnswer(Shape):
    """An answer of MLflow's scoring protocol."""

    predictions: list[Scored] = Field(description="One for each row.")
