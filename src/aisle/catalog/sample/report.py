"""What a synthetic catalogue turned out to hold."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class SampleReport:
    """What was written; counts are of training and test rows together where nothing else is said.

    Args:
        folder: Where it lies.
        rows: Training rows.
        test_rows: Test rows.
        classes: Training rows by label.
        languages: Rows by language.
        without_description: Rows that have none.
        with_tags: Rows whose description holds HTML tags.
        with_entities: Rows whose description holds HTML entities.
        with_broken_letters: Rows with letters broken by a wrong encoding.
        wrong_labels: Training rows whose label is not what they show.
        near_duplicates: Rows that nearly repeat another.
        images: Pictures in the archive.
        missing_images: Rows that have no picture there, though pictures were asked for.
        placeholder_images: Pictures that are the shop's placeholder.
    """

    folder: Path
    rows: int
    test_rows: int
    classes: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    without_description: int = 0
    with_tags: int = 0
    with_entities: int = 0
    with_broken_letters: int = 0
    wrong_labels: int = 0
    near_duplicates: int = 0
    images: int = 0
    missing_images: int = 0
    placeholder_images: int = 0
