from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.serving.fakes import Client, FakeChampions, make_app, running


def test_the_champion_is_told(client: Client) -> None:
    answer = client.get("/v1/models/champion").json()
    loaded_at = datetime.fromisoformat(answer.pop("loaded_at"))
    assert timedelta(0) <= datetime.now(UTC) - loaded_at < timedelta(minutes=1)
    assert answer == {"version": 1, "bundle": "bundle-a", "sequence": 1, "pinned": False, "categories": 10}


def test_the_categories_are_told_by_code(client: Client) -> None:
    answer = client.get("/v1/categories").json()
    assert answer["categories"][3] == {"code": "3", "name": "category 3"}
    assert [category["code"] for category in answer["categories"]] == [str(code) for code in range(10)]
    assert answer["model"] == {"version": 1, "bundle": "bundle-a"}


def test_a_pinned_server_tells_the_version_that_it_keeps_to(champions: FakeChampions) -> None:
    with running(make_app(champions, pin=2)) as client:
        answer = client.get("/v1/models/champion").json()
        assert (answer["version"], answer["sequence"], answer["pinned"]) == (2, 0, True)
        champions.promote(1, "bundle-a")
        assert client.predict({"title": "a"}).json()["model"]["version"] == 2
        assert "aisle_model_pinned 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/v1/models/champion", "/v1/categories"])
def test_without_a_champion_there_is_nothing_to_tell(path: str) -> None:
    with running(make_app(FakeChampions())) as client:
        assert client.get(path).status_code == 503
