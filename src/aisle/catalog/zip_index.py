"""Zip files read safely by many threads: every member is checked before any is used, and found by name.

The standard library keeps about 600 bytes for each member, and a catalogue may have 850,000. Here only a hash of each
name and the place of its record stay in memory, 16 bytes a member. A lookup reads the record again and compares the name
itself, so neither a collision nor a changed file can hand out the wrong bytes.
"""

import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aisle.catalog.zip_directory import HOSTILE, Member, ZipDirectory
from aisle.errors import ArchiveError, ImageProblem

_Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

_LOCAL = struct.Struct("<4s5H3L2H")
_BLOCK = 1 << 20
_STORED, _DEFLATED = 0, 8


class ZipIndex:
    """A zip file whose members were all found harmless, open for reading from any number of threads.

    Args:
        path: The file; it must not change while it is open.

    Raises:
        ArchiveError: It is no whole zip file, or a member could do harm: an unsafe name, a link or device, encrypted,
            overlapping another, or a second one of the same name with other content.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ArchiveError(f"{path} cannot be opened: {error.strerror}.") from error
        try:
            self._directory = ZipDirectory(path, self._file)
            self._hashes, self._places = self._indexed()
            self._refuse_contradictions()
        except BaseException:
            os.close(self._file)
            raise

    @property
    def count(self) -> int:
        """How many files it holds, folders not counted."""
        return len(self._hashes)

    def find(self, name: str) -> Member | None:
        """Return the file of that exact name, or None; never a folder."""
        wanted = hash(name)
        place = int(np.searchsorted(self._hashes, wanted))
        while place < len(self._hashes) and self._hashes[place] == wanted:
            member = self._directory.member_at(int(self._places[place]))
            if member.name == name:
                return member
            place += 1
        return None

    def members(self) -> Iterator[Member]:
        """Give every member, folders included, in the directory's order."""
        return (member for _, member in self._directory.records())

    def blocks(self, member: Member, limit: int) -> Iterator[bytes]:
        """Give a file's content block by block, of 1 MiB at most; believe none of it before the last one has come.

        Args:
            member: One of `members`, or found by `find`.
            limit: Most bytes that the content may have.

        Raises:
            ImageProblem: The content is too large, damaged, or packed by another method than stored or deflate.
        """
        if member.method not in {_STORED, _DEFLATED}:
            raise ImageProblem("unsupported", f"{member.name!r} is packed by method {member.method}, not by deflate.")
        if member.size > limit:
            raise ImageProblem("too_large", f"{member.name!r} has {member.size} bytes, more than {limit}.")
        total = crc = 0
        try:
            for block in self._content(member):
                total, crc = total + len(block), zlib.crc32(block, crc)
                if total > limit:
                    raise ImageProblem("too_large", f"{member.name!r} grows past {limit} bytes, beyond what it declares.")
                yield block
        except zlib.error as error:
            raise ImageProblem("damaged", f"{member.name!r} cannot be inflated: {error}.") from error
        if (total, crc) != (member.size, member.crc):
            raise ImageProblem("damaged", f"{member.name!r} has not the size and checksum that the archive declares.")

    def read(self, member: Member, limit: int) -> bytes:
        """Return a file's content whole; what is raised is what `blocks` raises."""
        return b"".join(self.blocks(member, limit))

    def close(self) -> None:
        """Close the file; no other method may be called afterwards."""
        os.close(self._file)

    def _content(self, member: Member) -> Iterator[bytes]:
        head = os.pread(self._file, _LOCAL.size + len(member.raw_name), member.offset)
        if not head.startswith(b"PK\3\4") or not head.endswith(member.raw_name):
            raise ImageProblem("damaged", f"{member.name!r} does not begin where the archive says.")
        extra = _LOCAL.unpack_from(head)[-1]
        place = member.offset + len(head) + extra
        end = place + member.compressed
        inflater = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == _DEFLATED else None
        while place < end and (packed := os.pread(self._file, min(_BLOCK, end - place), place)):
            place += len(packed)
            if inflater is None:
                yield packed
                continue
            while packed and not inflater.eof:
                yield inflater.decompress(packed, _BLOCK)
                packed = inflater.unconsumed_tail
        if inflater is not None:
            yield inflater.flush()

    def _indexed(self) -> tuple[_Numbers, _Numbers]:
        """Check that no two members share bytes; return the files' hashed names, sorted, and their records' places."""
        hashes, places, starts, ends = array("q"), array("q"), array("q"), array("q")
        files = array("b")
        for place, member in self._directory.records():
            hashes.append(hash(member.name))
            places.append(place)
            starts.append(member.offset)
            ends.append(member.offset + _LOCAL.size + len(member.raw_name) + member.compressed)
            files.append(not member.is_folder)
        self._refuse_overlaps(_numbers(starts), _numbers(ends), _numbers(places))
        is_file = np.frombuffer(files, np.bool_)
        found, where = _numbers(hashes)[is_file], _numbers(places)[is_file]
        order = np.argsort(found, kind="stable")
        return found[order], where[order]

    def _refuse_overlaps(self, starts: _Numbers, ends: _Numbers, places: _Numbers) -> None:
        order = np.argsort(starts, kind="stable")
        following = np.append(starts[order][1:], self._directory.start)
        if (clashes := np.flatnonzero(ends[order] > following)).size:
            name = self._directory.member_at(int(places[order[clashes[0]]])).name
            raise ArchiveError(f"{self.path}: {name!r} overlaps what comes after it.", hint=HOSTILE)

    def _refuse_contradictions(self) -> None:
        for row in np.flatnonzero(self._hashes[1:] == self._hashes[:-1]):
            one, two = (
                self._directory.member_at(int(self._places[row])),
                self._directory.member_at(int(self._places[row + 1])),
            )
            if one.name == two.name and (one.size, one.crc) != (two.size, two.crc):
                raise ArchiveError(f"{self.path} holds {one.name!r} twice, with different content.", hint=HOSTILE)


def _numbers(values: "array[int]") -> _Numbers:
    return np.frombuffer(values, np.int64)
