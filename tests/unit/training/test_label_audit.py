"""Looking for wrong labels: planted ones come first, by texts or by images alone, and nothing is refused without a word."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from aisle.errors import TrainingError
from aisle.settings import Training
from aisle.training.audit import Audit
from aisle.training.fit import silent
from aisle.training.label_audit import audit_rows, audit_table
from aisle.training.rows import ImageReader
from tests.unit.models.examples import WORDS
from tests.unit.training.frames import catalogue
from tests.unit.training.pictures import drawn, pictured

ROWS, WRONG = 240, 24


@pytest.fixture(scope="module")
def planted() -> tuple[pl.DataFrame, ImageReader, set[str]]:
    """Rows with an image each, what reads those, and the ids of the rows whose label is wrong."""
    rows = catalogue(ROWS, noise=0)
    right, read = pictured(rows, drawn(rows, range(ROWS)))
    generator = np.random.default_rng(5)
    codes, labels = sorted(WORDS), rows["label"].to_list()
    wrong = sorted(generator.choice(ROWS, WRONG, replace=False).tolist())
    for row in wrong:
        labels[row] = codes[(codes.index(labels[row]) + int(generator.integers(1, 3))) % 3]
    return right.with_columns(label=pl.Series(labels)), read, {rows["id"][row] for row in wrong}


def audited(
    rows: pl.DataFrame, options: Training, images: ImageReader | None = None, **more: object
) -> tuple[Audit, pl.DataFrame]:
    return audit_rows(rows, options.model_copy(update=more), level=None, images=images, progress=silent)


@pytest.fixture(scope="module")
def by_text(planted: tuple[pl.DataFrame, ImageReader, set[str]], options: Training) -> tuple[Audit, pl.DataFrame]:
    return audited(planted[0], options, modalities="text")


def _auc(audit: Audit, rows: pl.DataFrame, wrong: set[str]) -> float:
    ids = rows["id"][audit.ranking["row"]]
    return float(roc_auc_score([name in wrong for name in ids], audit.ranking["suspicion"]))


def test_planted_labels_come_first(
    planted: tuple[pl.DataFrame, ImageReader, set[str]], by_text: tuple[Audit, pl.DataFrame]
) -> None:
    audit, rows = by_text
    assert rows.height == audit.ranking.height == ROWS
    assert _auc(audit, rows, planted[2]) > 0.95
    assert audit.noise_rate == pytest.approx(WRONG / ROWS, abs=0.06)
    first = audit_table(audit, rows).head(WRONG)
    assert len(set(first["id"]) & planted[2]) > 0.8 * WRONG
    # What it suggests is what the label was before.
    right = dict(catalogue(ROWS, noise=0).select("id", "label").rows())
    agree = [row["suggested"] == right[row["id"]] for row in first.to_dicts() if row["id"] in planted[2]]
    assert np.mean(agree) > 0.9


@pytest.mark.parametrize("modalities", ["image", ""], ids=["image", "all"])
def test_images_tell_of_wrong_labels_too(
    planted: tuple[pl.DataFrame, ImageReader, set[str]], options: Training, modalities: str
) -> None:
    rows, read, wrong = planted
    blank = rows.with_columns(title=pl.lit(None, pl.String)) if modalities == "image" else rows
    audit, seen = audited(blank, options, read, modalities=modalities)
    assert _auc(audit, seen, wrong) > 0.95


def test_the_table_has_who_what_and_what_rather(by_text: tuple[Audit, pl.DataFrame]) -> None:
    audit, rows = by_text
    table = audit_table(audit, rows)
    assert table.columns == [
        "source",
        "split",
        "id",
        "title",
        "description",
        "label",
        "suggested",
        "self_confidence",
        "suggested_confidence",
    ]
    assert table.height == audit.likely_wrong.height > 0
    known = {row["id"]: row for row in rows.to_dicts()}
    for row in table.to_dicts():
        own = known[row["id"]]
        assert (row["title"], row["label"], row["source"]) == (own["title"], own["label"], own["source"])
        assert row["label"] != row["suggested"]
        assert 0 <= row["self_confidence"] < row["suggested_confidence"] <= 1
    assert table["self_confidence"].head(5).mean() < table["self_confidence"].tail(5).mean()  # type: ignore[operator]


def test_where_all_is_well_the_table_is_empty(options: Training) -> None:
    audit, rows = audited(catalogue(150, noise=0), options)
    table = audit_table(audit, rows)
    assert (table.height, len(table.columns)) == (0, 9)
    assert audit.noise_rate == pytest.approx(0, abs=0.01)


def test_the_same_is_found_twice_whatever_the_order_of_the_rows(
    planted: tuple[pl.DataFrame, ImageReader, set[str]], by_text: tuple[Audit, pl.DataFrame], options: Training
) -> None:
    shuffled = planted[0].sample(fraction=1, shuffle=True, seed=1)
    again = audited(shuffled, options, modalities="text")
    assert audit_table(*again).equals(audit_table(*by_text))


def test_rows_without_a_label_are_left_out_and_levels_are_cut(options: Training) -> None:
    rows = catalogue(150, noise=0)
    deep = rows.with_columns(label=pl.format("Shop > {} > {}", "label", pl.col("id").str.slice(0, 1)))
    some = pl.concat([deep, catalogue(30, seed=1).with_columns(label=pl.lit(None, pl.String), split=pl.lit("test"))])
    audit, seen = audit_rows(some, options, level=2, images=None, progress=silent)
    assert seen.height == 150
    assert audit.codes == ("Shop > 10", "Shop > 2583", "Shop > 50")


def test_a_few_images_do_no_harm(options: Training) -> None:
    rows = catalogue(150, noise=0)
    first = [rows["label"].to_list().index(label) for label in ("10", "50")]
    made, read = pictured(rows, drawn(rows, first))
    audit, seen = audited(made, options, read)
    assert audit_table(audit, seen).height == 0


@pytest.mark.parametrize("modalities", ["image", "both"])
def test_what_is_asked_for_and_not_there_is_refused(options: Training, modalities: str) -> None:
    with pytest.raises(TrainingError, match="to learn from; it has text only") as caught:
        audited(catalogue(150), options, modalities=modalities)
    assert caught.value.hint


def test_it_tells_how_far_it_is(options: Training) -> None:
    told: list[tuple[str, int, int]] = []
    audit_rows(
        catalogue(150),
        options.model_copy(update={"folds": 3}),
        level=None,
        images=None,
        progress=lambda *call: told.append(call),
    )
    assert told[0][0] == "parting 150 labelled rows"
    assert told[-3:] == [("scoring rows out of fold", 1, 3)] * 3
