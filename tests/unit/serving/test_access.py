"""Who may ask for what: every way to send a key wrong, and what each scope opens."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from aisle.errors import SettingsError
from aisle.registry.key_secrets import new_key
from aisle.serving.access import OPEN_PATHS, needed
from aisle.serving.app import create_app
from aisle.serving.problems import Problem
from aisle.settings import Serving
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import Client, FakeChampions, FakeKeys, eventually, fake_records, make_app, running

KEYLESS = {"json": {"title": "a"}}


@pytest.fixture
def keys() -> FakeKeys:
    return FakeKeys()


@pytest.fixture
def secret(keys: FakeKeys) -> str:
    return keys.create("shop", scopes=["predict"])[1]


@pytest.fixture
def closed(champions: FakeChampions, telemetry: Telemetry, keys: FakeKeys, secret: str) -> Iterator[Client]:
    """A client of a server that is not open, and knows one key for predictions."""
    with running(make_app(champions, telemetry, fake_records(keys), open=False)) as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def assert_refused(response: httpx.Response, status: int) -> Problem:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"]
    return Problem.model_validate_json(response.content)


@pytest.mark.parametrize("how", [bearer, lambda s: {"x-api-key": s}, lambda s: {"Authorization": f"bEARER   {s}  "}])
def test_a_key_is_taken_from_either_header(closed: Client, secret: str, how: Any) -> None:
    assert closed.predict({"title": "a"}, headers=how(secret)).status_code == 200


def test_without_a_key_the_answer_says_how_to_send_one(closed: Client) -> None:
    response = closed.predict({"title": "a"})
    problem = assert_refused(response, 401)
    assert response.headers["www-authenticate"] == 'Bearer realm="aisle"'
    assert problem.type == "urn:aisle:problem:unauthenticated"
    assert "aisle keys create" in problem.detail


WRONG: list[list[tuple[str, str | bytes]]] = [
    [("authorization", "")],
    [("authorization", "Bearer")],
    [("authorization", "Bearer ")],
    [("authorization", "Basic YTpi")],
    [("authorization", "Bearer Bearer x")],
    [("authorization", "Bearer " + "x" * 60_000)],
    [("authorization", b"Bearer \xff\xfe\x00\xc3")],
    [("authorization", b"Bearer aisle_0b4be236ca1d_\x0d\x0a set-cookie: a=b")],
    [("authorization", "Bearer ' OR 1=1 --")],
    [("x-api-key", "")],
    [("x-api-key", "aisle_")],
    [("x-api-key", "%00")],
    [("x-api-key", new_key()[1])],
]


@pytest.mark.parametrize("headers", WRONG)
def test_a_wrong_key_is_refused_without_being_repeated(closed: Client, headers: list[tuple[str, str | bytes]]) -> None:
    sent = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers]
    with structlog.testing.capture_logs() as logs:
        response = closed.predict({"title": "a"}, headers=sent)
    assert_refused(response, 401)
    assert "invalid_token" in response.headers["www-authenticate"]
    assert len(response.content) < 1_000
    value = sent[0][1].decode("latin-1").removeprefix("Bearer ")
    assert not value or len(value) < 7 or (value not in response.text and value not in repr(logs))


def test_two_keys_are_one_too_many_even_if_both_are_right(closed: Client, secret: str) -> None:
    for headers in (
        [("authorization", f"Bearer {secret}"), ("authorization", f"Bearer {secret}")],
        [("authorization", f"Bearer {secret}"), ("x-api-key", secret)],
        [("x-api-key", secret)] * 1_000,
    ):
        assert "more than one" in assert_refused(closed.predict({"title": "a"}, headers=headers), 401).detail


def test_a_key_in_the_query_or_a_cookie_is_none(closed: Client, secret: str) -> None:
    assert closed.predict({"title": "a"}, params={"api_key": secret}).status_code == 401
    assert closed.predict({"title": "a"}, headers={"cookie": f"X-API-Key={secret}"}).status_code == 401


def test_a_revoked_key_is_refused_at_the_next_look(closed: Client, keys: FakeKeys, secret: str) -> None:
    keys.revoke("shop")
    eventually(lambda: closed.predict({"title": "a"}, headers=bearer(secret)).status_code == 401)


def test_a_refusal_reads_nothing_of_the_body(champions: FakeChampions, keys: FakeKeys, secret: str) -> None:
    read = []

    async def body():
        read.append(True)
        yield b"x" * 1_000

    app = make_app(champions, records=fake_records(keys), open=False)
    with running(app) as client:
        response = client.request("POST", "/v1/predictions", content=body())
    assert_refused(response, 401)
    # httpx hands a body over as the application asks for it.
    assert read == []


def test_a_scope_opens_what_it_is_for(champions: FakeChampions, keys: FakeKeys) -> None:
    secrets = {name: keys.create(name, scopes=[name])[1] for name in ("predict", "review", "admin")}
    with running(make_app(champions, records=fake_records(keys), open=False)) as client:
        for name, secret in secrets.items():
            answered = client.predict({"title": "a"}, headers=bearer(secret))
            assert answered.status_code == (200 if name == "predict" else 403)
            assert client.get("/v1/models/champion", headers=bearer(secret)).status_code == 200
            if name != "predict":
                problem = assert_refused(answered, 403)
                assert "`predict`" in problem.detail
                assert 'error="insufficient_scope", scope="predict"' in answered.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/predictions", "predict"),
        ("POST", "/v1/predictions/stream", "predict"),
        ("POST", "/v2/models/aisle/infer", "predict"),
        ("POST", "/invocations", "predict"),
        ("POST", "/v1/feedback", "review"),
        ("POST", "/v1/models/3/promote", "admin"),
        ("POST", "/v1/models/rollback", "admin"),
        ("DELETE", "/v1/models/3", "admin"),
        ("GET", "/v1/models", "any"),
        ("HEAD", "/v1/models", "any"),
        ("GET", "/anything", "any"),
        ("POST", "/anything", "predict"),
        ("POST", "//v1/models/3/promote", "predict"),
        ("GET", "/metrics", "any"),
        *(("GET", path, "nothing") for path in sorted(OPEN_PATHS)),
    ],
)
def test_what_each_path_needs(method: str, path: str, scope: str) -> None:
    assert needed(method, path) == scope


def test_every_route_of_the_application_needs_a_key_or_is_open_on_purpose(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            need = needed(method.upper(), path)
            assert operation["security"] == ([] if need == "nothing" else [{"bearer": []}, {"header": []}])
            assert {"401", "403", "429"} <= set(operation["responses"]) or need == "nothing"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/openapi.json", "/docs"])
def test_health_and_documents_stay_open(closed: Client, path: str) -> None:
    assert closed.get(path).status_code == 200
    assert closed.get(path, headers={"authorization": "Basic nonsense"}).status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", "/health/live/", "/HEALTH/LIVE", "/docs/../v1/categories", "/health/live%2f"])
def test_whatever_is_not_open_is_closed(closed: Client, path: str) -> None:
    assert closed.get(path).status_code == 401


@pytest.mark.parametrize(
    ("setting", "host", "status"),
    [
        ("loopback", "127.0.0.1", 200),
        ("loopback", "[::1]", 200),
        ("loopback", "10.0.0.7", 401),
        ("loopback", "[2001:db8::7]", 401),
        ("key", "127.0.0.1", 401),
        ("open", "10.0.0.7", 200),
    ],
)
def test_metrics_are_read_by_whom_the_setting_says(
    champions: FakeChampions, keys: FakeKeys, secret: str, setting: str, host: str, status: int
) -> None:
    with running(make_app(champions, records=fake_records(keys), open=False, metrics=setting)) as client:
        assert client.get(f"http://{host}/metrics").status_code == status
        assert client.get(f"http://{host}/metrics", headers=bearer(secret)).status_code == 200


def test_a_prefix_of_a_proxy_changes_nothing(closed: Client, secret: str) -> None:
    for path, scope, status in (("/aisle/health/live", {}, 200), ("/aisle/v1/models/3/promote", bearer(secret), 403)):
        method = "POST" if "promote" in path else "GET"
        assert closed.request(method, path, headers=scope, root_path="/aisle").status_code == status


def test_requests_beyond_the_rate_are_told_when_to_come_back(
    champions: FakeChampions, telemetry: Telemetry, keys: FakeKeys
) -> None:
    _, secret = keys.create("slow", requests_per_minute=3)
    _, quick = keys.create("quick")
    with running(make_app(champions, telemetry, fake_records(keys), open=False)) as client:
        answers = [client.predict({"title": "a"}, headers=bearer(secret)) for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        assert [a.headers["ratelimit-remaining"] for a in answers] == ["2", "1", "0", "0"]
        assert {a.headers["ratelimit-limit"] for a in answers} == {"3"}
        assert_refused(answers[3], 429)
        assert 1 <= int(answers[3].headers["retry-after"]) <= 20
        unlimited = client.predict({"title": "a"}, headers=bearer(quick))
        assert unlimited.status_code == 200
        assert "ratelimit-limit" not in unlimited.headers
        assert client.get("/health/live", headers=bearer(secret)).status_code == 200
    value = telemetry.registry.get_sample_value
    assert value("aisle_refusals_total", {"reason": "rate-limited"}) == 1


def test_refusals_are_counted_by_their_kind(closed: Client, telemetry: Telemetry) -> None:
    for path in ("/v1/models/champion", "/a", "/b?x=1"):
        closed.get(path)
    value = telemetry.registry.get_sample_value
    assert value("aisle_refusals_total", {"reason": "unauthenticated"}) == 3


def test_the_log_names_the_key_and_not_its_secret(closed: Client, secret: str) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        closed.predict({"title": "a"}, headers=bearer(secret))
        closed.predict({"title": "a"})
    named, nameless = (log for log in logs if log["event"] == "request")
    assert named["caller"] == "shop"
    assert "caller" not in nameless
    assert secret not in repr(logs)


def test_without_keys_and_not_open_everything_is_refused_and_the_log_says_what_to_do(champions: FakeChampions) -> None:
    with structlog.testing.capture_logs() as logs, running(make_app(champions, open=False)) as client:
        assert client.predict({"title": "a"}).status_code == 401
    (told,) = (log for log in logs if log["event"].startswith("no API keys"))
    assert "aisle keys create" in told["hint"]


class TestOpen:
    """A server that answers without keys."""

    def test_it_says_so(self, champions: FakeChampions) -> None:
        with structlog.testing.capture_logs() as logs, running(make_app(champions)) as client:
            assert client.predict({"title": "a"}).status_code == 200
        assert any(log["event"].startswith("open:") for log in logs)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "shop.example", "127.0.0.1.example"])
    def test_it_is_refused_where_others_would_reach_it(self, champions: FakeChampions, host: str) -> None:
        with pytest.raises(SettingsError, match="answers without keys") as caught:
            create_app(options=Serving(open=True, host=host), champions=champions, telemetry=Telemetry())
        assert "aisle keys create" in caught.value.hint

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    def test_it_may_listen_to_this_machine(self, champions: FakeChampions, host: str) -> None:
        assert create_app(options=Serving(open=True, host=host), champions=champions, telemetry=Telemetry())

    @pytest.mark.parametrize("host", ["10.0.0.7", "[2001:db8::7]"])
    def test_what_came_over_another_address_needs_a_key_all_the_same(
        self, champions: FakeChampions, keys: FakeKeys, secret: str, host: str
    ) -> None:
        # Another server program may have been told to listen elsewhere than our settings say.
        with running(make_app(champions, records=fake_records(keys))) as client:
            url = f"http://{host}/v1/predictions"
            assert client.request("POST", url, **KEYLESS).status_code == 401
            assert client.request("POST", url, headers=bearer(secret), **KEYLESS).status_code == 200

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://127.0.0.1:8000", 200),
            ("http://localhost:3000", 200),
            ("http://evil.example", 403),
            ("http://127.0.0.1.evil.example", 403),
            ("http://127.0.0.1@evil.example", 403),
            ("null", 403),
            ("http://[", 403),
            ("", 403),
        ],
    )
    def test_a_page_from_elsewhere_is_not_answered(self, client: Client, origin: str, status: int) -> None:
        assert client.predict({"title": "a"}, headers={"origin": origin}).status_code == status

    def test_a_key_that_comes_all_the_same_must_be_right(
        self, champions: FakeChampions, keys: FakeKeys, secret: str
    ) -> None:
        with running(make_app(champions, records=fake_records(keys))) as client:
            assert client.predict({"title": "a"}, headers=bearer(secret)).status_code == 200
            assert client.predict({"title": "a"}, headers=bearer(new_key()[1])).status_code == 401
