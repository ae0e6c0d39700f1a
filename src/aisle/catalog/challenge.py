"""The Rakuten France challenge's files: their names in both spellings, and their mapping."""

from pathlib import Path

from aisle.catalog.categories import CHALLENGE_CODES
from aisle.catalog.mapping import Columns, Images, Label, Mapping
from aisle.errors import SourceError

IMAGE_NAME = "image_{imageid}_product_{productid}.jpg"
"""How the challenge names a product's image."""

SPELLINGS: dict[str, tuple[str, ...]] = {
    "x_train": ("X_train_update.csv", "x_train.csv", "X_train.csv"),
    "y_train": ("Y_train_CVw08PX.csv", "y_train.csv", "Y_train.csv"),
    "x_test": ("X_test_update.csv", "x_test.csv", "X_test.csv"),
}
"""The names under which each file is found in the wild, the challenge's own first."""


def is_challenge(folder: Path) -> bool:
    """Tell whether a folder holds the challenge's training or test rows under a known name."""
    return any(_find(folder, role) for role in ("x_train", "x_test"))


def challenge_mapping(folder: Path) -> Mapping:
    """Return the mapping of a folder in the challenge's layout, with the file names that are there.

    Raises:
        SourceError: Training rows are there without their labels, or neither training nor test rows are.
    """
    train, labels, test = (_find(folder, role) for role in ("x_train", "y_train", "x_test"))
    if not train and not test:
        raise SourceError(
            f"{folder} holds no catalogue: neither {SPELLINGS['x_train'][0]} nor {SPELLINGS['x_test'][0]} is there.",
            hint="`aisle catalog download` fetches the challenge; for another catalogue give --mapping catalog.toml.",
        )
    if train and not labels:
        raise SourceError(
            f"{folder / train} has no labels beside it.", hint=f"Put {SPELLINGS['y_train'][0]} into the same folder."
        )
    files = {split: name for split, name in (("train", train), ("test", test)) if name}
    archive = "images.zip" if (folder / "images.zip").is_file() else "images"
    return Mapping(
        layout="challenge",
        files=files,
        columns=Columns(
            id="",
            title="designation",
            description="description",
            label=("prdtypecode",),
            product_ref="productid",
            image_ref="imageid",
        ),
        label=Label(known=tuple(sorted(CHALLENGE_CODES, key=int)), files={"train": labels} if labels and train else {}),
        images=Images(path=archive, name=IMAGE_NAME) if (folder / archive).exists() else None,
    )


def _find(folder: Path, role: str) -> str | None:
    return next((name for name in SPELLINGS[role] if (folder / name).is_file()), None)
