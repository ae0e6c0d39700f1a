"""Blocks of rows, with the truth that the files do not tell."""

import re
from itertools import pairwise

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import f1_score

from aisle.catalog.sample.blocks import BLOCK_ROWS, Block, draw_blocks
from aisle.catalog.sample.classes import CLASS_FIGURES, CODES, class_counts

ROWS = 2 * BLOCK_ROWS
TAG = re.compile(r"<[a-z/]")
ENTITY = re.compile(r"&(#\d+|[A-Za-z]+);")


@pytest.fixture(scope="module")
def train() -> list[Block]:
    return list(draw_blocks("train", ROWS, 7))


@pytest.fixture(scope="module")
def test_split() -> list[Block]:
    return list(draw_blocks("test", 3_000, 7, start=ROWS))


def descriptions(blocks: list[Block]) -> list[str | None]:
    return [description for block in blocks for description in block.descriptions]


def titles(blocks: list[Block]) -> list[str]:
    return [title for block in blocks for title in block.titles]


def test_blocks_follow_each_other_and_the_last_is_shorter() -> None:
    blocks = list(draw_blocks("train", BLOCK_ROWS + 5, 7, start=100))
    assert [(block.start, len(block.titles)) for block in blocks] == [(100, BLOCK_ROWS), (100 + BLOCK_ROWS, 5)]


def test_no_rows_give_no_blocks() -> None:
    assert list(draw_blocks("test", 0, 7)) == []


def test_the_same_seed_gives_the_same_rows_and_another_others(train: list[Block]) -> None:
    again, other = next(draw_blocks("train", ROWS, 7)), next(draw_blocks("train", ROWS, 8))
    assert (again.titles, again.descriptions) == (train[0].titles, train[0].descriptions)
    assert (again.product_ids, again.image_ids) == (train[0].product_ids, train[0].image_ids)
    assert again.label.tolist() == train[0].label.tolist()
    assert again.titles != other.titles
    assert again.label.tolist() != other.label.tolist()
    assert again.product_ids != other.product_ids


def test_train_and_test_do_not_repeat_each_other(train: list[Block], test_split: list[Block]) -> None:
    assert len(set(titles(train)) & set(titles(test_split))) < 10


def test_labels_have_the_shares_of_the_challenge(train: list[Block]) -> None:
    labels = np.concatenate([block.label for block in train])
    assert np.bincount(labels, minlength=len(CODES)).tolist() == class_counts(ROWS).tolist()


def test_ids_are_unique_across_splits_and_in_the_real_range(train: list[Block], test_split: list[Block]) -> None:
    blocks = train + test_split
    for ids, largest in (
        ([number for block in blocks for number in block.product_ids], 4_260_000_000),
        ([number for block in blocks for number in block.image_ids], 1_330_000_000),
    ):
        assert len(set(ids)) == ROWS + 3_000
        assert min(ids) > 0
        assert max(ids) < largest


def test_two_in_a_hundred_labels_are_a_neighbours(train: list[Block]) -> None:
    wrong = [(block.label[row], block.topic[row]) for block in train for row in np.flatnonzero(block.label != block.topic)]
    assert len(wrong) / ROWS == pytest.approx(0.02, abs=0.004)
    assert all(CODES[topic] in CLASS_FIGURES[CODES[label]].neighbours for label, topic in wrong)


def test_test_rows_show_what_they_are(test_split: list[Block]) -> None:
    for block in test_split:
        assert block.label.tolist() == block.topic.tolist()


def test_a_third_of_descriptions_is_missing(train: list[Block]) -> None:
    assert np.mean([text is None for text in descriptions(train)]) == pytest.approx(0.35, abs=0.015)


def test_a_fifth_is_not_french(train: list[Block]) -> None:
    assert np.concatenate([block.language for block in train]).astype(bool).mean() == pytest.approx(0.2, abs=0.03)


def test_tags_and_entities_are_as_frequent_as_they_are_counted(train: list[Block]) -> None:
    described = [text for text in descriptions(train) if text is not None]
    tagged = sum(bool(TAG.search(text)) for text in described)
    encoded = sum(bool(ENTITY.search(text)) for text in described)
    assert tagged / len(described) == pytest.approx(0.19, abs=0.02)
    assert encoded / len(described) == pytest.approx(0.40, abs=0.02)
    assert tagged == sum(block.with_tags for block in train)
    assert encoded == sum(block.with_entities for block in train)


def test_some_letters_are_broken_in_both_ways(train: list[Block]) -> None:
    texts = [f"{title} {text}" for block in train for title, text in zip(block.titles, block.descriptions, strict=True)]
    questioned, misread = sum("\u00bf" in text for text in texts), sum("Ã" in text for text in texts)
    assert questioned / ROWS == pytest.approx(0.025, abs=0.01)
    assert 0.002 < misread / ROWS < 0.015
    assert questioned + misread <= sum(block.with_broken_letters for block in train)


def test_three_in_a_hundred_rows_nearly_repeat_another_of_the_same_label(train: list[Block]) -> None:
    pairs = [
        (block, row, block.source[row])
        for block in train
        for row in np.flatnonzero(block.source != np.arange(len(block.source))).tolist()
    ]
    assert len(pairs) / ROWS == pytest.approx(0.03, abs=0.006)
    shared = []
    for block, row, source in pairs:
        assert source < row
        assert block.label[row] == block.label[source]
        assert block.topic[row] == block.topic[source]
        assert block.language[row] == block.language[source]
        assert (block.descriptions[row] is None) == (block.descriptions[source] is None)
        one, other = (set(block.titles[place].lower().split()) for place in (row, source))
        shared.append(len(one & other) / len(one | other))
    # Broken letters on one side make a few differ more.
    assert np.median(shared) > 0.6
    assert np.mean([block.titles[row] != block.titles[source] for block, row, source in pairs]) > 0.99


def test_a_repeat_of_a_repeat_leads_to_the_first(train: list[Block]) -> None:
    for block in train:
        assert (block.source[block.source] == block.source).all()


def test_titles_are_never_empty_nor_of_many_lines(train: list[Block]) -> None:
    assert all(title.strip() and "\n" not in title for title in titles(train))


def test_the_classes_can_be_learnt_but_not_fully(train: list[Block]) -> None:
    texts = [
        f"{title} {text or ''}" for block in train for title, text in zip(block.titles, block.descriptions, strict=True)
    ]
    labels = np.concatenate([block.label for block in train])
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    half = BLOCK_ROWS
    model = SGDClassifier(alpha=2e-5, random_state=0).fit(vectorizer.fit_transform(texts[:half]), labels[:half])
    found = model.predict(vectorizer.transform(texts[half:]))
    assert 0.72 < f1_score(labels[half:], found, average="weighted") < 0.92
    assert f1_score(labels[half:], found, average=None).min() > 0.35


def test_rows_are_independent_of_the_block_before_them() -> None:
    # The second block of a longer catalogue is drawn alike whether or not anybody took the first.
    blocks = draw_blocks("train", ROWS, 3)
    next(blocks)
    second = next(blocks)
    assert second.titles == list(draw_blocks("train", ROWS, 3))[1].titles
    assert all(later.start - earlier.start == BLOCK_ROWS for earlier, later in pairwise(draw_blocks("train", ROWS, 3)))
