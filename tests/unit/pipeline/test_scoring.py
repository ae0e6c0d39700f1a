"""Scoring: a file of any kind in, one answer a row out; a split as its file had it; images where the model looks at them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aisle.catalog.product import Product
from aisle.errors import ArchiveError, InputError, SourceError
from aisle.models.bundle import Bundle
from aisle.models.prediction import Candidate, Prediction
from aisle.pipeline import steps
from aisle.pipeline.context import Context
from aisle.pipeline.messages import IngestInput
from aisle.pipeline.scoring import ScoringReport, answers_frame, score_file, score_split, submission_frame
from tests.catalogues import jpeg, write_challenge, write_csv
from tests.trained import shop

ROWS: list[dict[str, Any]] = [
    {"id": "a", "title": "Coussin décoratif en lin", "description": "<p>Housse &eacute;t&eacute;</p>", "brand": "Linea"},
    {"id": "b", "title": "Console de jeux", "description": None, "brand": None},
    {"id": None, "title": None, "description": "Piscine ronde hors sol", "brand": None},
    {"id": "d", "title": None, "description": None, "brand": None},
]
PRODUCTS = [
    Product("a", "Coussin décoratif en lin", "<p>Housse &eacute;t&eacute;</p>", "Linea"),
    Product("b", "Console de jeux"),
    Product("2", None, "Piscine ronde hors sol"),
    Product("d"),
]


class Looker:
    """A bundle that looks at images, remembers what it was asked, and answers by what it saw."""

    modalities = ("text", "image")

    def __init__(self, codes: Sequence[str] = ("10", "40")) -> None:
        self.categories = {code: f"category {code}" for code in codes}
        self.asked: list[Product] = []

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        self.asked += products
        candidates = tuple(Candidate(code, name, 0.5) for code, name in self.categories.items())[:top]
        return [Prediction(p.id, candidates[0].code, candidates[0].name, 0.5, candidates, ()) for p in products]


def looker(*codes: str) -> Any:
    return Looker(codes or ("10", "40"))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".jsonl": frame.write_ndjson}[path.suffix](path)
    return path


def read(path: Path) -> pl.DataFrame:
    return {
        ".csv": lambda p: pl.read_csv(p, schema_overrides={"id": pl.String, "code": pl.String, "code_2": pl.String}),
        ".parquet": pl.read_parquet,
        ".jsonl": pl.read_ndjson,
    }[path.suffix](path)


class TestFile:
    @pytest.mark.parametrize("out", [".csv", ".parquet", ".jsonl"])
    @pytest.mark.parametrize("kind", [".csv", ".parquet", ".jsonl"])
    def test_every_kind_gives_the_bundles_own_answers_in_every_kind(
        self, context: Context, champion: Bundle, tmp_path: Path, kind: str, out: str
    ):
        done = score_file(context, champion, write(tmp_path / f"in{kind}", ROWS), tmp_path / f"out{out}", top=2)
        assert done == ScoringReport(4)
        frame = read(tmp_path / f"out{out}")
        assert frame.columns == ["id", "code", "name", "confidence", "code_2", "confidence_2"]
        expected = champion.predict(PRODUCTS, top=2)
        assert frame["id"].to_list() == ["a", "b", "2", "d"]
        assert frame["code"].to_list() == [answer.code for answer in expected]
        assert frame["name"].to_list() == [answer.name for answer in expected]
        assert frame["confidence"].to_list() == pytest.approx([answer.confidence for answer in expected], abs=1e-6)
        assert frame["code_2"].to_list() == [answer.top[1].code for answer in expected]

    def test_the_challenges_own_columns_are_understood(self, context: Context, champion: Bundle, tmp_path: Path):
        done = score_file(context, champion, shop() / "X_test_update.csv", tmp_path / "out.csv")
        rows = pl.read_csv(shop() / "X_test_update.csv", infer_schema=False)
        frame = read(tmp_path / "out.csv")
        assert done.rows == frame.height == rows.height
        assert frame["id"].to_list() == rows.to_series(0).to_list()
        expected = champion.predict(
            [Product("x", *texts) for texts in rows.select("designation", "description").iter_rows()]
        )
        assert frame["code"].to_list() == [answer.code for answer in expected]

    def test_a_name_in_two_spellings_is_the_plainer_one(self, context: Context, tmp_path: Path):
        write_csv(tmp_path / "in.csv", ("Libelle", "name", "title", "sku", "Marque"), [("c", "b", "a", "s", "m")])
        bundle = looker()
        score_file(context, bundle, tmp_path / "in.csv", tmp_path / "out.csv")
        assert bundle.asked == [Product("s", "a", None, "m")]

    def test_a_json_field_that_the_first_line_lacks_is_read_all_the_same(self, context: Context, tmp_path: Path):
        (tmp_path / "in.jsonl").write_text('{"id": 1, "title": "a"}\n{"description": "b", "id": null}\n')
        bundle = looker()
        score_file(context, bundle, tmp_path / "in.jsonl", tmp_path / "out.csv")
        assert bundle.asked == [Product("1", "a"), Product("1", None, "b")]

    def test_rows_that_cannot_be_read_are_counted_and_the_others_answered(self, context: Context, tmp_path: Path):
        (tmp_path / "in.csv").write_bytes(b"id,title\n1,a\n2,b,c\n3,\xff\n4,d\n")
        told: list[int] = []
        context = Context(**{**vars(context), "report": lambda _what, done, _total: told.append(done)})
        done = score_file(context, looker(), tmp_path / "in.csv", tmp_path / "out.csv")
        assert done == ScoringReport(2, unread=2)
        assert read(tmp_path / "out.csv")["id"].to_list() == ["1", "4"]
        assert sum(told) == 4

    def test_a_file_of_many_batches_keeps_its_order(self, context: Context, tmp_path: Path):
        write_csv(tmp_path / "in.csv", ("id", "title"), [(f"p{row}", "a") for row in range(5_001)])
        assert score_file(context, looker(), tmp_path / "in.csv", tmp_path / "out.parquet").rows == 5_001
        assert read(tmp_path / "out.parquet")["id"].to_list() == [f"p{row}" for row in range(5_001)]

    @pytest.mark.parametrize("out", [".csv", ".parquet"])
    def test_a_file_without_rows_gives_a_table_without_rows(self, context: Context, tmp_path: Path, out: str):
        (tmp_path / "in.csv").write_text("id,title\n")
        assert score_file(context, looker(), tmp_path / "in.csv", tmp_path / f"out{out}") == ScoringReport(0)
        assert read(tmp_path / f"out{out}").columns == ["id", "code", "name", "confidence"]

    def test_ids_and_names_that_a_spreadsheet_would_run_are_disarmed(self, context: Context, tmp_path: Path):
        write_csv(tmp_path / "in.csv", ("id", "title"), [("=cmd|' /C calc'!A0", "=1+1")])
        bundle = looker("@SUM(1)")
        score_file(context, bundle, tmp_path / "in.csv", tmp_path / "out.csv")
        assert (tmp_path / "out.csv").read_text() == (
            "id,code,name,confidence\n'=cmd|' /C calc'!A0,'@SUM(1),category @SUM(1),0.5\n"
        )
        assert bundle.asked[0].title == "=1+1"

    def test_a_file_without_anything_to_classify_by_is_told_what_it_has(self, context: Context, tmp_path: Path):
        write_csv(tmp_path / "in.csv", ("id", "titel"), [(1, "a")])
        with pytest.raises(InputError, match="it has 'id', 'titel'") as caught:
            score_file(context, looker(), tmp_path / "in.csv", tmp_path / "out.csv")
        assert "'title'" in caught.value.hint
        assert not (tmp_path / "out.csv").exists()

    @pytest.mark.parametrize(
        ("name", "words"), [("none.csv", "is not there"), ("in.xlsx", "neither CSV"), (".", "not there")]
    )
    def test_a_file_that_is_none_is_refused(self, context: Context, tmp_path: Path, name: str, words: str):
        (tmp_path / "in.xlsx").write_bytes(b"PK")
        with pytest.raises(SourceError, match=words):
            score_file(context, looker(), tmp_path / name, tmp_path / "out.csv")

    def test_a_file_that_breaks_off_leaves_no_answers_behind(self, context: Context, tmp_path: Path):
        (tmp_path / "in.csv").write_text("id,title\n" + "0,a\n" * 3_000 + '1,"never closed\n' + "2,b\n" * 3_000_000)
        with pytest.raises(SourceError, match="never closed"):
            score_file(context, looker(), tmp_path / "in.csv", tmp_path / "out.csv")
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["in.csv"]

    def test_as_many_places_as_there_are_categories_and_nothing_beyond(self, context: Context, tmp_path: Path):
        write_csv(tmp_path / "in.csv", ("title",), [("a",)])
        score_file(context, looker(), tmp_path / "in.csv", tmp_path / "out.jsonl", top=3)
        (row,) = read(tmp_path / "out.jsonl").to_dicts()
        assert (row["code"], row["code_2"], row["code_3"], row["confidence_3"]) == ("10", "40", None, None)


class TestFileImages:
    @pytest.fixture
    def challenge(self, tmp_path: Path) -> Path:
        return write_challenge(tmp_path / "other", train=3, test=3)

    def test_an_archive_gives_images_by_the_challenges_names(self, context: Context, challenge: Path, tmp_path: Path):
        bundle = looker()
        done = score_file(
            context, bundle, challenge / "X_test_update.csv", tmp_path / "out.csv", images=challenge / "images.zip"
        )
        assert done == ScoringReport(3)
        assert [product.image for product in bundle.asked] == [jpeg(row) for row in (3, 4, 5)]

    def test_training_rows_find_theirs_too(self, context: Context, challenge: Path, tmp_path: Path):
        bundle = looker()
        score_file(context, bundle, challenge / "X_train_update.csv", tmp_path / "out.csv", images=challenge / "images.zip")
        assert [product.image for product in bundle.asked] == [jpeg(row) for row in range(3)]

    def test_a_folder_gives_images_by_a_column_and_those_that_cannot_be_had_are_counted(
        self, context: Context, tmp_path: Path
    ):
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / "a.jpg").write_bytes(jpeg(1))
        (tmp_path / "secret.jpg").write_bytes(jpeg(2))
        names = ["a.jpg", "missing.jpg", "../secret.jpg", None]
        rows = [{"id": str(row), "title": "t", "image": name} for row, name in enumerate(names)]
        bundle = looker()
        done = score_file(
            context, bundle, write(tmp_path / "in.jsonl", rows), tmp_path / "out.csv", images=tmp_path / "pictures"
        )
        assert done == ScoringReport(4, without_image=2)
        assert [product.image for product in bundle.asked] == [jpeg(1), None, None, None]

    def test_without_an_archive_no_image_is_looked_for(self, context: Context, challenge: Path, tmp_path: Path):
        bundle = looker()
        assert score_file(context, bundle, challenge / "X_test_update.csv", tmp_path / "out.csv").without_image == 0
        assert [product.image for product in bundle.asked] == [None] * 3

    def test_a_model_of_text_alone_is_given_no_images(self, context: Context, challenge: Path, tmp_path: Path):
        bundle = looker()
        bundle.modalities = ("text",)
        done = score_file(
            context, bundle, challenge / "X_test_update.csv", tmp_path / "out.csv", images=challenge / "images.zip"
        )
        assert done == ScoringReport(3)
        assert [product.image for product in bundle.asked] == [None] * 3

    def test_an_archive_that_is_none_is_refused_whatever_the_model(self, context: Context, champion: Bundle, tmp_path: Path):
        write_csv(tmp_path / "in.csv", ("title",), [("a",)])
        (tmp_path / "images.zip").write_bytes(b"no zip")
        for images in (tmp_path / "none.zip", tmp_path / "images.zip"):
            with pytest.raises(ArchiveError):
                score_file(context, champion, tmp_path / "in.csv", tmp_path / "out.csv", images=images)
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.writestr("../evil.jpg", jpeg(1))
        with pytest.raises(ArchiveError):
            score_file(context, champion, tmp_path / "in.csv", tmp_path / "out.csv", images=tmp_path / "evil.zip")
        assert not (tmp_path / "out.csv").exists()


class TestSplit:
    def test_the_challenges_test_rows_make_a_submission(self, context: Context, champion: Bundle, tmp_path: Path):
        told: list[tuple[str, int, int]] = []
        context = Context(**{**vars(context), "report": lambda *call: told.append(call)})
        done = score_split(context, champion, "test", tmp_path / "submission.csv")
        rows = pl.read_csv(shop() / "X_test_update.csv", infer_schema=False)
        lines = (tmp_path / "submission.csv").read_text().splitlines()
        assert lines[0] == ",prdtypecode"
        assert [line.split(",")[0] for line in lines[1:]] == rows.to_series(0).to_list()
        expected = champion.predict(
            [Product("x", *texts) for texts in rows.select("designation", "description").iter_rows()]
        )
        assert [line.split(",")[1] for line in lines[1:]] == [answer.code for answer in expected]
        assert done == ScoringReport(rows.height)
        assert told == [("scoring", rows.height, rows.height)]

    def test_training_rows_are_answered_as_a_file_is(self, context: Context, champion: Bundle, tmp_path: Path):
        done = score_split(context, champion, "train", tmp_path / "out.parquet")
        frame = read(tmp_path / "out.parquet")
        assert frame.columns == ["id", "code", "name", "confidence"]
        assert frame.height == done.rows == 1_500 - done.missing

    def test_several_catalogues_are_told_apart_by_name(self, context: Context, tmp_path: Path):
        folder = write_challenge(tmp_path / "second", train=4, test=6)
        steps.ingest(context, IngestInput(folder=folder, share=1.0))
        with pytest.raises(InputError, match="Several catalogues have test rows: second, shop") as caught:
            score_split(context, looker(), "test", tmp_path / "out.csv")
        assert "--source" in caught.value.hint
        assert not (tmp_path / "out.csv").exists()
        assert score_split(context, looker(), "test", tmp_path / "out.csv", source="second").rows == 6
        with pytest.raises(InputError, match="No catalogue third has test rows"):
            score_split(context, looker(), "test", tmp_path / "out.csv", source="third")

    def test_without_such_a_split_it_says_how_to_get_one(self, empty: Context, tmp_path: Path):
        with pytest.raises(InputError, match="No catalogue has test rows") as caught:
            score_split(empty, looker(), "test", tmp_path / "out.csv")
        assert "aisle catalog ingest" in caught.value.hint

    def test_rows_that_ingest_refused_are_counted_as_missing(self, empty: Context, tmp_path: Path):
        folder = write_challenge(tmp_path / "second", train=4, test=6, images=False)
        path = folder / "X_test_update.csv"
        lines = path.read_text().splitlines()
        # One without an id, one without anything to classify by.
        path.write_text("\n".join([*lines[:2], lines[2].removeprefix("5"), *lines[3:5], "8,,,1008,9008", lines[6], ""]))
        steps.ingest(empty, IngestInput(folder=folder, share=1.0))
        assert score_split(empty, looker(), "test", tmp_path / "out.csv") == ScoringReport(4, missing=2)
        lines = (tmp_path / "out.csv").read_text().splitlines()
        assert [line.split(",")[0] for line in lines] == ["", "4", "6", "7", "9"]

    def test_stored_images_are_given_to_a_model_that_looks_at_them(self, empty: Context, tmp_path: Path):
        folder = write_challenge(tmp_path / "second", train=4, test=4)
        path = folder / "X_test_update.csv"
        # One never had an image, another's is lost from the store.
        path.write_text(path.read_text().replace(",1007,", ",7007,"))
        steps.ingest(empty, IngestInput(folder=folder, share=1.0))
        empty.images.delete("x_test/image_9005_product_1005.jpg")
        bundle = looker()
        assert score_split(empty, bundle, "test", tmp_path / "out.csv") == ScoringReport(4, without_image=1)
        assert [product.image for product in bundle.asked] == [jpeg(4), None, jpeg(6), None]
        blind = looker()
        blind.modalities = ("text",)
        assert score_split(empty, blind, "test", tmp_path / "out.csv") == ScoringReport(4)
        assert [product.image for product in blind.asked] == [None] * 4

    def test_a_model_of_other_catalogues_too_makes_no_submission(self, context: Context, tmp_path: Path):
        with pytest.raises(InputError, match="can answer 'Home > Lamps'") as caught:
            score_split(context, looker("10", "Home > Lamps"), "test", tmp_path / "out.csv")
        assert "--only" in caught.value.hint
        assert list(tmp_path.glob("*.csv")) == []

    def test_a_mapped_catalogues_test_rows_keep_their_ids_and_labels(self, empty: Context, tmp_path: Path):
        folder = tmp_path / "mapped"
        folder.mkdir()
        write_csv(folder / "train.csv", ("sku", "name", "kind"), [("a/1", "Chair", "Home")])
        write_csv(folder / "test.csv", ("sku", "name"), [("b/1", "Table"), ("b/0", "Lamp")])
        (folder / "catalog.toml").write_text(
            '[files]\ntrain = "train.csv"\ntest = "test.csv"\n[columns]\nid = "sku"\ntitle = "name"\nlabel = "kind"\n'
        )
        steps.ingest(empty, IngestInput(folder=folder, share=1.0))
        score_split(empty, looker("Home > Lamps"), "test", tmp_path / "out.csv")
        assert (tmp_path / "out.csv").read_text() == (
            "id,code,name,confidence\n"
            "b/1,Home > Lamps,category Home > Lamps,0.5\n"
            "b/0,Home > Lamps,category Home > Lamps,0.5\n"
        )


def test_no_answers_are_a_table_with_every_column():
    assert answers_frame([], 1).schema == {"id": pl.String, "code": pl.String, "name": pl.String, "confidence": pl.Float64}
    assert answers_frame([], 3).columns[4:] == ["code_2", "confidence_2", "code_3", "confidence_3"]


def test_a_submission_is_numbers_under_the_challenges_header():
    answers = [Prediction("7", "2583", "Pools", 0.5, (), ())]
    assert submission_frame(answers).to_dicts() == [{"": 7, "prdtypecode": 2583}]
