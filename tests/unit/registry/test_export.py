"""Bundles outside of the store: the same bytes each time, whole or not at all, and nothing written over."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from aisle.errors import BundleError
from aisle.models.manifest import MANIFEST, read_sealed, write_sealed
from aisle.registry import export
from aisle.registry.export import export_bundle, exported_bundle

FILES = {"schema.json": b'{"a": 1}', "weights/text.npz": bytes(range(256)) * 40, "card.md": b"# Card\n"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    write_sealed(folder, FILES, snapshot="s" * 64, configuration="c" * 64, commit="abc")
    return folder


def tar_of(path: Path, entries: list[tuple[str, bytes]], change: Callable[[tarfile.TarInfo], None] | None = None) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if change:
                change(entry)
            archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["out", "a/new/place", "out.tar", "a/new/out.TAR"])
def test_what_is_exported_is_the_bundle(bundle: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "exports" / name
    digest = export_bundle(bundle, target)
    sealed = read_sealed(bundle)
    assert digest == sealed.manifest["digest"]
    with exported_bundle(target) as folder:
        assert read_sealed(folder) == sealed
    assert folder.exists() is target.is_dir(), "a tar file is unpacked only for as long as it is read"
    assert [path.name for path in target.parent.iterdir()] == [target.name], "nothing unfinished is left"


def test_a_tar_file_is_the_same_bytes_each_time_and_says_nothing_of_who_wrote_it(bundle: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    digest = export_bundle(bundle, one)
    (bundle / "card.md").touch()
    export_bundle(bundle, two)
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries] == [f"{digest}/{name}" for name in sorted({*FILES, MANIFEST})]
    assert {(e.mtime, e.uid, e.gid, e.uname, e.gname, e.mode, e.isreg()) for e in entries} == {
        (0, 0, 0, "", "", 0o644, True)
    }


@pytest.mark.parametrize("name", ["there", "there.tar"])
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_is_written_over(bundle: Path, tmp_path: Path, name: str, kind: str) -> None:
    target = tmp_path / name
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.write_bytes(b"mine")
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"lies at .* already"):
        export_bundle(bundle, target)
    assert target.is_symlink() or target.is_dir() or target.read_bytes() == b"mine"


def test_whoever_comes_second_writes_nothing(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes the file between the look and the write."""
    target = tmp_path / "raced.tar"
    make = export._make_parent

    def faster(place: Path) -> None:
        make(place)
        place.write_bytes(b"theirs")

    monkeypatch.setattr(export, "_make_parent", faster)
    with pytest.raises(BundleError, match="already"):
        export_bundle(bundle, target)
    assert target.read_bytes() == b"theirs"
    assert not list(tmp_path.glob(".raced*"))


@pytest.mark.parametrize("name", ["out.zip", "out.tar.gz", "out.tgz"])
def test_other_archives_are_not_taken_for_folders(bundle: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="not written"):
        export_bundle(bundle, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_damaged_bundle_goes_nowhere(bundle: Path, tmp_path: Path) -> None:
    (bundle / "card.md").write_bytes(b"# Cord\n")
    with pytest.raises(BundleError, match=r"card\.md is not what"):
        export_bundle(bundle, tmp_path / "out.tar")
    assert not (tmp_path / "out.tar").exists()


def test_a_place_that_cannot_be_written_is_named(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place, reason in (
        ("file/out.tar", "file is no folder"),
        ("file/deeper/out", "cannot be written: Not a directory"),
        ("x" * 300, "cannot be written: File name too long"),
    ):
        with pytest.raises(BundleError, match=reason):
            export_bundle(bundle, tmp_path / place)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("d/../../evil", b"x")], "no file of a bundle"),
        ([("/d/evil", b"x")], "no file of a bundle"),
        ([("loose", b"x")], "no file of a bundle"),
        ([("d/a", b"x"), ("d/a", b"y")], "there twice"),
        ([("d/a", b"x"), ("d/a/b", b"y")], "no tar file of a bundle"),
        ([("d/a", b"x"), ("e/b", b"y")], "holds 2 bundles"),
    ],
)
def test_foreign_archives_are_refused(tmp_path: Path, entries: list[tuple[str, bytes]], reason: str) -> None:
    path = tar_of(tmp_path / "foreign.tar", entries)
    with pytest.raises(BundleError, match=reason), exported_bundle(path):
        pytest.fail("it was taken")
    assert not (tmp_path.parent / "evil").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    def link(entry: tarfile.TarInfo) -> None:
        entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0

    path = tar_of(tmp_path / "links.tar", [("d/card.md", b"")], link)
    with pytest.raises(BundleError, match="no file of a bundle"), exported_bundle(path):
        pytest.fail("it was taken")


def test_a_bomb_is_refused_by_what_it_says_it_holds(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_bundle(bundle, tmp_path / "out.tar")
    monkeypatch.setattr("aisle.registry.export._LARGEST", 1_000)
    with pytest.raises(BundleError, match="more than 1,000 bytes"), exported_bundle(tmp_path / "out.tar"):
        pytest.fail("it was taken")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 2_000])
def test_what_is_no_tar_file_or_holds_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(BundleError, match=r"no tar file|is no bundle"), exported_bundle(tmp_path / "x.tar") as folder:
        read_sealed(folder)


def test_a_cut_off_archive_is_refused(bundle: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.tar"
    export_bundle(bundle, target)
    data = target.read_bytes()
    for length in range(600, len(data), 1_500):
        target.write_bytes(data[:length])
        try:
            with exported_bundle(target) as folder:
                assert read_sealed(folder) == read_sealed(bundle), "only the padding at the end may be lost"
        except BundleError:
            continue


def test_where_nothing_lies_is_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no bundle at"), exported_bundle(tmp_path / "nowhere"):
        pytest.fail("it was taken")
