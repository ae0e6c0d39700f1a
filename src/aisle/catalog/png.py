"""The structure of a PNG file, read without decoding it: its size, its wholeness, and the pixels without metadata."""

import struct

from aisle.errors import ImageProblem

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
"""The chunks that say what the pixels are (PNG third edition, section 11); an animation's default image is among them."""


def png_pixels(data: bytes) -> bytes:
    """Return a PNG file without its metadata: no decoder has to parse a stranger's text, profile or animation.

    Raises:
        ImageProblem: It is truncated.
    """
    kept, place = [_SIGNATURE], len(_SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, place)
        end = place + 12 + length
        if end > len(data):
            break
        if kind in _PICTURE:
            kept.append(data[place:end])
        if kind == b"IEND":
            return b"".join(kept)
        place = end
    raise ImageProblem("truncated", "The PNG file has no end.")


def png_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels, as the PNG file's header has them.

    Raises:
        ImageProblem: It does not begin with its header.
    """
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise ImageProblem("damaged", "The PNG file does not begin with its header.")
    width, height = struct.unpack_from(">2L", data, 16)
    return width, height
