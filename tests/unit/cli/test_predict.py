"""`aisle predict`: answers on the screen or in a file, and a word on what has none."""

from pathlib import Path

import polars as pl
import pytest

from tests.catalogues import write_challenge, write_csv
from tests.command_line import CommandLine
from tests.trained import shop


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    write_csv(path, ("id", "title"), [("a", "Coussin décoratif"), ("[b]", "Console de jeux")])
    return path


def test_answers_are_shown_where_no_file_is_named(trained: CommandLine, file: Path):
    ended = trained.ok("predict", file)
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in ended.out.splitlines() if "│" in line]
    assert [line[0] for line in lines] == ["a", "[b]"]
    assert all(len(line) == 4 for line in lines)
    assert "confidence_3" in trained.ok("predict", file, "--top", 3).out
    assert sorted(path.name for path in file.parent.iterdir()) == [".aisle", "in.csv"]


def test_a_long_table_is_cut_with_a_word(trained: CommandLine):
    ended = trained.ok("predict", shop() / "X_test_update.csv")
    rows = pl.read_csv(shop() / "X_test_update.csv", infer_schema=False).height
    assert sum(line.startswith("│") for line in ended.out.splitlines()) == 50
    assert f"… and {rows - 50} more; --out FILE writes them all." in ended.out


def test_a_file_without_rows_is_a_table_without_rows(trained: CommandLine, tmp_path: Path):
    (tmp_path / "in.csv").write_text("id,title\n")
    assert "confidence" in trained.ok("predict", "in.csv").out


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl"])
def test_answers_go_to_the_file_that_was_named(trained: CommandLine, file: Path, name: str):
    assert trained.ok("predict", file, "--out", name).out == f"Wrote 2 answers to {name}.\n"
    assert (file.parent / name).is_file()


def test_a_version_can_be_named(trained: CommandLine, file: Path):
    for version in (1, 2):
        trained.ok("predict", file, "--version", version, "--out", f"{version}.csv")
    first, second = (pl.read_csv(file.parent / f"{version}.csv") for version in (1, 2))
    # The second version was calibrated otherwise.
    assert not first["confidence"].equals(second["confidence"])
    assert "There is no version 9." in trained.refused("predict", file, "--version", 9)


def test_the_test_split_is_written_in_the_submission_format(trained: CommandLine, tmp_path: Path):
    rows = pl.read_csv(shop() / "X_test_update.csv", infer_schema=False)
    said = trained.ok("predict", "--split", "test", "--out", "submission.csv")
    assert said.out == f"Wrote {rows.height} answers to submission.csv.\n"
    lines = (tmp_path / "submission.csv").read_text().splitlines()
    assert lines[0] == ",prdtypecode"
    assert [line.split(",")[0] for line in lines[1:]] == rows.to_series(0).to_list()


def test_several_catalogues_need_a_name_and_refused_rows_are_told(trained: CommandLine, tmp_path: Path):
    folder = write_challenge(tmp_path / "second", train=4, test=6, images=False)
    path = folder / "X_test_update.csv"
    path.write_text(path.read_text().replace("\n5,", "\n4,"))
    trained.ok("catalog", "ingest", folder, "--share", 1)
    said = trained.refused("predict", "--split", "test", "--out", "submission.csv")
    assert "Several catalogues have test rows: second, shop. Name one with --source." in said
    ended = trained.ok("predict", "--split", "test", "--source", "second", "--out", "submission.csv")
    assert "Wrote 5 answers" in ended.out
    assert "1 rows of the split were refused by ingest and have no answer (`aisle catalog rejects`)." in ended.err
    assert "No catalogue third has test rows." in trained.refused(
        "predict", "--split", "test", "--source", "third", "--out", "submission.csv"
    )


def test_rows_that_could_not_be_read_are_told(trained: CommandLine, tmp_path: Path):
    (tmp_path / "in.jsonl").write_text('{"title": "a"}\n{broken\n')
    ended = trained.ok("predict", "in.jsonl", "--out", "out.csv")
    assert ended.out == "Wrote 1 answers to out.csv.\n"
    assert "1 rows of the file could not be read and have no answer." in ended.err


def test_images_for_a_model_of_text_are_not_passed_over_in_silence(trained: CommandLine, tmp_path: Path):
    folder = write_challenge(tmp_path / "second", train=4, test=6)
    arguments = ("predict", folder / "X_test_update.csv", "--out", "out.csv", "--images")
    assert "the images were not looked at" in trained.ok(*arguments, folder / "images.zip").err
    assert "There is neither an archive nor a folder" in trained.refused(*arguments, folder / "nowhere")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Give either a file or --split."),
        (("in.csv", "--split", "test", "--out", "out.csv"), "Give either a file or --split."),
        (("--split", "test"), "--split needs --out FILE."),
        (("--split", "test", "--out", "out.csv", "--top", "3"), "--images and --top go with a file."),
        (("--split", "test", "--out", "out.csv", "--images", "."), "--images and --top go with a file."),
        (("in.csv", "--source", "shop"), "--source goes with --split."),
        (("nowhere.csv",), "nowhere.csv is not there."),
        (("in.csv", "--out", "nowhere/out.csv"), "There is no folder nowhere to write out.csv into."),
        (("in.csv", "--out", "out.xlsx"), "out.xlsx is neither CSV, Parquet nor JSON Lines."),
        (("--split", "train", "--out", "out.txt"), "out.txt is neither CSV"),
    ],
)
def test_what_cannot_be_answered_says_why_and_writes_nothing(
    trained: CommandLine, file: Path, arguments: tuple[str, ...], said: str
):
    assert said in trained.refused("predict", *arguments)
    assert sorted(path.name for path in file.parent.iterdir()) == [".aisle", "in.csv"]


def test_without_a_champion_it_says_how_to_get_one(aisle: CommandLine, file: Path):
    assert "There is no champion yet. Run `aisle pipeline run FOLDER` first." in aisle.refused("predict", file)
