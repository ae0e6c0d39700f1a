"""Catalogue, loads, snapshots, the promotion ledger and the pipeline's memory."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def upgrade() -> None:
    """Make every table of the first version, and the views that users of the challenge know."""
    op.create_table(
        "sources",
        sa.Column("name", _NAME, nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("sample", sa.String(), nullable=False),
        sa.Column("image_prefix", _NAME, nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("name", name="pk_sources"),
        sa.UniqueConstraint("image_prefix", name="uq_sources_image_prefix"),
    )
    op.create_table(
        "loads",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("source", _NAME, nullable=False),
        sa.Column("split", _NAME, nullable=False),
        sa.Column("digest", _NAME, nullable=False),
        *(
            sa.Column(n, sa.BigInteger(), nullable=False)
            for n in ("generation", "low", "high", "position", "rows_in_source", "rows_expected")
        ),
        *(
            sa.Column(n, sa.BigInteger(), nullable=False, server_default="0")
            for n in ("rows_loaded", "rows_unchanged", "rows_rejected", "images_loaded", "images_rejected")
        ),
        sa.Column("state", sa.String(), nullable=False),
        _moment("started_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_loads"),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name="fk_loads_source"),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "uq_loads_running", "loads", ["source", "split"], unique=True, postgresql_where=running, sqlite_where=running
    )
    op.create_table(
        "products",
        sa.Column("source", _NAME, nullable=False),
        sa.Column("split", _NAME, nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        *(sa.Column(n, sa.Text()) for n in ("title", "description", "brand", "product_ref", "image_ref", "image_name")),
        sa.Column("label", _NAME),
        sa.Column("image_sha256", sa.String()),
        sa.Column("image_width", sa.Integer()),
        sa.Column("image_height", sa.Integer()),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "source", "split", name="pk_products"),
    )
    op.create_table(
        "labels",
        *(sa.Column(n, _NAME, nullable=False) for n in ("source", "split", "product_id")),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, server_default="1"),
        sa.Column("code", _NAME, nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("load_id", sa.BigInteger()),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("source", "split", "product_id", "seq", name="pk_labels"),
    )
    op.create_table(
        "rejects",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("source", _NAME, nullable=False),
        sa.Column("split", _NAME, nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.Text()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, server_default=""),
        sa.Column("raw", sa.Text()),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("seq", name="pk_rejects"),
    )
    op.create_index("ix_rejects_load_id", "rejects", ["load_id"])
    _create_decisions()
    _create_views()


def _create_decisions() -> None:
    op.create_table(
        "snapshots",
        sa.Column("digest", _NAME, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_snapshots"),
    )
    op.create_table(
        "models",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bundle", _NAME, nullable=False),
        sa.Column("snapshot", _NAME, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("version", name="pk_models"),
        sa.UniqueConstraint("bundle", name="uq_models_bundle"),
    )
    op.create_table(
        "promotions",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("seq", name="pk_promotions"),
        sa.ForeignKeyConstraint(["version"], ["models.version"], name="fk_promotions_version"),
        sa.ForeignKeyConstraint(["previous"], ["models.version"], name="fk_promotions_previous"),
    )
    op.create_table(
        "steps",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("inputs", _NAME, nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("seq", name="pk_steps"),
        sa.UniqueConstraint("name", "inputs", name="uq_steps_name_inputs"),
    )


def _create_views() -> None:
    op.execute(
        "CREATE VIEW current_labels AS SELECT p.source, p.split, p.id AS product_id, COALESCE(l.code, p.label) AS code,"
        " COALESCE(l.author, 'source') AS author FROM products p LEFT JOIN labels l"
        " ON l.source = p.source AND l.split = p.split AND l.product_id = p.id AND l.seq ="
        " (SELECT max(n.seq) FROM labels n WHERE n.source = p.source AND n.split = p.split AND n.product_id = p.id)"
        " WHERE l.code IS NOT NULL OR p.label IS NOT NULL"
    )
    challenge = "(SELECT name FROM sources WHERE layout = 'challenge')"
    for split in ("train", "test"):
        op.execute(
            f"CREATE VIEW x_{split} AS SELECT CAST(id AS BIGINT) AS id, title AS designation, description,"
            " CAST(product_ref AS BIGINT) AS productid, CAST(image_ref AS BIGINT) AS imageid, source"
            f" FROM products WHERE split = '{split}' AND source IN {challenge}"
        )
    op.execute(
        "CREATE VIEW y_train AS SELECT CAST(product_id AS BIGINT) AS id, CAST(code AS INTEGER) AS prdtypecode, source"
        f" FROM current_labels WHERE split = 'train' AND source IN {challenge}"
    )


def downgrade() -> None:
    """Drop everything of the first version."""
    for view in ("y_train", "x_test", "x_train", "current_labels"):
        op.execute(f"DROP VIEW {view}")
    for table in ("steps", "promotions", "models", "snapshots", "rejects", "labels", "products", "loads", "sources"):
        op.drop_table(table)
