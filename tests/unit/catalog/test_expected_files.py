"""What downloaded files must look like."""

from pathlib import Path

import pytest

from aisle.catalog.expected_files import ExpectedImages, ExpectedTable
from aisle.errors import DownloadError
from tests.unit.catalog.zip_files import CRC, forged, zipped

_TABLE = ExpectedTable(("", "designation", "description"), 3)
_ROWS = ',designation,description\n0,"a ""quoted"" title","<p>one\n\ntwo\r\nthree"\n1,b,\n2,été,"x, y"\n'


def _checked(tmp_path: Path, content: str | bytes, expected: ExpectedTable = _TABLE) -> int:
    path = tmp_path / "X.csv.part"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return expected.check(path).rows


def test_rows_are_counted_and_not_lines(tmp_path: Path) -> None:
    assert _checked(tmp_path, _ROWS) == 3
    assert _checked(tmp_path, _ROWS.replace("\n", "\r\n")) == 3
    assert _checked(tmp_path, "\ufeff" + _ROWS) == 3
    assert _checked(tmp_path, _ROWS.rstrip()) == 3


def test_the_ids_are_given_back(tmp_path: Path) -> None:
    _checked(tmp_path, _ROWS)
    assert _TABLE.check(tmp_path / "X.csv.part").ids == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "its columns are '' instead of ',designation,description'"),
        (_ROWS.replace("designation", "title"), "its columns are ',title,description'"),
        (_ROWS.replace(",designation", ""), "its columns"),
        ("x" * 100_000, "its columns are 'xxx"),
        (_ROWS[:-10], "has 2 cells instead of 3"),
        (_ROWS[: _ROWS.index("2,")], "it has 2 rows instead of 3"),
        (_ROWS + "3,c,d\n", "it has 4 rows instead of 3"),
        (_ROWS.replace("2,été", "0,été"), "1 of its ids occur more than once"),
        (_ROWS[: _ROWS.index("three")], "it is no CSV"),
        (_ROWS.encode("latin-1"), "it is no CSV in UTF-8"),
        (b"\x50\x4b\x03\x04" + bytes(range(256)), "it is no CSV in UTF-8"),
    ],
)
def test_a_table_of_another_shape_is_refused_with_what_is_wrong(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(DownloadError, match=r"X\.csv is not what is expected") as caught:
        _checked(tmp_path, content)
    assert words in caught.value.message
    assert len(caught.value.message) < 400


_IMAGES = {
    "images/": b"",
    "images/image_train/image_1_product_2.jpg": b"one" * 50,
    "images/image_test/image_3_product_4.jpg": b"two" * 50,
    "images/.DS_Store": b"clutter",
    "__MACOSX/images/._image_1_product_2.jpg": b"clutter",
    "images/Thumbs.db": b"clutter",
}


def _images(tmp_path: Path, archive: bytes) -> int:
    path = tmp_path / "images.zip.part"
    path.write_bytes(archive)
    return ExpectedImages().check(path).rows


def test_images_are_counted_without_a_desktop_s_clutter(tmp_path: Path) -> None:
    assert _images(tmp_path, zipped(_IMAGES)) == 2


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (zipped(_IMAGES)[:-30], "its end is missing"),
        (forged(zipped(_IMAGES), CRC, 1, record=2), "image_3_product_4.jpg' has not the size and checksum"),
        (zipped(_IMAGES).replace(b"twotwo", b"twotoo", 1), "image_3_product_4.jpg' has not the size and checksum"),
        (zipped({**_IMAGES, "images/cat.jpg": b""}), "'images/cat.jpg' is not named"),
        (zipped({**_IMAGES, "images/image_1_product_2.jpg.exe": b""}), "is not named"),
        (zipped({**_IMAGES, "../image_1_product_2.jpg": b""}), "climbs out"),
        (zipped({"images/": b""}), "it holds no image"),
        (b"", "it is no zip file"),
    ],
)
def test_an_archive_of_another_shape_is_refused_with_what_is_wrong(tmp_path: Path, archive: bytes, words: str) -> None:
    with pytest.raises(DownloadError, match=r"images\.zip is not what is expected") as caught:
        _images(tmp_path, archive)
    assert words in caught.value.message


def test_real_files_are_as_expected_of_them(shared_data: Path) -> None:
    folder = shared_data / "rakuten-14k"
    rows = ExpectedTable(("", "designation", "description", "productid", "imageid"), 11_050).check(
        folder / "X_train_update.csv"
    )
    labels = ExpectedTable(("", "prdtypecode"), 11_050).check(folder / "Y_train_CVw08PX.csv")
    assert rows.ids == labels.ids
    assert ExpectedImages().check(folder / "images.zip").rows == 13_812
    raw = ExpectedTable(("", "designation", "description", "productid", "imageid"), 9_579)
    assert raw.check(shared_data / "rakuten-raw" / "X_train_update.csv").rows == 9_579
