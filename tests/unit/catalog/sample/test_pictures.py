"""Drawn product pictures."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw
from sklearn.ensemble import ExtraTreesClassifier

from aisle.catalog.categories import CHALLENGE_CODES
from aisle.catalog.sample import shapes
from aisle.catalog.sample.classes import CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.pictures import LOOKS, PICTURE_SIDE, draw_picture, draw_placeholder

WHITE = (255, 255, 255)
PALETTE: shapes.Palette = ((200, 30, 30), (30, 200, 30), (30, 30, 90))
SHAPES = sorted({look.shape for look in LOOKS.values()}, key=lambda shape: shape.__name__)


def decode(picture: bytes, side: int = PICTURE_SIDE) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(picture)).resize((side, side)))


def test_every_class_has_a_look() -> None:
    assert set(LOOKS) == CHALLENGE_CODES


@pytest.mark.parametrize("topic", range(len(CODES)), ids=CODES)
def test_a_picture_is_a_jpeg_of_500_pixels_with_something_on_it(topic: int) -> None:
    picture = draw_picture(topic, Dice(1, topic))
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (500, 500))
    assert decode(picture).std() > 5
    assert 3_000 < len(picture) < 60_000


def test_the_same_dice_draw_the_same_picture_and_others_another() -> None:
    assert draw_picture(3, Dice(1)) == draw_picture(3, Dice(1))
    assert draw_picture(3, Dice(1)) != draw_picture(3, Dice(2))


def test_the_placeholder_is_always_the_same_and_no_product() -> None:
    assert draw_placeholder() == draw_placeholder()
    pixels = decode(draw_placeholder()).astype(int)
    assert pixels.shape == (500, 500, 3)
    assert np.ptp(pixels, axis=2).max() < 10


def test_many_pictures_stand_on_white_but_not_all() -> None:
    white = [decode(draw_picture(place % len(CODES), Dice(2, place)))[:8, :8].mean() > 235 for place in range(200)]
    assert 0.4 < np.mean(white) < 0.9


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_shape_draws_in_and_near_its_box_and_needs_at_most_60_numbers(shape: shapes.Shape) -> None:
    for start in range(12):
        image = Image.new("RGB", (125, 125), WHITE)
        picks = iter(range(start, start + 60))
        shape(ImageDraw.Draw(image), (40, 40, 90, 90), PALETTE, picks)
        drawn = np.argwhere(np.asarray(image).astype(int).sum(axis=2) < 3 * 255)
        assert len(drawn) > 100
        assert drawn.min() >= 30
        assert drawn.max() <= 100


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_shape_varies(shape: shapes.Shape) -> None:
    seen = set()
    for start in range(12):
        image = Image.new("RGB", (125, 125), WHITE)
        shape(ImageDraw.Draw(image), (10, 10, 110, 110), PALETTE, iter(Dice(start).below(10_000, 60).tolist()))
        seen.add(image.tobytes())
    assert len(seen) >= 3


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_shape_fits_the_smallest_box_that_occurs(shape: shapes.Shape) -> None:
    image = Image.new("RGB", (125, 125), WHITE)
    side = 35 * 60 // 100 * 125 // 100 - 1
    shape(ImageDraw.Draw(image), (50, 50, 50 + side, 50 + side), PALETTE, iter([97] * 60))
    assert np.asarray(image).min() < 255


def test_pictures_tell_something_of_their_class_but_not_everything() -> None:
    each = 24
    topics = np.repeat(np.arange(len(CODES)), each)
    pixels = np.stack([decode(draw_picture(int(topic), Dice(4, place)), 16).ravel() for place, topic in enumerate(topics)])
    train = np.arange(len(topics)) % 3 > 0
    model = ExtraTreesClassifier(60, random_state=0).fit(pixels[train], topics[train])
    right = model.score(pixels[~train], topics[~train])
    # Chance alone is right in 1 of 27 cases.
    assert 0.15 < right < 0.75
