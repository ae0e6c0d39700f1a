"""A canary: the same key is always answered by the same version, whatever is wrong with it the champion answers."""

import base64
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from aisle.catalog.product import Product
from aisle.models.prediction import Prediction
from aisle.serving.canary import MAX_FAILURES, product_key, takes
from aisle.serving.service import Service
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import (
    BREAKS,
    Client,
    FakeAnswers,
    FakeChampions,
    FakeFeedback,
    FakeModel,
    eventually,
    fake_records,
    fault,
    make_app,
    running,
)

KEYS = [f"shop-{n}" for n in range(60)]


class Failing(FakeModel):
    """Can be loaded and warmed; fails while it is told to."""

    fails = True

    def predict(self, products: Any, *, top: int = 5) -> list[Prediction]:
        if self.fails and products[0].id != "probe":
            raise ZeroDivisionError("a secret of the model")
        return super().predict(products, top=top)


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
def canaried(champions: FakeChampions, telemetry: Telemetry | None = None, **settings: Any) -> Iterator[Client]:
    with running(make_app(champions, telemetry, **{"canary": 2, "canary_share": 0.5, **settings})) as client:
        yield client


def keyed(client: Client, key: str, **more: Any) -> dict[str, Any]:
    response = client.predict({"title": "a", **more}, headers={"X-Request-Key": key})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def by_key(client: Client) -> dict[str, int]:
    return {key: keyed(client, key)["model"]["version"] for key in KEYS}


def sample(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.registry.get_sample_value(name, labels)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.95])
def test_the_share_of_keys_is_the_share_that_was_asked_for(share: float) -> None:
    taken = sum(takes(b"key-%d" % n, 3, share) for n in range(20_000)) / 20_000
    assert abs(taken - share) < 5 * (share * (1 - share) / 20_000) ** 0.5


def test_each_version_draws_anew_and_a_larger_share_keeps_who_was_in_the_smaller() -> None:
    keys = [b"key-%d" % n for n in range(2_000)]
    two, three = ({key for key in keys if takes(key, version, 0.2)} for version in (2, 3))
    assert 0.02 < len(two & three) / len(keys) < 0.08
    assert two < {key for key in keys if takes(key, 2, 0.4)}


def test_a_products_key_is_its_id_or_else_its_content() -> None:
    assert product_key(Product("A-17", "a")) == product_key(Product("A-17", "b")) == b"A-17"
    assert product_key(Product("0", "a")) == product_key(Product("7", "a"), 7)
    contents = [
        Product("0", "a", "b"),
        Product("0", "ab"),
        Product("0", "a", None, "b"),
        Product("0", "a", "b", image=b"x"),
        Product("0", image=b"x"),
    ]
    assert len({product_key(product) for product in contents}) == len(contents)
    assert product_key(Product("\ud83d", "a"))


@pytest.mark.parametrize("settings", [{"inline_ms": 1_000}, {"inline_ms": 0}])
def test_the_same_key_is_answered_by_the_same_version_and_the_answer_names_it(
    champions: FakeChampions, one: FakeModel, two: FakeModel, settings: dict[str, Any]
) -> None:
    models = {1: one, 2: two}
    with canaried(champions, **settings) as client:
        first = by_key(client)
        assert by_key(client) == first
        for key in KEYS:
            answer = keyed(client, key, title=f"produit {key}")
            version = answer["model"]["version"]
            assert version == first[key]
            assert answer["model"]["bundle"] == models[version].digest
            assert answer["predictions"][0]["code"] == models[version].expected(f"produit {key}")
    with canaried(champions, **settings) as client:
        assert by_key(client) == first
    assert 15 < list(first.values()).count(2) < 45


def test_without_the_header_the_first_product_decides_for_the_whole_request(
    champions: FakeChampions, one: FakeModel, two: FakeModel
) -> None:
    models = {1: one, 2: two}
    with canaried(champions) as client:
        versions = set()
        for n in range(30):
            products = [{"id": f"{n}-{place}", "title": f"produit {n} {place}"} for place in range(12)]
            answer = client.predict({"products": products}).json()
            version = answer["model"]["version"]
            versions.add(version)
            alone = client.predict({"id": f"{n}-0", "title": "other"}).json()
            assert alone["model"]["version"] == version
            assert [p["code"] for p in answer["predictions"]] == [models[version].expected(p["title"]) for p in products]
    assert versions == {1, 2}


def test_a_form_and_other_protocols_are_shared_out_too(champions: FakeChampions) -> None:
    tensor = {"name": "title", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    with canaried(champions) as client:
        first = by_key(client)
        for key in KEYS[:20]:
            headers = {"X-Request-Key": key}
            form = client.request("POST", "/v1/predictions", files={"title": (None, "a")}, headers=headers).json()
            infer = client.request("POST", "/v2/models/aisle/infer", json={"inputs": [tensor]}, headers=headers).json()
            assert form["model"]["version"] == int(infer["model_version"]) == first[key]


def test_a_version_that_is_asked_for_by_number_answers_itself(champions: FakeChampions) -> None:
    body = {"inputs": [{"name": "title", "datatype": "BYTES", "shape": [1], "data": ["a"]}]}
    with canaried(champions) as client:
        assert client.get("/v2/models/aisle").json()["versions"] == ["1", "2"]
        for version in ("1", "2"):
            path = f"/v2/models/aisle/versions/{version}"
            answers = [
                client.request("POST", f"{path}/infer", json=body, headers={"X-Request-Key": key}) for key in KEYS[:10]
            ]
            assert {answer.json()["model_version"] for answer in answers} == {version}
            assert client.get(f"{path}/ready").status_code == 200
        missing = client.request("POST", "/v2/models/aisle/versions/3/infer", json=body)
        assert missing.status_code == 404
        assert "version 1 or 2 is in service" in missing.json()["detail"]


def stream(client: Client, lines: list[dict[str, Any]], **headers: str) -> list[dict[str, Any]]:
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    headers = {"content-type": "application/x-ndjson", **headers}
    response = client.request("POST", "/v1/predictions/stream", content=content, headers=headers)
    return [json.loads(line) for line in response.content.splitlines()]


def test_a_stream_is_shared_out_line_by_line_or_as_a_whole_by_its_key(
    champions: FakeChampions, one: FakeModel, two: FakeModel
) -> None:
    models, answers = {1: one, 2: two}, FakeAnswers()
    lines: list[dict[str, Any]] = [{"id": key, "title": f"produit {key}"} for key in KEYS]
    lines[5] = {"title": 3}
    app = make_app(champions, records=fake_records(answers=answers), canary=2, canary_share=0.5)
    with running(app) as client:
        found = stream(client, lines, **{"x-request-id": "s-1"})
        assert [answer["line"] for answer in found] == list(range(1, len(lines) + 1))
        assert "problem" in found[5]
        good = [answer for answer in found if "prediction" in answer]
        for answer in good:
            assert answer["prediction"]["code"] == models[answer["model"]["version"]].expected(
                f"produit {answer['prediction']['id']}"
            )
        assert {answer["model"]["version"] for answer in good} == {1, 2}
        alone = {key: client.predict({"id": key, "title": "x"}).json()["model"]["version"] for key in KEYS}
        assert all(answer["model"]["version"] == alone[answer["prediction"]["id"]] for answer in good)
        whole = [stream(client, lines, **{"x-request-key": key}) for key in KEYS[:6]]
        assert all(len({a["model"]["version"] for a in answers if "model" in a}) == 1 for answers in whole)
        eventually(lambda: sum(row["request_id"] == "s-1" for row in answers.rows) == len(good))
    logged = {row["position"]: row for row in answers.rows if row["request_id"] == "s-1"}
    assert {a["line"] - 1: a["model"]["version"] for a in good} == {p: row["version"] for p, row in logged.items()}


def test_the_log_names_the_version_that_answered(champions: FakeChampions) -> None:
    answers = FakeAnswers()
    app = make_app(champions, records=fake_records(answers=answers), canary=2, canary_share=0.5)
    with running(app) as client:
        told = {}
        for key in KEYS:
            answer = keyed(client, key)
            told[answer["request_id"]] = answer["model"]
        eventually(lambda: len(answers.rows) == len(KEYS))
    assert {row["request_id"]: (row["version"], row["bundle"]) for row in answers.rows} == {
        name: (model["version"], model["bundle"]) for name, model in told.items()
    }


def test_what_either_side_answered_is_counted(champions: FakeChampions, telemetry: Telemetry) -> None:
    with canaried(champions, telemetry) as client:
        first = list(by_key(client).values())
        told = client.get("/v1/models/canary").json()
    for variant, version in (("champion", 1), ("canary", 2)):
        products = sample(telemetry, "aisle_variant_products_total", variant=variant, review="no")
        assert products == first.count(version)
        assert sample(telemetry, "aisle_variant_seconds_count", variant=variant) == products
        side = told[f"{variant}_side"]
        assert (side["version"], side["requests"], side["products"]) == (version, products, products)
        assert side["review"]["share"] == side["review"]["low"] == 0.0 < side["review"]["high"] < 0.3
        assert side["seconds"] > 0
    assert (told["state"], told["share"], told["failed"]) == ("live", 0.5, 0)


@pytest.mark.parametrize("settings", [{"inline_ms": 1_000}, {"inline_ms": 0}])
def test_a_canary_that_fails_leaves_the_answers_to_the_champion_and_soon_goes(
    one: FakeModel, telemetry: Telemetry, settings: dict[str, Any]
) -> None:
    failing = Failing("bundle-b")
    champions = FakeChampions(one, failing)
    champions.promote(1, "bundle-a")
    with structlog.testing.capture_logs() as logs, canaried(champions, telemetry, **settings) as client:
        assert set(by_key(client).values()) == {1}
        told = client.get("/v1/models/canary").json()
        assert (told["state"], told["failed"]) == ("refused", MAX_FAILURES)
        assert client.get("/health/ready").json()["variants"][0]["state"] == "refused"
    assert sample(telemetry, "aisle_variant_failures_total", variant="canary") == MAX_FAILURES
    assert sample(telemetry, "aisle_variant_ready", variant="canary") == 0
    events = [log["event"] for log in logs]
    assert events.count("the canary failed") == MAX_FAILURES
    assert events.count("canary taken out of service") == 1


def test_a_stream_outlives_a_canary_that_fails(one: FakeModel) -> None:
    champions = FakeChampions(one, Failing("bundle-b"))
    champions.promote(1, "bundle-a")
    with canaried(champions) as client:
        found = stream(client, [{"id": key, "title": "a"} for key in KEYS])
    assert {answer["model"]["version"] for answer in found} == {1}


def test_failures_with_answers_in_between_leave_it_in_service(one: FakeModel) -> None:
    failing = Failing("bundle-b")
    champions = FakeChampions(one, failing)
    champions.promote(1, "bundle-a")
    with canaried(champions, canary_share=0.999) as client:
        for _ in range(MAX_FAILURES):
            failing.fails = True
            assert keyed(client, "a")["model"]["version"] == 1
            failing.fails = False
            assert keyed(client, "a")["model"]["version"] == 2
        assert client.get("/v1/models/canary").json()["state"] == "live"


def test_a_product_that_breaks_both_is_a_problem(champions: FakeChampions) -> None:
    with canaried(champions, canary_share=0.999) as client:
        assert client.predict({"title": BREAKS}).status_code == 500


def test_a_bundle_that_is_refused_leaves_everything_to_the_champion_and_shows(
    champions: FakeChampions, telemetry: Telemetry
) -> None:
    champions.broken["bundle-b"] = fault()
    with canaried(champions, telemetry) as client:
        assert set(by_key(client).values()) == {1}
        ready = client.get("/health/ready")
        assert ready.status_code == 200
        (variant,) = ready.json()["variants"]
        assert (variant["variant"], variant["state"]) == ("canary", "refused")
        assert "manifest" in variant["refused"]["reason"]
        assert sample(telemetry, "aisle_variant_loads_total", variant="canary", outcome="refused")
        champions.broken.clear()
        eventually(lambda: client.get("/v1/models/canary").json()["state"] == "live")
        assert set(by_key(client).values()) == {1, 2}


def test_a_canary_that_is_promoted_is_over_and_a_rollback_does_not_bring_it_back(
    champions: FakeChampions, telemetry: Telemetry
) -> None:
    with canaried(champions, telemetry) as client:
        champions.promote(2, "bundle-b")
        eventually(lambda: client.get("/v1/models/champion").json()["version"] == 2)
        assert set(by_key(client).values()) == {2}
        assert client.get("/v1/models/canary").json()["state"] == "champion"
        champions.promote(1, "bundle-a")
        eventually(lambda: client.get("/v1/models/champion").json()["version"] == 1)
        assert set(by_key(client).values()) == {1}
        told = client.get("/v1/models/canary").json()
        assert (told["state"], told["refused"], told["canary_side"]["version"]) == ("champion", None, None)
    assert sample(telemetry, "aisle_variant_version", variant="canary") == 0


def test_feedback_may_name_a_category_that_only_the_canary_knows(one: FakeModel) -> None:
    class Larger(FakeModel):
        @property
        def categories(self) -> Any:
            return {**super().categories, "new": "category new"}

    answers = FakeAnswers()
    answers.rows.append({"request_id": "r-1", "position": 0, "product_id": "0", "code": "3", "version": 1})
    champions = FakeChampions(one, Larger("bundle-b"))
    champions.promote(1, "bundle-a")
    records = fake_records(answers=answers, feedback=FakeFeedback(answers))
    body = {"request_id": "r-1", "code": "new"}
    with running(make_app(champions, records=records, canary=2)) as client:
        assert client.request("POST", "/v1/feedback", json=body).status_code == 200
    with running(make_app(champions, records=records)) as client:
        assert client.request("POST", "/v1/feedback", json=body).status_code == 422


def test_a_canary_and_a_shadow_side_by_side(champions: FakeChampions, telemetry: Telemetry) -> None:
    with canaried(champions, telemetry, shadow=2) as client:
        first = list(by_key(client).values())
        # Only what the champion answered is compared.
        eventually(lambda: client.get("/v1/models/shadow").json()["differ"] == first.count(1))
        variants = client.get("/health/ready").json()["variants"]
    assert [(variant["variant"], variant["state"]) for variant in variants] == [("canary", "live"), ("shadow", "live")]


def test_an_image_is_part_of_the_key_and_large_requests_go_to_threads(champions: FakeChampions) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    with canaried(champions, inline_ms=1_000) as client:
        answer = client.predict({"image": pixel}).json()
    expected = 2 if takes(product_key(Product("0", image=base64.b64decode(pixel))), 2, 0.5) else 1
    assert answer["model"]["version"] == expected


def test_without_a_canary_there_is_nothing_to_tell(champions: FakeChampions) -> None:
    app = make_app(champions)
    service: Service = app.state.service
    with running(app) as client:
        response = client.get("/v1/models/canary")
        assert service.version("1") is service.champion()
        assert service.version("2") is None
    assert response.status_code == 404
    assert "--canary VERSION" in response.json()["detail"]
