"""The table of keys: the same on SQLite, on PostgreSQL and, where a server looks at it, in the fake of the unit tests."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import inspect, select, text

from aisle.errors import AccessError
from aisle.registry.keys import ApiKeys
from aisle.storage.database import Database
from aisle.storage.schema import api_keys
from tests.unit.serving.fakes import FakeKeys


@pytest.fixture
def keys(database: Database) -> ApiKeys:
    return ApiKeys(database)


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiKeys | FakeKeys]:
    """What a server reads keys from."""
    if request.param == "fake":
        yield FakeKeys()
        return
    sqlite = request.param == "sqlite"
    database = Database(f"sqlite:///{tmp_path / 'aisle.db'}" if sqlite else request.getfixturevalue("postgres_url"))
    database.migrate()
    yield ApiKeys(database)
    database.close()


def soon(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


class TestWhatAServerReads:
    def test_a_key_is_live_until_it_is_revoked(self, source: ApiKeys | FakeKeys):
        made, secret = source.create("shop", scopes=["predict", "admin"], requests_per_minute=60)
        (live,) = source.live()
        assert live == made
        assert live.seal.fits(secret)
        assert (live.name, live.scopes, live.requests_per_minute) == ("shop", {"predict", "admin"}, 60)
        assert live.state(datetime.now(UTC)) == "active"
        assert source.revoke("shop") == 1
        assert source.live() == []

    def test_a_key_that_has_expired_is_not_live(self, source: ApiKeys | FakeKeys):
        source.create("brief", scopes=["predict"], requests_per_minute=None, expires_at=soon(seconds=0.2))
        (live,) = source.live()
        assert live.expires_at.utcoffset() == timedelta(0)
        assert live.state(soon(seconds=1)) == "expired"
        while source.live():
            pass
        assert datetime.now(UTC) >= live.expires_at

    def test_the_last_use_is_kept_and_never_goes_back(self, source: ApiKeys | FakeKeys):
        made, _ = source.create("shop", scopes=["predict"], requests_per_minute=None)
        other, _ = source.create("other", scopes=["predict"], requests_per_minute=None)
        late, early = soon(hours=1), soon(hours=-1)
        source.touch({made.id: late})
        source.touch({made.id: early, other.id: early, 999: late})
        source.touch({})
        assert {key.name: key.last_used_at for key in source.live()} == {"shop": late, "other": early}


class TestTheTable:
    def test_it_holds_no_secret(self, keys: ApiKeys, database: Database):
        _, secret = keys.create("shop", scopes=["predict"], requests_per_minute=None)
        with database.reading() as connection:
            (row,) = connection.execute(select(api_keys)).all()
        assert secret.rpartition("_")[2] not in repr(tuple(row))
        assert secret not in repr(keys.all())

    def test_a_name_has_one_current_key(self, keys: ApiKeys):
        keys.create("shop", scopes=["predict"], requests_per_minute=None)
        with pytest.raises(AccessError, match="There is a key shop already") as caught:
            keys.create("shop", scopes=["admin"], requests_per_minute=None)
        assert "aisle keys rotate shop" in caught.value.hint
        keys.revoke("shop")
        keys.create("shop", scopes=["admin"], requests_per_minute=None)
        assert [key.state(soon()) for key in keys.all()] == ["revoked", "active"]

    def test_rotation_lets_the_old_key_live_on_for_its_grace(self, keys: ApiKeys):
        old, _ = keys.create("shop", scopes=["predict", "review"], requests_per_minute=7, expires_at=soon(days=9))
        new, secret = keys.rotate("shop", grace=timedelta(hours=1))
        assert (new.name, new.scopes, new.requests_per_minute) == (old.name, old.scopes, old.requests_per_minute)
        assert new.expires_at == old.expires_at
        assert new.seal.fits(secret)
        before, after = keys.live()
        assert (before.id, after.id) == (old.id, new.id)
        assert before.state(soon()) == "replaced"
        assert before.expires_at < soon(hours=1, seconds=1)
        assert keys.revoke("shop") == 2
        assert keys.live() == []

    def test_grace_never_lengthens_a_life(self, keys: ApiKeys):
        old, _ = keys.create("shop", scopes=["predict"], requests_per_minute=None, expires_at=soon(minutes=5))
        keys.rotate("shop", grace=timedelta(days=1))
        assert keys.all()[0].expires_at == old.expires_at

    def test_rotation_without_grace_ends_the_old_key(self, keys: ApiKeys):
        keys.create("shop", scopes=["predict"], requests_per_minute=None)
        new, _ = keys.rotate("shop", grace=timedelta(0))
        assert [key.id for key in keys.live()] == [new.id]

    def test_what_has_expired_is_not_rotated(self, keys: ApiKeys):
        keys.create("shop", scopes=["predict"], requests_per_minute=None, expires_at=soon(seconds=0.1))
        while keys.live():
            pass
        with pytest.raises(AccessError, match="has expired"):
            keys.rotate("shop", grace=timedelta(days=1))
        assert [key.state(soon()) for key in keys.all()] == ["expired"]

    def test_of_many_who_rotate_or_create_at_once_one_wins(self, keys: ApiKeys):
        start = Barrier(8)

        def create(_: int) -> str:
            start.wait()
            try:
                return keys.create("shop", scopes=["predict"], requests_per_minute=None)[0].prefix
            except AccessError:
                return "taken"

        def rotate(_: int) -> str:
            start.wait()
            try:
                keys.rotate("shop", grace=timedelta(days=1))
            except AccessError:
                return "beaten"  # on PostgreSQL whoever waited for the row finds it replaced; on SQLite all take turns
            return "done"

        with ThreadPoolExecutor(8) as threads:
            outcomes = Counter(threads.map(create, range(8)))
            assert outcomes["taken"] == 7
            rotated = Counter(threads.map(rotate, range(8)))
        current = [key for key in keys.live() if key.replaced_at is None]
        assert len(current) == 1
        assert rotated["done"] >= 1
        assert len(keys.all()) == 1 + rotated["done"]

    @pytest.mark.parametrize("action", ["revoke", "rotate"])
    @pytest.mark.parametrize("name", ["nobody", "' OR 1=1 --", "", "\u0000x"])
    def test_an_unknown_name_is_refused_and_touches_nobody(self, keys: ApiKeys, action: str, name: str):
        keys.create("shop", scopes=["predict"], requests_per_minute=None)
        more = {"grace": timedelta(0)} if action == "rotate" else {}
        with pytest.raises(AccessError, match="There is no key"):
            getattr(keys, action)(name, **more)
        assert [key.state(soon()) for key in keys.live()] == ["active"]

    @pytest.mark.parametrize(
        "name",
        [
            "",
            " ",
            "a b",
            "-a",
            "é",
            "a\nb",
            "a\r\nX-Evil: 1",
            "a\0",
            "'; DROP TABLE api_keys; --",
            "x" * 65,
            "[bold]x",
            "a/b",
        ],
    )
    def test_a_name_that_could_mean_something_elsewhere_is_refused(self, keys: ApiKeys, database: Database, name: str):
        with pytest.raises(AccessError, match="The name of a key"):
            keys.create(name, scopes=["predict"], requests_per_minute=None)
        with database.reading() as connection:
            assert "api_keys" in inspect(connection).get_table_names()
            assert connection.scalar(text("SELECT count(*) FROM api_keys")) == 0

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"scopes": []}, "without a scope"),
            ({"scopes": ["predict", "root"]}, "'root' is no scope"),
            ({"requests_per_minute": 0}, "is no rate"),
            ({"requests_per_minute": -1}, "is no rate"),
            ({"requests_per_minute": 10**12}, "is no rate"),
            ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expired from the start"),
        ],
    )
    def test_a_key_that_makes_no_sense_is_refused(self, keys: ApiKeys, wrong: dict, told: str):
        with pytest.raises(AccessError, match=told):
            keys.create("shop", **{"scopes": ["predict"], "requests_per_minute": None, **wrong})

    def test_the_way_back_to_the_version_before_drops_the_keys_alone(self, keys: ApiKeys, database: Database):
        keys.create("shop", scopes=["predict"], requests_per_minute=None)
        database.revert("0001")
        with database.reading() as connection:
            assert "api_keys" not in (left := inspect(connection).get_table_names())
            assert "promotions" in left
        database.migrate()
        assert keys.all() == []
