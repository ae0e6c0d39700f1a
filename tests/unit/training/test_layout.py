"""What is learnt from: texts and images of the rows that may be learnt from, and what is refused."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from aisle.errors import TrainingError
from aisle.features.image import ImageConfig, ImageFeatures
from aisle.settings import Training
from aisle.training.fit import silent
from aisle.training.layout import Layout, lay_out
from aisle.training.rows import ImageReader
from tests.unit.models.examples import SMALL
from tests.unit.training.frames import catalogue, frame
from tests.unit.training.pictures import drawn, pictured


def of(rows: pl.DataFrame, options: Training, images: ImageReader | None = None) -> Layout:
    return lay_out(rows, options, SMALL, images, silent)


def test_every_row_is_in_one_part_with_its_label_and_its_features(
    laid: Layout, shop: tuple[pl.DataFrame, ImageReader]
) -> None:
    rows = shop[0]
    assert laid.names == ("10", "2583", "50")
    assert [laid.names[label] for label in laid.bench.labels] == rows["label"].to_list()
    assert np.array_equal(np.sort(np.concatenate(list(laid.places.values()))), np.arange(rows.height))
    assert np.array_equal(laid.learnable, np.setdiff1d(np.arange(rows.height), laid.places["gold"]))
    assert min(len(places) for places in laid.places.values()) > 20
    assert laid.bench.written.all()
    assert np.array_equal(laid.bench.seen, rows["image_sha256"].is_not_null().to_numpy())
    assert not laid.bench.pictures[~laid.bench.seen].any()
    assert laid.bench.pictures[laid.bench.seen].any(axis=1).all()
    assert laid.problems == {}


def test_features_of_images_are_learnt_from_all_images_but_those_of_gold_rows(
    shop: tuple[pl.DataFrame, ImageReader], laid: Layout, options: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt_from: list[bytes] = []
    learn = ImageFeatures.learn

    def spy(examples: Sequence[bytes], config: ImageConfig, *, seed: int) -> ImageFeatures:
        learnt_from.extend(examples)
        return learn(examples, config, seed=seed)

    monkeypatch.setattr(ImageFeatures, "learn", spy)
    again = of(shop[0], options, shop[1])
    may = {image for image in shop[1](shop[0][laid.learnable]) if image is not None}
    gold = {image for image in shop[1](shop[0][laid.places["gold"]]) if image is not None}
    assert gold
    assert not may & gold
    assert set(learnt_from) == may
    assert np.array_equal(again.bench.pictures, laid.bench.pictures)


def test_the_number_of_threads_changes_no_feature(
    shop: tuple[pl.DataFrame, ImageReader], laid: Layout, options: Training
) -> None:
    other = of(shop[0], options.model_copy(update={"jobs": 3}), shop[1])
    assert np.array_equal(other.bench.pictures, laid.bench.pictures)
    assert np.array_equal(other.bench.seen, laid.bench.seen)


def test_images_that_cannot_be_used_are_counted_by_what_is_wrong(options: Training) -> None:
    rows = catalogue(60)
    files = drawn(rows, range(10, 40))
    good = files[10]
    assert good is not None
    files |= {0: None, 1: None, 2: good[: len(good) // 2], 3: b"<html>not found</html>"}
    laid = of(*_with(rows, files, options))
    assert laid.problems == {"missing": 2, "not_an_image": 1, "truncated": 1}
    assert np.flatnonzero(laid.bench.seen).tolist() == list(range(10, 40))
    assert not laid.bench.pictures[:10].any()
    assert laid.modalities == ("text", "image", "both")


@pytest.mark.parametrize("file", [None, b"broken"], ids=["missing", "broken"])
def test_without_any_usable_image_texts_are_learnt_from(options: Training, file: bytes | None) -> None:
    laid = of(*_with(catalogue(60), dict.fromkeys(range(50), file), options))
    assert laid.modalities == ("text",)
    assert sum(laid.problems.values()) == 50
    assert not laid.bench.seen.any()


def test_images_of_gold_rows_alone_are_none_to_learn_from(options: Training) -> None:
    rows = catalogue(60)
    gold = of(rows, options).places["gold"].tolist()
    laid = of(*_with(rows, drawn(rows, gold), options))
    assert laid.modalities == ("text",)
    assert (laid.images, dict(laid.problems)) == (None, {})


def test_without_a_reader_no_image_is_looked_at(shop: tuple[pl.DataFrame, ImageReader], options: Training) -> None:
    laid = of(shop[0], options)
    assert laid.modalities == ("text",)
    assert (laid.images, laid.bench.pictures.shape) == (None, (240, 0))


@pytest.mark.parametrize("title", [None, "", "produit", "Produit en stock"])
def test_where_texts_tell_nothing_images_are_learnt_from(options: Training, title: str | None) -> None:
    rows = catalogue(90)
    images = drawn(rows, range(90))
    laid = of(*_with(rows.with_columns(title=pl.lit(title, pl.String)), images, options))
    assert "image" in laid.modalities
    assert ("text" in laid.modalities) == bool(title)
    assert len(laid.places["gold"]) > 5
    assert len(set(laid.groups.tolist())) == 90, "a text that all rows share makes no duplicates"


def test_the_same_image_is_never_on_both_sides(options: Training) -> None:
    rows = catalogue(90).with_columns(title=pl.lit("produit"))
    images = drawn(rows, range(90))
    images |= {2 * n + 1: images[2 * n] for n in range(45)}
    laid = of(*_with(rows, images, options))
    part = np.full(90, "", object)
    for name, places in laid.places.items():
        part[places] = name
    assert part[::2].tolist() == part[1::2].tolist()


@pytest.mark.parametrize(
    ("rows", "words", "hint"),
    [
        (frame([], []), "No row of the snapshot has a label", "with labels"),
        (frame(["a", "b"], ["x", "x"]), "All 2 labelled rows are of the category 'x'", "Two categories"),
        (frame(["jeu"] * 50, ["x", "y"] * 25), "All 50 labelled rows have the same text", "mapped to title"),
        (frame(["a", "b"], ["x", "y"]), "none falls into the gold split", "AISLE_TRAINING_GOLD_SHARE"),
        (frame(["?", "!", "...", " "] * 100, ["x", "y"] * 200), "any text or any usable image", "title is mapped"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_with_a_way_out(
    rows: pl.DataFrame, words: str, hint: str, options: Training
) -> None:
    with pytest.raises(TrainingError, match=words) as caught:
        of(rows, options)
    assert hint in caught.value.hint


def test_broken_images_alone_are_nothing_to_learn_from(options: Training) -> None:
    rows = catalogue(60).with_columns(title=pl.lit(None, pl.String))
    with pytest.raises(TrainingError, match="any text or any usable image"):
        of(*_with(rows, {place: b"broken %d" % place for place in range(60)}, options))


def test_it_tells_what_it_does_and_how_far_it_is(shop: tuple[pl.DataFrame, ImageReader], options: Training) -> None:
    told: list[tuple[str, int, int]] = []
    lay_out(shop[0], options, SMALL, shop[1], lambda *call: told.append(call))
    assert [what for what, *_ in told] == [
        "parting 240 labelled rows",
        "counting n-grams",
        told[2][0],
        "looking at images",
    ]
    assert told[2][0].startswith("learning what images are made of from ")
    assert told[3][1:] == (200, 200)


def _with(
    rows: pl.DataFrame, files: dict[int, bytes | None], options: Training
) -> tuple[pl.DataFrame, Training, ImageReader]:
    made, read = pictured(rows, files)
    return made, options, read
