"""`aisle serve` as a process that asks for keys: requests as bytes on a socket, and a database that goes away."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.programs import Served, Shell
from tests.unit.serving.fakes import eventually

CLOSED = {"AISLE_SERVING_OPEN": "false"}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("closed"), {"AISLE_HOME": "home"})


@pytest.fixture(scope="module")
def key(shell: Shell) -> str:
    return shell("keys", "create", "shop", "--requests-per-minute", 0)


@pytest.fixture(scope="module")
def server(shell: Shell, key: str) -> Iterator[Served]:
    with shell.serving("aisle", "serve", "--keys", "--port", "0") as served:
        yield served


def exchange(server: Served, head: bytes, body: bytes = b"") -> bytes:
    """Send bytes, and return all that comes back before the server closes or a second has passed."""
    url = server.client.base_url
    assert url.port is not None
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        came = b""
        try:
            connection.sendall(head + body)
            connection.settimeout(1)
            while block := connection.recv(65_536):
                came += block
        except (TimeoutError, ConnectionError):
            pass
        return came


def asked(server: Served, key: str, **more: str) -> httpx.Response:
    return server.client.get("/v1/models/champion", headers={"authorization": f"Bearer {key}", **more})


def test_a_key_made_on_the_command_line_opens_the_server(server: Served, key: str):
    assert server.client.get("/v1/models/champion").status_code == 401
    # There is no champion here: the key got as far as that.
    assert asked(server, key).status_code == 503
    assert server.client.get("/health/live").status_code == 200
    assert server.client.get("/metrics").status_code == 200


def test_a_key_made_while_it_serves_is_noticed_and_so_is_its_end(server: Served, shell: Shell):
    late = shell("keys", "create", "late")
    eventually(lambda: asked(server, late).status_code == 503)
    rotated = shell("keys", "rotate", "late", "--grace", "0")
    eventually(lambda: asked(server, late).status_code == 401)
    eventually(lambda: asked(server, rotated).status_code == 503)
    shell("keys", "revoke", "late")
    eventually(lambda: asked(server, rotated).status_code == 401)


def test_a_refusal_does_not_wait_for_the_body(server: Served):
    head = b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
    assert exchange(server, head).startswith(b"HTTP/1.1 401 ")


HEADS = {
    "a header of a megabyte": b"Authorization: Bearer " + b"x" * 1_000_000,
    "ten thousand headers": b"\r\n".join(b"X-%d: y" % n for n in range(10_000)),
    "ten thousand keys": b"\r\n".join([b"X-API-Key: aisle_0b4be236ca1d_x"] * 10_000),
    "a bare line feed": b"X-API-Key: a\nX-Evil: 1",
    "a NUL": b"X-API-Key: a\0b",
    "a folded header": b"Authorization: Bearer\r\n aisle_0b4be236ca1d_x",
    "no text": b"Authorization: \xff\xfe\xfd",
    "an injected answer": b"X-API-Key: a%0d%0aSet-Cookie: stolen=1",
}


@pytest.mark.parametrize("header", HEADS.values(), ids=HEADS.keys())
def test_a_hostile_head_is_refused_and_the_server_goes_on(server: Served, key: str, header: bytes):
    came = exchange(server, b"GET /v1/models/champion HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
    assert not came.startswith(b"HTTP/1.1 2")
    assert b" 500 " not in came
    assert b"Set-Cookie" not in came
    assert b"X-Evil" not in came
    assert asked(server, key).status_code == 503


def test_no_secret_and_no_forged_line_is_in_the_log(server: Served, key: str):
    asked(server, key, **{"x-request-id": "a-1"})
    server.client.get("/x", headers={"authorization": 'Bearer forged" event=forged'})
    eventually(lambda: "a-1" in server.log.read_text())
    text = server.log.read_text()
    assert key not in text
    assert "forged" not in text
    assert "caller=shop" in text or "caller='shop'" in text


@pytest.mark.servers
def test_without_its_database_known_keys_go_on(tmp_path: Path, postgres, postgres_url: str):
    shell = Shell(
        tmp_path, {"AISLE_HOME": "home", "AISLE_DATABASE_URL": postgres_url, "AISLE_DATABASE_CONNECT_TIMEOUT_S": "2"}
    )
    shell("database", "migrate")
    key = shell("keys", "create", "shop", "--requests-per-minute", 0)
    with shell.serving("aisle", "serve", "--keys", "--port", "0") as served:
        assert asked(served, key).status_code == 503
        postgres.refuse(postgres_url)
        eventually(lambda: 'aisle_api_key_looks_total{outcome="failed"}' in served.client.get("/metrics").text)
        assert [asked(served, key).status_code for _ in range(20)] == [503] * 20
        postgres.accept(postgres_url)
        late = shell("keys", "create", "late")
        eventually(lambda: asked(served, late).status_code == 503, within_s=20)


def test_promotion_over_http_is_the_ledgers(server: Served, shell: Shell):
    admin = shell("keys", "create", "release", "--scope", "admin")
    headers = {"authorization": f"Bearer {admin}"}
    eventually(lambda: server.client.get("/v1/models", headers=headers).status_code == 200)
    assert server.client.get("/v1/models", headers=headers).json() == {"models": [], "sequence": 0}
    decision = {"reason": "r", "expected": 0}
    assert server.client.post("/v1/models/1/promote", json=decision, headers=headers).status_code == 404
    assert server.client.post("/v1/models/rollback", json=decision, headers=headers).status_code == 409
    assert server.client.post("/v1/models/rollback", json=decision).status_code == 401
