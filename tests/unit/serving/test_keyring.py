import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from aisle.errors import DatabaseError, NotReady, Unauthenticated
from aisle.registry.key_secrets import new_key
from aisle.serving.keyring import Keyring
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import FakeKeys


@pytest.fixture
def source() -> FakeKeys:
    return FakeKeys()


def keyring(source: FakeKeys | None, telemetry: Telemetry, poll_s: float = 0.01) -> Keyring:
    return Keyring(source, poll_s=poll_s, telemetry=telemetry)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def knows(ring: Keyring, secret: str) -> bool:
    try:
        ring.prove(secret)
    except (Unauthenticated, NotReady):
        return False
    return True


def test_keys_are_known_from_the_start_and_proved_without_the_table(source: FakeKeys, telemetry: Telemetry) -> None:
    made, secret = source.create("shop")

    async def life() -> None:
        ring = keyring(source, telemetry, poll_s=60)
        await ring.start()
        looks = source.looks
        assert [ring.prove(secret).id for _ in range(1_000)] == [made.id] * 1_000
        assert source.looks == looks
        await ring.stop()

    asyncio.run(life())
    assert telemetry.registry.get_sample_value("aisle_api_keys") == 1


def test_new_and_revoked_keys_are_noticed(source: FakeKeys, telemetry: Telemetry) -> None:
    async def life() -> None:
        ring = keyring(source, telemetry)
        await ring.start()
        assert ring.is_empty
        _, secret = source.create("shop")
        await until(lambda: knows(ring, secret))
        source.revoke("shop")
        await until(lambda: not knows(ring, secret))
        await ring.stop()

    asyncio.run(life())


def test_without_the_table_the_known_keys_go_on_and_it_is_counted(source: FakeKeys, telemetry: Telemetry) -> None:
    _, secret = source.create("shop")

    async def life() -> None:
        ring = keyring(source, telemetry)
        await ring.start()
        source.unreachable = DatabaseError("gone")
        value = telemetry.registry.get_sample_value
        await until(lambda: (value("aisle_api_key_looks_total", {"outcome": "failed"}) or 0) >= 3)
        assert knows(ring, secret)
        source.unreachable = ZeroDivisionError("a fault that nobody thought of")
        failed = value("aisle_api_key_looks_total", {"outcome": "failed"})
        await until(lambda: value("aisle_api_key_looks_total", {"outcome": "failed"}) > failed + 1)
        source.unreachable = None
        _, newer = source.create("newer")
        await until(lambda: knows(ring, newer))
        await ring.stop()

    asyncio.run(life())


def test_a_known_key_ends_when_it_expires_also_without_the_table(source: FakeKeys, telemetry: Telemetry) -> None:
    _, secret = source.create("brief", expires_at=datetime.now(UTC) + timedelta(seconds=0.2))

    async def life() -> None:
        ring = keyring(source, telemetry)
        await ring.start()
        source.unreachable = DatabaseError("gone")
        assert knows(ring, secret)
        await asyncio.sleep(0.25)
        with pytest.raises(Unauthenticated, match="expired"):
            ring.prove(secret)
        await ring.stop()

    asyncio.run(life())


def test_before_the_table_was_ever_read_nobody_is_called_unknown(source: FakeKeys, telemetry: Telemetry) -> None:
    _, secret = source.create("shop")
    source.unreachable = DatabaseError("gone")

    async def life() -> None:
        ring = keyring(source, telemetry)
        await ring.start()
        assert not ring.is_empty
        with pytest.raises(NotReady, match="could not be read yet"):
            ring.prove(secret)
        await ring.stop()

    asyncio.run(life())


def test_what_was_used_is_told_to_the_table(source: FakeKeys, telemetry: Telemetry) -> None:
    _, secret = source.create("shop")

    async def life() -> None:
        ring = keyring(source, telemetry)
        await ring.start()
        ring.prove(secret)
        await until(lambda: source.live()[0].last_used_at is not None)
        await ring.stop()

    asyncio.run(life())


def test_without_a_table_no_key_is_known(telemetry: Telemetry) -> None:
    ring = keyring(None, telemetry)
    assert ring.is_empty
    with pytest.raises(Unauthenticated, match="not known"):
        ring.prove(new_key()[1])


@pytest.fixture
def ring(source: FakeKeys, telemetry: Telemetry) -> Iterator[tuple[Keyring, str]]:
    _, secret = source.create("shop")
    made = keyring(source, telemetry)
    made._look(source, {})
    yield made, secret
    asyncio.run(made.stop())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key[:18] + "_" + new_key()[1][19:],
        lambda _: new_key()[1],
        lambda key: key + "\0",
        lambda key: key.swapcase(),
        lambda _: "",
        lambda _: "é" * 62,
        lambda _: "aisle_" + "0" * 100_000,
        lambda _: "' OR '1'='1",
    ],
)
def test_a_wrong_key_is_refused_and_never_repeated(ring: tuple[Keyring, str], wrong) -> None:
    known, secret = ring
    sent = wrong(secret)
    with pytest.raises(Unauthenticated) as caught:
        known.prove(sent)
    assert caught.value.sent
    assert not sent or sent not in str(caught.value)
    assert len(str(caught.value)) < 200
    assert known.prove(secret).name == "shop"
