"""Zip files for tests: honest ones, and ones with a single field of the central directory changed."""

import io
import struct
import zipfile
from collections.abc import Mapping

FLAGS, METHOD, CRC, COMPRESSED, SIZE, ATTRIBUTES, OFFSET = (
    (8, "H"),
    (10, "H"),
    (16, "L"),
    (20, "L"),
    (24, "L"),
    (38, "L"),
    (42, "L"),
)
"""Place and kind of fields within a record of the central directory."""


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Pack files as they come."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            archive.writestr(info, content)
    return target.getvalue()


def forged(archive: bytes, field: tuple[int, str], value: int, *, record: int = 0) -> bytes:
    """Change one field of one record of the central directory."""
    at = -1
    for _ in range(record + 1):
        at = archive.index(b"PK\1\2", at + 1)
    changed = bytearray(archive)
    struct.pack_into(f"<{field[1]}", changed, at + field[0], value)
    return bytes(changed)
