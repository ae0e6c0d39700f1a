"""The shapes of what is told about versions that are tried beside the champion."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from aisle.serving.schemas import ModelRef, Refusal
from aisle.serving.shape import Shape

_Moment = Annotated[datetime, Field(strict=False)]


class VariantState(Shape):
    """A version that is tried beside the champion."""

    variant: Literal["canary", "shadow"] = Field(description="What it does: a canary answers a share, a shadow none.")
    version: int = Field(description="The version.", examples=[4])
    state: Literal["loading", "refused", "live", "champion"] = Field(
        description="`live` while it is in use; `champion` once it is champion itself and there is nothing to compare."
    )
    refused: Refusal | None = Field(None, description="Why it is not in use, if something is wrong with it.")


class Ready(Shape):
    """A verified model is in service."""

    status: str = Field("ready", description="Always `ready`.")
    model: ModelRef
    pinned: bool = Field(description="Whether this server keeps to this version, whatever the ledger says.")
    refused: Refusal | None = Field(description="The newest champion, if it could not be taken into service.")
    variants: list[VariantState] = Field(description="Versions that are tried beside it.")


class Share(Shape):
    """How often something was so, with Wilson's interval that holds the true share in 95 cases of 100."""

    share: float = Field(ge=0, le=1, description="The share; 0 where nothing was looked at.")
    low: float = Field(ge=0, le=1, description="The interval's lower end.")
    high: float = Field(ge=0, le=1, description="The interval's upper end.")


class VariantTally(Shape):
    """What one side answered while there was a canary."""

    version: int | None = Field(None, description="The version that is on this side now; null where none is.")
    requests: int = Field(ge=0, description="Requests that it answered.")
    products: int = Field(ge=0, description="Products in them.")
    review: Share = Field(description="How often a person should look at the answer.")
    seconds: float = Field(ge=0, description="Mean seconds to answer a request.")


class CanaryAnswer(VariantState):
    """What came of a canary so far, since this server was started."""

    share: float = Field(gt=0, lt=1, description="Share of the request keys that it answers while it is live.")
    failed: int = Field(ge=0, description="Requests that it could not answer, and the champion did.")
    champion_side: VariantTally = Field(description="What the champion answered while the canary was live.")
    canary_side: VariantTally = Field(description="What the canary answered.")


class DifferingPair(Shape):
    """Two categories that were given to the same products."""

    champion: str = Field(description="The code that the champion answered.", examples=["2583"])
    shadow: str = Field(description="The code that the shadow would have answered.", examples=["2582"])
    products: int = Field(ge=1, description="How often.")


class ShadowAnswer(VariantState):
    """What came of a shadow so far, since this server was started or the champion changed."""

    champion: ModelRef | None = Field(description="Whose answers it is compared with; null before the first.")
    since: _Moment | None = Field(description="When the first pair of answers was compared.")
    agree: int = Field(ge=0, description="Products to which both gave the same category.")
    differ: int = Field(ge=0, description="Products to which they did not.")
    dropped: int = Field(ge=0, description="Products that it was not asked, for too many were waiting; since the start.")
    failed: int = Field(ge=0, description="Products at which it failed; since the start.")
    agreement: Share = Field(description="How often both agree.")
    confidence_difference: float = Field(description="Mean confidence of the shadow less that of the champion.")
    pairs: list[DifferingPair] = Field(description="Where they differ most, the most frequent first.")
    other_pairs: int = Field(ge=0, description="Products that differ in pairs too rare to be counted apart.")
