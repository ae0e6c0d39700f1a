"""The central directory of a zip file, read as a stream: each member's place and size, or the whole archive's refusal.

Written after APPNOTE 6.3.10, sections 4.3.12 to 4.3.16, ZIP64 included. Whatever could harm a reader is refused here,
before any member is opened: unsafe names, links, devices and encryption.
"""

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aisle.catalog.member_names import naming_fault
from aisle.errors import ArchiveError

HOSTILE = "The whole archive is refused: do not unpack it, and get it from a source that you trust."
"""The hint that goes with every member that could do harm."""

_RECORD = struct.Struct("<4s4B4HL2L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_BLOCK = 1 << 20
_LONGEST_COMMENT = 0xFFFF
_ABSENT = 0xFFFFFFFF
"""The 32-bit number that stands for "see the 64-bit one"."""
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_UTF8 = 1 << 11


class Member(NamedTuple):
    """One member of a zip file, as the central directory describes it.

    Args:
        name: Its name; a folder's ends with `/`.
        raw_name: The name's bytes.
        offset: Where its local header begins, in bytes.
        compressed: Bytes that it takes in the archive.
        size: Bytes of its content.
        crc: CRC-32 of its content.
        method: How it is packed: 0 stored, 8 deflate.
    """

    name: str
    raw_name: bytes
    offset: int
    compressed: int
    size: int
    crc: int
    method: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder rather than a file."""
        return self.name.endswith("/")


class ZipDirectory:
    """The central directory of an open zip file.

    Args:
        path: The file's name, for messages.
        file: Its descriptor; it is only ever read at given positions.

    Raises:
        ArchiveError: It is no whole zip file in one part.
    """

    def __init__(self, path: Path, file: int) -> None:
        self._path = path
        self._file = file
        count, length, self.start, limit = self._located()
        self._count, self._end = count, self.start + length
        if self._end > limit or count * _RECORD.size > length:
            raise self._damaged("its directory does not fit into the file")

    def records(self) -> Iterator[tuple[int, Member]]:
        """Give every member and the place of its record, in order.

        Raises:
            ArchiveError: The directory is damaged, or a member could do harm.
        """
        place = base = self.start
        buffer = b""
        for _ in range(self._count):
            found = self._parsed(buffer, place - base)
            if found is None:
                buffer, base = os.pread(self._file, min(_BLOCK, self._end - place), place), place
                found = self._parsed(buffer, 0)
            if found is None:
                raise self._damaged("its directory ends too early")
            member, length = found
            yield place, member
            place += length
        if place != self._end:
            raise self._damaged("its directory has another length than it declares")

    def member_at(self, place: int) -> Member:
        """Return the member whose record lies at a place given by `records`."""
        found = self._parsed(os.pread(self._file, 1024, place), 0)
        if found is None:
            # Long comments and extra fields are rare: 256 KiB hold the longest record that the format allows.
            found = self._parsed(os.pread(self._file, 1 << 18, place), 0)
        if found is None:
            raise self._damaged("it has changed since it was opened")
        return found[0]

    def _parsed(self, buffer: bytes, at: int) -> tuple[Member, int] | None:
        """Return the member whose record begins there and the record's length, or None where the buffer is too short."""
        if len(buffer) - at < _RECORD.size:
            return None
        (signature, _, _, _, _, flags, method, _, _, crc, compressed, size, name_length, extra_length, comment_length, _, _,
         attributes, offset) = _RECORD.unpack_from(buffer, at)  # fmt: skip
        if signature != b"PK\1\2":
            raise self._damaged("its directory holds something else")
        name_end = at + _RECORD.size + name_length
        length = _RECORD.size + name_length + extra_length + comment_length
        if at + length > len(buffer):
            return None
        raw_name = buffer[at + _RECORD.size : name_end]
        if _ABSENT in {size, compressed, offset}:
            wide = _wide_numbers(buffer[name_end : name_end + extra_length])
            size, compressed, offset = (
                next(wide, value) if value == _ABSENT else value for value in (size, compressed, offset)
            )
        member = Member(self._decoded(raw_name, flags), raw_name, offset, compressed, size, crc, method)
        self._refuse_harm(member.name, flags, attributes >> 16)
        return member, length

    def _decoded(self, raw_name: bytes, flags: int) -> str:
        try:
            return raw_name.decode("utf-8")
        except UnicodeDecodeError:
            if flags & _UTF8:
                raise self._damaged(f"the name {raw_name!r} is not the UTF-8 that it claims to be") from None
            return raw_name.decode("cp437")

    def _refuse_harm(self, name: str, flags: int, mode: int) -> None:
        fault = naming_fault(name)
        if fault is None and flags & _ENCRYPTED:
            fault = "is encrypted"
        if fault is None and stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            fault = "is a symbolic link" if stat.S_ISLNK(mode) else "is a device or a pipe"
        if fault is not None:
            raise ArchiveError(f"{self._path}: the member {name!r} {fault}.", hint=HOSTILE)

    def _located(self) -> tuple[int, int, int, int]:
        """Return the directory's number of records, its length, its place and the place where it must have ended."""
        file_size = os.fstat(self._file).st_size
        base = max(0, file_size - _END.size - _LONGEST_COMMENT)
        tail = os.pread(self._file, file_size - base, base)
        at = tail.rfind(b"PK\5\6")
        while at >= 0:
            if at + _END.size <= len(tail):
                _, disk, first_disk, here, count, length, start, comment = _END.unpack_from(tail, at)
                if at + _END.size + comment == len(tail):
                    break
            at = tail.rfind(b"PK\5\6", 0, at)
        else:
            raise self._damaged("it is no zip file, or its end is missing")
        if wide := self._located64(base + at):
            # Both records must tell the same: two readers that trust different ones would see different archives.
            narrow = zip((count, length, start), wide[:3], (0xFFFF, _ABSENT, _ABSENT), strict=True)
            if any(value not in {truth, absent} for value, truth, absent in narrow):
                raise self._damaged("its two end records contradict each other")
            return wide
        if disk or first_disk or here != count:
            raise self._damaged("it is one part of several")
        return count, length, start, base + at

    def _located64(self, end: int) -> tuple[int, int, int, int] | None:
        head = os.pread(self._file, _LOCATOR.size, max(0, end - _LOCATOR.size))
        if len(head) < _LOCATOR.size or not head.startswith(b"PK\6\7"):
            return None
        _, _, place, _ = _LOCATOR.unpack(head)
        if place > end - _LOCATOR.size - _END64.size:
            raise self._damaged("its ZIP64 end record lies outside")
        record = os.pread(self._file, _END64.size, place)
        signature, _, _, _, disk, first_disk, here, count, length, start = _END64.unpack(record)
        if signature != b"PK\6\6" or disk or first_disk or here != count:
            raise self._damaged("its ZIP64 end record is not one")
        return count, length, start, place

    def _damaged(self, what: str) -> ArchiveError:
        return ArchiveError(f"{self._path} is not a usable archive: {what}.", hint="Fetch or pack it again.")


def _wide_numbers(extra: bytes) -> Iterator[int]:
    """Give the 64-bit numbers of the ZIP64 extra field, in their order: size, compressed size, offset."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            content = extra[at + 4 : at + 4 + length]
            yield from (number for (number,) in struct.iter_unpack("<Q", content[: len(content) // 8 * 8]))
            return
        at += 4 + length
