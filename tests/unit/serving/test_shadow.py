"""A shadow: what was answered is asked again aside, and whatever becomes of it the answers stay as they are."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from aisle.serving.service import Service
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import (
    BREAKS,
    SLOW,
    Client,
    FakeChampions,
    FakeModel,
    eventually,
    fault,
    make_app,
    running,
)

TITLES = [f"produit {n}" for n in range(40)]
BODY = {"products": [{"title": title} for title in TITLES]}


class Broken(FakeModel):
    """Can be loaded and warmed, and then fails at whatever is asked; or answers too little."""

    answers = -1

    def predict(self, products: Any, *, top: int = 5) -> Any:
        if products[0].id == "probe":
            return super().predict(products, top=top)
        if self.answers < 0:
            raise ZeroDivisionError("a secret of the model")
        return super().predict(products, top=top)[: self.answers]


@pytest.fixture
def one() -> FakeModel:
    return FakeModel("bundle-a")


@pytest.fixture
def two() -> FakeModel:
    return FakeModel("bundle-b", confidence=0.8)


@pytest.fixture
def champions(one: FakeModel, two: FakeModel) -> FakeChampions:
    champions = FakeChampions(one, two)
    champions.promote(1, "bundle-a")
    return champions


@contextlib.contextmanager
def shadowed(
    champions: FakeChampions, telemetry: Telemetry | None = None, **settings: Any
) -> Iterator[tuple[Client, Service]]:
    app = make_app(champions, telemetry, shadow=2, **settings)
    with running(app) as client:
        service: Service = app.state.service
        assert service.shadow is not None
        yield client, service


def counted(telemetry: Telemetry) -> dict[str, float]:
    outcomes = ("agree", "differ", "dropped", "failed")
    values = {o: telemetry.registry.get_sample_value("aisle_shadow_products_total", {"outcome": o}) for o in outcomes}
    return {outcome: value for outcome, value in values.items() if value}


def test_every_answer_is_compared_and_none_is_the_shadows(
    champions: FakeChampions, one: FakeModel, two: FakeModel, telemetry: Telemetry
) -> None:
    with shadowed(champions, telemetry) as (client, _):
        answer = client.predict(BODY).json()
        assert [p["code"] for p in answer["predictions"]] == [one.expected(title) for title in TITLES]
        assert answer["model"] == {"version": 1, "bundle": "bundle-a"}
        eventually(lambda: sum(counted(telemetry).values()) == len(TITLES))
        told = client.get("/v1/models/shadow", params={"pairs": 100}).json()
    same = sum(one.expected(title) == two.expected(title) for title in TITLES)
    assert counted(telemetry) == {"agree": same, "differ": len(TITLES) - same}
    assert (told["version"], told["state"], told["agree"], told["differ"]) == (2, "live", same, len(TITLES) - same)
    assert told["agreement"]["low"] < told["agreement"]["share"] == same / len(TITLES) < told["agreement"]["high"]
    assert told["confidence_difference"] == pytest.approx(0.25)
    assert told["champion"] == {"version": 1, "bundle": "bundle-a"}
    assert sum(pair["products"] for pair in told["pairs"]) == told["differ"]
    assert telemetry.registry.get_sample_value("aisle_shadow_confidence_difference_count") == len(TITLES)
    assert [product.title for product in two.seen] == TITLES


@pytest.mark.parametrize("settings", [{"inline_ms": 1000}, {"inline_ms": 0}])
def test_small_requests_and_streams_are_compared_as_well(champions: FakeChampions, settings: dict[str, Any]) -> None:
    telemetry = Telemetry()
    with shadowed(champions, telemetry, **settings) as (client, _):
        for title in TITLES:
            client.predict({"title": title})
        lines = b'{"title": "a"}\n' * 10
        client.request("POST", "/v1/predictions/stream", content=lines, headers={"content-type": "application/x-ndjson"})
        eventually(lambda: sum(counted(telemetry).values()) == len(TITLES) + 10)


def test_a_slow_shadow_holds_nothing_up_and_what_does_not_fit_is_dropped(one: FakeModel, telemetry: Telemetry) -> None:
    champions = FakeChampions(one, FakeModel("bundle-b", delay_s=0.4))
    champions.promote(1, "bundle-a")
    with shadowed(champions, telemetry, shadow_queue=3) as (client, service):
        client.predict({"title": SLOW})
        eventually(lambda: service.shadow is not None and not service.shadow._queue)
        started = time.perf_counter()
        statuses = [client.predict({"title": title}).status_code for title in TITLES]
        assert time.perf_counter() - started < 0.4
        assert counted(telemetry) == {"dropped": len(TITLES) - 3}
        assert client.get("/v1/models/shadow").json()["dropped"] == len(TITLES) - 3
    assert set(statuses) == {200}


def test_images_that_do_not_fit_are_dropped(champions: FakeChampions, telemetry: Telemetry) -> None:
    with shadowed(champions, telemetry) as (_, service):
        shadow, champion = service.shadow, service.champion()
        assert shadow is not None
        from aisle.catalog.product import Product

        heavy = [Product("1", image=b"x" * (20 << 20))]
        shadow.offer(champion, heavy, champion.model.predict(heavy))
        assert counted(telemetry) == {"dropped": 1}


@pytest.mark.parametrize("answers", [-1, 0])
def test_a_shadow_that_fails_is_counted_and_logged_once(one: FakeModel, telemetry: Telemetry, answers: int) -> None:
    broken = Broken("bundle-b")
    broken.answers = answers
    champions = FakeChampions(one, broken)
    champions.promote(1, "bundle-a")
    with structlog.testing.capture_logs() as logs, shadowed(champions, telemetry) as (client, _):
        assert {client.predict({"title": title}).status_code for title in TITLES} == {200}
        eventually(lambda: counted(telemetry) == {"failed": len(TITLES)})
        broken.answers = 1_000
        client.predict({"title": "a"})
        eventually(lambda: counted(telemetry).keys() == {"failed", "agree"} or "differ" in counted(telemetry))
        assert client.get("/v1/models/shadow").json()["failed"] == len(TITLES)
    assert [log["event"] for log in logs if "shadow" in log["event"]][1:] == [
        "the shadow failed",
        "the shadow answers again",
    ]


def test_one_product_that_breaks_the_shadow_takes_no_other_along(
    one: FakeModel, two: FakeModel, telemetry: Telemetry
) -> None:
    class Choosy(FakeModel):
        def predict(self, products: Any, *, top: int = 5) -> Any:
            return super().predict([p for p in products if p.title != "odd" or 1 // 0], top=top)

    champions = FakeChampions(one, Choosy("bundle-b"))
    champions.promote(1, "bundle-a")
    with shadowed(champions, telemetry) as (client, _):
        for title in ("a", "odd", "b", "c"):
            client.predict({"title": title})
        eventually(lambda: sum(counted(telemetry).values()) == 4)
    assert counted(telemetry)["failed"] == 1


def test_a_product_that_breaks_the_champion_is_no_comparison(champions: FakeChampions, telemetry: Telemetry) -> None:
    with shadowed(champions, telemetry) as (client, _):
        assert client.predict({"title": BREAKS}).status_code == 500
        client.predict({"title": "a"})
        eventually(lambda: sum(counted(telemetry).values()) == 1)


def test_a_bundle_that_is_refused_shows_and_the_champion_answers(champions: FakeChampions, telemetry: Telemetry) -> None:
    champions.broken["bundle-b"] = fault()
    with shadowed(champions, telemetry) as (client, _):
        ready = client.get("/health/ready")
        assert ready.status_code == 200
        (variant,) = ready.json()["variants"]
        assert (variant["variant"], variant["version"], variant["state"]) == ("shadow", 2, "refused")
        assert "manifest" in variant["refused"]["reason"]
        assert ready.json()["refused"] is None
        assert client.predict({"title": "a"}).status_code == 200
        assert client.get("/v1/models/shadow").json()["state"] == "refused"
        metrics = client.get("/metrics").text
        assert 'aisle_variant_loads_total{outcome="refused",variant="shadow"}' in metrics
        assert 'aisle_variant_ready{variant="shadow"} 0.0' in metrics
        champions.broken.clear()
        eventually(lambda: client.get("/v1/models/shadow").json()["state"] == "live")


def test_a_shadow_that_is_promoted_rests_until_another_is_champion(champions: FakeChampions, telemetry: Telemetry) -> None:
    with shadowed(champions, telemetry) as (client, _):
        client.predict({"title": "a"})
        eventually(lambda: sum(counted(telemetry).values()) == 1)
        champions.promote(2, "bundle-b")
        eventually(lambda: client.get("/v1/models/shadow").json()["state"] == "champion")
        client.predict(BODY)
        champions.promote(1, "bundle-a")
        eventually(lambda: client.get("/v1/models/shadow").json()["state"] == "live")
        client.predict({"title": "b"})
        eventually(lambda: sum(counted(telemetry).values()) == 2)


def test_while_it_is_loading_nothing_is_kept_for_it(champions: FakeChampions, telemetry: Telemetry) -> None:
    with shadowed(champions, telemetry) as (client, service):
        assert service.shadow is not None
        service.shadow.watch.champion = None
        assert client.get("/v1/models/shadow").json()["state"] == "loading"
        client.predict(BODY)
        assert counted(telemetry) == {}


def test_without_a_shadow_there_is_nothing_to_tell(champions: FakeChampions) -> None:
    with running(make_app(champions)) as client:
        response = client.get("/v1/models/shadow")
    assert response.status_code == 404
    assert "--shadow VERSION" in response.json()["detail"]
