"""What is kept of an answer."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PIL import Image

from aisle.catalog.product import Product
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, LookBudget, answer_rows
from aisle.storage.schema import predictions

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def image(kind: str, width: int = 30, height: int = 20) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(stream, kind)
    return stream.getvalue()


def answered(*products: Product, **changes: object) -> Answered:
    top = (Candidate("10", "Books", 0.7), Candidate("50", "Games", 0.2))
    given = {"modalities": ("text",), "prediction_set": ("10", "50"), "review": "not confident", **changes}
    found = [Prediction(p.id, "10", "Books", 0.7, **{"top": top, **given}) for p in products]
    return Answered("r-1", AT, 0.004, 3, "bundle", products, found)


def row(product: Product, *, keep_text: bool = False, **changes: object) -> dict:
    (kept,) = answer_rows([answered(product, **changes)], keep_text=keep_text)
    return kept


def test_it_is_what_the_table_takes() -> None:
    rows = answer_rows([answered(Product("1", "a"), Product("2", "b")), answered(Product("3", "c"))], keep_text=False)
    assert all({*kept} == {column.name for column in predictions.columns} - {"id"} for kept in rows)
    assert [kept["position"] for kept in rows] == [0, 1, 0]
    assert [kept["product_id"] for kept in rows] == ["1", "2", "3"]
    assert answer_rows([], keep_text=True) == []


def test_it_holds_nothing_but_what_drivers_take() -> None:
    kept = answer_rows(
        [answered(Product("1", "Livre <b>", "d", "b", image=image("JPEG")))], keep_text=True, looks=LookBudget(1)
    )[0]
    assert {type(value) for value in kept.values()} <= {str, int, float, bool, datetime, type(None)}
    assert kept["image_brightness"] is not None


def test_places_that_are_given_are_kept_and_belong_to_each_product() -> None:
    streamed = replace(answered(Product("1", "a"), Product("2", "b")), positions=[64, 70])
    assert answer_rows([streamed], keep_text=False)[0]["position"] == 64
    with pytest.raises(ValueError, match="zip"):
        answer_rows([replace(streamed, positions=[64])], keep_text=False)


def test_the_answer_is_kept_with_its_model() -> None:
    kept = row(Product("1", "Piscine"))
    assert (kept["request_id"], kept["answered_at"], kept["seconds"]) == ("r-1", AT, 0.004)
    assert (kept["version"], kept["bundle"], kept["code"], kept["confidence"]) == (3, "bundle", "10", 0.7)
    assert (kept["second_code"], kept["second_confidence"]) == ("50", 0.2)
    assert (kept["set_size"], kept["review"], kept["modalities"]) == (2, "not confident", "text")


def test_a_lone_candidate_and_nothing_to_go_by_are_kept_as_they_are() -> None:
    kept = row(Product("1"), top=(Candidate("10", "Books", 1.0),), modalities=(), review=None, prediction_set=())
    assert (kept["second_code"], kept["second_confidence"], kept["set_size"]) == (None, None, 0)
    assert (kept["modalities"], kept["review"]) == ("", None)


def test_simple_properties_are_kept_and_the_text_is_not() -> None:
    kept = row(Product("1", "Housse pour l&#39;été", "<b>Avec des coussins</b>", "Zoë"))
    assert (kept["title_chars"], kept["description_chars"], kept["language"]) == (21, 24, "fr")
    assert (kept["missing_description"], kept["html_residue"]) == (False, True)
    assert (kept["title"], kept["description"], kept["brand"]) == (None, None, None)
    assert row(Product("1", "a", " "))["missing_description"] is True


def test_text_is_kept_where_that_was_asked_for() -> None:
    kept = row(Product("1", "a\0b", None, "Zoë"), keep_text=True)
    assert (kept["title"], kept["description"], kept["brand"]) == ("a\ufffdb", None, "Zoë")


def test_equal_inputs_have_equal_digests_and_others_have_others() -> None:
    digests = [
        row(product)["text_sha256"]
        for product in (
            Product("1", "a", "b"),
            Product("2", "a", "b"),
            Product("1", "ab"),
            Product("1", "b", "a"),
            Product("1", "a", None, "b"),
            Product("1", "a", ""),
            Product("1", "a", None),
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 6


@pytest.mark.parametrize(("kind", "aspect"), [("JPEG", 1.5), ("PNG", 1.5), ("GIF", None), ("BMP", None)])
def test_an_image_is_kept_as_digest_size_and_shape(kind: str, aspect: float | None) -> None:
    data = image(kind)
    kept = row(Product("1", "a", image=data))
    assert len(kept["image_sha256"]) == 64
    assert (kept["image_bytes"], kept["image_aspect"]) == (len(data), aspect)
    assert row(Product("1", "a"))["image_bytes"] is None


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"text", image("JPEG")[:40], image("PNG", 1, 1)[:20]]
)
def test_an_image_that_is_none_costs_only_its_shape(data: bytes) -> None:
    kept = row(Product("1", "a", image=data), image_problem="The file\0 is empty.")
    assert (kept["image_bytes"], kept["image_aspect"]) == (len(data), None)
    assert kept["image_problem"] == "The file\ufffd is empty."


def test_the_weight_is_about_what_the_inputs_hold() -> None:
    assert answered(Product("1", "a" * 1_000, image=b"x" * 5_000)).weight == 6_500
