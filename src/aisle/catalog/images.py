"""Image files from strangers: what they are, whether they are whole, and their pixels, within limits set before decoding.

JPEG, PNG, GIF, WebP and BMP are read. The decoder of each is chosen here by the file's first bytes and called directly:
none of Pillow's other formats can be reached, and the limit on pixels is the caller's, not a variable of the process.
"""

import re
import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from aisle.catalog.jpeg import jpeg_orientation, jpeg_pixels, jpeg_size
from aisle.catalog.png import png_pixels, png_size
from aisle.digest import sha256
from aisle.errors import ImageProblem

Format = Literal["jpeg", "png", "gif", "webp", "bmp"]

_DECODERS: dict[Format, type[ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "gif": GifImageFile,
    "webp": WebPImageFile,
    "bmp": BmpImageFile,
}
_SIGNATURES: dict[Format, re.Pattern[bytes]] = {
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    # Two letters alone would take any text that begins with them: the size of the header is looked at too.
    "bmp": re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL),
}
_UNSUPPORTED = re.compile(
    rb"(?P<TIFF>II\*\0|MM\0\*)|....ftyp(?P<AVIF>avi)|....ftyp(?P<HEIC>he|mif1)|(?P<JPEG2000>\0\0\0\x0cjP|\xff\x4f\xff\x51)"
    rb"|(?P<JPEGXL>\xff\x0a|\0\0\0\x0cJXL)|(?P<PSD>8BPS)|(?P<ICO>\0\0\x01\0)|\s*(?:<\?xml.{0,500}?)?(?P<SVG><svg)",
    re.DOTALL,
)
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error)
"""What Pillow's decoders raise on files that are not what they claim to be."""
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings an image of each Exif orientation upright."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What is known of an image file.

    Args:
        format: Its format.
        width: Pixels from left to right, before any turn that its metadata asks for.
        height: Pixels from top to bottom.
        sha256: Digest of the file's bytes.
    """

    format: Format
    width: int
    height: int
    sha256: str


def inspect_image(data: bytes, *, max_bytes: int, max_pixels: int) -> ImageInfo:
    """Find out what an image file is, and whether it is whole.

    A JPEG's structure is walked without decoding it, which finds missing ends but not flipped bits among its pixels;
    the other formats are decoded, once their size is known to be within the limit.

    Args:
        data: The file's bytes.
        max_bytes: Most bytes that it may have.
        max_pixels: Most pixels that it may have.

    Raises:
        ImageProblem: It cannot be used, and why.
    """
    if len(data) > max_bytes:
        raise ImageProblem("too_large", f"The image has {len(data)} bytes, more than {max_bytes}.")
    kind = _kind(data)
    width, height = _checked_size(data, kind, max_pixels)
    if kind != "jpeg":
        image = _opened(data, kind, max_pixels)
        width, height = image.size
        _loaded(image)
    return ImageInfo(kind, width, height, sha256(data))


def decode_rgb(data: bytes, size: int, *, max_pixels: int = 120_000_000) -> npt.NDArray[np.uint8]:
    """Decode an image into a square of pixels, the whole image centred on white.

    Its shape is kept and what is transparent becomes white, as on a shop's page; of an animation the first frame is
    taken. A JPEG's Exif orientation is applied, because browsers apply it: the model sees what customers see. JPEG is
    decoded at the smallest of 1/1, 1/2, 1/4 and 1/8 of its size that still has enough pixels.

    Args:
        data: The file's bytes.
        size: Width and height of the result in pixels.
        max_pixels: Most pixels that the image may have.

    Returns:
        Red, green and blue, shape (size, size, 3).

    Raises:
        ImageProblem: It cannot be decoded, and why.
    """
    kind = _kind(data)
    _checked_size(data, kind, max_pixels)
    turn = _TURNS.get(jpeg_orientation(data)) if kind == "jpeg" else None
    image = _opened(data, kind, max_pixels)
    scale = size / max(image.size)
    fitted = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image.draft(None, fitted)
    picture = _eight_bits(_loaded(image)).resize(fitted, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if turn is not None:
        picture = picture.transpose(turn)
    square = Image.new("RGB", (size, size), "white")
    corner = ((size - picture.width) // 2, (size - picture.height) // 2)
    square.paste(picture, corner, picture if picture.mode == "RGBA" else None)
    return np.array(square)


def _kind(data: bytes) -> Format:
    for kind, signature in _SIGNATURES.items():
        if signature.match(data):
            return kind
    if other := _UNSUPPORTED.match(data):
        raise ImageProblem("unsupported", f"The image is {other.lastgroup}, which is not read.")
    raise ImageProblem("not_an_image", "The file is empty." if not data else f"The file begins with {data[:8]!r}.")


def _checked_size(data: bytes, kind: Format, max_pixels: int) -> tuple[int, int]:
    """Return the size that a file's header declares, or (0, 0) for formats that Pillow opens without making room."""
    read = {"jpeg": jpeg_size, "png": png_size, "webp": _webp_size}.get(kind)
    width, height = (0, 0) if read is None else read(data)
    if width * height > max_pixels:
        raise _bomb(width, height, max_pixels)
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the canvas of a WebP file (RFC 9649): Pillow makes room for it as soon as it opens the file."""
    if len(data) < 30 or int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise ImageProblem("truncated", "The WebP file is shorter than it says.")
    form = data[12:16]
    if form == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        width, height = struct.unpack_from("<2H", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ImageProblem("damaged", f"The WebP file begins with {form!r} instead of a picture.")


def _opened(data: bytes, kind: Format, max_pixels: int) -> ImageFile:
    """Read a file's header with its own decoder, and refuse it before its pixels are decoded if they are too many."""
    strip = {"jpeg": jpeg_pixels, "png": png_pixels}.get(kind, bytes)
    try:
        image = _DECODERS[kind](BytesIO(strip(data)))
    except _BOMBS as error:
        raise ImageProblem("bomb", f"The image is refused by its decoder: {error}") from error
    except _BROKEN as error:
        raise _broken(error) from error
    if image.width * image.height > max_pixels:
        raise _bomb(image.width, image.height, max_pixels)
    return image


def _loaded(image: ImageFile) -> ImageFile:
    try:
        image.load()
    except _BOMBS as error:
        raise ImageProblem("bomb", f"The image is refused by its decoder: {error}") from error
    except _BROKEN as error:
        raise _broken(error) from error
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Bring any of the decoders' modes to RGB, or to RGBA where something may be transparent."""
    if image.mode.startswith("I;16"):
        # Pillow would cut off at 255; the high byte is the picture.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _broken(error: Exception) -> ImageProblem:
    words = str(error) or type(error).__name__
    reason: Literal["truncated", "damaged"] = "truncated" if "truncated" in words.lower() else "damaged"
    return ImageProblem(reason, f"The image cannot be decoded: {words.splitlines()[0].rstrip('.')}.")


def _bomb(width: int, height: int, max_pixels: int) -> ImageProblem:
    return ImageProblem("bomb", f"The image is {width} x {height} pixels, more than {max_pixels} in all.")
