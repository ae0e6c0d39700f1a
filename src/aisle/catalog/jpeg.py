"""The structure of a JPEG file, read without decoding it: size, wholeness, orientation, and the pixels without metadata.

Written after ITU-T T.81, annex B, and the Exif 2.3 layout of the orientation tag.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from aisle.errors import ImageProblem

_TEM, _RST0, _EOI, _SOS, _APP0, _APP1, _APP14, _APP15, _COM = 0x01, 0xD0, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_DECODABLE = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Baseline, extended and progressive, by Huffman or arithmetic code, are what libjpeg decodes."""
_ORIENTATION = 0x0112


class Segment(NamedTuple):
    """One segment before the picture's data: its marker's code, and where its content begins and ends."""

    marker: int
    start: int
    end: int


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a JPEG file that can be decoded and is there to its end.

    Raises:
        ImageProblem: It is truncated or damaged, or of a kind that is not decoded (lossless, layered, 12 bits).
    """
    size = None
    for segment in _segments(data):
        if segment.marker in _FRAMES:
            if size is not None:
                raise ImageProblem("damaged", "The JPEG file has two frames.")
            size = _frame_size(data, segment)
    if size is None:
        raise ImageProblem("damaged", "The JPEG file has no frame before its picture.")
    # The end marker cannot occur within coded pixels; cameras and hosts append bytes of their own after it.
    if not data.endswith(b"\xff\xd9") and data.find(b"\xff\xd9", segment.end) < 0:
        raise ImageProblem("truncated", "The JPEG file has no end.")
    return size


def jpeg_orientation(data: bytes) -> int:
    """Return the Exif orientation of a JPEG file, 1 to 8; 1, upright, where no readable tag says otherwise."""
    for segment in _segments(data):
        if segment.marker == _APP1 and data.startswith(b"Exif\0\0", segment.start):
            return _tagged_orientation(data[segment.start + 6 : segment.end])
    return 1


def jpeg_pixels(data: bytes) -> bytes:
    """Return a JPEG file without its metadata: no decoder has to parse a stranger's Exif, profile or comment.

    What says how to read the pixels stays: JFIF's segment and Adobe's, which names the colour transform.
    """
    kept, start = [b"\xff\xd8"], 2
    for marker, begin, end in _segments(data):
        if not (_APP0 < marker <= _APP15 and marker != _APP14) and marker != _COM:
            kept.append(data[begin - 4 : end])
        start = end
    kept.append(data[start:])
    return b"".join(kept)


def _segments(data: bytes) -> Iterator[Segment]:
    """Give the segments up to and with the start of the first scan."""
    place, length = 2, len(data)
    while True:
        # Bytes between segments are skipped, as decoders do.
        place = data.find(b"\xff", place)
        while 0 <= place < length and data[place] == 0xFF:
            place += 1
        if place < 0 or place + 3 > length:
            raise ImageProblem("truncated", "The JPEG file ends before its picture begins.")
        marker = data[place]
        if marker <= _TEM or _RST0 <= marker < _EOI:
            place += 1
            continue
        start, end = place + 3, place + 1 + (data[place + 1] << 8 | data[place + 2])
        if marker == _EOI or end < start:
            raise ImageProblem("damaged", "The JPEG file has no picture." if marker == _EOI else "A segment has no length.")
        if end > length:
            raise ImageProblem("truncated", "The JPEG file ends before its picture begins.")
        yield Segment(marker, start, end)
        if marker == _SOS:
            return
        place = end


def _frame_size(data: bytes, frame: Segment) -> tuple[int, int]:
    if frame.marker not in _DECODABLE:
        raise ImageProblem("unsupported", f"The JPEG file is of process {frame.marker - 0xC0}, lossless or layered.")
    if frame.end - frame.start < 6:
        raise ImageProblem("damaged", "The frame header of the JPEG file is too short.")
    bits, height, width, components = struct.unpack_from(">BHHB", data, frame.start)
    if bits != 8 or components not in {1, 3, 4} or not height:
        raise ImageProblem("unsupported", f"The JPEG file has {components} components of {bits} bits in {height} lines.")
    if not width:
        raise ImageProblem("damaged", "The JPEG file is 0 pixels wide.")
    return width, height


def _tagged_orientation(tiff: bytes) -> int:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (place,) = struct.unpack_from(f"{order}L", tiff, 4)
    entries = tiff[place + 2 :]
    count = struct.unpack_from(f"{order}H", tiff, place)[0] if place + 2 <= len(tiff) else 0
    for tag, kind, _, value in struct.iter_unpack(f"{order}HHLH2x", entries[: min(count, len(entries) // 12) * 12]):
        if tag == _ORIENTATION:
            return value if kind == 3 and 1 <= value <= 8 else 1
    return 1
