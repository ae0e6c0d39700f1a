"""Reading zip files: what is refused, what is found, and how little memory it takes."""

import io
import os
import stat
import struct
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisle.catalog.zip_index import ZipIndex
from aisle.errors import ArchiveError, ImageProblem
from tests.unit.catalog.zip_files import ATTRIBUTES, COMPRESSED, CRC, FLAGS, METHOD, OFFSET, SIZE, forged, zipped

_TWO = {"a/one.jpg": b"first picture", "a/two.jpg": b"second picture"}


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bytes], "closing[ZipIndex]"]:
    """Open an archive given by its bytes."""

    def open_bytes(archive: bytes) -> "closing[ZipIndex]":
        path = tmp_path / "images.zip"
        path.write_bytes(archive)
        return closing(ZipIndex(path))

    return open_bytes


Opener = Callable[[bytes], "closing[ZipIndex]"]


def _read(index: ZipIndex, name: str, limit: int = 1 << 20) -> bytes:
    member = index.find(name)
    assert member is not None
    return index.read(member, limit)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_found_by_name_and_read_whole(opened: Opener, method: int) -> None:
    files = {f"images/{number}.jpg": os.urandom(number * 7) + bytes(number * 100) for number in range(200)}
    with opened(zipped(files, method)) as index:
        assert index.count == 200
        assert [member.name for member in index.members()] == list(files)
        assert {name: _read(index, name) for name in files} == files
        assert index.find("images/200.jpg") is None


def test_a_file_larger_than_a_block_is_read_in_blocks(opened: Opener) -> None:
    content = os.urandom(1 << 20) + bytes(5 << 20) + os.urandom(3)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with opened(zipped({"big": content}, method)) as index:
            member = index.find("big")
            assert member is not None
            blocks = list(index.blocks(member, len(content)))
            assert b"".join(blocks) == content
            assert max(map(len, blocks)) <= 1 << 20


def test_folders_are_no_files(opened: Opener) -> None:
    with opened(zipped({"images/": b"", "images/a.jpg": b"x"})) as index:
        assert index.count == 1
        assert index.find("images/") is None
        assert [member.is_folder for member in index.members()] == [True, False]


def test_an_empty_archive_holds_nothing(opened: Opener) -> None:
    with opened(zipped({})) as index:
        assert index.count == 0
        assert index.find("a") is None


def test_names_are_read_in_their_own_encoding(opened: Opener) -> None:
    with opened(zipped({"été/crème.jpg": b"unicode", "plain.jpg": b"ascii"})) as index:
        assert _read(index, "été/crème.jpg") == b"unicode"
    old = zipped({"caf?.jpg": b"old"}).replace(b"caf?.jpg", "café.jpg".encode("cp437"))
    with opened(old) as index:
        assert _read(index, "café.jpg") == b"old"
    with pytest.raises(ArchiveError, match="not the UTF-8"), opened(forged(old, FLAGS, 1 << 11)):
        pass


def test_archives_written_as_a_stream_are_read(opened: Opener) -> None:
    class Stream(io.RawIOBase):
        """A target that cannot go back, so that sizes follow each file's content."""

        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.written += bytes(data)  # type: ignore[call-overload]
            return len(memoryview(data))  # type: ignore[arg-type]

    target = Stream()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for name, content in _TWO.items():
            archive.writestr(name, content)
    with opened(target.written) as index:
        assert {name: _read(index, name) for name in _TWO} == _TWO


def test_zip64_archives_are_read(opened: Opener) -> None:
    with opened(_zip64(zipped(_TWO))) as index:
        assert {name: _read(index, name) for name in _TWO} == _TWO


@pytest.mark.parametrize(("field", "value"), [(8, 1), (32, 1), (48, 10**9)], ids=["count", "count in all", "start"])
def test_zip64_records_that_contradict_the_plain_ones_are_refused(opened: Opener, field: int, value: int) -> None:
    archive = bytearray(_zip64(zipped(_TWO), sentinels=False))
    at = archive.index(b"PK\6\6")
    struct.pack_into("<Q", archive, at + (24 if field == 8 else field), value)
    with pytest.raises(ArchiveError, match="not a usable archive"), opened(bytes(archive)):
        pass


def test_a_comment_at_the_end_hides_nothing(opened: Opener) -> None:
    target = io.BytesIO(zipped(_TWO))
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = b"PK\5\6 is how an end begins"
    with opened(target.getvalue()) as index:
        assert index.count == 2


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/etc/passwd", "C:/evil.jpg", "a\\..\\evil.jpg", "a\0.jpg", "..\uff0fevil.jpg", "a\u2215b.jpg"]
)
def test_one_unsafe_name_refuses_the_whole_archive(opened: Opener, name: str) -> None:
    with pytest.raises(ArchiveError) as caught, opened(zipped({"good.jpg": b"", name: b"x"})):
        pass
    assert repr(name) in str(caught.value)
    assert "refused" in caught.value.hint


@pytest.mark.parametrize(
    ("mode", "words"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "device or a pipe"), (stat.S_IFBLK, "device")]
)
def test_links_and_devices_refuse_the_whole_archive(opened: Opener, mode: int, words: str) -> None:
    archive = forged(zipped(_TWO), ATTRIBUTES, (mode | 0o777) << 16, record=1)
    with pytest.raises(ArchiveError, match=f"a/two.jpg.*{words}"), opened(archive):
        pass


@pytest.mark.parametrize("flag", [1 << 0, 1 << 6, 1 << 13])
def test_encrypted_members_refuse_the_whole_archive(opened: Opener, flag: int) -> None:
    with pytest.raises(ArchiveError, match=r"a/one\.jpg.*encrypted"), opened(forged(zipped(_TWO), FLAGS, flag)):
        pass


def test_members_that_share_bytes_refuse_the_whole_archive(opened: Opener) -> None:
    for archive in (
        forged(zipped(_TWO), OFFSET, 0, record=1),
        forged(zipped(_TWO), COMPRESSED, 60),
        forged(zipped(_TWO), COMPRESSED, 1 << 30, record=1),
        forged(zipped(_TWO), OFFSET, 1 << 31, record=1),
    ):
        with pytest.raises(ArchiveError, match="overlaps"), opened(archive):
            pass


def test_one_name_for_two_contents_refuses_the_whole_archive(opened: Opener) -> None:
    twice = zipped({"a/one.jpg": b"first picture", "a/two.jpg": b"other picture"}).replace(b"a/two.jpg", b"a/one.jpg")
    with pytest.raises(ArchiveError, match=r"'a/one\.jpg' twice"), opened(twice):
        pass
    same = zipped({"a/one.jpg": b"one picture", "a/two.jpg": b"one picture"}).replace(b"a/two.jpg", b"a/one.jpg")
    with opened(same) as index:
        assert _read(index, "a/one.jpg") == b"one picture"


@pytest.mark.parametrize("content", [b"", b"<html>Log in</html>", b"PK\5\6", b"PK\5\6" + bytes(17), b"x" * 100_000])
def test_what_is_no_archive_is_refused(opened: Opener, content: bytes) -> None:
    with pytest.raises(ArchiveError, match="no zip file"), opened(content):
        pass


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"nothing\.zip cannot be opened"):
        ZipIndex(tmp_path / "nothing.zip")


def test_every_cut_of_an_archive_is_refused(opened: Opener) -> None:
    archive = zipped(_TWO)
    for length in range(len(archive)):
        with pytest.raises(ArchiveError), opened(archive[:length]):
            pass
        with pytest.raises(ArchiveError), opened(archive[length + 1 :]):
            pass


def test_one_part_of_several_is_refused(opened: Opener) -> None:
    archive = bytearray(zipped(_TWO))
    archive[archive.index(b"PK\5\6") + 4] = 1
    with pytest.raises(ArchiveError, match="one part of several"), opened(bytes(archive)):
        pass


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_members_is_refused(opened: Opener, count: int) -> None:
    archive = bytearray(zipped(_TWO))
    struct.pack_into("<2H", archive, archive.index(b"PK\5\6") + 8, count, count)
    with pytest.raises(ArchiveError, match="its directory"), opened(bytes(archive)):
        pass


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda archive: forged(archive, SIZE, 10**9), "too_large"),
        (lambda archive: forged(archive, CRC, 1), "damaged"),
        (lambda archive: forged(archive, SIZE, 5), "damaged"),
        (lambda archive: forged(archive, METHOD, 12), "unsupported"),
        (lambda archive: archive.replace(b"PK\3\4", b"PK\3\3", 1), "damaged"),
        (lambda archive: archive.replace(b"a/one.jpg", b"a/six.jpg", 1), "damaged"),
        (lambda archive: archive.replace(b"first", b"worst", 1), "damaged"),
    ],
    ids=["size beyond the limit", "checksum", "size", "method", "local header", "local name", "content"],
)
def test_a_bad_member_is_a_problem_of_its_own(opened: Opener, forge: Callable[[bytes], bytes], reason: str) -> None:
    with opened(forge(zipped(_TWO))) as index:
        with pytest.raises(ImageProblem) as caught:
            _read(index, "a/one.jpg")
        assert caught.value.reason == reason
        assert "a/one.jpg" in caught.value.message
        assert _read(index, "a/two.jpg") == b"second picture"


def test_a_bomb_that_lies_about_its_size_is_stopped_at_the_limit(opened: Opener) -> None:
    archive = forged(zipped({"bomb": bytes(200 << 20)}, zipfile.ZIP_DEFLATED), SIZE, 1000)
    with opened(archive) as index:
        tracemalloc.start()
        with pytest.raises(ImageProblem, match="grows past 10000 bytes") as caught:
            _read(index, "bomb", 10_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert caught.value.reason == "too_large"
    assert peak < 8 << 20


def test_deflated_content_that_is_damaged_or_cut_is_a_problem(opened: Opener) -> None:
    content = os.urandom(3000)
    archive = zipped({"a": content}, zipfile.ZIP_DEFLATED)
    for broken in (forged(archive, COMPRESSED, 100), archive[:31] + b"\xff" * 20 + archive[51:]):
        with opened(broken) as index, pytest.raises(ImageProblem) as caught:
            _read(index, "a")
        assert caught.value.reason == "damaged"


def test_a_file_that_changes_under_the_index_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(zipped(_TWO))
    with closing(ZipIndex(path)) as index:
        path.write_bytes(bytes(path.stat().st_size))
        with pytest.raises(ArchiveError, match="not a usable archive"):
            index.find("a/one.jpg")
        path.write_bytes(b"")
        with pytest.raises(ArchiveError, match="has changed"):
            index.find("a/one.jpg")


def test_many_threads_read_at_once(opened: Opener) -> None:
    files = {f"{number}.jpg": os.urandom(2000) for number in range(50)}
    wrong: list[str] = []
    with opened(zipped(files, zipfile.ZIP_DEFLATED)) as index:

        def read_all() -> None:
            wrong.extend(name for name, content in files.items() if _read(index, name) != content)

        threads = [threading.Thread(target=read_all) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_member_takes_16_bytes_while_open_and_under_100_while_opening(tmp_path: Path) -> None:
    path, members = tmp_path / "images.zip", 20_000
    path.write_bytes(zipped({f"images/image_train/image_{10**9 + n}_product_{n}.jpg": b"" for n in range(members)}))
    tracemalloc.start()
    index = ZipIndex(path)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    index.close()
    assert held / members < 20
    # One block of the directory, 1 MiB, is read at a time however many members there are.
    assert (peak - (2 << 20)) / members < 100


def test_a_long_record_is_read_again_whole(opened: Opener) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("a.jpg")
        info.comment, info.extra = b"c" * 60_000, struct.pack("<2H", 0x9999, 3000) + bytes(3000)
        archive.writestr(info, b"content")
    with opened(target.getvalue()) as index:
        assert _read(index, "a.jpg") == b"content"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_change_to_an_archive_gives_other_content_or_another_error(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    archive = bytearray(zipped({"one": b"first " * 20, "two": b"second " * 20}, zipfile.ZIP_DEFLATED))
    for place, value in changes:
        archive[place % len(archive)] = value
    path = tmp_path / "images.zip"
    path.write_bytes(archive)
    try:
        with closing(ZipIndex(path)) as index:
            for name, content in (("one", b"first " * 20), ("two", b"second " * 20)):
                if (member := index.find(name)) and (member.size, member.crc) == (len(content), zlib.crc32(content)):
                    assert index.read(member, 1000) == content
    except (ArchiveError, ImageProblem):
        pass


def _zip64(archive: bytes, *, sentinels: bool = True) -> bytes:
    """Give an archive the end records of ZIP64, and 64-bit sizes and offset to its first member."""
    at = archive.index(b"PK\5\6")
    _, _, _, _, count, length, start, _ = struct.unpack_from("<4s4H2LH", archive, at)
    directory = bytearray(archive[start:at])
    if sentinels:
        name_length, size, compressed, offset = (
            struct.unpack_from("<H", directory, 28)[0],
            *struct.unpack_from("<L", directory, 24),
            *struct.unpack_from("<L", directory, 20),
            *struct.unpack_from("<L", directory, 42),
        )
        extra = struct.pack("<2H2x2x2H3Q", 0x7777, 4, 1, 24, size, compressed, offset)
        struct.pack_into("<H", directory, 30, len(extra))
        for field in (20, 24, 42):
            struct.pack_into("<L", directory, field, 0xFFFFFFFF)
        directory[46 + name_length : 46 + name_length] = extra
    place = start + len(directory)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
    numbers = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if sentinels else (count, count, length, start)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *numbers, 0)
    return archive[:start] + bytes(directory) + end64 + locator + end
