"""Marks of titles and looks of images."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aisle.errors import ImageProblem
from aisle.features.marks import LOOK, MARKS, image_look, read_marks, read_sketches, title_marks


def picture(colour: str, *, box: tuple[int, int, int, int] | None = None, size: tuple[int, int] = (64, 64)) -> bytes:
    image = Image.new("RGB", size, "white" if box else colour)
    if box:
        ImageDraw.Draw(image).rectangle(box, fill=colour)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_a_word_counts_once_and_in_no_order() -> None:
    assert title_marks(["jeu", "de", "jeu"]) == title_marks(["de", "jeu"])
    assert len(title_marks(["jeu", "de"])) == 4
    assert title_marks([]) == ""
    assert title_marks(["\ud800"])


def test_a_long_title_is_cut() -> None:
    assert len(title_marks(str(n) for n in range(500))) == 48


def test_marks_are_read_as_they_were_written() -> None:
    texts = [title_marks(words) for words in (["a", "b", "c"], [], ["a"])]
    numbers, lengths = read_marks(texts)
    assert lengths.tolist() == [3, 0, 1]
    assert numbers[3] in numbers[:3]
    assert ((numbers >= 0) & (numbers < MARKS)).all()


def test_what_is_no_mark_counts_as_no_word() -> None:
    numbers, lengths = read_marks(["!!AB", "A", "é?"])
    assert lengths.tolist() == [1, 0, 0]
    assert numbers.tolist() == [1]
    assert read_marks([])[0].size == 0


def test_an_image_is_told_by_its_light_and_white() -> None:
    dark, light = image_look(picture("black")), image_look(picture("white"))
    assert (dark.brightness, dark.white) == (0.0, 0.0)
    assert (light.brightness, light.white) == pytest.approx((1.0, 1.0))
    framed = image_look(picture("black", box=(16, 16, 47, 47)))
    assert framed.white == pytest.approx(0.75, abs=0.1)


def test_sketches_are_read_as_they_were_written() -> None:
    looks = [image_look(picture(colour)) for colour in ("black", "red", "white")]
    numbers = read_sketches([look.sketch for look in looks])
    assert numbers.shape == (3, LOOK)
    assert (numbers[0][:16] == 0).all()
    assert (numbers[2][:16] == 255).all()
    assert not np.array_equal(numbers[0], numbers[1])
    with pytest.raises(ValueError, match=r"."):
        read_sketches(["no sketch"])


def test_what_is_no_image_says_so() -> None:
    with pytest.raises(ImageProblem):
        image_look(b"nothing")
