"""`aisle train`: what a person sees of a training and of an audit, and that a refusal changes nothing."""

import csv
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from aisle.cli.screen import ERR
from tests.catalogues import write_csv
from tests.command_line import CommandLine
from tests.trained import opened
from tests.unit.training.frames import catalogue

ROWS = 160
FORMULA = "=HYPERLINK(1)"
# Rows whose label is wrong, and whose title a spreadsheet would run.
WRONG = (3, 30, 60, 90)


@pytest.fixture
def ingested(aisle: CommandLine, tmp_path: Path) -> CommandLine:
    """The command line in a home that holds a tiny catalogue with some wrong labels, frozen once."""
    rows = catalogue(ROWS, noise=0)
    titles, labels = rows["title"].to_list(), rows["label"].to_list()
    codes = sorted(set(labels))
    for row in WRONG:
        titles[row] = f"{FORMULA} {titles[row]}"
        labels[row] = codes[codes.index(labels[row]) - 1]
    folder = tmp_path / "small"
    folder.mkdir()
    header = ("", "designation", "description", "productid", "imageid")
    write_csv(
        folder / "X_train_update.csv", header, [(row, titles[row], "", 1_000 + row, 9_000 + row) for row in range(ROWS)]
    )
    write_csv(folder / "Y_train_CVw08PX.csv", ("", "prdtypecode"), list(enumerate(labels)))
    write_csv(folder / "X_test_update.csv", header, [(ROWS, "Roman", "", 5_000, 9_999)])
    aisle.ok("catalog", "ingest", "small", "--share", 1)
    aisle.ok("catalog", "snapshot")
    return aisle


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".aisle"


def _kept(home: Path) -> tuple[list[str], list[tuple[int, str]], list[int]]:
    """Return what a training could change: bundles in the store, versions and promotions."""
    with opened(home) as application:
        stored = application.artifacts.keys("")
        keys = sorted({key.split("/")[1] for key in stored if key.startswith(("bundles/", "reports/"))})
        ledger = application.ledger
        return keys, [(model.version, model.bundle) for model in ledger.models()], [row.seq for row in ledger.history()]


class TestTrain:
    def test_it_learns_within_a_budget_and_writes_its_report(self, ingested: CommandLine, home: Path, tmp_path: Path):
        ended = ingested.ok("train", "--budget", "1m", "--families", "logistic", "--report", "reports/r.html")
        lines = ended.out.splitlines()
        digest = lines[0].removeprefix("Bundle ")
        assert re.fullmatch("[0-9a-f]{64}", digest)
        assert "Report: reports/r.html" in lines
        page = (tmp_path / "reports" / "r.html").read_text()
        assert digest in page
        assert "logistic" in page
        with opened(home) as application:
            bundle = application.context().bundle(digest)
            assert application.artifacts.get(f"reports/{digest}/report.html").decode() == page
        figure = bundle.metrics["gold"]["weighted_f1"]
        assert f"│ weighted_f1 │ {figure['value']:.4f} │ {figure['low']:.4f} │ {figure['high']:.4f} │" in ended.text
        assert _kept(home) == ([digest], [], []), "it is kept, and neither a version nor champion"

    def test_a_log_is_told_what_is_done(self, ingested: CommandLine):
        told = ingested.ok("train", "--budget", "1m").err
        stages = [
            f"… {what}" for what in ("reading the rows", "counting n-grams", "Searching: ", "scoring rows out of fold")
        ]
        places = [told.index(stage) for stage in stages]
        assert places == sorted(places)
        assert "Rung 1 of 1 on" in told
        assert told.count("… scoring rows out of fold") == 1

    def test_on_a_terminal_the_search_stands_beside_the_progress(
        self, ingested: CommandLine, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setattr(ERR, "is_interactive", True)
        assert ERR.is_terminal
        ended = ingested.ok("train", "--budget", "1m", "--families", "logistic")
        seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", ended.err)
        assert "Only one live display" not in seen
        assert "Best so far" in seen
        assert "Rung 1 of 1" in seen
        assert "writing the bundle" in seen
        assert ended.err.rindex("\x1b[?25h") > ended.err.rindex("\x1b[?25l"), "the cursor is back"

    def test_the_same_again_is_the_same_bundle_from_what_is_on_record(self, ingested: CommandLine, home: Path):
        first = ingested.ok("train")
        assert list((home / "searches").iterdir())
        again = ingested.ok("train")
        assert again.out == first.out
        assert "on record from an earlier run" in again.err
        assert "on record" not in first.err

    @pytest.mark.parametrize(
        ("arguments", "words", "hint"),
        [
            (("--families", "logistik"), "There is no family 'logistik'.", "Did you mean logistic?"),
            (("--modalities", "images"), "There is no modality 'images'.", "They are: text, image, both."),
            (("--modalities", "image"), "has no image to learn from", "aisle catalog ingest"),
            (("--budget", "soon"), "The budget 'soon' is no length of time.", "10m"),
            (("--budget", "1s", "--families", "boosting,forest"), "A budget of 1s is too small", "Give a budget of"),
            (("--memory", "0.1"), "0.1 GB of memory are too few", "with --memory"),
            (("--snapshot", "nonsense"), "No snapshot begins with 'nonsense'", ""),
            (("--report", "small"), "small is a folder.", "Name a file"),
            (("--report", "small/X_train_update.csv/r.html"), "cannot be written", "Name another file"),
        ],
        ids=lambda given: "" if not isinstance(given, tuple) else given[0].strip("-"),
    )
    def test_a_refusal_says_what_to_change_and_keeps_nothing(
        self, ingested: CommandLine, home: Path, arguments: tuple[str, ...], words: str, hint: str
    ):
        said = ingested.refused("train", *arguments)
        assert words in said
        assert hint in said
        assert _kept(home) == ([], [], [])
        assert not list(home.parent.glob("*.html"))

    def test_the_amount_of_memory_that_a_refusal_names_does(self, ingested: CommandLine):
        said = ingested.refused("train", "--memory", "0.1")
        found = re.search(r"Give ([0-9.]+) GB at least", said)
        assert found
        ingested.ok("train", "--memory", float(found[1]) + 0.1)

    def test_without_any_snapshot_there_is_nothing_to_learn_from(self, aisle: CommandLine):
        assert "There is no snapshot yet." in aisle.refused("train")
        assert "There is no snapshot yet." in aisle.refused("train", "audit")

    @pytest.mark.parametrize("given", [("--jobs", "0"), ("--level", "0"), ("--memory", "0"), ("audit", "--top", "101")])
    def test_numbers_that_make_no_sense_are_a_wrong_use(self, aisle: CommandLine, given: tuple[str, ...]):
        assert aisle("train", *given).status == 2


def test_a_refused_training_leaves_versions_and_promotions_as_they_were(trained: CommandLine, home: Path):
    before = _kept(home)
    assert len(before[1]) == 2
    for arguments in (
        ("--families", "boosting", "--budget", "1s"),
        ("--memory", "0.1"),
        ("--level", "1", "--modalities", "image"),
    ):
        trained.refused("train", *arguments)
    assert _kept(home) == before


class TestAudit:
    def test_it_lists_the_likeliest_wrong_labels_and_writes_all_of_them(
        self, ingested: CommandLine, home: Path, tmp_path: Path
    ):
        ended = ingested.ok("train", "audit", "--top", 3, "--out", "x.csv")
        with (tmp_path / "x.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert {row["id"] for row in rows[:4]} == {str(row) for row in WRONG}
        assert list(rows[0])[:6] == ["source", "split", "id", "title", "description", "label"]
        shown = [line for line in ended.out.splitlines() if line.startswith("│ small ")]
        assert len(shown) == 3
        for line, row in zip(shown, rows, strict=False):
            assert f"│ small {row['id']} " in line
            assert f"│ {row['label']} " in line
            assert f"│ {row['suggested']} " in line
            assert f"{float(row['self_confidence']):.4f}" in line
            assert FORMULA in line
        assert f"{len(rows)} of {ROWS} labels are likely wrong; an estimated " in ended.text
        assert ended.text.endswith("All of them: x.csv")
        assert _kept(home) == ([], [], []), "nothing is changed"
        # People see it with its title as it is, not as the file has it.
        assert f"{len(rows)} suspect" in ingested.ok("review", "fill", "--suspects", "x.csv").text
        assert FORMULA in ingested.ok("review", "next", "--as", "zoe").text

    def test_what_a_spreadsheet_would_run_is_disarmed_in_the_file(self, ingested: CommandLine, tmp_path: Path):
        ingested.ok("train", "audit", "--out", "x.csv")
        with (tmp_path / "x.csv").open(newline="") as stream:
            titles = [row["title"] for row in csv.DictReader(stream)]
        assert sum(title.startswith(f"'{FORMULA}") for title in titles) == len(WRONG)
        assert not any(title.startswith("=") for title in titles)

    def test_a_parquet_file_holds_the_titles_as_they_are(self, ingested: CommandLine, tmp_path: Path):
        text = ingested.ok("train", "audit", "--out", "x.parquet").text
        assert "All of them: x.parquet" in text
        found = pl.read_parquet(tmp_path / "x.parquet")
        assert found["title"].str.starts_with(FORMULA).sum() == len(WRONG)
        assert found["self_confidence"].dtype == pl.Float64
        assert np.isfinite(found["self_confidence"].to_numpy()).all()
        assert f"{found.height} suspect" in ingested.ok("review", "fill", "--suspects", "x.parquet").text

    def test_without_a_file_it_says_how_to_get_one(self, ingested: CommandLine, tmp_path: Path):
        before = sorted(path.name for path in tmp_path.iterdir())
        assert "`--out FILE` writes all of them." in ingested.ok("train", "audit", "--top", 1).text
        assert sorted(path.name for path in tmp_path.iterdir()) == before

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--out", "x.pdf"), "neither CSV, Parquet nor JSON Lines"),
            (("--out", "nowhere/x.csv"), "There is no folder nowhere"),
            (("--modalities", "image"), "has no image to learn from"),
            (("--snapshot", "nonsense"), "No snapshot begins with 'nonsense'"),
        ],
        ids=["ending", "folder", "modality", "snapshot"],
    )
    def test_a_refusal_says_what_to_change_and_leaves_no_file(
        self, ingested: CommandLine, tmp_path: Path, arguments: tuple[str, ...], words: str
    ):
        before = sorted(path.name for path in tmp_path.iterdir())
        said = ingested.refused("train", "audit", *arguments)
        assert words in said
        assert "… scoring" not in said, "it is refused before anything is learnt"
        assert sorted(path.name for path in tmp_path.iterdir()) == before
