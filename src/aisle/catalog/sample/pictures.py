"""Product pictures, drawn: what they show, its colours and its background depend on the class, with much noise.

The drawing is the same everywhere; the bytes of a JPEG file may differ between versions of Pillow.
"""

import colorsys
import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw

from aisle.catalog.sample.classes import CLASS_FIGURES, CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.shapes import (
    Box,
    Colour,
    Palette,
    Shape,
    basin,
    card,
    cover,
    device,
    figure,
    furniture,
    ornament,
    packet,
    page,
    pile,
    textile,
    tool,
    toy,
    vehicle,
)

PICTURE_SIDE = 500
"""Width and height of every picture, in pixels."""

_SIDE = 125
_QUALITY = 75
_PICKS = 96


@dataclass(frozen=True, slots=True)
class Look:
    """How the pictures of a class usually look.

    Args:
        shape: What is drawn.
        hue: The usual hue, in hundredths of the colour circle from red.
        spread: How far the hue strays, in hundredths.
        saturation: The usual saturation, in hundredths.
        white: Share of pictures on white, in hundredths; the others stand before a wall.
        width: The usual width, in hundredths of the picture's.
        height: The usual height, in hundredths of the picture's.
    """

    shape: Shape
    hue: int
    spread: int
    saturation: int
    white: int
    width: int
    height: int


LOOKS: dict[str, Look] = {
    "10": Look(cover, 8, 30, 45, 75, 55, 86),
    "40": Look(cover, 62, 20, 70, 80, 62, 84),
    "50": Look(device, 60, 25, 20, 85, 75, 48),
    "60": Look(device, 62, 15, 15, 80, 85, 55),
    "1140": Look(figure, 5, 40, 70, 65, 45, 85),
    "1160": Look(card, 14, 25, 80, 60, 60, 84),
    "1180": Look(figure, 30, 20, 35, 45, 60, 80),
    "1280": Look(toy, 8, 45, 75, 75, 66, 72),
    "1281": Look(card, 40, 45, 60, 80, 76, 66),
    "1300": Look(vehicle, 0, 30, 65, 75, 86, 46),
    "1301": Look(textile, 90, 30, 40, 80, 50, 70),
    "1302": Look(vehicle, 30, 40, 80, 70, 72, 64),
    "1320": Look(toy, 92, 25, 30, 85, 60, 76),
    "1560": Look(furniture, 8, 8, 45, 70, 80, 70),
    "1920": Look(textile, 55, 50, 40, 60, 78, 76),
    "1940": Look(packet, 12, 20, 75, 90, 44, 80),
    "2060": Look(ornament, 12, 25, 65, 40, 62, 76),
    "2220": Look(toy, 9, 12, 50, 70, 76, 56),
    "2280": Look(page, 10, 10, 12, 60, 62, 88),
    "2403": Look(pile, 8, 30, 55, 35, 84, 62),
    "2462": Look(pile, 60, 20, 55, 30, 80, 66),
    "2522": Look(tool, 58, 40, 60, 90, 66, 70),
    "2582": Look(furniture, 32, 15, 40, 45, 84, 62),
    "2583": Look(basin, 54, 6, 75, 60, 84, 66),
    "2585": Look(tool, 10, 20, 70, 85, 74, 74),
    "2705": Look(cover, 0, 50, 30, 85, 50, 80),
    "2905": Look(cover, 66, 20, 65, 70, 60, 86),
}
"""The usual look of each class, by code."""


def draw_picture(topic: int, dice: Dice) -> bytes:
    """Draw one product picture.

    Args:
        topic: The number of the class that it shows; one in five looks like a neighbour's or any other class's.
        dice: Where chance comes from.

    Returns:
        A JPEG file of 500 x 500 pixels.
    """
    picks = iter((dice.raw(_PICKS) >> 16).tolist())
    code = CODES[topic]
    luck = next(picks) % 100
    if luck < 12:
        neighbours = CLASS_FIGURES[code].neighbours
        code = neighbours[next(picks) % len(neighbours)]
    elif luck < 20:
        code = CODES[next(picks) % len(CODES)]
    look = LOOKS[code]
    palette = _palette(look, picks)
    canvas = _background(look, picks)
    look.shape(ImageDraw.Draw(canvas), _box(look, picks), palette, picks)
    grain = Image.frombytes("RGB", (_SIDE, _SIDE), dice.raw(_SIDE * _SIDE * 3 // 8 + 1).tobytes()[: _SIDE * _SIDE * 3])
    canvas = Image.blend(canvas, grain, (next(picks) % 8) / 100)
    return _jpeg(canvas)


def draw_placeholder() -> bytes:
    """Draw what shops show where a picture lacks: the same grey frame every time."""
    canvas = Image.new("RGB", (_SIDE, _SIDE), (236, 236, 236))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((35, 42, 90, 83), outline=(150, 150, 150), width=3)
    draw.line((35, 83, 90, 42), fill=(150, 150, 150), width=3)
    return _jpeg(canvas)


def _palette(look: Look, picks: Iterator[int]) -> Palette:
    """Choose colours near the usual ones; three in ten things have any colour at all."""
    hue = next(picks) % 100 if next(picks) % 10 < 3 else look.hue + next(picks) % (2 * look.spread + 1) - look.spread
    saturation = max(0, min(100, look.saturation + next(picks) % 61 - 30))
    value = 45 + next(picks) % 50
    other = hue + next(picks) % 60
    return (
        _colour(hue, saturation, value),
        _colour(other, saturation * 2 // 3, min(100, value + 20)),
        _colour(hue, saturation, value // 3),
    )


def _colour(hue: int, saturation: int, value: int) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 100 / 100, saturation / 100, value / 100)
    return round(red * 255), round(green * 255), round(blue * 255)


def _background(look: Look, picks: Iterator[int]) -> Image.Image:
    """Draw white, or a wall and the ground before it in dull colours."""
    if next(picks) % 100 < look.white:
        return Image.new("RGB", (_SIDE, _SIDE), (255, 255, 255))
    hue, saturation, value = next(picks) % 100, next(picks) % 40, 40 + next(picks) % 55
    canvas = Image.new("RGB", (_SIDE, _SIDE), _colour(hue, saturation, value))
    ground = _SIDE * (45 + next(picks) % 40) // 100
    ImageDraw.Draw(canvas).rectangle((0, ground, _SIDE, _SIDE), fill=_colour(hue + 8, saturation, value * 3 // 4))
    return canvas


def _box(look: Look, picks: Iterator[int]) -> Box:
    """Choose where the thing lies: about its usual size, somewhere near the middle."""
    scale = 60 + next(picks) % 50
    width = min(96, (look.width + next(picks) % 21 - 10) * scale // 100) * _SIDE // 100
    height = min(96, (look.height + next(picks) % 21 - 10) * scale // 100) * _SIDE // 100
    left = (_SIDE - width) * (35 + next(picks) % 31) // 100
    top = (_SIDE - height) * (35 + next(picks) % 31) // 100
    return left, top, left + width, top + height


def _jpeg(canvas: Image.Image) -> bytes:
    """Enlarge a drawing and encode it."""
    buffer = io.BytesIO()
    canvas.resize((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
