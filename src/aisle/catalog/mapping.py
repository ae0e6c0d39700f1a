"""The mapping: which files and columns of a catalogue mean what, read from a small `catalog.toml`.

    [files]
    train = "products.csv"                       # split -> file; CSV, Parquet or JSON Lines by its ending

    [columns]
    id = "sku"                                   # or "@row": the row's number, where the shop keeps no id
    title = "Libelle"
    description = "Description"
    brand = "Marque"
    label = ["Categorie1", "Categorie2"]         # one column, or a level each

    [label]
    separator = "/"                              # splits one column into levels
    known = ["books", "toys"]                    # optional: any other label is refused

    [images]
    path = "images.zip"                          # an archive or a folder
    name = "{sku}.jpg"                           # a file's name, from the row's columns

    [values]
    missing = ["AUCUNE", "N/A"]                  # what this shop writes for "nothing"

The challenge's own layout is such a mapping too, made by `aisle.catalog.challenge`.
"""

import difflib
import string
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from aisle.errors import SourceError

ROW_NUMBER = "@row"
"""As the id's column: the row's number in its file, counting from 0."""

LEVEL_SEPARATOR = " > "
"""What stands between the levels of a label in our own tables."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Columns(_Section):
    """Which column holds what."""

    id: str
    title: str | None = None
    description: str | None = None
    brand: str | None = None
    label: tuple[str, ...] = ()
    product_ref: str | None = None
    image_ref: str | None = None

    @field_validator("label", mode="before")
    @classmethod
    def _as_levels(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Label(_Section):
    """How labels are written, and which are valid."""

    separator: str | None = None
    known: tuple[str, ...] = ()
    files: dict[str, str] = Field(default_factory=dict)


class Images(_Section):
    """Where images lie and how their files are named."""

    path: str
    name: str

    @field_validator("name")
    @classmethod
    def _fields(cls, value: str) -> str:
        if not template_columns(value):
            raise ValueError("names no column in braces, as in {sku}.jpg")
        return value


class Values(_Section):
    """What this shop writes for "nothing"."""

    missing: tuple[str, ...] = ()


class Mapping(_Section):
    """Everything that tells one catalogue's files from another's."""

    layout: Literal["challenge", "mapped"] = "mapped"
    files: dict[Literal["train", "test"], str]
    columns: Columns
    label: Label = Label()
    images: Images | None = None
    values: Values = Values()

    def labels_beside(self, split: str) -> bool:
        """Tell whether a split's labels stand in the same file as its rows; test rows have none."""
        return split == "train" and bool(self.columns.label) and not self.label.files

    def wanted(self, split: str) -> tuple[str, ...]:
        """Return every column that the file with a split's rows must have, without repetition."""
        columns = self.columns
        names = [columns.id, columns.title, columns.description, columns.brand, columns.product_ref, columns.image_ref]
        names += columns.label if self.labels_beside(split) else ()
        names += template_columns(self.images.name) if self.images else []
        return tuple(dict.fromkeys(name for name in names if name is not None and name != ROW_NUMBER))


def template_columns(template: str) -> list[str]:
    """Return the columns that a file name's template takes from the row.

    >>> template_columns("image_{imageid}_product_{productid}.jpg")
    ['imageid', 'productid']
    """
    return [field for _, field, _, _ in string.Formatter().parse(template) if field]


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        SourceError: It is missing, no TOML, or says something that a mapping cannot say; the message names the entry.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"The mapping {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"The mapping {path} is not TOML: {error}.", hint="Mend the line it names.") from None
    try:
        return Mapping.model_validate({key: value for key, value in content.items() if key != "layout"})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        entry = ".".join(str(part) for part in first["loc"])
        raise SourceError(
            f"The mapping {path} is not usable at {entry}: {first['msg']}.",
            hint="`aisle catalog ingest --help` shows a mapping; docs/how-to/another-catalogue.md explains each entry.",
        ) from None


def require_columns(path: Path, present: list[str], wanted: tuple[str, ...]) -> None:
    """Make sure that a file has the columns that its mapping names.

    Raises:
        SourceError: One is missing; the message names it, what the file has, and the nearest.
    """
    for name in wanted:
        if name not in present:
            nearest = difflib.get_close_matches(name, present, n=1)
            raise SourceError(
                f"{path.name} has no column {name!r}; it has {', '.join(map(repr, present[:20]))}.",
                hint=f"Did you mean {nearest[0]!r}?" if nearest else "Correct the mapping, or the file's first line.",
            )
