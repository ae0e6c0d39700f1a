"""What every database promises: the same cases on SQLite and on PostgreSQL."""

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, inspect, select, text, update
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import IntegrityError

from aisle.errors import DatabaseError
from aisle.storage.bulk import insert_frame
from aisle.storage.database import Database
from aisle.storage.schema import METADATA, labels, loads, products, rejects, snapshots, sources, steps
from tests.servers.postgres import PostgresServer
from tests.servers.process import free_port

SOURCE = {"name": "shop", "layout": "challenge", "mapping": "{}", "sample": "head", "image_prefix": ""}
NUMBERS = ("generation", "low", "high", "position", "rows_in_source", "rows_expected")
LOAD = {"source": "shop", "split": "train", "digest": "d", "state": "running", **dict.fromkeys(NUMBERS, 1)}


def migrate_in_another_process(url: str) -> str:
    database = Database(url, connect_timeout_s=30)
    try:
        return database.migrate()
    finally:
        database.close()


def names(connection: Connection) -> list[str]:
    return sorted(connection.scalars(select(sources.c.name)))


def add_source(connection: Connection, name: str = "shop", prefix: str = "") -> None:
    connection.execute(insert(sources), {**SOURCE, "name": name, "image_prefix": prefix or name})


class TestMigrations:
    def test_migrating_twice_changes_nothing(self, database: Database):
        with database.transaction() as connection:
            add_source(connection)
        assert database.migrate() == database.migrate()
        database.check()
        with database.reading() as connection:
            assert names(connection) == ["shop"]

    def test_the_schema_is_the_one_that_the_code_describes(self, database: Database):
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
            assert compare_metadata(context, METADATA) == []

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_processes_that_race_wait_for_one_another(self, database_url: str):
        with multiprocessing.get_context("spawn").Pool(4) as pool:
            revisions = pool.map(migrate_in_another_process, [database_url] * 4)
        database = Database(database_url)
        database.check()
        with database.reading() as connection:
            applied = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        database.close()
        assert applied == revisions[:1]
        assert len(set(revisions)) == 1

    def test_the_way_back_is_open_with_data_in_the_tables(self, database: Database):
        with database.transaction() as connection:
            add_source(connection)
            connection.execute(insert(loads), LOAD)
            insert_frame(connection, products, one_product("1", "title"))
        database.revert("base")
        with database.reading() as connection:
            left = set(inspect(connection).get_table_names()) - {"alembic_version"}
            views = inspect(connection).get_view_names()
        assert (left, views) == (set(), [])
        database.migrate()
        with database.reading() as connection:
            assert names(connection) == []

    def test_a_migration_that_breaks_off_halfway_leaves_the_schema_and_the_rows_as_they_were(self, database: Database):
        database.revert("0004")
        with database.transaction() as connection:
            add_source(connection)
            # In the way of revision 0006, when 0005 has been gone through.
            connection.execute(text("CREATE TABLE review_items (foreign_to_us INTEGER)"))
        with pytest.raises(DatabaseError, match=r"stays at its revision: .*review_items.* already exists"):
            database.migrate()
        with database.reading() as connection:
            assert "monitor_runs" not in inspect(connection).get_table_names()
            assert names(connection) == ["shop"]
        with pytest.raises(DatabaseError, match="is at 0004, this version needs") as caught:
            database.check()
        assert "aisle database migrate" in caught.value.hint
        with database.transaction() as connection:
            connection.execute(text("DROP TABLE review_items"))
        database.migrate()
        database.check()
        with database.reading() as connection:
            assert names(connection) == ["shop"]

    def test_an_empty_database_is_refused_with_the_command_that_mends_it(self, database_url: str):
        database = Database(database_url)
        with pytest.raises(DatabaseError, match="is at nothing, this version needs") as caught:
            database.check()
        database.close()
        assert "aisle database migrate" in caught.value.hint

    @pytest.mark.parametrize("action", ["check", "migrate"])
    def test_a_newer_schema_is_refused_and_left_alone(self, database: Database, action: str):
        with database.transaction() as connection:
            add_source(connection)
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseError, match="9999, which this version does not know") as caught:
            getattr(database, action)()
        assert "upgrade" in caught.value.hint
        with database.reading() as connection:
            assert names(connection) == ["shop"]

    def test_the_challenges_relations_are_there(self, database: Database):
        with database.transaction() as connection:
            add_source(connection)
            insert_frame(connection, products, one_product("7", "Piscine", product_ref="12", image_ref="34", label="10"))
            insert_frame(connection, products, one_product("8", "Livre", label="10"))
            insert_frame(connection, products, one_product("9", "Sans code"))
            connection.execute(insert(labels), label("7", 1, "2583"))
            connection.execute(insert(labels), label("7", 2, "2585"))
        with database.reading() as connection:
            row = connection.execute(
                text("SELECT id, designation, description, productid, imageid FROM x_train WHERE id = 7")
            ).one()
            assert tuple(row) == (7, "Piscine", None, 12, 34)
            codes = connection.execute(text("SELECT id, prdtypecode FROM y_train ORDER BY id"))
            assert [tuple(row) for row in codes] == [(7, 2585), (8, 10)]
            assert connection.execute(text("SELECT count(*) FROM x_test")).scalar_one() == 0


class TestTransactions:
    def test_an_error_takes_everything_back(self, database: Database):
        with pytest.raises(RuntimeError, match="changed my mind"), database.transaction() as connection:
            add_source(connection)
            insert_frame(connection, products, one_product("1", "title"))
            raise RuntimeError("changed my mind")
        with database.reading() as connection:
            assert names(connection) == []
            assert connection.scalar(select(func.count()).select_from(products)) == 0

    def test_a_refused_statement_keeps_its_own_error(self, database: Database):
        with pytest.raises(IntegrityError), database.transaction() as connection:
            add_source(connection)
            add_source(connection)
        with database.reading() as connection:
            assert names(connection) == []

    def test_foreign_keys_hold(self, database: Database):
        with pytest.raises(IntegrityError), database.transaction() as connection:
            connection.execute(insert(loads), {**LOAD, "source": "nobody"})

    def test_one_running_load_per_source_and_split(self, database: Database):
        with database.transaction() as connection:
            add_source(connection)
            connection.execute(insert(loads), {**LOAD, "state": "done"})
            connection.execute(insert(loads), LOAD)
            connection.execute(insert(loads), {**LOAD, "split": "test"})
        with pytest.raises(IntegrityError), database.transaction() as connection:
            connection.execute(insert(loads), LOAD)

    def test_writers_at_once_lose_no_update(self, database: Database):
        with database.transaction() as connection:
            add_source(connection)
            connection.execute(insert(loads), LOAD)

        def count_one(_: int) -> None:
            with database.transaction() as connection:
                connection.execute(update(loads).values(rows_loaded=loads.c.rows_loaded + 1))

        with ThreadPoolExecutor(5) as threads:
            list(threads.map(count_one, range(40)))
        with database.reading() as connection:
            assert connection.scalar(select(loads.c.rows_loaded)) == 40

    def test_a_reader_sees_one_state_throughout(self, database: Database):
        with database.reading() as connection:
            assert names(connection) == []
            with database.transaction() as other:
                add_source(other)
            assert names(connection) == []
        with database.reading() as connection:
            assert names(connection) == ["shop"]

    def test_a_writer_does_not_wait_for_readers_nor_they_for_it(self, database: Database):
        with database.transaction() as writer:
            add_source(writer)
            started = time.monotonic()
            with database.reading() as reader:
                assert names(reader) == []
            assert time.monotonic() - started < 2

    def test_a_connection_that_read_can_write_afterwards(self, database_url: str):
        database = Database(database_url, pool_size=1)
        database.migrate()
        for name in ("a", "b"):
            with database.reading() as connection:
                names(connection)
            with database.transaction() as connection:
                add_source(connection, name)
        with database.reading() as connection:
            assert names(connection) == ["a", "b"]
        database.close()

    def test_threads_that_open_it_together_share_one_engine(self, database_url: str):
        database = Database(database_url)
        gate = threading.Barrier(8)

        def engine(_: int) -> int:
            gate.wait()
            return id(database.engine)

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(engine, range(8)))) == 1
        database.close()


class TestValues:
    def test_moments_come_back_aware_and_in_utc(self, database: Database):
        paris = timezone(timedelta(hours=2))
        given = datetime(2026, 7, 1, 1, 30, 15, 123456, tzinfo=paris)
        with database.transaction() as connection:
            connection.execute(insert(snapshots), {"digest": "d", "rows": 1, "manifest": "{}", "created_at": given})
            read = connection.scalar(select(snapshots.c.created_at))
            assert connection.scalar(select(snapshots.c.digest).where(snapshots.c.created_at == given)) == "d"
        assert read == given
        assert read.tzinfo is UTC
        assert (read.day, read.hour) == (30, 23)

    def test_the_databases_clock_is_in_utc_too(self, database: Database):
        with database.transaction() as connection:
            connection.execute(insert(snapshots), {"digest": "d", "rows": 1, "manifest": "{}"})
            read = connection.scalar(select(snapshots.c.created_at))
        assert abs(read - datetime.now(UTC)) < timedelta(minutes=1)

    def test_names_are_sorted_and_compared_by_their_bytes(self, database: Database):
        given = ["a", "B", "é", "Z", "_", "10", "9", "e", "É", "z"]
        with database.transaction() as connection:
            for name in given:
                add_source(connection, name)
        with database.reading() as connection:
            assert list(connection.scalars(select(sources.c.name).order_by(sources.c.name))) == sorted(given)
            assert list(connection.scalars(select(sources.c.name).where(sources.c.name > "Z"))) != []
            assert set(connection.scalars(select(sources.c.name).where(sources.c.name >= "a"))) == {"a", "e", "z", "é", "É"}

    def test_large_numbers_keep_every_digit(self, database: Database):
        with database.transaction() as connection:
            connection.execute(insert(snapshots), {"digest": "d", "rows": 2**62 + 1, "manifest": "{}"})
            assert connection.scalar(select(snapshots.c.rows)) == 2**62 + 1


AWKWARD = [
    "",
    None,
    " ",
    "plain",
    'say "cheese"',
    '"',
    '""',
    "l'été, l'hiver; d'accord",
    "two\nlines",
    "two\r\nlines\rthree",
    "lone\rreturn",
    "\r",
    "tab\there",
    "back\\slash \\n \\N \\. \\\\",
    "\\.",
    "first\n\\.\nlast",
    "\\N",
    "NULL",
    "null",
    "🙂👩‍👩‍👧 \u0301 \ufeff \u200b \u202e",
    "<b>&eacute;</b>",
    "%s %(x)s :name ? {0}",
    "'; DROP TABLE products; --",
    "=1+1",
    " lead and trail ",
    "x" * 100_000,
]


class TestBulk:
    def test_every_text_comes_back_as_it_was(self, database: Database):
        frame = pl.concat([one_product(str(number), value) for number, value in enumerate(AWKWARD)])
        with database.transaction() as connection:
            insert_frame(connection, products, frame)
        with database.reading() as connection:
            rows = connection.execute(select(products.c.id, products.c.title))
            assert {int(row.id): row.title for row in rows} == dict(enumerate(AWKWARD))

    def test_empty_and_missing_stay_apart(self, database: Database):
        with database.transaction() as connection:
            insert_frame(connection, products, pl.concat([one_product("1", ""), one_product("2", None)]))
            assert list(connection.scalars(select(products.c.id).where(products.c.title == ""))) == ["1"]
            assert list(connection.scalars(select(products.c.id).where(products.c.title.is_(None)))) == ["2"]

    def test_columns_that_the_frame_lacks_take_their_default(self, database: Database):
        row = {"load_id": 1, "source": "shop", "split": "train", "row": 7, "kind": "row", "reason": "no_id"}
        with database.transaction() as connection:
            insert_frame(connection, rejects, pl.DataFrame([row]))
            insert_frame(connection, rejects, pl.DataFrame([row]))
            rows = connection.execute(select(rejects).order_by(rejects.c.seq)).all()
        assert [row.seq for row in rows] == [1, 2]
        assert (rows[0].detail, rows[0].raw) == ("", None)
        assert rows[0].created_at.tzinfo is UTC

    def test_columns_go_by_name_whatever_their_order(self, database: Database):
        frame = one_product("1", "title")
        with database.transaction() as connection:
            insert_frame(connection, products, frame.select(reversed(frame.columns)))
            row = connection.execute(select(products.c.source, products.c.id, products.c.title, products.c.row)).one()
        assert tuple(row) == ("shop", "1", "title", 0)

    def test_moments_go_in_bulk_too(self, database: Database):
        given = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
        frame = pl.DataFrame({"digest": ["d"], "rows": [1], "manifest": ["{}"], "created_at": [given]})
        with database.transaction() as connection:
            insert_frame(connection, snapshots, frame)
            assert connection.scalar(select(snapshots.c.created_at)) == given

    def test_no_rows_are_no_statement(self, database: Database):
        with database.transaction() as connection:
            insert_frame(connection, products, one_product("1", "x").clear())
            assert connection.scalar(select(func.count()).select_from(products)) == 0

    def test_rows_by_the_thousand(self, database: Database):
        rows = 20_000
        frame = pl.DataFrame(
            {"source": "shop", "split": "train", "id": [str(n) for n in range(rows)], "row": range(rows), "load_id": 1}
        )
        with database.transaction() as connection:
            insert_frame(connection, products, frame)
            assert connection.execute(select(func.count(), func.sum(products.c.row))).one() == (rows, sum(range(rows)))

    def test_a_duplicate_key_refuses_the_whole_batch(self, database: Database):
        with pytest.raises(IntegrityError), database.transaction() as connection:
            insert_frame(connection, products, pl.concat([one_product("1", "a"), one_product("1", "b")]))
        with database.reading() as connection:
            assert connection.scalar(select(func.count()).select_from(products)) == 0


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        ["", "nonsense", "mysql://me:hunter2@host/x", "postgres://me:hunter2@host/x", "postgresql://me:hunter2@host:port/x"],
    )
    def test_what_is_no_address_is_refused_without_its_password(self, url: str):
        with pytest.raises(DatabaseError, match="neither an SQLite nor a PostgreSQL address") as caught:
            Database(url)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
    def test_memory_is_refused(self, url: str):
        with pytest.raises(DatabaseError, match="names no file"):
            Database(url)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://me:hun@ter2@host/x",
            "postgresql://me:hun@/ter2@host/x",
            "postgresql://host/x?user=me&password=hunter2",
        ],
    )
    def test_a_password_in_the_wrong_place_is_refused_and_not_shown(self, url: str):
        with pytest.raises(DatabaseError, match="password in the wrong place") as caught:
            Database(url)
        assert "ter2" not in str(caught.value)

    def test_the_address_for_people_has_no_password(self):
        assert Database("postgresql://me:hunter2@host/x").address == "postgresql://me:***@host/x"

    def test_an_sqlite_path_may_hold_any_character(self, tmp_path: Path):
        database = Database(f"sqlite:///{tmp_path}/50%25%20off%3F %23@é/aisle.db")
        database.migrate()
        database.close()
        assert (tmp_path / "50% off? #@é" / "aisle.db").is_file()

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path):
        (tmp_path / "file").write_text("")
        with pytest.raises(DatabaseError, match=r"file/sub.* cannot be made"):
            Database(f"sqlite:///{tmp_path}/file/sub/aisle.db").migrate()

    def test_a_file_that_is_no_database_is_refused_and_left_alone(self, tmp_path: Path):
        path = tmp_path / "notes.txt"
        path.write_text("my notes, one line after another\n" * 100)
        database = Database(f"sqlite:///{path}")
        with pytest.raises(DatabaseError, match="not a database"):
            database.migrate()
        database.close()
        assert path.read_text().startswith("my notes")

    def test_a_lock_that_stays_is_reported_after_the_timeout(self, tmp_path: Path):
        url = f"sqlite:///{tmp_path}/aisle.db"
        holder, waiter = Database(url), Database(url, connect_timeout_s=0.2)
        holder.migrate()
        with (
            holder.transaction(),
            pytest.raises(DatabaseError, match="database is locked"),
            waiter.transaction() as connection,
        ):
            add_source(connection)
        holder.close()
        waiter.close()

    @pytest.mark.parametrize("action", ["check", "migrate"])
    def test_a_server_that_is_not_there_is_reported_at_once(self, action: str):
        database = Database(f"postgresql://me:hunter2@127.0.0.1:{free_port()}/x")
        started = time.monotonic()
        with pytest.raises(DatabaseError, match=r"cannot be used: .*refused") as caught:
            getattr(database, action)()
        assert time.monotonic() - started < 5
        assert "hunter2" not in repr(caught.value) + str(caught.value)
        assert "AISLE_DATABASE_URL" in caught.value.hint


@pytest.mark.servers
class TestServer:
    def test_a_wrong_password_is_reported_and_not_shown(self, postgres_url: str):
        database = Database(make_url(postgres_url).set(password="hunter2").render_as_string(hide_password=False))
        with pytest.raises(DatabaseError, match="password authentication failed") as caught:
            database.migrate()
        assert "hunter2" not in str(caught.value)

    def test_a_database_that_is_not_there_is_named(self, postgres: PostgresServer):
        with pytest.raises(DatabaseError, match='"nobody" does not exist'):
            Database(postgres.url("nobody")).check()

    def test_a_connection_cut_between_transactions_is_not_noticed(self, postgres: PostgresServer, postgres_url: str):
        database = Database(postgres_url, pool_size=1)
        database.migrate()
        cut_connections(postgres, postgres_url)
        database.check()
        database.close()

    def test_a_connection_cut_within_a_transaction_is_reported(self, postgres: PostgresServer, postgres_url: str):
        database = Database(postgres_url)
        database.migrate()
        with pytest.raises(DatabaseError, match="cannot be used"), database.transaction() as connection:
            add_source(connection)
            cut_connections(postgres, postgres_url)
            names(connection)
        with database.reading() as connection:
            assert names(connection) == []
        database.close()

    def test_a_connection_cut_within_a_copy_is_reported(self, postgres: PostgresServer, postgres_url: str):
        database = Database(postgres_url)
        database.migrate()
        with pytest.raises(DatabaseError, match="cannot be used"), database.transaction() as connection:
            cut_connections(postgres, postgres_url)
            insert_frame(connection, products, one_product("1", "title"))
        database.check()
        database.close()

    def test_a_pool_that_is_used_up_is_reported_after_the_timeout(self, postgres_url: str):
        database = Database(postgres_url, pool_size=1, connect_timeout_s=0.2)
        with ExhaustedPool(database), pytest.raises(DatabaseError, match="stayed in use") as caught, database.reading():
            pass
        database.close()
        assert "AISLE_DATABASE_POOL_SIZE" in caught.value.hint

    def test_a_read_only_transaction_refuses_to_write(self, postgres_url: str):
        database = Database(postgres_url)
        database.migrate()
        with pytest.raises(DatabaseError, match="read-only"), database.reading() as connection:
            add_source(connection)
        database.close()

    def test_the_plan_of_a_steps_lookup_is_its_index(self, postgres_url: str):
        database = Database(postgres_url)
        database.migrate()
        with database.transaction() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            query = select(steps.c.output).where(steps.c.name == "train", steps.c.inputs == "d")
            compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
            plan = "\n".join(connection.scalars(text(f"EXPLAIN {compiled}")))
        database.close()
        assert "uq_steps_name_inputs" in plan


class ExhaustedPool:
    """Every connection that a pool may open, held."""

    def __init__(self, database: Database) -> None:
        self._pool = database.engine.pool
        self._held: list = []

    def __enter__(self) -> None:
        for _ in range(1 + 10):  # its size, and SQLAlchemy's default overflow
            self._held.append(self._pool.connect())

    def __exit__(self, *_: object) -> None:
        for connection in self._held:
            connection.close()


def one_product(key: str, title: str | None, **more: str) -> pl.DataFrame:
    row = {"source": "shop", "split": "train", "id": key, "row": 0, "title": title, "load_id": 1, **more}
    return pl.DataFrame({name: [value] for name, value in row.items()}, schema_overrides={"title": pl.String})


def label(product: str, seq: int, code: str) -> dict[str, str | int]:
    return {"source": "shop", "split": "train", "product_id": product, "seq": seq, "code": code, "author": "source"}


def cut_connections(server: PostgresServer, url: str) -> None:
    name = url.rpartition("/")[2]
    administrator = Database(server.url("postgres"))
    with administrator.transaction() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
        )
    administrator.close()
