"""`aisle catalog`: what people see of the catalogue."""

from pathlib import Path

import pytest

from tests.catalogues import write_challenge, write_csv
from tests.command_line import CommandLine


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A catalogue of 20 and 5 rows, of which two rows and two images cannot be used."""
    folder = write_challenge(tmp_path / "shop")
    path = folder / "X_train_update.csv"
    path.write_text(path.read_text().replace("\n3,", "\n2,").replace("\n4,", "\n,").replace(",1007,", ",7001,"))
    return folder


def test_ingest_shows_what_is_there_and_what_is_not(aisle: CommandLine, shop: Path):
    half = aisle.ok("catalog", "ingest", shop, "--share", "0.5")
    assert "Catalogue shop" in half.out
    assert "│ train │ 8 │ 7 │" in half.text
    assert "│ test │ 2 │ 2 │" in half.text
    assert "3 rows or images could not be used: `aisle catalog rejects --source shop`." in half.text
    assert "Every row of the source has been taken" not in half.text
    whole = aisle.ok("catalog", "ingest", shop, "--share", "1")
    assert "│ train │ 18 │ 17 │" in whole.text
    assert "could not be used" not in whole.text
    assert "Every row of the source has been taken." in whole.text


def test_ingest_takes_the_next_rows_under_a_name_of_its_own(aisle: CommandLine, shop: Path):
    for taken in (3, 6):
        text = aisle.ok("catalog", "ingest", shop, "--next", 3, "--name", "mine", "--sample", "stratified").text
        assert "Catalogue mine" in text
        rows = [line for line in aisle.ok("catalog", "loads", "--source", "mine").out.splitlines() if "train" in line]
        assert len(rows) == taken // 3
    assert "begun with --sample stratified" in aisle.refused("catalog", "ingest", shop, "--name", "mine")


@pytest.mark.parametrize("share", ["2", "0", "-1", "nan"])
def test_a_share_that_is_none_is_refused_in_words(aisle: CommandLine, shop: Path, share: str):
    assert "share: Input should be" in aisle.refused("catalog", "ingest", shop, f"--share={share}")


def test_another_catalogue_comes_in_by_its_mapping(aisle: CommandLine, tmp_path: Path):
    folder = tmp_path / "other"
    folder.mkdir()
    write_csv(folder / "p.csv", ("sku", "name", "kind"), [("a", "Chair", "Home"), ("b", "Lamp", "Home")])
    assert "holds no catalogue" in aisle.refused("catalog", "ingest", folder)
    mapping = tmp_path / "my.toml"
    mapping.write_text('[files]\ntrain = "p.csv"\n[columns]\nid = "sku"\ntitle = "nam"\nlabel = "kind"\n')
    said = aisle.refused("catalog", "ingest", folder, "--mapping", mapping)
    assert "p.csv has no column 'nam'; it has 'sku', 'name', 'kind'." in said
    assert "Did you mean 'name'?" in said
    mapping.write_text(mapping.read_text().replace('"nam"', '"name"'))
    assert "│ train │ 2 │ 0 │" in aisle.ok("catalog", "ingest", folder, "--mapping", mapping, "--share", 1).text


def test_loads_are_a_ledger(aisle: CommandLine, shop: Path):
    assert "Loads" in aisle.ok("catalog", "loads").out
    aisle.ok("catalog", "ingest", shop, "--share", 1)
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in aisle.ok("catalog", "loads").out.splitlines()]
    train, test = (next(cells for cells in lines if len(cells) > 2 and cells[2] == split) for split in ("train", "test"))
    assert train[1] == "shop"
    # expected, loaded, unchanged, rejected, images, bad images, state
    assert train[4:] == ["20", "18", "0", "2", "17", "1", "done"]
    assert test[4:] == ["5", "5", "0", "0", "5", "0", "done"]


def test_rejects_are_counted_explained_and_shown(aisle: CommandLine, shop: Path):
    assert aisle.ok("catalog", "rejects").out == "Nothing was rejected.\n"
    aisle.ok("catalog", "ingest", shop, "--share", 1)
    text = aisle.ok("catalog", "rejects").text
    for line in (
        "│ shop │ row │ duplicate_id │ 1 │ an earlier row has the same id │",
        "│ shop │ row │ no_id │ 1 │ the row has no id │",
        "│ shop │ image │ missing │ 1 │ the image is not there │",
        "│ shop │ train │ 3 │ 2 │ duplicate_id │",
    ):
        assert line in text
    assert "Examples" in text
    assert "│ 3 │ 2 │ duplicate_id │" not in aisle.ok("catalog", "rejects", "--limit", 0).text


@pytest.mark.parametrize("command", ["loads", "rejects", "stats"])
def test_a_catalogue_that_is_not_there_is_not_shown_as_empty(aisle: CommandLine, shop: Path, command: str):
    assert "There is no catalogue 'shoe'. There are: none yet." in aisle.refused("catalog", command, "--source", "shoe")
    aisle.ok("catalog", "ingest", shop)
    assert "There are: shop." in aisle.refused("catalog", command, "--source", "shoe")
    aisle.ok("catalog", command, "--source", "shop")


def test_a_snapshot_is_named_by_its_digest_and_listed(aisle: CommandLine, shop: Path):
    assert "nothing to freeze" in aisle.refused("catalog", "snapshot")
    aisle.ok("catalog", "ingest", shop, "--share", 1)
    said = aisle.ok("catalog", "snapshot").out.splitlines()
    digest = said[0].removeprefix("Snapshot ")
    assert len(digest) == 64
    assert said[1] == "23 products, 18 of them labelled, 8 classes."
    assert said[2] == f"Next: aisle train --snapshot {digest[:12]}"
    aisle.ok("catalog", "ingest", shop, "--share", 1, "--name", "twin")
    assert aisle.ok("catalog", "snapshot", "--source", "shop").out.splitlines()[0] == f"Snapshot {digest}"
    assert "46 products" in aisle.ok("catalog", "snapshot", "--source", "shop", "--source", "twin").out
    listed = aisle.ok("catalog", "snapshots").text
    assert f"│ {digest[:12]} │ 23 │ 18 │ 8 │ shop │" in listed
    assert "│ 46 │ 36 │ 8 │ shop, twin │" in listed
    assert "There is no catalogue 'shoe'" in aisle.refused("catalog", "snapshot", "--source", "shoe")


def test_stats_are_a_table_of_fields_languages_and_classes(aisle: CommandLine, shop: Path):
    aisle.ok("catalog", "ingest", shop, "--share", 1)
    text = aisle.ok("catalog", "stats").text
    assert "│ title │ 0 │ 0.0000 │" in text
    # Rows 0, 6, 9, 12, 15, 18, 21 and 24 have none; row 3 was refused.
    assert "│ description │ 8 │ 0.3478 │" in text
    assert "│ image │ 1 │ 0.0435 │ 0 │ 0 │" in text
    assert "│ fr │ 23 │ 1.0000 │" in text
    assert "│ 10 │ Used books │ 3 │ 0.1667 │" in text
    assert "23 products, 18 labelled; 0 repeat an earlier title; 0 titles stand under several labels." in text


def test_many_classes_are_cut_with_a_word(aisle: CommandLine, tmp_path: Path):
    folder = tmp_path / "other"
    folder.mkdir()
    rows = [(f"{label}-{row}", "Chair", f"kind {label}") for label in range(45) for row in range(label + 1)]
    write_csv(folder / "p.csv", ("sku", "name", "kind"), rows)
    (folder / "catalog.toml").write_text('[files]\ntrain = "p.csv"\n[columns]\nid = "sku"\ntitle = "name"\nlabel = "kind"\n')
    aisle.ok("catalog", "ingest", folder, "--share", 1)
    text = aisle.ok("catalog", "stats").text
    assert "… and 5 rarer classes, down to 1 products." in text
    assert "kind 5 │" in text
    assert "kind 4 │" not in text


def test_a_sample_is_a_catalogue_that_comes_in_whole(aisle: CommandLine, tmp_path: Path):
    said = aisle.ok("catalog", "sample", "made", "--rows", 200, "--seed", 5, "--no-images")
    assert said.out.splitlines() == [
        "Wrote 200 training rows, 33 test rows and 0 images.",
        "Next: aisle pipeline run made --share 1",
    ]
    assert "is not empty" in aisle.refused("catalog", "sample", "made")
    text = aisle.ok("catalog", "ingest", "made", "--share", 1).text
    assert "│ test │ 33 │ 0 │" in text


def test_a_download_without_a_login_says_what_to_set(aisle: CommandLine, tmp_path: Path):
    said = aisle.refused("catalog", "download", tmp_path / "files")
    assert "AISLE_CATALOG_SESSIONID" in said


def test_an_archive_is_unpacked_whole_or_not_at_all(aisle: CommandLine, shop: Path, tmp_path: Path):
    assert "Unpacked 25 files" in aisle.ok("catalog", "unpack", shop / "images.zip", tmp_path / "out").out
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 25
    assert "is there already" in aisle.refused("catalog", "unpack", shop / "images.zip", tmp_path / "out")
    (shop / "images.zip").write_bytes((shop / "images.zip").read_bytes()[:-30])
    aisle.refused("catalog", "unpack", shop / "images.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()
