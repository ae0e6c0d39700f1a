from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from aisle.errors import BundleError, TrainingError
from aisle.models.bundle import Bundle
from aisle.settings import Training
from aisle.training.evaluate import evaluate, gold_rows
from aisle.training.fit import TrainingReport, train
from tests.unit.training.frames import catalogue, frame

SNAPSHOT = "5" * 64


def test_the_bundle_holds_what_the_report_says(report: TrainingReport, bundle: Bundle) -> None:
    assert bundle.digest == report.digest
    assert bundle.metrics == orjson.loads(orjson.dumps(report.metrics))
    assert (bundle.manifest["snapshot"], bundle.manifest["commit"]) == (SNAPSHOT, "abc123")
    assert list(bundle.categories.items()) == [
        ("10", "Used books"),
        ("2583", "Pools and spas"),
        ("50", "Console accessories"),
    ]
    assert "0." in bundle.card
    assert bundle.profile["rows"] == report.rows["train"] + report.rows["validation"]


def test_every_labelled_row_is_in_one_part(report: TrainingReport) -> None:
    assert sum(report.rows.values()) == 500
    assert min(report.rows.values()) > 50


def test_it_learns_what_can_be_learnt(report: TrainingReport) -> None:
    gold = report.metrics["gold"]
    # A tenth of the labels is drawn anew from three categories: 0.933 is the most that can be reached.
    assert gold["weighted_f1"]["value"] > 0.85 > 2 * gold["baseline"]["weighted_f1"]
    assert gold["calibration_error"] < 0.1
    assert report.metrics["temperature"] > 0
    assert report.metrics["validation"]["rows"] == report.rows["validation"]


def test_the_gold_figures_are_those_of_the_bundle(
    report: TrainingReport, bundle: Bundle, rows: pl.DataFrame, options: Training
) -> None:
    scores = evaluate(bundle, gold_rows(rows, options))
    assert len(scores.ids) == report.metrics["gold"]["rows"]
    hits = np.mean([truth == answer for truth, answer in zip(scores.correct, scores.predicted, strict=True)])
    assert hits == report.metrics["gold"]["accuracy"]["value"]


def test_the_same_snapshot_settings_and_commit_give_the_same_bundle(
    report: TrainingReport, rows: pl.DataFrame, options: Training, tmp_path: Path
) -> None:
    shuffled = rows.sample(fraction=1, shuffle=True, seed=3)
    again = train(shuffled, SNAPSHOT, options, folder=tmp_path / "again", commit="abc123")
    assert again.digest == report.digest


@pytest.mark.parametrize(
    "change",
    [{"options": Training(gold_share=0.2, validation_share=0.2, seed=1)}, {"snapshot": "6" * 64}, {"commit": "def"}],
    ids=lambda change: next(iter(change)),
)
def test_anything_else_gives_another_bundle(
    report: TrainingReport, rows: pl.DataFrame, options: Training, tmp_path: Path, change: dict[str, object]
) -> None:
    given = {"options": options, "snapshot": SNAPSHOT, "commit": "abc123", **change}
    other = train(rows, given["snapshot"], given["options"], folder=tmp_path / "other", commit=given["commit"])  # type: ignore[arg-type]
    assert other.digest != report.digest


def test_the_promotion_margin_has_no_part_in_the_training(
    report: TrainingReport, rows: pl.DataFrame, options: Training, tmp_path: Path
) -> None:
    other = options.model_copy(update={"margin": 0.1})
    assert train(rows, SNAPSHOT, other, folder=tmp_path / "other", commit="abc123").digest == report.digest


def test_each_stage_is_told_and_timed(rows: pl.DataFrame, options: Training, tmp_path: Path) -> None:
    told: list[str] = []
    report = train(rows, SNAPSHOT, options, folder=tmp_path / "b", commit="unknown", progress=told.append)
    assert list(report.seconds) == ["split", "count", "fit", "calibrate", "refit", "judge", "write"]
    assert all(seconds >= 0 for seconds in report.seconds.values())
    assert len(told) == len(report.seconds)
    assert told[0] == "parting 500 labelled rows"


def test_a_level_cuts_the_labels(options: Training, tmp_path: Path) -> None:
    made = catalogue(300, noise=0)
    deep = made.with_columns(label=pl.format("Shop > {} > {}", "label", pl.col("title").str.slice(0, 1)))
    report = train(deep, SNAPSHOT, options, folder=tmp_path / "b", commit="unknown", level=2)
    bundle = Bundle.load(tmp_path / "b")
    assert list(bundle.categories) == ["Shop > 10", "Shop > 2583", "Shop > 50"]
    assert bundle.level == 2
    assert report.metrics["gold"]["weighted_f1"]["value"] > 0.9
    assert set(evaluate(bundle, deep).correct) == set(bundle.categories)


def test_rare_categories_are_learnt_and_named(options: Training, tmp_path: Path) -> None:
    made = catalogue(300)
    rare = frame([f"unique {n} objet rare {n * 7919}" for n in range(8)], [f"rare {n}" for n in range(8)])
    both = pl.concat([made, rare.with_columns(id=pl.concat_str(pl.lit("r"), "id"))])
    report = train(both, SNAPSHOT, options, folder=tmp_path / "b", commit="unknown")
    assert report.too_rare == tuple(f"rare {n}" for n in range(8))
    assert report.not_judged == report.too_rare
    bundle = Bundle.load(tmp_path / "b")
    assert set(report.too_rare) < set(bundle.categories)
    assert "`rare 7`" in bundle.card
    assert tuple(bundle.metrics["too_rare"]) == report.too_rare


def test_wide_labels_train_without_a_crash(options: Training, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = [f"class {n}" for n in generator.zipf(1.5, 400) % 150]
    titles = [f"{label} {generator.integers(10**6)} {generator.integers(10**6)}" for label in labels]
    report = train(frame(titles, labels), SNAPSHOT, options, folder=tmp_path / "b", commit="unknown")
    assert len(Bundle.load(tmp_path / "b").categories) == len(set(labels))
    assert report.too_rare


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (frame(["a", "b"], [None, None]), "No row of the snapshot has a label"),
        (frame([], []), "No row of the snapshot has a label"),
        (frame(["a", "b"], ["", ""]), "No row of the snapshot has a label"),
        (frame(["a", "b", "c"], ["x", "x", None]), "All 2 labelled rows are of the category 'x'"),
        (frame([None, None], ["x", "y"]), "the same text"),
        (frame(["jeu"] * 50, ["x", "y"] * 25), "All 50 labelled rows have the same text"),
        (frame(["jeu", "JEU", "jeu!"] * 20, ["x", "y"] * 30), "none falls into the gold split"),
        (frame(["a", "b"], ["x", "y"]), "none falls into the gold split"),
        (frame(["?", "!", "...", " "] * 100, ["x", "y"] * 200), "any text to learn from"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_with_a_way_out(
    made: pl.DataFrame, words: str, options: Training, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=words) as caught:
        train(made, SNAPSHOT, options, folder=tmp_path / "b", commit="unknown")
    assert caught.value.hint
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("level", [0, -1])
def test_no_levels_are_refused(rows: pl.DataFrame, options: Training, tmp_path: Path, level: int) -> None:
    with pytest.raises(TrainingError, match=f"level is {level}"):
        train(rows, SNAPSHOT, options, folder=tmp_path / "b", commit="unknown", level=level)


def test_texts_that_never_repeat_are_refused(options: Training, tmp_path: Path) -> None:
    alphabet = [chr(code) for code in range(0x4E00, 0x4E00 + 400)]
    with pytest.raises(TrainingError, match="No n-gram occurs in enough"):
        train(frame(alphabet, ["x", "y"] * 200), SNAPSHOT, options, folder=tmp_path / "b", commit="unknown")


def test_a_bundle_is_not_written_over_another(rows: pl.DataFrame, options: Training, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "precious").write_text("")
    with pytest.raises(BundleError, match="is not empty"):
        train(rows, SNAPSHOT, options, folder=tmp_path / "b", commit="unknown")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["precious"]


@pytest.mark.slow
def test_real_titles_are_told_apart(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "rakuten-14k"
    if not folder.is_dir():
        pytest.skip("no rakuten-14k among the real catalogues")
    products = pl.read_csv(folder / "X_train_update.csv")
    codes = pl.read_csv(folder / "Y_train_CVw08PX.csv")["prdtypecode"].cast(pl.String)
    made = frame(products["designation"].to_list(), codes.to_list())
    report = train(made, SNAPSHOT, Training(), folder=tmp_path / "b", commit="unknown")
    assert report.metrics["gold"]["weighted_f1"]["value"] >= 0.76
    assert Bundle.load(tmp_path / "b").size_bytes < 10_000_000
