from base64 import b64decode
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import polars as pl
from PIL import Image

from aisle.training.report.pictures import SIDE, pictures
from tests.unit.training.report.judgements import answers, gold_rows


def _png(width: int, height: int, colour: str = "red") -> bytes:
    stream = BytesIO()
    Image.new("RGB", (width, height), colour).save(stream, "PNG")
    return stream.getvalue()


def _rows(count: int, named: bool = True) -> pl.DataFrame:
    return gold_rows(answers(count), image_sha256=["a" * 64 if named else None] * count)


def _size(address: str) -> tuple[int, int]:
    start, content = address.split(",")
    assert start == "data:image/jpeg;base64"
    return Image.open(BytesIO(b64decode(content))).size


def test_pictures_are_small_whatever_they_were() -> None:
    files = [_png(1_000, 500), _png(20, 60), _png(300, 300, "white")]
    made = pictures(_rows(3), lambda _: files)
    assert [_size(picture.address) for picture in made] == [(SIDE, SIDE // 2), (53, SIDE), (SIDE, SIDE)]
    assert pictures(_rows(3), lambda _: files) == made


def test_broken_and_missing_images_are_said_to_be() -> None:
    broken = pictures(_rows(3), lambda _: [b"no image at all", _png(30, 30)[:40], b""])
    assert [picture.address for picture in broken] == [""] * 3
    assert "begins with" in broken[0].problem
    assert broken[1].problem
    assert broken[2].problem == "The file is empty."
    assert [picture.problem for picture in pictures(_rows(1), lambda _: [None])] == ["the image cannot be had"]
    assert [picture.problem for picture in pictures(_rows(1, named=False), lambda _: [None])] == ["no image"]
    assert [picture.problem for picture in pictures(_rows(2), None)] == ["not shown"] * 2


def test_images_are_asked_for_a_few_at_once_and_in_order() -> None:
    asked: list[list[str]] = []

    def images(rows: pl.DataFrame) -> Sequence[bytes | None]:
        asked.append(rows["id"].to_list())
        return [_png(10 + int(name), 10) for name in rows["id"]]

    made = pictures(_rows(45), images)
    assert [len(names) for names in asked] == [20, 20, 5]
    heights = np.array([_size(picture.address)[1] for picture in made])
    assert (np.diff(heights) <= 0).all()
    assert pictures(_rows(0), images) == []
