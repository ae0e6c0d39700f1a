"""The structure of JPEG files."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aisle.catalog.jpeg import jpeg_orientation, jpeg_pixels, jpeg_size
from aisle.errors import ImageProblem


def _jpeg(size: tuple[int, int] = (30, 20), mode: str = "RGB", **options: object) -> bytes:
    target = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(target, "JPEG", **options)
    return target.getvalue()


def _frame(process: int = 0, bits: int = 8, height: int = 20, width: int = 30, components: int = 3) -> bytes:
    """A frame and the start of a scan, with nothing that could be decoded."""
    content = struct.pack(">BHHB", bits, height, width, components) + bytes(3 * components)
    head = b"\xff\xd8\xff" + bytes([0xC0 + process]) + struct.pack(">H", len(content) + 2) + content
    return head + b"\xff\xda\0\x08" + bytes(6) + b"pixels" + b"\xff\xd9"


def _reason(data: bytes) -> str:
    with pytest.raises(ImageProblem) as caught:
        jpeg_size(data)
    return caught.value.reason


def _with_orientation(value: int, order: str = "<", kind: int = 3) -> bytes:
    head = b"II*\0" if order == "<" else b"MM\0*"
    entries = struct.pack(f"{order}HHLHH", 0x0100, 3, 1, 30, 0) + struct.pack(f"{order}HHLHH", 0x0112, kind, 1, value, 0)
    exif = b"Exif\0\0" + head + struct.pack(f"{order}LH", 8, 2) + entries + bytes(4)
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + _jpeg()[2:]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 5}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_size_is_read_from_every_kind_that_is_decoded(mode: str, options: dict[str, object]) -> None:
    assert jpeg_size(_jpeg((640, 17), mode, **options)) == (640, 17)


def test_every_cut_is_noticed() -> None:
    for whole in (_jpeg(), _jpeg(progressive=True)):
        assert {_reason(whole[:length]) for length in range(3, len(whole))} == {"truncated"}


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 5000, b"\n", b"SEFH and what else a camera adds"])
def test_what_follows_the_end_does_no_harm(tail: bytes) -> None:
    assert jpeg_size(_jpeg() + tail) == (30, 20)


def test_an_end_within_metadata_is_not_the_end() -> None:
    thumbnail = b"\xff\xe1\0\x0cjpeg\xff\xd8\xff\xd9\0\0"
    whole = _jpeg()
    assert jpeg_size(whole[:2] + thumbnail + whole[2:]) == (30, 20)
    assert _reason(whole[:2] + thumbnail + whole[2:-2]) == "truncated"


def test_fill_bytes_and_junk_between_segments_are_skipped_as_decoders_do() -> None:
    whole = _jpeg()
    assert jpeg_size(whole[:2] + b"\xff\xff\xff" + whole[2:]) == (30, 20)
    assert jpeg_size(whole[:2] + b"junk\xff\0\xff\x01\xff\xd0" + whole[2:]) == (30, 20)


@pytest.mark.parametrize("process", [3, 5, 6, 7, 11, 13, 14, 15])
def test_lossless_and_layered_processes_are_not_supported(process: int) -> None:
    assert _reason(_frame(process)) == "unsupported"


@pytest.mark.parametrize("frame", [{"bits": 12}, {"components": 2}, {"components": 5}, {"height": 0}])
def test_frames_that_no_decoder_here_reads_are_not_supported(frame: dict[str, int]) -> None:
    assert jpeg_size(_frame()) == (30, 20)
    assert _reason(_frame(**frame)) == "unsupported"


def test_frames_that_make_no_sense_are_damage() -> None:
    assert _reason(_frame(width=0)) == "damaged"
    assert _reason(_frame()[:21] + _frame()[2:]) == "damaged"  # a second frame
    assert _reason(b"\xff\xd8\xff\xda\0\x08" + bytes(6) + b"\xff\xd9") == "damaged"  # none
    assert _reason(b"\xff\xd8\xff\xc0\0\x04\x08\0" + _jpeg()[2:]) == "damaged"  # one too short
    assert _reason(b"\xff\xd8\xff\xe0\0\x01" + _jpeg()[2:]) == "damaged"  # a segment without a length
    assert _reason(b"\xff\xd8\xff\xd9" + _jpeg()) == "damaged"  # the end before the picture


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_read_in_both_byte_orders(order: str) -> None:
    assert [jpeg_orientation(_with_orientation(value, order)) for value in range(10)] == [1, 1, 2, 3, 4, 5, 6, 7, 8, 1]
    assert jpeg_orientation(_with_orientation(6, order, kind=4)) == 1
    assert jpeg_orientation(_jpeg()) == 1


def test_the_orientation_agrees_with_another_writer() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 8, "a description"
    assert jpeg_orientation(_jpeg(exif=exif)) == 8


@given(st.binary(max_size=80), st.sampled_from([b"", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0\x05\0"]))
def test_a_broken_tag_leaves_the_image_upright(rest: bytes, head: bytes) -> None:
    exif = b"Exif\0\0" + head + rest
    data = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + _jpeg()[2:]
    assert jpeg_orientation(data) in range(1, 9)


def test_metadata_is_taken_away_and_pixels_are_not() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    for mode in ("RGB", "CMYK"):
        plain = _jpeg(mode=mode)
        full = _jpeg(mode=mode, exif=exif, comment=b"a comment", icc_profile=b"a profile")
        assert len(full) > len(plain)
        stripped = jpeg_pixels(full)
        assert len(stripped) == len(plain)
        assert Image.open(io.BytesIO(stripped)).info.keys() <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "adobe",
            "adobe_transform",
        }
        assert Image.open(io.BytesIO(stripped)).mode == mode
