import pytest

from aisle.models.prediction import Prediction
from aisle.serving.schemas import PredictionAnswer
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import Client, FakeChampions, FakeModel, make_app, running


def test_one_product_is_answered_with_everything_there_is_to_say(client: Client, model: FakeModel) -> None:
    response = client.predict({"id": "A-17", "title": "Piscine"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    code = model.expected("Piscine")
    answer = response.json()
    (prediction,) = answer["predictions"]
    assert (prediction["id"], prediction["code"], prediction["name"]) == ("A-17", code, f"category {code}")
    assert prediction["confidence"] == 0.55
    assert prediction["modalities"] == ["text"]
    assert prediction["top"][0] == {"code": code, "name": f"category {code}", "probability": 0.55}
    assert answer["model"] == {"version": 1, "bundle": "bundle-a"}
    assert answer["request_id"] == response.headers["x-request-id"]


def test_many_products_are_answered_in_their_order(client: Client, model: FakeModel) -> None:
    titles = ["a", "b", "c", "d", "e"]
    answer = client.predict({"products": [{"title": title} for title in titles]}).json()
    assert [p["id"] for p in answer["predictions"]] == ["0", "1", "2", "3", "4"]
    assert [p["code"] for p in answer["predictions"]] == [model.expected(title) for title in titles]


def test_the_model_gets_what_was_sent(client: Client, model: FakeModel) -> None:
    client.predict({"title": "Coussin", "description": "<b>40 x 40</b>", "brand": "é\u0000\u202e"})
    (seen,) = model.seen
    assert (seen.title, seen.description, seen.brand) == ("Coussin", "<b>40 x 40</b>", "é\u0000\u202e")


@pytest.mark.parametrize(("top", "told"), [(None, 5), (1, 1), (7, 7), (10, 10), (100, 10)])
def test_top_says_how_many_categories_are_told(client: Client, top: int | None, told: int) -> None:
    answer = client.predict({"title": "a"}, params={} if top is None else {"top": top}).json()
    assert len(answer["predictions"][0]["top"]) == told


def test_an_answer_has_the_documented_shape(client: Client) -> None:
    response = client.predict({"products": [{"title": "a"}, {"description": "b"}]})
    assert PredictionAnswer.model_validate_json(response.content, strict=True)


def test_answers_are_counted_by_category_with_their_confidence(
    client: Client, model: FakeModel, telemetry: Telemetry
) -> None:
    client.predict({"products": [{"title": "a"}, {"title": "a"}]})
    value = telemetry.registry.get_sample_value
    assert value("aisle_products_total", {"code": model.expected("a")}) == 2
    assert value("aisle_confidence_count") == 2
    assert value("aisle_confidence_sum") == pytest.approx(1.1)


def test_refused_products_are_not_counted(client: Client, telemetry: Telemetry) -> None:
    client.predict({"products": [{"title": "a"}, {}]})
    assert telemetry.registry.get_sample_value("aisle_confidence_count") == 0


def test_without_a_champion_the_answer_is_503_with_a_time_to_ask_again() -> None:
    with running(make_app(FakeChampions(), poll_s=0.5)) as client:
        response = client.predict({"title": "a"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["type"] == "urn:aisle:problem:not-ready"
    assert "promoted" in response.json()["detail"]


class Forgetful(FakeModel):
    """Loses an answer."""

    def predict(self, *arguments: object, **options: object) -> list[Prediction]:
        return []


def test_a_model_that_loses_an_answer_is_found_out() -> None:
    champions = FakeChampions(Forgetful("bundle-a"))
    champions.promote(1, "bundle-a")
    with running(make_app(champions)) as client:
        response = client.predict({"title": "a"})
    assert response.status_code == 500
    assert response.json()["type"] == "urn:aisle:problem:model"
