"""What a client sends and gets."""

import base64
from typing import Any

import msgspec


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product to classify; a title, a description or an image it must have.

    Args:
        id: Your name for it; the answer carries it back.
        title: The designation.
        description: The longer text.
        brand: The brand.
        image: The image file's bytes.
    """

    id: str | None = None
    title: str | None = None
    description: str | None = None
    brand: str | None = None
    image: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as the server reads it; the image becomes base64."""
        texts = {"id": self.id, "title": self.title, "description": self.description, "brand": self.brand}
        fields = {name: value for name, value in texts.items() if value is not None}
        if self.image is not None:
            fields["image"] = base64.b64encode(self.image).decode()
        return fields


class Candidate(msgspec.Struct, frozen=True):
    """A category and the probability that the product belongs to it."""

    code: str
    name: str
    probability: float


class Model(msgspec.Struct, frozen=True):
    """Which model answered: its version, and its bundle's digest."""

    version: int
    bundle: str


class Prediction(msgspec.Struct, frozen=True):
    """What the server says of one product; fields as in `POST /v1/predictions`."""

    id: str
    code: str
    name: str
    confidence: float
    top: tuple[Candidate, ...]
    modalities: tuple[str, ...]
    prediction_set: tuple[str, ...]
    review: str | None = None
    image_problem: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """Predictions in the order of the products, the model that made them, and the request's id."""

    predictions: tuple[Prediction, ...]
    model: Model
    request_id: str


class Category(msgspec.Struct, frozen=True):
    """A category that the model can answer."""

    code: str
    name: str


class Champion(msgspec.Struct, frozen=True):
    """The model in service; fields as in `GET /v1/models/champion`."""

    version: int
    bundle: str
    sequence: int
    categories: int
    loaded_at: str


class Categories(msgspec.Struct, frozen=True):
    """Every category, by code."""

    categories: tuple[Category, ...]


class StreamResult(msgspec.Struct, frozen=True):
    """The answer to one line of a stream: a prediction and who made it, or a problem.

    Args:
        line: Its number, from 1.
        prediction: What the model says.
        model: Which model said it.
        problem: Why there is no prediction, as a problem document.
    """

    line: int
    prediction: Prediction | None = None
    model: Model | None = None
    problem: dict[str, Any] | None = None
