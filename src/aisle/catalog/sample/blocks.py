"""Rows of the synthetic catalogue, a block of 10,000 at a time so that memory does not grow with the catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aisle.catalog.sample.classes import CLASS_FIGURES, CODES, draw_labels
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.lexicon import Lexicon, load_lexicon
from aisle.catalog.sample.noise import BREAK_STYLES, ENTITY_STYLES, TAG_STYLES, add_entities, add_tags, break_letters
from aisle.catalog.sample.texts import Numbers, draw_descriptions, draw_titles, draw_topics

BLOCK_ROWS = 10_000
"""Rows drawn together; another number would give other rows, so it is no setting."""

WRONG_LABELS = 0.02
"""Share of training rows whose label is a neighbour's of what they show."""

NEAR_DUPLICATES = 0.03
"""Share of rows that are an earlier row with a few words changed."""

TAGGED, ENTITIES, BROKEN = 0.19, 0.40, 0.04
"""Shares of descriptions with HTML tags and with entities, and of rows with broken letters where they have any."""

_PRODUCT_SPAN, _PRODUCT_STEP = 4_150_000_000, 2_654_435_769
_IMAGE_SPAN, _IMAGE_STEP = 1_260_000_000, 618_033_989


class Stream:
    """Names of the independent streams of random numbers: the second part of each key, after the seed."""

    LABELS, IDS, TOPICS, TEXTS, DUPLICATES, NOISE, FATES, PICTURES = range(8)


@dataclass(slots=True)
class Block:
    """Some rows of one split, with the truth about each that the files do not tell.

    Args:
        start: Index of the first row, test rows counted on after the training rows.
        label: Class numbers as the label file tells them.
        topic: Class numbers of what the rows really show.
        language: Language numbers.
        source: Position in the block of the row that each row nearly repeats, its own where it repeats none.
        titles: Titles.
        descriptions: Descriptions.
        product_ids: Product ids, no two the same.
        image_ids: Image ids, no two the same.
        with_tags: How many descriptions hold HTML tags.
        with_entities: How many descriptions hold HTML entities.
        with_broken_letters: How many rows have letters broken by a wrong encoding.
    """

    start: int
    label: Numbers
    topic: Numbers
    language: Numbers
    source: Numbers
    titles: list[str]
    descriptions: list[str | None]
    product_ids: list[int]
    image_ids: list[int]
    with_tags: int = 0
    with_entities: int = 0
    with_broken_letters: int = 0


def draw_blocks(split: Literal["train", "test"], rows: int, seed: int, *, start: int = 0) -> Iterator[Block]:
    """Draw a split's rows, block by block.

    Args:
        split: Which split; only training rows have wrong labels.
        rows: How many rows; the labels' shares are those of the challenge.
        seed: Names the catalogue: the same seed and numbers of rows give the same blocks everywhere.
        start: Index of the first row.

    Yields:
        Blocks of `BLOCK_ROWS` rows; the last one may be shorter.
    """
    part = 0 if split == "train" else 1
    labels = draw_labels(rows, Dice(seed, Stream.LABELS, part))
    for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
        label = labels[first : first + BLOCK_ROWS].astype(np.int64)
        yield _draw_block(label, start + first, seed, part, number)


def _draw_block(label: Numbers, start: int, seed: int, part: int, number: int) -> Block:
    lexicon = load_lexicon()
    dice = Dice(seed, Stream.TOPICS, part, number)
    topic = label.copy() if part else _mislabel(label, dice)
    topics = draw_topics(topic, dice)
    texts = Dice(seed, Stream.TEXTS, part, number)
    indexes = np.arange(start, start + len(label), dtype=np.int64)
    product_ids, image_ids = _draw_ids(indexes, Dice(seed, Stream.IDS))
    block = Block(
        start=start,
        label=label,
        topic=topics.topic,
        language=topics.language,
        source=np.arange(len(label)),
        titles=draw_titles(topics, lexicon, texts),
        descriptions=draw_descriptions(topics, lexicon, texts),
        product_ids=product_ids.tolist(),
        image_ids=image_ids.tolist(),
    )
    _repeat_rows(block, lexicon, Dice(seed, Stream.DUPLICATES, part, number))
    _add_noise(block, Dice(seed, Stream.NOISE, part, number))
    return block


def _mislabel(label: Numbers, dice: Dice) -> Numbers:
    """Return the classes that rows really show, which for a few is a neighbour of their label.

    Turned this way round, wrong labels leave the shares of the labels as they are.
    """
    topic = label.copy()
    wrong = np.flatnonzero(dice.chance(WRONG_LABELS, len(label)))
    for row, pick in zip(wrong.tolist(), dice.raw(len(wrong)).tolist(), strict=True):
        neighbours = CLASS_FIGURES[CODES[label[row]]].neighbours
        topic[row] = CODES.index(neighbours[pick % len(neighbours)])
    return topic


def _draw_ids(indexes: Numbers, dice: Dice) -> tuple[Numbers, Numbers]:
    """Give each index a product id and an image id; steps prime to their span make them all different."""
    product, image = dice.raw(2).tolist()
    products = 100_000 + (indexes * _PRODUCT_STEP + product % _PRODUCT_SPAN) % _PRODUCT_SPAN
    images = 60_000 + (indexes * _IMAGE_STEP + image % _IMAGE_SPAN) % _IMAGE_SPAN
    return products, images


def _repeat_rows(block: Block, lexicon: Lexicon, dice: Dice) -> None:
    """Make a few rows the row of the same label before them, with one or two words changed in each text."""
    order = np.argsort(block.label, kind="stable")
    previous = np.full(len(order), -1, dtype=np.int64)
    follows = np.flatnonzero(block.label[order][1:] == block.label[order][:-1]) + 1
    previous[order[follows]] = order[follows - 1]
    repeated = np.flatnonzero(dice.chance(NEAR_DUPLICATES, len(order)) & (previous >= 0))
    picks = iter(dice.raw(len(repeated) * 4).tolist())
    fresh = iter(lexicon.words[lexicon.general.draw(np.repeat(block.language[previous[repeated]], 4), dice)].tolist())
    for row in repeated.tolist():
        source = int(previous[row])
        block.source[row] = block.source[source]
        block.topic[row], block.language[row] = block.topic[source], block.language[source]
        changes = [(next(picks), next(fresh)) for _ in range(4)]
        block.titles[row] = _change(block.titles[source], changes[: 1 + row % 2])
        description = block.descriptions[source]
        block.descriptions[row] = None if description is None else _change(description, changes[2:])


def _change(text: str, changes: list[tuple[int, str]]) -> str:
    """Replace a word of a text for each pair of a random number and a fresh word; a short text gets one more instead."""
    words = text.split(" ")
    for pick, fresh in changes:
        if len(words) < 6:
            words.append(fresh)
        else:
            words[pick % len(words)] = fresh
    return " ".join(words)


def _add_noise(block: Block, dice: Dice) -> None:
    """Put entities and tags into descriptions, and break letters of titles and descriptions."""
    described = np.array([description is not None for description in block.descriptions])
    rows = len(described)
    styles: npt.NDArray[np.uint64] = dice.raw(rows)
    entities = np.flatnonzero(dice.chance(ENTITIES, rows) & described).tolist()
    tagged = np.flatnonzero(dice.chance(TAGGED, rows) & described).tolist()
    broken = np.flatnonzero(dice.chance(BROKEN, rows)).tolist()
    titles, descriptions = block.titles, block.descriptions
    for row in entities:
        descriptions[row] = add_entities(descriptions[row] or "", int(styles[row]) % ENTITY_STYLES)
    for row in tagged:
        descriptions[row] = add_tags(descriptions[row] or "", int(styles[row]) // 8 % TAG_STYLES)
    for row in broken:
        style = int(styles[row]) // 64 % BREAK_STYLES
        title, description = titles[row], descriptions[row]
        titles[row] = break_letters(title, style)
        descriptions[row] = None if description is None else break_letters(description, style)
        block.with_broken_letters += titles[row] != title or descriptions[row] != description
    block.with_tags, block.with_entities = len(tagged), len(entities)
