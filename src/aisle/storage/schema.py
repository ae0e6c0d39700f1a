"""The tables: what the database keeps, one definition for PostgreSQL and SQLite.

`products` and `rejects` are filled by ingest under a row of `loads`. A product's `label` is the one that it came with;
every later word on it, a person's or its source's, is a row of `labels`, and the view `current_labels` says which one
holds. `snapshots` names frozen data versions; `models` and `promotions` are the promotion ledger; `steps` remembers what
the pipeline has done. `api_keys` says who may ask a server for what; no secret is in it, only what proves one.
`predictions` is what servers answered, for a while; `feedback` is what people say is right. `review_items` is what people
should look at and `review_decisions` what they decided; `audit_events` is who did what in the console. `monitor_runs` and
`monitor_values` are what monitoring found in it, `retrain_requests` what it asked for and what became of that. The
relations `x_train`, `x_test` and `y_train` that users of the challenge know are views, made by the migrations.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from aisle.storage.column_types import NAME, SERIAL, Moment

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _created() -> Column[Any]:
    return Column("created_at", Moment, nullable=False, server_default=func.now())


sources = Table(
    "sources",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("layout", String, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("sample", String, nullable=False),
    Column("image_prefix", NAME, nullable=False, unique=True),
    _created(),
)

loads = Table(
    "loads",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("source", NAME, ForeignKey("sources.name"), nullable=False),
    Column("split", NAME, nullable=False),
    Column("digest", NAME, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("rows_in_source", BigInteger, nullable=False),
    Column("rows_expected", BigInteger, nullable=False),
    Column("rows_loaded", BigInteger, nullable=False, server_default="0"),
    Column("rows_unchanged", BigInteger, nullable=False, server_default="0"),
    Column("rows_rejected", BigInteger, nullable=False, server_default="0"),
    Column("images_loaded", BigInteger, nullable=False, server_default="0"),
    Column("images_rejected", BigInteger, nullable=False, server_default="0"),
    Column("state", String, nullable=False),
    Column("started_at", Moment, nullable=False, server_default=func.now()),
    Column("updated_at", Moment, nullable=False, server_default=func.now()),
    Index(
        "uq_loads_running",
        "source",
        "split",
        unique=True,
        postgresql_where=text("state = 'running'"),
        sqlite_where=text("state = 'running'"),
    ),
)

products = Table(
    "products",
    METADATA,
    # The id comes first: it tells rows apart at once, where source and split are the same for thousands.
    Column("id", NAME, primary_key=True),
    Column("source", NAME, primary_key=True),
    Column("split", NAME, primary_key=True),
    Column("row", BigInteger, nullable=False),
    Column("title", Text),
    Column("description", Text),
    Column("brand", Text),
    Column("label", NAME),
    Column("product_ref", Text),
    Column("image_ref", Text),
    Column("image_name", Text),
    Column("image_sha256", String),
    Column("image_width", Integer),
    Column("image_height", Integer),
    Column("load_id", BigInteger, nullable=False),
)

labels = Table(
    "labels",
    METADATA,
    Column("source", NAME, primary_key=True),
    Column("split", NAME, primary_key=True),
    Column("product_id", NAME, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False, server_default="1"),
    Column("code", NAME, nullable=False),
    Column("author", String, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("load_id", BigInteger),
    _created(),
    # A row that takes another one back: its number. Neither holds then.
    Column("withdraws", Integer),
)

rejects = Table(
    "rejects",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("load_id", BigInteger, nullable=False, index=True),
    Column("source", NAME, nullable=False),
    Column("split", NAME, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("product_id", Text),
    Column("kind", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("raw", Text),
    _created(),
)

snapshots = Table(
    "snapshots",
    METADATA,
    Column("digest", NAME, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("manifest", Text, nullable=False),
    _created(),
)

models = Table(
    "models",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("bundle", NAME, nullable=False, unique=True),
    Column("snapshot", NAME, nullable=False),
    Column("run_id", String, nullable=False),
    Column("metrics", Text, nullable=False),
    _created(),
)

promotions = Table(
    "promotions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, ForeignKey("models.version"), nullable=False),
    Column("previous", Integer, ForeignKey("models.version")),
    Column("action", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    _created(),
)

steps = Table(
    "steps",
    METADATA,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("name", NAME, nullable=False),
    Column("inputs", NAME, nullable=False),
    Column("output", Text, nullable=False),
    Column("seconds", Text, nullable=False),
    _created(),
    UniqueConstraint("name", "inputs"),
)

api_keys = Table(
    "api_keys",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("name", NAME, nullable=False),
    Column("prefix", NAME, nullable=False, unique=True),
    Column("seal", String, nullable=False),
    Column("scopes", String, nullable=False),
    Column("requests_per_minute", Integer),
    Column("expires_at", Moment),
    Column("replaced_at", Moment),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
    _created(),
    # One key of a name is the current one; those that it replaced may live on for a while.
    Index(
        "uq_api_keys_current",
        "name",
        unique=True,
        postgresql_where=text("replaced_at IS NULL AND revoked_at IS NULL"),
        sqlite_where=text("replaced_at IS NULL AND revoked_at IS NULL"),
    ),
)

predictions = Table(
    "predictions",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("request_id", NAME, nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("product_id", Text, nullable=False),
    Column("answered_at", Moment, nullable=False, index=True),
    Column("seconds", Float, nullable=False),
    Column("version", Integer, nullable=False),
    Column("bundle", NAME, nullable=False),
    Column("code", NAME, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("second_code", NAME),
    Column("second_confidence", Float),
    Column("set_size", Integer, nullable=False),
    Column("review", String),
    Column("modalities", String, nullable=False),
    Column("image_problem", Text),
    Column("text_sha256", String, nullable=False),
    Column("image_sha256", String),
    Column("title_chars", Integer, nullable=False),
    Column("description_chars", Integer, nullable=False),
    Column("title_words", Integer, nullable=False),
    Column("missing_description", Boolean, nullable=False),
    Column("html_residue", Boolean, nullable=False),
    Column("language", String, nullable=False),
    Column("image_bytes", Integer),
    Column("image_aspect", Float),
    Column("title_marks", String),
    Column("image_brightness", Float),
    Column("image_white", Float),
    Column("image_sketch", String),
    Column("title", Text),
    Column("description", Text),
    Column("brand", Text),
)

feedback = Table(
    "feedback",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("author", NAME, nullable=False),
    Column("client_id", NAME, nullable=False),
    Column("digest", String, nullable=False),
    Column("request_id", NAME),
    Column("position", Integer),
    Column("source", NAME),
    Column("split", NAME),
    Column("product_id", NAME),
    Column("code", NAME, nullable=False),
    Column("predicted", NAME),
    Column("version", Integer),
    Column("reason", Text, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False, server_default=func.now(), index=True),
    UniqueConstraint("author", "client_id"),
)

monitor_runs = Table(
    "monitor_runs",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False, index=True),
    Column("seconds", Float, nullable=False),
    Column("asked", String, nullable=False),
    Column("window_start", Moment),
    Column("window_end", Moment),
    Column("window_rows", BigInteger, nullable=False),
    Column("version", Integer),
    Column("bundle", NAME, nullable=False),
    Column("reference_rows", BigInteger, nullable=False),
    Column("policy", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("report", Text),
    Column("mlflow_run", String),
)

monitor_values = Table(
    "monitor_values",
    METADATA,
    Column("run_id", SERIAL, ForeignKey("monitor_runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("family", NAME, primary_key=True),
    Column("column_name", NAME, primary_key=True),
    Column("measure", NAME, primary_key=True),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("null_low", Float),
    Column("null_high", Float),
    Column("threshold", Float),
    Column("n", BigInteger, nullable=False),
    Column("m", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
)

retrain_requests = Table(
    "retrain_requests",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("run_id", SERIAL, ForeignKey("monitor_runs.id")),
    Column("model", NAME, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("version", Integer),
    Column("reasons", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("quiet_until", Moment, nullable=False),
    Column("taken_by", String),
    Column("new_version", Integer),
    Column("outcome", Text, nullable=False, server_default=""),
    # Of a model one request at a time is open, however many ask.
    Index(
        "uq_retrain_requests_open",
        "model",
        unique=True,
        postgresql_where=text("state IN ('requested', 'taken')"),
        sqlite_where=text("state IN ('requested', 'taken')"),
    ),
)

review_items = Table(
    "review_items",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("name", NAME, nullable=False, index=True),
    Column("reason", String, nullable=False),
    Column("drawn", Boolean, nullable=False),
    Column("value", Float, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("reviews_wanted", Integer, nullable=False),
    Column("source", NAME, nullable=False),
    Column("split", NAME, nullable=False),
    Column("product_id", NAME, nullable=False),
    Column("request_id", NAME),
    Column("position", Integer),
    Column("predicted", NAME),
    Column("confidence", Float),
    Column("second_code", NAME),
    Column("version", Integer),
    Column("suggested", NAME),
    Column("note", Text, nullable=False, server_default=""),
    Column("title", Text),
    Column("description", Text),
    Column("brand", Text),
    Column("state", String, nullable=False),
    Column("code", NAME),
    Column("leased_by", NAME),
    Column("leased_until", Moment),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    # Of a product one item is open at a time, however often it was answered.
    Index(
        "uq_review_items_open",
        "name",
        unique=True,
        postgresql_where=text("state = 'open'"),
        sqlite_where=text("state = 'open'"),
    ),
    Index("ix_review_items_state_value", "state", "value"),
)

review_decisions = Table(
    "review_decisions",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("item_id", SERIAL, ForeignKey("review_items.id"), nullable=False, index=True),
    Column("reviewer", NAME, nullable=False, index=True),
    Column("verdict", String, nullable=False),
    Column("code", NAME),
    Column("reason", Text, nullable=False, server_default=""),
    Column("decided_at", Moment, nullable=False),
    Column("label_seq", Integer),
    Column("undone_at", Moment),
)

audit_events = Table(
    "audit_events",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False, index=True),
    Column("actor", NAME, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)
