"""The overview: numbers that were counted by hand first, on every database."""

from pathlib import Path

import pytest

from aisle.catalog.ingest import Ingest
from aisle.catalog.source import open_source
from aisle.monitoring.overview import FieldOverview, Overview, overview
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.storage.schema import labels
from tests.catalogues import jpeg, write_csv

# id, title, description, maker, kind, file
ROWS = [
    ("1", "Le livre de la forêt", "Un roman pour les enfants", "Aube", "books", "1.jpg"),
    ("2", "The book of the forest", "", "", "books", "2.jpg"),
    # The same title as the first but for case, accents and tags, under another label.
    ("3", "LE LIVRE de la <b>foret</b>", "", "", "toys", ""),
    # The same as the second, and agreed on.
    ("4", "The book of the forest", "A novel for children with maps", "", "books", ""),
    # Without a label, and the first by its id: the others repeat it, and disagree with nobody.
    ("0", "The book of the forest", "", "", "", ""),
    ("6", "", "Das Haus und der Garten für Kinder", "Aube", "toys", ""),
    # Titles of which nothing is left are not duplicates of each other.
    ("7", "***", "La maison et le jardin", "", "toys", ""),
    ("8", "<br/>", "Il gioco della casa", "", "toys", ""),
    ("9", "XR-500", "", "", "games", ""),
]
EXPECTED = Overview(
    products=9,
    labelled=8,
    fields=(
        # Lengths 20, 22, 27, 22, 22, 3, 5 and 6.
        FieldOverview("title", 1, 21, 27),
        # 25, 30, 34, 22 and 19.
        FieldOverview("description", 4, 25, 34),
        FieldOverview("brand", 7, 4, 4),
        FieldOverview("image", 7, 0, 0),
    ),
    languages={"fr": 3, "en": 3, "de": 1, "it": 1, "unknown": 1},
    classes={"toys": 4, "books": 3, "games": 1},
    duplicates=3,
    conflicts=1,
)


@pytest.fixture
def ingest(database: Database, tmp_path: Path) -> Ingest:
    return Ingest(database, Objects(f"file://{tmp_path / 'store'}").bucket("images"), Catalog())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "pictures").mkdir(parents=True)
    for number in (1, 2):
        (folder / "pictures" / f"{number}.jpg").write_bytes(jpeg(number))
    write_csv(folder / "p.csv", ("sku", "name", "text", "maker", "kind", "file"), ROWS)
    (folder / "catalog.toml").write_text(
        '[files]\ntrain = "p.csv"\n'
        '[columns]\nid = "sku"\ntitle = "name"\ndescription = "text"\nbrand = "maker"\nlabel = "kind"\n'
        '[images]\npath = "pictures"\nname = "{file}"\n'
    )
    return folder


def test_the_numbers_are_those_counted_by_hand(ingest: Ingest, shop: Path):
    ingest.run(open_source(shop), share=1.0)
    told: list[tuple[int, int]] = []
    assert overview(ingest.database, progress=lambda *call: told.append(call)) == EXPECTED
    assert told == [(9, 9)]


def test_the_commonest_come_first(ingest: Ingest, shop: Path):
    ingest.run(open_source(shop), share=1.0)
    seen = overview(ingest.database)
    for counts in (seen.classes, seen.languages):
        assert list(counts.values()) == sorted(counts.values(), reverse=True)


def test_one_source_is_looked_at_alone_or_all_together(ingest: Ingest, shop: Path):
    ingest.run(open_source(shop), share=1.0)
    ingest.run(open_source(shop, name="twin"), share=1.0)
    assert overview(ingest.database, source="shop") == overview(ingest.database, source="twin") == EXPECTED
    both = overview(ingest.database)
    assert (both.products, both.labelled, both.conflicts) == (18, 16, 1)
    # Each of the twins' six titles repeats one of the first's.
    assert both.duplicates == 3 + 6
    assert overview(ingest.database, source="nobody").products == 0


def test_corrections_count_and_not_what_was_said_before(ingest: Ingest, shop: Path):
    ingest.run(open_source(shop), share=1.0)
    with ingest.database.transaction() as connection:
        connection.execute(
            labels.insert().values(source="shop", split="train", product_id="3", seq=1, code="books", author="ana")
        )
    seen = overview(ingest.database)
    assert seen.classes == {"books": 4, "toys": 3, "games": 1}
    assert seen.conflicts == 0


def test_an_empty_catalogue_is_all_zeros(database: Database):
    seen = overview(database)
    assert (seen.products, seen.labelled, seen.duplicates, seen.conflicts) == (0, 0, 0, 0)
    assert seen.fields == tuple(FieldOverview(name, 0, 0, 0) for name in ("title", "description", "brand", "image"))
    assert (seen.languages, seen.classes) == ({}, {})
