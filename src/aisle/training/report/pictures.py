"""Small pictures of products that stand within the page itself."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from aisle.catalog.images import decode_rgb
from aisle.errors import ImageProblem
from aisle.training.rows import ImageReader

SIDE = 160
"""Pixels of a picture's longer side."""

_QUALITY = 72
_EDGE = 250
_AT_ONCE = 20


@dataclass(frozen=True)
class Picture:
    """A picture, or why there is none.

    Args:
        address: A `data:` address of a small JPEG; empty where there is none.
        problem: Why there is no picture; empty where there is one.
    """

    address: str = ""
    problem: str = ""


def pictures(rows: pl.DataFrame, images: ImageReader | None) -> list[Picture]:
    """Return a picture for each row, in the rows' order.

    Args:
        rows: Rows of a snapshot.
        images: Gives their images.
    """
    if images is None:
        return [Picture(problem="not shown") for _ in range(rows.height)]
    # Files of many megabytes are held a few at once.
    return [
        _picture(data, named=name is not None)
        for block in rows.iter_slices(_AT_ONCE)
        for data, name in zip(images(block), block["image_sha256"], strict=True)
    ]


def _picture(data: bytes | None, *, named: bool) -> Picture:
    if data is None:
        return Picture(problem="the image cannot be had" if named else "no image")
    try:
        pixels = decode_rgb(data, SIDE)
    except ImageProblem as problem:
        return Picture(problem=problem.message)
    stream = BytesIO()
    Image.fromarray(_without_margins(pixels)).save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return Picture(address=f"data:image/jpeg;base64,{b64encode(stream.getvalue()).decode('ascii')}")


def _without_margins(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut off white margins, those that made it a square among them; an image that is all white stays whole."""
    down, across = np.nonzero(pixels.min(axis=2) < _EDGE)
    if not len(down):
        return pixels
    return pixels[down.min() : down.max() + 1, across.min() : across.max() + 1]
