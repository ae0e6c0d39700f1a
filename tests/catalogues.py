"""Small catalogues on disk, for tests."""

import csv
import os
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

_ROOT = Path(__file__).parents[1]
CODES = ("10", "40", "50", "60", "1140", "1160", "1180", "1280")


def real_catalogues() -> Path | None:
    """Return the folder of real catalogues, if there is one: `AISLE_TEST_DATA`, or `shared/data` beside the repository."""
    folder = Path(os.environ.get("AISLE_TEST_DATA", _ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


def jpeg(seed: int, size: int = 32) -> bytes:
    """A small JPEG whose colour depends on the seed."""
    stream = BytesIO()
    Image.new("RGB", (size, size), (seed % 256, seed // 256 % 256, 90)).save(stream, "JPEG")
    return stream.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file with a first line of names."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_challenge(
    folder: Path, *, train: int = 20, test: int = 5, images: bool = True, spelling: str = "X_train_update.csv"
) -> Path:
    """Write a catalogue in the challenge's layout: `train` labelled rows, `test` rows, an image for each."""
    folder.mkdir(parents=True, exist_ok=True)
    own = spelling == "X_train_update.csv"
    names = (
        ("X_train_update.csv", "Y_train_CVw08PX.csv", "X_test_update.csv")
        if own
        else ("x_train.csv", "y_train.csv", "x_test.csv")
    )
    header = ("", "designation", "description", "productid", "imageid")

    def row(index: int) -> tuple[object, ...]:
        return index, f"Livre n° {index}, l'été", f"<p>Tome {index}</p>" if index % 3 else "", 1000 + index, 9000 + index

    write_csv(folder / names[0], header, [row(index) for index in range(train)])
    write_csv(folder / names[1], ("", "prdtypecode"), [(index, CODES[index % len(CODES)]) for index in range(train)])
    write_csv(folder / names[2], header, [row(index) for index in range(train, train + test)])
    if images:
        with zipfile.ZipFile(folder / "images.zip", "w") as archive:
            for index in range(train + test):
                split = "image_train" if index < train else "image_test"
                archive.writestr(f"images/{split}/image_{9000 + index}_product_{1000 + index}.jpg", jpeg(index))
    return folder
