"""Images in zip files and folders, by split and name."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from aisle.catalog.archive import FolderImages, ImageArchive, ZipImages, open_image_path, open_images
from aisle.errors import ArchiveError, ImageProblem
from tests.unit.catalog.zip_files import CRC, forged, zipped

_FILES = {
    "image_train/image_1_product_2.jpg": b"train picture",
    "image_test/image_3_product_4.jpg": b"test picture",
    "shop/sub/cover é.png": b"picture of another shop",
}
Maker = Callable[[Mapping[str, bytes]], ImageArchive]


def _zip(folder: Path, files: Mapping[str, bytes]) -> Path:
    path = folder / "images.zip"
    path.write_bytes(zipped(files))
    return path


def _unpacked(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(params=["zip", "zip below images", "folder", "folder above images"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """Make an archive of each kind and layout."""

    def make(files: Mapping[str, bytes]) -> ImageArchive:
        below = {f"images/{name}": content for name, content in files.items()}
        pack = _zip if request.param.startswith("zip") else _unpacked
        return open_image_path(pack(tmp_path, below if "images" in request.param else files))

    return make


def _reason(archive: ImageArchive, split: str, name: str, limit: int = 1000) -> str:
    with pytest.raises(ImageProblem) as caught:
        archive.read(split, name, limit)
    return caught.value.reason


def test_images_are_read_by_split_and_name_in_either_layout(archive: Maker) -> None:
    with archive(_FILES) as images:
        assert images.count == 3
        assert images.read("train", "image_1_product_2.jpg", 1000) == b"train picture"
        assert images.read("test", "image_3_product_4.jpg", 1000) == b"test picture"
        assert images.read("", "shop/sub/cover é.png", 1000) == b"picture of another shop"
        assert images.read("shop", "sub/cover é.png", 1000) == b"picture of another shop"


def test_an_image_of_another_split_is_missing(archive: Maker) -> None:
    with archive(_FILES) as images:
        assert _reason(images, "test", "image_1_product_2.jpg") == "missing"
        assert _reason(images, "train", "image_9_product_9.jpg") == "missing"
        assert _reason(images, "train", "image_1_product_2.jpg/more") == "missing"
        assert _reason(images, "", "nowhere/at/all.jpg") == "missing"


@pytest.mark.parametrize("name", ["../image_test/image_3_product_4.jpg", "/etc/passwd", "a\\b", "a\0b", "..\uff0fx", "a//b"])
def test_an_unsafe_name_is_refused_before_it_is_looked_up(archive: Maker, name: str) -> None:
    with archive(_FILES) as images:
        assert _reason(images, "train", name) == "unsafe"
        assert _reason(images, "", name) == "unsafe"


def test_an_image_may_have_as_many_bytes_as_the_limit_and_no_more(archive: Maker) -> None:
    with archive(_FILES) as images:
        assert len(images.read("train", "image_1_product_2.jpg", 13)) == 13
        assert _reason(images, "train", "image_1_product_2.jpg", 12) == "too_large"


def test_the_digest_tells_contents_apart_whatever_their_order(archive: Maker) -> None:
    with archive(_FILES) as images:
        digest = images.digest()
        assert digest == images.digest()
    with archive(dict(reversed(_FILES.items()))) as images:
        assert images.digest() == digest
    with archive({**_FILES, "image_train/image_1_product_2.jpg": b"train picture!"}) as images:
        assert images.digest() != digest
    with archive({**_FILES, "more.jpg": b""}) as images:
        assert images.digest() != digest


def test_a_folder_is_known_by_names_and_sizes_and_not_by_dates(tmp_path: Path) -> None:
    images = FolderImages(_unpacked(tmp_path, _FILES))
    digest = images.digest()
    os.utime(tmp_path / "image_train" / "image_1_product_2.jpg", (1, 1))
    assert images.digest() == digest
    (tmp_path / "image_train" / "image_1_product_2.jpg").rename(tmp_path / "image_train" / "image_1_product_3.jpg")
    assert images.digest() != digest


def test_a_zip_file_is_known_by_its_checksums_too(tmp_path: Path) -> None:
    with ZipImages(_zip(tmp_path, {"a.jpg": b"one"})) as images:
        digest = images.digest()
    with ZipImages(_zip(tmp_path, {"a.jpg": b"two"})) as images:
        assert images.digest() != digest


def test_a_damaged_member_is_a_problem_of_one_image(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(forged(zipped({"image_train/a.jpg": b"a", "image_train/b.jpg": b"b"}), CRC, 7))
    with open_image_path(tmp_path / "images.zip") as images:
        assert _reason(images, "train", "a.jpg") == "damaged"
        assert images.read("train", "b.jpg", 1) == b"b"


def test_links_below_a_folder_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    _unpacked(outside, {"secret.jpg": b"secret"})
    folder = _unpacked(tmp_path / "images", {"image_train/a.jpg": b"a"})
    (folder / "image_train" / "link.jpg").symlink_to(outside / "secret.jpg")
    (folder / "image_train" / "near.jpg").symlink_to("a.jpg")
    (folder / "image_test").symlink_to(outside)
    images = open_images(tmp_path)
    assert images is not None
    assert _reason(images, "train", "link.jpg") == "unsafe"
    assert _reason(images, "train", "near.jpg") == "unsafe"
    assert _reason(images, "test", "secret.jpg") == "unsafe"
    assert images.count == 1


def test_what_is_no_plain_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    folder = _unpacked(tmp_path, {"folder.jpg/inside": b""})
    os.mkfifo(folder / "pipe.jpg")
    images = FolderImages(folder)
    assert _reason(images, "", "pipe.jpg") == "unsafe"
    assert _reason(images, "", "folder.jpg") == "unsafe"


def test_a_name_that_no_file_system_takes_is_a_problem_of_one_image(tmp_path: Path) -> None:
    images = FolderImages(_unpacked(tmp_path, {"a.jpg": b"a"}))
    assert _reason(images, "", "x" * 5000) == "damaged"


def test_a_catalogue_folder_is_searched_for_an_archive_then_for_a_folder(tmp_path: Path) -> None:
    assert open_images(tmp_path) is None
    _unpacked(tmp_path / "images", {"image_train/a.jpg": b"from the folder"})
    with open_images(tmp_path) or pytest.fail("the folder was not found") as images:
        assert images.read("train", "a.jpg", 100) == b"from the folder"
    _zip(tmp_path, {"images/image_train/a.jpg": b"from the archive"})
    with open_images(tmp_path) or pytest.fail("the archive was not found") as images:
        assert images.read("train", "a.jpg", 100) == b"from the archive"


def test_an_images_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "images").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match="symbolic link"):
        open_images(tmp_path / "source")


def test_a_path_without_images_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="nowhere"):
        open_image_path(tmp_path / "nowhere")


@pytest.mark.parametrize(("folder", "images"), [("rakuten-14k", 13_812), ("rakuten-raw", 576)])
def test_real_archives_are_read_to_the_last_image(shared_data: Path, folder: str, images: int) -> None:
    with ZipImages(shared_data / folder / "images.zip") as archive:
        assert archive.count == images
        splits = {"image_train": "train", "image_test": "test"}
        for member in archive._index.members():
            _, split, name = member.name.split("/")
            assert len(archive.read(splits[split], name, 1 << 20)) == member.size
