"""Ingest on every database: nothing lost, nothing doubled, whatever happens on the way."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from aisle.catalog.ingest import Ingest
from aisle.catalog.loads import list_loads
from aisle.catalog.rejects import count_rejects, list_rejects
from aisle.catalog.snapshot import freeze
from aisle.catalog.source import open_source
from aisle.errors import IngestError, SourceError
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.storage.schema import labels, products
from tests.catalogues import jpeg, write_challenge, write_csv

OPTIONS = Catalog(batch_rows=100)


@pytest.fixture
def store(tmp_path):
    return Objects(f"file://{tmp_path / 'store'}")


@pytest.fixture
def ingest(database: Database, store: Objects) -> Ingest:
    return Ingest(database, store.bucket("rakuten-image"), OPTIONS, concurrency=4)


def _digest(ingest: Ingest, store: Objects) -> str:
    return freeze(ingest.database, store.bucket("aisle")).digest


def _count(database: Database, table) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _fresh(tmp_path: Path, store: Objects, name: str) -> Ingest:
    database = Database(f"sqlite:///{tmp_path / name}.db")
    database.migrate()
    return Ingest(database, store.bucket("rakuten-image"), OPTIONS, concurrency=4)


def test_a_share_is_the_first_rows_of_each_file_and_fills_the_relations_of_the_challenge(tmp_path, ingest, store):
    report = ingest.run(open_source(write_challenge(tmp_path / "shop", train=57, test=23)))
    assert [(load.split, load.rows_loaded, load.images_loaded) for load in report.loads] == [
        ("train", 11, 11),
        ("test", 4, 4),
    ]
    assert not report.exhausted
    with ingest.database.reading() as connection:
        rows = connection.execute(
            text("SELECT id, designation, description, productid, imageid FROM x_train ORDER BY id")
        ).all()
        codes = connection.execute(text("SELECT id, prdtypecode FROM y_train ORDER BY id")).all()
        tests = connection.execute(text("SELECT id FROM x_test ORDER BY id")).scalars().all()
    assert rows[1] == (1, "Livre n° 1, l'été", "<p>Tome 1</p>", 1001, 9001)
    assert rows[0][2] is None
    assert codes[:3] == [(0, 10), (1, 40), (2, 50)]
    assert tests == [57, 58, 59, 60]
    assert store.bucket("rakuten-image").get("x_train/image_9001_product_1001.jpg") == jpeg(1)
    assert min(store.bucket("rakuten-image").keys("x_test")) == "x_test/image_9057_product_1057.jpg"


def test_running_again_does_nothing_and_a_larger_share_adds_the_rest(tmp_path, ingest, store):
    source = open_source(write_challenge(tmp_path / "shop", train=50, test=10))
    ingest.run(source, share=0.5)
    digest = _digest(ingest, store)
    assert ingest.run(source, share=0.5).loads == ()
    assert ingest.run(source, share=0.2).loads == ()
    assert _digest(ingest, store) == digest
    report = ingest.run(source, share=1.0)
    assert [load.rows_expected for load in report.loads] == [25, 5]
    assert report.exhausted
    assert _count(ingest.database, products) == 60
    assert _count(ingest.database, products) == 60


def test_many_batches_give_the_digest_of_one_ingest_and_then_say_that_all_is_taken(tmp_path, ingest, store):
    folder = write_challenge(tmp_path / "shop", train=50, test=10)
    whole = _fresh(tmp_path, store, "whole")
    whole.run(open_source(folder), share=1.0)
    reports = [ingest.run(open_source(folder), next_rows=20) for _ in range(4)]
    assert [sum(load.rows_expected for load in report.loads) for report in reports] == [30, 20, 10, 0]
    assert [report.exhausted for report in reports] == [False, False, True, True]
    assert _digest(ingest, store) == _digest(whole, store)


def test_a_stratified_share_has_every_class_in_its_share(tmp_path, ingest, store):
    source = open_source(write_challenge(tmp_path / "shop", train=400, test=20, images=False))
    ingest.run(source, share=0.2, sample="stratified")
    with ingest.database.reading() as connection:
        counts = connection.execute(
            select(products.c.label, func.count()).where(products.c.split == "train").group_by(products.c.label)
        ).all()
    assert set(dict(counts).values()) == {10}
    ingest.run(source, share=1.0, sample="stratified")
    plain = _fresh(tmp_path, store, "plain")
    plain.run(source, share=1.0)
    assert _digest(ingest, store) == _digest(plain, store)
    with pytest.raises(IngestError, match="begun with --sample stratified"):
        ingest.run(source, share=1.0, sample="head")


def test_rows_and_images_that_cannot_be_used_are_kept_with_their_reasons(tmp_path, ingest, store):
    folder = tmp_path / "shop"
    images = folder / "images" / "image_train"
    images.mkdir(parents=True)
    header = ("", "designation", "description", "productid", "imageid")
    rows = [
        (0, "good", "", 100, 900),
        ("", "no id", "", 101, 901),
        (2, "unknown label", "", 102, 902),
        (0, "the same id", "", 103, 903),
        (4, "", "", 104, 904),
        (5, "no image but text", "", 105, 905),
        (6, "text for an image", "", 106, 906),
        (7, "broken image", "", 107, 907),
        ("x", "no number", "", 108, 908),
        (9, "no label", "", 109, 909),
    ]
    write_csv(folder / "X_train_update.csv", header, rows)
    write_csv(folder / "Y_train_CVw08PX.csv", ("", "prdtypecode"), [(0, 10), (2, 11), (4, 40), (5, 40), (6, 40), (7, 50)])
    for image, product, content in (
        (900, 100, jpeg(0)),
        (906, 106, b"no image at all"),
        (907, 107, jpeg(7)[:-40]),
        (909, 109, jpeg(9)),
    ):
        (images / f"image_{image}_product_{product}.jpg").write_bytes(content)
    report = ingest.run(open_source(folder), share=1.0)
    counts = {(row.kind, row.reason): row.count for row in count_rejects(ingest.database)}
    assert counts == {
        ("row", "no_id"): 1,
        ("row", "bad_id"): 1,
        ("row", "unknown_label"): 1,
        ("row", "duplicate_id"): 1,
        ("row", "nothing_to_classify"): 1,
        ("image", "missing"): 2,
        ("image", "not_an_image"): 1,
        ("image", "truncated"): 1,
    }
    (load,) = report.loads
    assert (load.rows_loaded, load.rows_rejected, load.images_loaded, load.images_rejected) == (5, 5, 2, 4)
    assert load.rows_loaded + load.rows_rejected + load.rows_unchanged == load.rows_expected
    with ingest.database.reading() as connection:
        kept = connection.execute(select(products.c.id, products.c.image_sha256).order_by(products.c.id)).all()
    assert [(row.id, row.image_sha256 is not None) for row in kept] == [
        ("0", True),
        ("5", False),
        ("6", False),
        ("7", False),
        ("9", True),
    ]
    assert '"title":"no id"' in next(row.raw for row in list_rejects(ingest.database) if row.reason == "no_id")


def test_an_id_seen_in_an_earlier_batch_is_a_duplicate(tmp_path, ingest):
    folder = write_challenge(tmp_path / "shop", train=250, test=1, images=False)
    path = folder / "X_train_update.csv"
    path.write_text(path.read_text().replace("\n240,", "\n3,"))
    ingest.run(open_source(folder), share=1.0)
    (reject,) = list_rejects(ingest.database)
    assert (reject.row, reject.product_id, reject.reason, reject.detail) == (240, "3", "duplicate_id", "first seen in row 3")
    assert _count(ingest.database, products) == 250


def test_changed_files_are_compared_and_only_the_changes_are_taken(tmp_path, ingest, store):
    folder = write_challenge(tmp_path / "shop", train=30, test=5)
    ingest.run(open_source(folder), share=1.0)
    x, y = folder / "X_train_update.csv", folder / "Y_train_CVw08PX.csv"
    original = x.read_text(), y.read_text()
    before = _digest(ingest, store)
    x.write_text(original[0].replace("Livre n° 4,", "Livre n° four,"))
    y.write_text(original[1].replace("\n7,1280\n", "\n7,10\n"))
    report = ingest.run(open_source(folder), share=1.0)
    assert [(load.split, load.rows_loaded, load.rows_unchanged) for load in report.loads] == [("train", 2, 28)]
    assert _count(ingest.database, labels) == 1
    assert _digest(ingest, store) != before
    x.write_text(original[0])
    y.write_text(original[1])
    ingest.run(open_source(folder), share=1.0)
    assert _digest(ingest, store) == before
    assert _count(ingest.database, products) == 35


def test_a_correction_survives_a_source_that_repeats_itself_and_yields_to_one_that_changes_its_mind(tmp_path, ingest):
    folder = write_challenge(tmp_path / "shop", train=10, test=1, images=False)
    ingest.run(open_source(folder), share=1.0)
    with ingest.database.transaction() as connection:
        connection.execute(
            labels.insert().values(
                source="shop", split="train", product_id="3", seq=1, code="2705", author="ana", reason="seen"
            )
        )

    def current() -> str:
        with ingest.database.reading() as connection:
            return connection.execute(text("SELECT code FROM current_labels WHERE product_id = '3'")).scalar_one()

    path = folder / "X_train_update.csv"
    path.write_text(path.read_text() + "10,new,,1,2\n")
    ingest.run(open_source(folder), share=1.0)
    assert current() == "2705"
    y = folder / "Y_train_CVw08PX.csv"
    y.write_text(y.read_text().replace("\n3,60\n", "\n3,40\n"))
    ingest.run(open_source(folder), share=1.0)
    assert current() == "40"


def test_a_load_that_was_cut_short_is_gone_on_with(tmp_path, ingest, store):
    folder = write_challenge(tmp_path / "shop", train=450, test=20)
    whole = _fresh(tmp_path, store, "whole")
    whole.run(open_source(folder), share=1.0)

    def cut(_split, _handled, _total):
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            ingest.run(open_source(folder), share=1.0, progress=cut)
    assert [load.state for load in list_loads(ingest.database)] == ["running"]
    with pytest.raises(Exception, match="still being loaded"):
        _digest(ingest, store)
    ingest.run(open_source(folder), share=1.0)
    assert {load.state for load in list_loads(ingest.database)} == {"done"}
    assert _digest(ingest, store) == _digest(whole, store)


def test_next_rows_that_were_cut_short_are_finished_and_not_doubled(tmp_path, ingest):
    source = open_source(write_challenge(tmp_path / "shop", train=900, test=1, images=False))

    def cut(_split, _handled, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest.run(source, next_rows=300, progress=cut)
    ingest.run(source, next_rows=300)
    assert _count(ingest.database, products) == 301


def test_several_at_once_take_every_row_once(tmp_path, ingest, store):
    folder = write_challenge(tmp_path / "shop", train=2_000, test=300, images=False)
    whole = _fresh(tmp_path, store, "whole")
    whole.run(open_source(folder), share=1.0)
    errors: list[BaseException] = []

    def work():
        try:
            ingest.run(open_source(folder), share=1.0)
        except BaseException as error:  # noqa: BLE001 - every failure of a thread is the test's
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert _count(ingest.database, products) == 2_300
    loads = list_loads(ingest.database)
    assert [(load.split, load.state, load.rows_loaded) for load in loads] == [
        ("train", "done", 2_000),
        ("test", "done", 300),
    ]
    assert _digest(ingest, store) == _digest(whole, store)


def test_catalogues_live_side_by_side_and_keep_their_images_apart(tmp_path, ingest, store):
    ingest.run(open_source(write_challenge(tmp_path / "one", train=10, test=2)), share=1.0)
    ingest.run(open_source(write_challenge(tmp_path / "two", train=20, test=2)), share=1.0)
    images = store.bucket("rakuten-image")
    assert images.exists("x_train/image_9001_product_1001.jpg")
    assert images.exists("two/x_train/image_9015_product_1015.jpg")
    assert not images.exists("x_train/image_9015_product_1015.jpg")
    artifacts = store.bucket("aisle")
    assert freeze(ingest.database, artifacts).rows == 34
    assert freeze(ingest.database, artifacts, names=["two"]).sources == {"two": "two/"}


def test_another_catalogue_comes_in_through_its_mapping(tmp_path, ingest, store):
    folder = tmp_path / "shop"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures" / "a.jpg").write_bytes(jpeg(1))
    write_csv(
        folder / "p.csv",
        ("sku", "name", "kind", "file"),
        [("a/1", "Chaise", "Home", "a.jpg"), ("b", "Table", "", "../a.jpg")],
    )
    (folder / "catalog.toml").write_text(
        '[files]\ntrain = "p.csv"\n[columns]\nid = "sku"\ntitle = "name"\nlabel = "kind"\n'
        '[images]\npath = "pictures"\nname = "{file}"\n'
    )
    report = ingest.run(open_source(folder), share=1.0)
    assert report.loads[0].rows_loaded == 2
    assert store.bucket("rakuten-image").exists("shop/x_train/a.jpg")
    assert [(row.product_id, row.reason) for row in list_rejects(ingest.database)] == [("b", "unsafe")]


def test_the_source_is_never_modified(tmp_path, ingest):
    folder = write_challenge(tmp_path / "shop", train=30, test=5)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    ingest.run(open_source(folder), share=1.0)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("options", [{"share": 0.0}, {"share": 1.1}, {"share": float("nan")}, {"next_rows": 0}])
def test_a_share_or_number_out_of_range_is_refused(tmp_path, ingest, options):
    with pytest.raises(IngestError):
        ingest.run(open_source(write_challenge(tmp_path / "shop")), **options)


def test_a_source_that_lacks_a_column_leaves_the_catalogue_as_it_was(tmp_path, ingest):
    folder = write_challenge(tmp_path / "shop", images=False)
    (folder / "X_test_update.csv").write_text(",designation\n1,a\n")
    with pytest.raises(SourceError, match="no column"):
        ingest.run(open_source(folder), share=1.0)
    assert _count(ingest.database, products) == 0


def test_real_catalogues_come_in_whole(shared_data, ingest, store):
    ingest.run(open_source(shared_data / "rakuten-14k"))
    with ingest.database.reading() as connection:
        sizes = [
            connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in ("x_train", "x_test", "y_train")
        ]
    assert sizes == [2_210, 552, 2_210]
    images = store.bucket("rakuten-image")
    assert sum(1 for _ in images.keys("x_train")) == 2_210
    assert sum(1 for _ in images.keys("x_test")) == 552
