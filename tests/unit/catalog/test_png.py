"""The structure of PNG files."""

import io
import struct
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from aisle.catalog.png import png_pixels, png_size
from aisle.errors import ImageProblem


def _png(mode: str = "RGB", **options: object) -> bytes:
    target = io.BytesIO()
    Image.linear_gradient("L").resize((30, 20)).convert(mode).save(target, "PNG", **options)
    return target.getvalue()


def test_the_size_is_read_from_the_header() -> None:
    assert png_size(_png()) == (30, 20)


@pytest.mark.parametrize("data", [_png()[:20], _png()[:8] + struct.pack(">L", 0) + b"IDAT" + bytes(40)])
def test_a_file_without_a_header_is_damaged(data: bytes) -> None:
    with pytest.raises(ImageProblem) as caught:
        png_size(data)
    assert caught.value.reason == "damaged"


def test_every_cut_is_noticed() -> None:
    whole = _png()
    for length in range(8, len(whole)):
        with pytest.raises(ImageProblem) as caught:
            png_pixels(whole[:length])
        assert caught.value.reason == "truncated"


def test_metadata_is_taken_away_and_pixels_are_not() -> None:
    words = PngInfo()
    words.add_text("Comment", "x" * 1000, zip=True)
    for mode, transparency in (("RGB", (1, 2, 3)), ("P", b"\0\x80"), ("L", 7), ("RGBA", None)):
        plain = _png(mode, transparency=transparency)
        full = _png(mode, transparency=transparency, pnginfo=words, dpi=(300, 300), icc_profile=b"a profile")
        assert len(full) > len(plain)
        assert png_pixels(full) == plain


def test_an_animation_becomes_its_default_image_even_if_its_frames_are_nonsense() -> None:
    frames = [Image.effect_noise((30, 20), 80) for _ in range(3)]
    target = io.BytesIO()
    frames[0].save(target, "PNG", save_all=True, append_images=frames[1:])
    assert b"acTL" in target.getvalue()
    assert _pixels(png_pixels(target.getvalue())) == frames[0].tobytes()
    head = _png()[:33]
    control = struct.pack(">L4s2L", 8, b"acTL", 0, 0)
    broken = head + control + struct.pack(">L", zlib.crc32(control[4:])) + _png()[33:]
    assert b"acTL" not in png_pixels(broken)


def test_what_follows_the_end_is_left_out() -> None:
    assert png_pixels(_png()[:-12] + _png()[-12:] + b"more").endswith(b"IEND\xae\x42\x60\x82")


def _pixels(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).tobytes()
