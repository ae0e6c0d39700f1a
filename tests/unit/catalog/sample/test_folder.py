"""The files of a synthetic catalogue, and what happens when they cannot be written."""

import csv
import hashlib
import re
import zipfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from aisle.catalog.challenge import challenge_mapping, is_challenge
from aisle.catalog.sample import SampleReport, write_sample
from aisle.catalog.sample.classes import CODES, class_counts
from aisle.errors import InputError, SourceError

ROWS, TEST_ROWS, SEED = 400, 60, 2025
TABLES = ("X_train_update.csv", "Y_train_CVw08PX.csv", "X_test_update.csv")
PINNED = {
    "X_train_update.csv": "928b4cc55f16f73d",
    "Y_train_CVw08PX.csv": "a6f1b62a5e0bf33d",
    "X_test_update.csv": "04a9fde525c44cea",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample") / "deep" / "catalogue"


@pytest.fixture(scope="module")
def report(folder: Path) -> SampleReport:
    return write_sample(folder, rows=ROWS, seed=SEED, test_rows=TEST_ROWS)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_folder_is_in_the_challenges_layout(folder: Path, report: SampleReport) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted([*TABLES, "images.zip"])
    assert is_challenge(folder)
    assert challenge_mapping(folder).files == {"train": "X_train_update.csv", "test": "X_test_update.csv"}
    assert report.folder == folder


def test_the_headers_are_the_challenges(folder: Path, report: SampleReport) -> None:
    first = [(folder / name).read_text(encoding="utf-8").split("\n", 1)[0] for name in TABLES]
    product = ",designation,description,productid,imageid"
    assert first == [product, ",prdtypecode", product]


def test_the_index_of_test_rows_goes_on_after_the_training_rows(folder: Path, report: SampleReport) -> None:
    train, labels, test = (read(folder / name) for name in TABLES)
    assert [row[""] for row in train] == [str(index) for index in range(ROWS)]
    assert [row[""] for row in labels] == [row[""] for row in train]
    assert [row[""] for row in test] == [str(index) for index in range(ROWS, ROWS + TEST_ROWS)]


def test_labels_have_the_real_shares(folder: Path, report: SampleReport) -> None:
    labels = Counter(row["prdtypecode"] for row in read(folder / TABLES[1]))
    assert labels == dict(zip(CODES, class_counts(ROWS).tolist(), strict=True))
    assert labels == report.classes


def test_polars_reads_what_the_standard_library_wrote(folder: Path, report: SampleReport) -> None:
    frame = pl.read_csv(folder / TABLES[0])
    rows = read(folder / TABLES[0])
    assert frame["designation"].to_list() == [row["designation"] for row in rows]
    assert frame["description"].to_list() == [row["description"] or None for row in rows]
    assert (frame["productid"].dtype, frame["imageid"].dtype) == (pl.Int64, pl.Int64)


def test_the_report_counts_what_the_files_hold(folder: Path, report: SampleReport) -> None:
    rows = read(folder / TABLES[0]) + read(folder / TABLES[2])
    assert (report.rows, report.test_rows) == (ROWS, TEST_ROWS)
    assert report.without_description == sum(not row["description"] for row in rows)
    assert report.with_tags == sum(bool(re.search("<[a-z/]", row["description"])) for row in rows)
    assert report.with_entities == sum(bool(re.search(r"&(#\d+|[A-Za-z]+);", row["description"])) for row in rows)
    assert sum(report.languages.values()) == len(rows)
    assert 0 < report.wrong_labels < ROWS // 10
    assert 0 < report.near_duplicates < ROWS // 10
    assert report.with_broken_letters > 0


def test_the_archive_holds_a_picture_of_nearly_every_product_under_its_name(folder: Path, report: SampleReport) -> None:
    expected = {
        f"images/image_{split}/image_{row['imageid']}_product_{row['productid']}.jpg"
        for split in ("train", "test")
        for row in read(folder / f"X_{split}_update.csv")
    }
    with zipfile.ZipFile(folder / "images.zip") as archive:
        members = archive.infolist()
        assert archive.testzip() is None
        assert all(archive.read(member)[:3] == b"\xff\xd8\xff" for member in members)
    assert {member.filename for member in members} <= expected
    assert len(members) == report.images == len(expected) - report.missing_images
    assert report.missing_images < 10
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}


def test_placeholders_and_repeated_products_share_their_pictures(folder: Path, report: SampleReport) -> None:
    with zipfile.ZipFile(folder / "images.zip") as archive:
        copies = Counter(archive.read(member) for member in archive.infolist())
    repeated = sorted(count for count in copies.values() if count > 1)
    assert report.placeholder_images >= 2
    assert report.placeholder_images in repeated
    assert len(repeated) > 3


def test_tables_are_the_same_bytes_everywhere(folder: Path, report: SampleReport) -> None:
    # Should these ever change, every synthetic catalogue changes with them: say so in the changelog.
    assert {name: digest(folder / name)[:16] for name in TABLES} == PINNED


def test_the_same_numbers_give_the_same_bytes_pictures_too(folder: Path, report: SampleReport, tmp_path: Path) -> None:
    again = write_sample(tmp_path, rows=ROWS, seed=SEED, test_rows=TEST_ROWS)
    for name in (*TABLES, "images.zip"):
        assert digest(tmp_path / name) == digest(folder / name)
    report_again = {name: getattr(again, name) for name in SampleReport.__slots__ if name != "folder"}
    assert report_again == {name: getattr(report, name) for name in report_again}


def test_pictures_do_not_change_the_tables(folder: Path, report: SampleReport, tmp_path: Path) -> None:
    plain = write_sample(tmp_path, rows=ROWS, seed=SEED, test_rows=TEST_ROWS, images=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(TABLES)
    assert all(digest(tmp_path / name) == digest(folder / name) for name in TABLES)
    assert (plain.images, plain.missing_images, plain.placeholder_images) == (0, 0, 0)
    assert challenge_mapping(tmp_path).images is None


@pytest.mark.parametrize(("rows", "expected"), [(1, 0), (1_000, 163), (10_500, 1_708)])
def test_test_rows_are_by_default_as_many_as_in_the_challenge(tmp_path: Path, rows: int, expected: int) -> None:
    assert write_sample(tmp_path, rows=rows, seed=1, images=False).test_rows == expected
    assert len(read(tmp_path / TABLES[2])) == expected


def test_progress_goes_up_to_all_rows(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_sample(tmp_path, rows=12_000, seed=1, test_rows=7, images=False, progress=lambda *pair: told.append(pair))
    assert told == [(10_000, 12_007), (12_000, 12_007), (12_007, 12_007)]


def test_progress_is_told_more_often_while_pictures_are_drawn(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_sample(tmp_path, rows=520, seed=1, test_rows=0, progress=lambda *pair: told.append(pair))
    assert told == [(500, 520), (520, 520)]


@pytest.mark.parametrize(
    ("numbers", "named"),
    [({"rows": 0}, "rows = 0"), ({"rows": 5, "seed": -1}, "seed = -1"), ({"rows": 5, "test_rows": -2}, "test_rows = -2")],
)
def test_numbers_too_small_are_refused_by_name(tmp_path: Path, numbers: dict[str, int], named: str) -> None:
    with pytest.raises(InputError, match=named):
        write_sample(tmp_path / "new", **{"seed": 1, **numbers})
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_anything_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SourceError, match=r"not empty: it holds mine\.txt"):
        write_sample(tmp_path, rows=5, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_second_run_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path, rows=5, seed=1, images=False)
    before = digest(tmp_path / TABLES[0])
    with pytest.raises(SourceError, match="not empty"):
        write_sample(tmp_path, rows=6, seed=1, images=False)
    assert digest(tmp_path / TABLES[0]) == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(SourceError, match="is a file"):
        write_sample(path, rows=5, seed=1)
    with pytest.raises(SourceError, match="cannot be made"):
        write_sample(path / "below", rows=5, seed=1)
    assert path.read_text() == "mine"


def test_a_run_that_is_going_on_keeps_others_away(tmp_path: Path) -> None:
    refusals: list[str] = []

    def intrude(_done: int, _total: int) -> None:
        with pytest.raises(SourceError, match="Another run") as caught:
            write_sample(tmp_path, rows=5, seed=2, images=False)
        refusals.append(caught.value.hint)

    write_sample(tmp_path, rows=5, seed=1, test_rows=0, images=False, progress=intrude)
    assert refusals == [f"If none is, remove {tmp_path / '.unfinished'} and run again."]
    assert len(read(tmp_path / TABLES[0])) == 5


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path: Path, kind: type[BaseException]) -> None:
    def stop(_done: int, _total: int) -> None:
        assert not is_challenge(tmp_path)
        raise kind

    with pytest.raises(kind):
        write_sample(tmp_path, rows=5, seed=1, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def fill(_done: int, _total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(SourceError, match=r"could not be written into .*: No space left on device"):
        write_sample(tmp_path, rows=5, seed=1, images=False, progress=fill)
    assert list(tmp_path.iterdir()) == []


def test_one_row_is_a_catalogue(tmp_path: Path) -> None:
    report = write_sample(tmp_path, rows=1, seed=1)
    assert report.classes == {"2583": 1}
    assert len(read(tmp_path / TABLES[0])) == 1
