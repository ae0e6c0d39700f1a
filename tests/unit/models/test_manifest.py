import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.errors import BundleError
from aisle.models.manifest import FORMAT, MANIFEST, Sealed, read_sealed, spell_json, write_sealed

FILES = {"a.txt": b"one", "weights/b.bin": b"\0\1\2"}


def _write(folder: Path, files: dict[str, bytes] | None = None, **facts: str) -> str:
    named = {"snapshot": "5" * 64, "configuration": "c" * 64, "commit": "unknown", **facts}
    return write_sealed(folder, FILES if files is None else files, **named)


def _change(folder: Path, **facts: object) -> None:
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(spell_json({**manifest, **facts}))


def test_files_come_back_with_what_was_said_of_them(tmp_path: Path) -> None:
    digest = _write(tmp_path / "b", commit="abc")
    sealed = read_sealed(tmp_path / "b")
    assert sealed.files == FILES
    assert sealed.manifest["digest"] == digest
    assert (sealed.manifest["commit"], sealed.manifest["format"]) == ("abc", FORMAT)
    assert set(sealed.manifest["libraries"]) == {"aisle", "numba", "numpy", "pillow", "scipy", "python"}


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b.json", "c/d.npz", "c/e-f.bin"]), st.binary(max_size=50)), st.data())
def test_the_digest_is_of_names_and_bytes_whatever_their_order(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], data: st.DataObject
) -> None:
    tmp_path = tmp_path_factory.mktemp("sealed")
    order = data.draw(st.permutations(list(files)))
    first = _write(tmp_path / "first", files)
    assert _write(tmp_path / "second", {name: files[name] for name in order}) == first
    assert read_sealed(tmp_path / "second") == Sealed(read_sealed(tmp_path / "first").manifest, files)
    assert _write(tmp_path / "third", {**files, "a": files.get("a", b"") + b"x"}) != first


def test_an_empty_folder_is_filled_and_a_full_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    _write(tmp_path / "b")
    assert read_sealed(tmp_path / "b").files == FILES
    with pytest.raises(BundleError, match="is not empty"):
        _write(tmp_path / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="is not empty"):
        _write(tmp_path / "file")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        _write(tmp_path / "b", {"a": b"", "a/b": b""})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"format": FORMAT + 1}, f"format {FORMAT + 1}; this release of aisle reads format {FORMAT}"),
        ({"format": None}, "has format None"),
        ({"format": True}, "has format True"),
        ({"commit": "other"}, "does not agree with itself"),
        ({"digest": "0" * 64}, "does not agree with itself"),
        ({"libraries": {}}, "does not agree with itself"),
        ({"more": 1}, "does not say what a manifest says"),
        ({"files": []}, "does not say what a manifest says"),
        ({"files": {"../a.txt": "0" * 64}}, "does not say what a manifest says"),
        ({"files": {"/etc/passwd": "0" * 64}}, "does not say what a manifest says"),
        ({"files": {"a.txt": 5}}, "does not say what a manifest says"),
        ({"files": {MANIFEST: "0" * 64}}, "does not say what a manifest says"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(tmp_path: Path, facts: dict[str, object], words: str) -> None:
    _write(tmp_path / "b")
    _change(tmp_path / "b", **facts)
    with pytest.raises(BundleError, match=words):
        read_sealed(tmp_path / "b")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"1"])
def test_a_manifest_that_is_no_object_is_refused(tmp_path: Path, data: bytes) -> None:
    _write(tmp_path / "b")
    (tmp_path / "b" / MANIFEST).write_bytes(data)
    with pytest.raises(BundleError, match=r"manifest\.json is"):
        read_sealed(tmp_path / "b")


def test_a_manifest_spelt_otherwise_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "b")
    manifest = orjson.loads((tmp_path / "b" / MANIFEST).read_bytes())
    (tmp_path / "b" / MANIFEST).write_bytes(orjson.dumps(manifest))
    with pytest.raises(BundleError, match="does not agree with itself"):
        read_sealed(tmp_path / "b")


def test_a_folder_that_is_no_bundle_is_told_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(BundleError, match="is no bundle") as caught:
            read_sealed(folder)
        assert "aisle train" in caught.value.hint


@pytest.mark.parametrize("target", ["inside", "outside", "nowhere", "folder"])
def test_links_are_refused(tmp_path: Path, target: str) -> None:
    _write(tmp_path / "b")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_bytes(b"one")
    targets = {
        "inside": tmp_path / "b" / "weights" / "b.bin",
        "outside": tmp_path / "elsewhere" / "a.txt",
        "nowhere": tmp_path / "nowhere",
        "folder": tmp_path / "elsewhere",
    }
    (tmp_path / "b" / "a.txt").unlink()
    (tmp_path / "b" / "a.txt").symlink_to(targets[target])
    with pytest.raises(BundleError, match=r"a\.txt is no plain file"):
        read_sealed(tmp_path / "b")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    _write(tmp_path / "b")
    os.mkfifo(tmp_path / "b" / "pipe")
    with pytest.raises(BundleError, match="pipe is no plain file"):
        read_sealed(tmp_path / "b")


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda v: st.dictionaries(st.text(max_size=3), v)))
def test_json_has_one_spelling(value: object) -> None:
    data = spell_json(value)
    assert data.endswith(b"\n")
    assert spell_json(orjson.loads(data)) == data
