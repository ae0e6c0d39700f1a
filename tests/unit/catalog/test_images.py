"""Image files: what is accepted, what is refused and why, and the pixels."""

import hashlib
import io
import random
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from aisle.catalog.archive import open_images
from aisle.catalog.images import decode_rgb, inspect_image
from aisle.catalog.zip_index import ZipIndex
from aisle.errors import ImageProblem

_FORMATS = {"jpeg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP"}
_LIMIT = {"max_bytes": 1 << 20, "max_pixels": 1 << 20}


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, _FORMATS[form], **options)
    return target.getvalue()


def _picture(size: tuple[int, int] = (40, 30)) -> Image.Image:
    """Four quarters: red and green above, blue and black below."""
    quarters = Image.new("RGB", (2, 2))
    quarters.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)])
    return quarters.resize(size, Image.Resampling.NEAREST)


def _two_colours() -> Image.Image:
    image = Image.new("RGB", (9, 9), "red")
    image.paste("blue", (0, 0, 4, 4))
    return image


def _reason(data: bytes, *, max_bytes: int = 1 << 22, max_pixels: int = 1 << 20) -> str:
    """Why an image is refused; whatever the decoder can see of it, it must refuse for the same reason."""
    with pytest.raises(ImageProblem) as caught:
        inspect_image(data, max_bytes=max_bytes, max_pixels=max_pixels)
    if caught.value.reason != "too_large":
        with pytest.raises(ImageProblem) as decoding:
            decode_rgb(data, 8, max_pixels=max_pixels)
        assert decoding.value.message == caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value.reason


@pytest.mark.parametrize("form", _FORMATS)
def test_a_whole_image_is_known_by_format_size_and_digest(form: str) -> None:
    data = _saved(_picture((40, 30)), form)
    info = inspect_image(data, **_LIMIT)
    assert (info.format, info.width, info.height) == (form, 40, 30)
    assert info.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("form", _FORMATS)
def test_a_cut_image_is_refused(form: str) -> None:
    data = _saved(Image.effect_noise((40, 30), 90), form)
    reasons = {_reason(data[:length]) for length in range(60, len(data) - 2, 37)}
    assert reasons <= {"truncated", "damaged"}
    assert "truncated" in reasons


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"<html>Log in</html>",
        b"%PDF-1.7",
        b"BMW is no bitmap, whatever it begins with",
        b"RIFF....WAVE",
        bytes(99),
    ],
)
def test_what_is_no_image_is_called_so(data: bytes) -> None:
    assert _reason(data) == "not_an_image"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"\0\0\0\x1cftypavif", "AVIF"),
        (b"\0\0\0\x1cftypheic", "HEIC"),
        (b"\0\0\0\x0cjP  ", "JPEG2000"),
        (b"\xff\x0a", "JPEGXL"),
        (b"8BPS", "PSD"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG"),
    ],
)
def test_other_formats_are_named(data: bytes, name: str) -> None:
    with pytest.raises(ImageProblem, match=name) as caught:
        inspect_image(data, **_LIMIT)
    assert caught.value.reason == "unsupported"


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    data = _saved(_picture(), "png")
    assert inspect_image(data, max_bytes=len(data), max_pixels=1200).width == 40
    assert _reason(data, max_bytes=len(data) - 1) == "too_large"


@pytest.mark.parametrize("form", _FORMATS)
def test_an_image_may_have_as_many_pixels_as_the_limit_and_no_more(form: str) -> None:
    data = _saved(_picture((40, 30)), form)
    assert inspect_image(data, max_bytes=1 << 20, max_pixels=1200).format == form
    assert decode_rgb(data, 8, max_pixels=1200).shape == (8, 8, 3)
    assert _reason(data, max_pixels=1199) == "bomb"


def _huge_png() -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))

    header = struct.pack(">2L5B", 30_000, 30_000, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(3751 * 30_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _huge_webp() -> bytes:
    content = (
        b"VP8X" + struct.pack("<L", 10) + b"\0\0\0\0" + (16_000_000 - 1).to_bytes(3, "little") + b"\x20\0\0" + bytes(40)
    )
    return b"RIFF" + struct.pack("<L", len(content) + 4) + b"WEBP" + content


def _huge_gif() -> bytes:
    """A screen of one pixel with a first frame that goes far beyond it."""
    return b"GIF89a\1\0\1\0\0\0\0" + b",\0\0\0\0" + struct.pack("<2H", 65_000, 65_000) + b"\0\x08\1\0\0;"


def _huge_bmp() -> bytes:
    data = bytearray(_saved(_picture(), "bmp"))
    struct.pack_into("<2l", data, 18, 100_000, 100_000)
    return bytes(data)


@pytest.mark.parametrize("make", [_huge_png, _huge_webp, _huge_gif, _huge_bmp])
def test_bombs_are_refused_before_room_is_made_for_them(make: Callable[[], bytes]) -> None:
    data = make()
    tracemalloc.start()
    started = time.perf_counter()
    for call in (lambda: inspect_image(data, max_bytes=1 << 20, max_pixels=120_000_000), lambda: decode_rgb(data, 64)):
        with pytest.raises(ImageProblem) as caught:
            call()
        assert caught.value.reason == "bomb"
    assert time.perf_counter() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_a_jpeg_of_94_megapixels_is_decoded_at_an_eighth_of_its_size() -> None:
    data = _saved(Image.new("L", (9700, 9700), 130), "jpeg", quality=30)
    assert len(data) < 3_000_000
    info = inspect_image(data, max_bytes=20_000_000, max_pixels=120_000_000)
    assert info.width * info.height > 94_000_000
    pixels = decode_rgb(data, 64)
    assert pixels.shape == (64, 64, 3)
    assert np.abs(pixels.astype(int) - 130).max() <= 2
    assert _reason(data, max_pixels=90_000_000) == "bomb"


def test_pillow_is_left_with_the_limit_that_it_had() -> None:
    before = Image.MAX_IMAGE_PIXELS
    inspect_image(_saved(_picture(), "png"), max_bytes=1 << 20, max_pixels=1200)
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("form", _FORMATS)
def test_pixels_are_the_same_from_every_format(form: str) -> None:
    pixels = decode_rgb(_saved(_picture((64, 64)), form), 16).astype(int)
    assert pixels.shape == (16, 16, 3)
    expected = np.asarray(_picture((16, 16)), int)
    inner = np.ix_([2, 3, 4, 11, 12, 13], [2, 3, 4, 11, 12, 13])
    assert np.abs(pixels[inner] - expected[inner]).max() < 40


@pytest.mark.parametrize(
    ("mode", "form", "options"),
    [
        ("L", "jpeg", {}),
        ("CMYK", "jpeg", {}),
        ("L", "jpeg", {"progressive": True}),
        ("1", "png", {}),
        ("P", "png", {}),
        ("LA", "png", {}),
        ("RGBA", "png", {}),
        ("I;16", "png", {}),
        ("P", "gif", {}),
        ("RGBA", "webp", {"lossless": True}),
        ("1", "bmp", {}),
        ("P", "bmp", {}),
    ],
)
def test_every_mode_becomes_rgb(mode: str, form: str, options: dict[str, object]) -> None:
    grey = Image.new("L", (20, 20), 255)
    image = Image.fromarray(np.full((20, 20), 0xFFFF, np.uint16)) if mode == "I;16" else grey.convert(mode)
    data = _saved(image, form, **options)
    assert inspect_image(data, **_LIMIT).format == form
    assert (decode_rgb(data, 5) >= 253).all()


def test_16_bits_keep_their_high_byte() -> None:
    steps = np.repeat(np.arange(0, 65_536, 4096, dtype=np.uint16)[None], 16, axis=0)
    pixels = decode_rgb(_saved(Image.fromarray(steps), "png"), 16)
    assert pixels[0, :, 0].tolist() == list(range(0, 256, 16))


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (Image.new("RGBA", (9, 9), (255, 0, 0, 0)), {}),
        (Image.new("LA", (9, 9), (10, 0)), {}),
        (Image.new("RGB", (9, 9), (1, 2, 3)), {"transparency": (1, 2, 3)}),
        (_two_colours().convert("P"), {"transparency": bytes(256)}),
        (Image.new("1", (9, 9), 0), {"transparency": 0}),
        (Image.new("L", (9, 9), 7), {"transparency": 7}),
    ],
    ids=["RGBA", "LA", "RGB", "P", "1", "L"],
)
def test_what_is_transparent_becomes_white(image: Image.Image, options: dict[str, object]) -> None:
    assert (decode_rgb(_saved(image, "png", **options), 4) == 255).all()


@pytest.mark.parametrize("form", ["png", "gif", "webp"])
def test_of_an_animation_the_first_frame_is_taken(form: str) -> None:
    red, blue = (Image.new("RGB", (12, 12), colour) for colour in ("red", "blue"))
    data = _saved(red, form, save_all=True, append_images=[blue, blue], duration=100)
    assert inspect_image(data, **_LIMIT).format == form
    red_part, _, blue_part = decode_rgb(data, 3)[1, 1].astype(int)
    assert red_part > 250
    assert blue_part < 5


def test_the_shape_is_kept_and_the_rest_is_white() -> None:
    pixels = decode_rgb(_saved(Image.new("RGB", (40, 20), "black"), "png"), 8)
    assert (pixels[:2] == 255).all()
    assert (pixels[2:6] == 0).all()
    assert (pixels[6:] == 255).all()
    assert decode_rgb(_saved(Image.new("RGB", (1000, 1), "black"), "png"), 8).min() == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_s_orientation_is_applied(orientation: int) -> None:
    upright = _picture((64, 48))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _saved(upright, "jpeg", exif=exif, quality=95)
    expected = decode_rgb(_saved(ImageOps.exif_transpose(Image.open(io.BytesIO(data))), "png"), 16)
    assert np.abs(decode_rgb(data, 16).astype(int) - expected).mean() < 6


def test_small_images_are_enlarged() -> None:
    assert (decode_rgb(_saved(Image.new("RGB", (1, 1), "black"), "bmp"), 32) == 0).all()


def test_broken_metadata_neither_refuses_an_image_nor_warns() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0" + b"\xff" * 40
    jpeg = _saved(_picture(), "jpeg")
    data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert inspect_image(data, **_LIMIT).width == 40
    assert decode_rgb(data, 8).shape == (8, 8, 3)


def test_flipped_pixels_are_found_where_a_format_has_checksums() -> None:
    data = bytearray(_saved(Image.effect_noise((40, 30), 90), "png"))
    data[len(data) // 2] ^= 1
    assert _reason(bytes(data)) == "damaged"


def _seeds() -> list[bytes]:
    noise = Image.effect_noise((24, 20), 90).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        _saved(noise, "jpeg", exif=exif),
        _saved(noise.convert("CMYK"), "jpeg", progressive=True),
        _saved(noise.convert("P"), "png", transparency=b"\0\x80"),
        _saved(noise, "png", save_all=True, append_images=[noise.rotate(90)]),
        _saved(noise, "gif", save_all=True, append_images=[noise.rotate(90)]),
        _saved(noise, "webp"),
        _saved(noise.convert("RGBA"), "webp", save_all=True, append_images=[noise.convert("RGBA").rotate(90)]),
        _saved(noise.convert("P"), "bmp"),
    ]


_SEEDS = _seeds()


def _survives(data: bytes) -> None:
    for call in (lambda: inspect_image(data, **_LIMIT), lambda: decode_rgb(data, 8, max_pixels=1 << 20)):
        try:
            call()
        except ImageProblem:
            continue


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF\1\0\0\0WEBPVP8 "]),
)
def test_random_bytes_never_raise_anything_but_an_image_problem(data: bytes, head: bytes) -> None:
    _survives(head + data)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(range(len(_SEEDS))), st.integers(0, 2**32), st.integers(1, 8))
def test_mutated_images_never_raise_anything_but_an_image_problem(seed: int, chance: int, changes: int) -> None:
    rng, data = random.Random(chance), bytearray(_SEEDS[seed])
    for _ in range(changes):
        place = rng.randrange(min(len(data), rng.choice([64, 400, 1 << 20])))
        action = rng.randrange(8)
        if action < 5:
            data[place] = rng.choice([rng.randrange(256), 0, 255])
        elif action == 5:
            data[place : place + rng.randrange(8)] = rng.randbytes(rng.randrange(8))
        elif action == 6 and place > 16:
            del data[place:]
    _survives(bytes(data))


@pytest.mark.parametrize(("folder", "images", "side"), [("rakuten-14k", 13_812, 256), ("rakuten-raw", 576, 500)])
def test_every_real_image_passes(shared_data: Path, folder: str, images: int, side: int) -> None:
    assert open_images(shared_data / folder) is not None
    index = ZipIndex(shared_data / folder / "images.zip")
    infos = [inspect_image(index.read(member, 1 << 20), **_LIMIT) for member in index.members()]
    assert {(info.format, info.width, info.height) for info in infos} == {("jpeg", side, side)}
    assert len(infos) == images
    for member in list(index.members())[:: images // 50]:
        assert decode_rgb(index.read(member, 1 << 20), 64).shape == (64, 64, 3)
    index.close()
