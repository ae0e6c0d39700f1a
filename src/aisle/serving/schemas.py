"""The shapes of requests and answers, as the routes check them and the OpenAPI document shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from aisle.serving.shape import Shape

MAX_TOP = 100
MAX_TERMS = 50
MAX_ID_CHARS = 200
MAX_REASON_CHARS = 1_000
MAX_INTEGER = 2_147_483_647
"""The largest number of a version or row that every database keeps."""


def _whole(value: Any) -> Any:
    # JSON has one kind of number: 3.0 is as whole as 3.
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Integer = Annotated[int, BeforeValidator(_whole)]
_Code = Annotated[str, Field(max_length=MAX_ID_CHARS, json_schema_extra={"format": "category-code"})]
_Image = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64", "format": "image-in-base64"})]
_Moment = Annotated[datetime, Field(strict=False)]
_NO_NUL = r"^[^\x00]*$"
_SPACES = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Every character that a text may have and still say nothing, spelled out: what `\\s` means differs among languages."""

_SOMETHING: JsonDict = {"type": "string", "pattern": f"[^{_SPACES}]"}
_CLASSIFIABLE: JsonDict = {
    "anyOf": [{"required": [name], "properties": {name: _SOMETHING}} for name in ("title", "description", "image")]
}
_OF_AN_ANSWER: JsonDict = {
    "required": ["request_id"],
    "properties": {"request_id": {"type": "string"}, "product": {"type": "null"}},
}
_OF_THE_CATALOGUE: JsonDict = {
    "required": ["product"],
    "properties": {
        "product": {"type": "object"},
        **{name: {"type": "null"} for name in ("request_id", "position", "product_id")},
    },
}
_EXAMPLE_BUNDLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class Product(Shape):
    """One product to classify; a title, a description or an image it must have."""

    model_config = ConfigDict(json_schema_extra=_CLASSIFIABLE)
    id: str | None = Field(
        None, max_length=MAX_ID_CHARS, description="Your name for it; the answer carries it back. Its position by default."
    )
    title: str | None = Field(None, description="The designation, as the shop wrote it.")
    description: str | None = Field(None, description="The longer text, as the shop wrote it; HTML is understood.")
    brand: str | None = Field(None, description="The brand, where the shop keeps it apart.")
    image: _Image | None = Field(None, description="The image file in base64.")


class ProductForm(Shape):
    """One product to classify, as a form."""

    model_config = ConfigDict(json_schema_extra=_CLASSIFIABLE)
    id: str = Field("", max_length=MAX_ID_CHARS, description="Your name for it.")
    title: str = Field("", description="The designation.")
    description: str = Field("", description="The longer text; HTML is understood.")
    brand: str = Field("", description="The brand.")
    image: str = Field("", description="The image file.", json_schema_extra={"format": "binary"})


class ProductBatch(Shape):
    """Several products to classify in one request."""

    products: list[Product] = Field(min_length=1, description="The products; answers come in their order.")


class PredictionQuery(BaseModel):
    """How much a prediction tells."""

    model_config = ConfigDict(extra="forbid")
    top: int = Field(
        5, ge=1, le=MAX_TOP, description="Categories told per product, best first; at most as many as there are."
    )


class Candidate(Shape):
    """A category and how probable it is."""

    code: str = Field(description="The category's code.", examples=["2583"])
    name: str = Field(description="Its name for people.", examples=["Swimming pools and accessories"])
    probability: float = Field(ge=0, le=1, description="The probability that the product belongs to it.")


class Prediction(Shape):
    """What the model says of one product."""

    id: str = Field(description="The product's id, or its position where it came without one.")
    code: str = Field(description="The most probable category's code.", examples=["2583"])
    name: str = Field(description="Its name for people.", examples=["Swimming pools and accessories"])
    confidence: float = Field(ge=0, le=1, description="The probability that this category is right.")
    top: list[Candidate] = Field(description="The most probable categories, best first.")
    modalities: list[str] = Field(description="What the answer rests on: `text`, `image`, both or nothing.")
    prediction_set: list[str] = Field(
        description="Codes among which the right one is as often as the model's coverage says, best first."
    )
    review: str | None = Field(None, description="Why a person should look at the answer; null where nobody needs to.")
    image_problem: str | None = Field(
        None, description="Why the image could not be used; null where it could, or there was none."
    )


class ModelRef(Shape):
    """Which model answered."""

    version: int = Field(description="Number of the registered version.", examples=[3])
    bundle: str = Field(description="Digest of its bundle.", examples=[_EXAMPLE_BUNDLE])


class PredictionAnswer(Shape):
    """One prediction per product, in the request's order, all by the same model."""

    predictions: list[Prediction]
    model: ModelRef
    request_id: str = Field(description="The request's id, as in the header `X-Request-ID`.")


class StreamLine(Shape):
    """A line of a streamed answer: a prediction and who made it, or a problem."""

    line: int = Field(ge=1, description="The number of the line that it answers, from 1.")
    prediction: Prediction | None = Field(None, description="What the model says of the product.")
    model: ModelRef | None = Field(None, description="Which model said it.")
    problem: dict[str, Any] | None = Field(None, description="Why the line could not be answered: a problem.")


class ExplanationRequest(Shape):
    """Which answer to explain."""

    product: Product = Field(description="The product.")
    code: _Code | None = Field(None, description="The category to explain; the answered one by default.")
    terms: _Integer = Field(10, ge=1, le=MAX_TERMS, description="N-grams told in either direction.")


class Term(Shape):
    """An n-gram of the text and what it did."""

    ngram: str = Field(description="The n-gram; `_` in one of characters is where a word begins or ends.")
    value: float = Field(description="How much of it there is in the text.")
    weight: float = Field(description="How much it counts for the category.")
    contribution: float = Field(description="Their product.")


class TextShare(Shape):
    """How a linear component on text came to its score: bias, terms and rest add up to it."""

    component: str = Field(description="The component's name.")
    score: float = Field(description="Its score of the category.")
    bias: float = Field(description="What it starts from.")
    pro: list[Term] = Field(description="What spoke for the category most, the strongest first.")
    contra: list[Term] = Field(description="What spoke against it most, the strongest first.")
    rest: float = Field(description="What everything else adds together.")


class ComponentShare(Shape):
    """What a component added to the fused score."""

    name: str = Field(description="The component's name.")
    family: str = Field(description="The family of classifiers that it is of.")
    modality: str = Field(description="What it looks at: `text`, `image` or `both`.")
    counts: bool = Field(description="Whether it was listened to for what this product has.")
    contribution: float = Field(description="What it added.")


class ModalityShare(Shape):
    """What a modality is worth."""

    modality: str = Field(description="`text` or `image`.")
    probability_without: float = Field(ge=0, le=1, description="What the category's probability would be without it.")


class Explanation(Shape):
    """Why a product got a category, or did not."""

    id: str = Field(description="The product's id.")
    code: str = Field(description="The category's code.", examples=["2583"])
    name: str = Field(description="Its name for people.", examples=["Swimming pools and accessories"])
    probability: float = Field(ge=0, le=1, description="Its calibrated probability.")
    answered: str = Field(description="The code that the product is answered with.", examples=["2583"])
    pattern: list[str] = Field(description="The components that could be used for what the product has.")
    score: float = Field(description="The category's fused score: offset and contributions add up to it.")
    offset: float = Field(description="What it starts from.")
    components: list[ComponentShare] = Field(description="What each component added.")
    modalities: list[ModalityShare] = Field(description="What the text and the image are worth.")
    texts: list[TextShare] = Field(description="How each linear component on text came to its score.")


class ExplanationAnswer(Shape):
    """An explanation and the model that it is of."""

    explanation: Explanation
    model: ModelRef
    request_id: str = Field(description="The request's id, as in the header `X-Request-ID`.")


class Category(Shape):
    """A category that the model can answer."""

    code: str = Field(description="Its code.", examples=["2583"])
    name: str = Field(description="Its name for people.", examples=["Swimming pools and accessories"])


class CategoryList(Shape):
    """Every category that the champion can answer, by code."""

    categories: list[Category]
    model: ModelRef


class ChampionAnswer(ModelRef):
    """The model in service."""

    sequence: int = Field(description="Number of the ledger's row that made it champion; 0 if it is pinned.", examples=[7])
    pinned: bool = Field(description="Whether this server keeps to this version, whatever the ledger says.")
    categories: int = Field(description="How many categories it can answer.", examples=[27])
    loaded_at: _Moment = Field(description="Since when it has been loaded here.")


class RegisteredModel(ModelRef):
    """A registered version."""

    snapshot: str = Field(description="Digest of the snapshot that it learnt from.")
    champion: bool = Field(description="Whether the ledger has it as champion.")
    metrics: dict[str, Any] = Field(description="Its figures, as they were registered.", examples=[{"weighted_f1": 0.79}])
    created_at: _Moment = Field(description="When it was registered.")


class ModelList(Shape):
    """Every registered version, oldest first, and where the ledger stands."""

    models: list[RegisteredModel]
    sequence: int = Field(description="Number of the ledger's row in force, to be sent as `expected`; 0 before the first.")


class Decision(Shape):
    """Why the champion is to change, and what the decision rests on."""

    reason: str = Field(
        min_length=1,
        max_length=MAX_REASON_CHARS,
        pattern=r"^[^\x00]*[^\x00\s][^\x00]*$",
        description="Why, as one sentence; it stays in the ledger.",
    )
    expected: _Integer = Field(
        ge=0,
        le=MAX_INTEGER,
        description="`sequence` as you saw it, 0 where there was none. If another row is in force, nothing changes.",
    )


class PromotionAnswer(Shape):
    """The row of the ledger that is in force now."""

    sequence: int = Field(description="The row's number.")
    version: int = Field(description="The champion.")
    previous: int | None = Field(description="The champion before; null if there was none.")
    action: Literal["promote", "rollback"] = Field(description="What was done.")
    actor: str = Field(description="Who decided: the name of the API key.")
    reason: str = Field(description="Why.")
    created_at: _Moment = Field(description="When, by the database's clock.")
    follow_up: str = Field(description="What follows by itself, and what does not.")


class NamedProduct(Shape):
    """A product of the catalogue."""

    id: str = Field(min_length=1, max_length=MAX_ID_CHARS, pattern=_NO_NUL, description="Its id.", examples=["A-17"])
    source: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_ID_CHARS,
        pattern=_NO_NUL,
        description="The catalogue's name, if the id is in several.",
    )
    split: str | None = Field(
        None, min_length=1, max_length=MAX_ID_CHARS, pattern=_NO_NUL, description="`train` or `test`, if the id is in both."
    )


class Feedback(Shape):
    """The right category of an answered product (`request_id`), or of one in the catalogue (`product`)."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_OF_AN_ANSWER, _OF_THE_CATALOGUE]})
    id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._~:-]{1,128}$",
        description="Your own name for this feedback: sent again, it is kept once.",
    )
    request_id: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._~-]{1,128}$", description="The request's id, as the answer told it."
    )
    position: _Integer | None = Field(None, ge=0, le=MAX_INTEGER, description="The product's place in that request, from 0.")
    product_id: str | None = Field(
        None, max_length=MAX_ID_CHARS, pattern=_NO_NUL, description="Or the id that you gave to it there."
    )
    product: NamedProduct | None = Field(None, description="A product of the catalogue instead of a request.")
    code: _Code = Field(min_length=1, description="The right category's code.", examples=["2583"])
    reason: str | None = Field(None, max_length=MAX_REASON_CHARS, pattern=_NO_NUL, description="Why, in words.")


class FeedbackAnswer(Shape):
    """Feedback as it is kept."""

    id: str = Field(description="Your name for it, or the one that was made.")
    author: str = Field(description="Who said it: the name of the API key.")
    code: str = Field(description="The right category's code.")
    predicted: str | None = Field(description="What had been answered; null for a product of the catalogue.")
    version: int | None = Field(description="The model's version that had answered.")
    verdict: Literal["confirmed", "corrected", "catalogued"] = Field(description="Whether the answer was right.")
    repeated: bool = Field(description="Whether it was kept already.")
    created_at: _Moment = Field(description="When it was first said, by the database's clock.")


class Alive(Shape):
    """The process runs."""

    status: str = Field("alive", description="Always `alive`.")


class Refusal(Shape):
    """Why the newest champion is not in service."""

    reason: str = Field(description="What happened.")
    version: int | None = Field(description="The version that was refused; null when none could be asked for.")
    bundle: str | None = Field(description="Its bundle's digest.")


def component_schemas(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schemas of models and of what they refer to, as components of an OpenAPI document."""
    found: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    return found
