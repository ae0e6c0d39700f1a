"""What every shape of a request or an answer shares."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A shape without fields of its own: strict, unchangeable, and with no room for unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
