"""Simple drawings of things: what a book, a pool or a figurine looks like in a few strokes."""

from collections.abc import Callable, Iterator

from PIL import ImageDraw

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""

Palette = tuple[Colour, Colour, Colour]
"""The main colour of a thing, a second one and a dark one."""

Shape = Callable[[ImageDraw.ImageDraw, Box, Palette, Iterator[int]], None]
"""Draws a thing into a box; the iterator gives whole numbers at random, of which it takes 60 at most."""


def _inside(box: Box, left: int, top: int, right: int, bottom: int) -> Box:
    """Return a part of a box, given in hundredths of its sides."""
    width, height = box[2] - box[0], box[3] - box[1]
    return (
        box[0] + width * left // 100,
        box[1] + height * top // 100,
        box[0] + width * right // 100,
        box[1] + height * bottom // 100,
    )


def cover(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a printed cover: a title, a picture or none, and lines of text."""
    main, second, dark = palette
    draw.rectangle(box, fill=main, outline=dark)
    top = next(picks) % 20 + 5
    draw.rectangle(_inside(box, 10, top, 60 + next(picks) % 30, top + 8 + next(picks) % 8), fill=dark)
    if next(picks) % 3:
        draw.rectangle(_inside(box, 15, 40, 85, 75 + next(picks) % 10), fill=second)
    for line in range(next(picks) % 4):
        draw.line(_inside(box, 12, 80 + 5 * line, 40 + next(picks) % 45, 80 + 5 * line), fill=dark)


def page(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a printed page: a heading over two columns of lines, with a picture here and there."""
    main, second, dark = palette
    draw.rectangle(box, fill=main, outline=dark)
    draw.rectangle(_inside(box, 6, 4, 94, 14 + next(picks) % 6), fill=dark)
    for line in range(14):
        for left in (8, 53):
            draw.line(_inside(box, left, 26 + 5 * line, left + 28 + next(picks) % 12, 26 + 5 * line), fill=dark)
    if next(picks) % 2:
        draw.rectangle(_inside(box, 30, 30, 70, 60), fill=second)


def pile(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw several covers side by side, as a lot is shown."""
    count = 2 + next(picks) % 3
    for place in range(count):
        turned = (palette[place % 2], palette[1 - place % 2], palette[2])
        left = 100 * place // count
        lift = next(picks) % 12
        cover(draw, _inside(box, left, lift, left + 96 // count, 88 + lift), turned, picks)


def card(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a card: a border, a picture with something round in it, and a field of text."""
    main, second, dark = palette
    draw.rounded_rectangle(box, 4, fill=dark)
    draw.rectangle(_inside(box, 6, 5, 94, 95), fill=main)
    draw.rectangle(_inside(box, 12, 15, 88, 52), fill=second)
    size = 10 + next(picks) % 12
    draw.ellipse(_inside(box, 50 - size, 34 - size, 50 + size, 34 + size), fill=dark)
    for line in range(2 + next(picks) % 4):
        draw.line(_inside(box, 14, 62 + 6 * line, 86, 62 + 6 * line), fill=dark)


def figure(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a standing figure on a base: head, body, arms and legs."""
    main, second, dark = palette
    head = 12 + next(picks) % 14
    draw.rectangle(_inside(box, 38, 62, 47, 95), fill=dark)
    draw.rectangle(_inside(box, 53, 62, 62, 95), fill=dark)
    draw.line(_inside(box, 50, 40, 15 + next(picks) % 20, 20 + next(picks) % 45), fill=second, width=4)
    draw.line(_inside(box, 50, 40, 65 + next(picks) % 20, 20 + next(picks) % 45), fill=second, width=4)
    draw.rectangle(_inside(box, 34, 34, 66, 66), fill=main)
    draw.ellipse(_inside(box, 50 - head, 2, 50 + head, 2 + head * 3 // 2), fill=second, outline=dark)
    if next(picks) % 2:
        draw.ellipse(_inside(box, 20, 92, 80, 100), fill=dark)


def toy(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a soft animal: round ears, head and belly, with eyes."""
    main, second, dark = palette
    for left in (22, 60):
        draw.ellipse(_inside(box, left, 2, left + 18, 22), fill=second)
    draw.ellipse(_inside(box, 20, 45, 80, 98), fill=main)
    draw.ellipse(_inside(box, 32, 55, 68, 88 + next(picks) % 8), fill=second)
    draw.ellipse(_inside(box, 25, 8, 75, 55), fill=main, outline=dark)
    for left in (37, 57):
        draw.ellipse(_inside(box, left, 24, left + 6, 31), fill=dark)


def device(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a device: a rounded body with a screen or none, and buttons."""
    main, second, dark = palette
    draw.rounded_rectangle(box, 9, fill=main, outline=dark)
    if next(picks) % 2:
        draw.rectangle(_inside(box, 28, 18, 72, 75), fill=second)
    for place in range(2 + next(picks) % 3):
        draw.ellipse(_inside(box, 78, 15 + 18 * place, 89, 29 + 18 * place), fill=dark)
    draw.rectangle(_inside(box, 9, 40, 22, 52), fill=dark)


def vehicle(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a vehicle from the side: body, cabin and wheels."""
    main, second, dark = palette
    left = 10 + next(picks) % 35
    draw.rectangle(_inside(box, left, 20, left + 45, 55), fill=second, outline=dark)
    draw.rectangle(_inside(box, 0, 45, 100, 78), fill=main)
    size = 7 + next(picks) % 6
    for centre in (20, 80) if next(picks) % 4 else (15, 50, 85):
        draw.ellipse(_inside(box, centre - size, 65, centre + size, 98), fill=dark)


def furniture(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a piece of furniture: a top or seat on legs, with a back or drawers or neither."""
    main, second, dark = palette
    kind = next(picks) % 3
    top = 35 + next(picks) % 15
    if kind == 0:
        draw.rectangle(_inside(box, 5, 2, 95, top), fill=second, outline=dark)
    if kind == 1:
        for place in range(3):
            draw.rectangle(_inside(box, 12, top + 10 + 14 * place, 88, top + 21 + 14 * place), fill=second, outline=dark)
    for left in (6, 88):
        draw.rectangle(_inside(box, left, top, left + 6, 100), fill=dark)
    draw.rectangle(_inside(box, 0, top, 100, top + 10), fill=main)


def textile(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a cushion or cloth: a soft square with stripes, checks or dots."""
    main, second, dark = palette
    draw.rounded_rectangle(box, 10, fill=main, outline=second)
    step = 12 + next(picks) % 10
    kind = next(picks) % 4
    for place in range(step, 94, step):
        if kind in {0, 1}:
            draw.line(_inside(box, place, 4, place, 96), fill=second, width=3)
        if kind in {1, 2}:
            draw.line(_inside(box, 4, place, 96, place), fill=second, width=3)
        if kind == 3:
            for across in range(step, 94, step):
                draw.ellipse(_inside(box, across - 3, place - 3, across + 3, place + 3), fill=dark)


def packet(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a bottle, jar or packet with a label."""
    main, second, dark = palette
    if next(picks) % 2:
        draw.rectangle(_inside(box, 36, 0, 64, 22), fill=dark)
    draw.rounded_rectangle(_inside(box, 12, 18, 88, 100), 6, fill=main)
    draw.rectangle(_inside(box, 16, 40 + next(picks) % 10, 84, 80), fill=second)
    draw.line(_inside(box, 26, 60, 74, 60), fill=dark, width=3)


def basin(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a pool or a round part of one: a rim around water, and a ladder or hose."""
    main, second, dark = palette
    draw.ellipse(_inside(box, 0, 15, 100, 95), fill=second, outline=dark)
    rim = 6 + next(picks) % 10
    draw.ellipse(_inside(box, rim, 15 + rim, 100 - rim, 90 - rim), fill=main)
    if next(picks) % 2:
        for left in (70, 80):
            draw.line(_inside(box, left, 5, left, 60), fill=dark, width=2)
    else:
        draw.arc(_inside(box, 30, 30, 110, 110), 0, 90, fill=dark, width=4)


def tool(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw a long tool or a pen: a slanted handle with a head."""
    main, second, dark = palette
    lean = next(picks) % 60
    draw.line(_inside(box, 15, 95, 40 + lean, 15), fill=main, width=7)
    draw.line(_inside(box, 15, 95, 22 + lean // 8, 80), fill=dark, width=8)
    size = 8 + next(picks) % 14
    draw.rectangle(_inside(box, 40 + lean - size, 5, 40 + lean + size, 22), fill=second)


def ornament(draw: ImageDraw.ImageDraw, box: Box, palette: Palette, picks: Iterator[int]) -> None:
    """Draw something that hangs or stands for show: a lamp, a clock or a tree."""
    main, second, dark = palette
    kind = next(picks) % 3
    if kind == 0:
        draw.line(_inside(box, 50, 0, 50, 40), fill=dark, width=2)
        draw.polygon(
            [
                _inside(box, 35, 35, 0, 0)[:2],
                _inside(box, 65, 35, 0, 0)[:2],
                _inside(box, 90, 80, 0, 0)[:2],
                _inside(box, 10, 80, 0, 0)[:2],
            ],
            fill=main,
        )
        draw.ellipse(_inside(box, 42, 74, 58, 90), fill=second)
    elif kind == 1:
        draw.ellipse(box, fill=second, outline=dark, width=4)
        draw.line(_inside(box, 50, 50, 50, 15), fill=dark, width=3)
        draw.line(_inside(box, 50, 50, 55 + next(picks) % 25, 60), fill=dark, width=3)
    else:
        for tier in range(3):
            points = [
                _inside(box, 50, 22 * tier, 0, 0)[:2],
                _inside(box, 88, 36 + 22 * tier, 0, 0)[:2],
                _inside(box, 12, 36 + 22 * tier, 0, 0)[:2],
            ]
            draw.polygon(points, fill=main)
        draw.rectangle(_inside(box, 44, 80, 56, 100), fill=dark)
