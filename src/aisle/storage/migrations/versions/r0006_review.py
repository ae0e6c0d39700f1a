"""What people should look at and what they decided, labels that are taken back, and who did what in the console."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_SAME = "{0}.source = p.source AND {0}.split = p.split AND {0}.product_id = p.id"


def upgrade() -> None:
    """Make the tables of reviews and of the console; of a product the last label that nobody took back holds."""
    op.add_column("labels", sa.Column("withdraws", sa.Integer()))
    back = f"SELECT 1 FROM labels w WHERE {_SAME.format('w')} AND w.withdraws = n.seq"
    _replace_view(f"{_SAME.format('n')} AND n.withdraws IS NULL AND NOT EXISTS ({back})")
    op.create_table(
        "review_items",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("drawn", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("reviews_wanted", sa.Integer(), nullable=False),
        sa.Column("source", _NAME, nullable=False),
        sa.Column("split", _NAME, nullable=False),
        sa.Column("product_id", _NAME, nullable=False),
        sa.Column("request_id", _NAME),
        sa.Column("position", sa.Integer()),
        sa.Column("predicted", _NAME),
        sa.Column("confidence", sa.Float()),
        sa.Column("second_code", _NAME),
        sa.Column("version", sa.Integer()),
        sa.Column("suggested", _NAME),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("title", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("brand", sa.Text()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", _NAME),
        sa.Column("leased_by", _NAME),
        sa.Column("leased_until", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_items"),
    )
    op.create_index("ix_review_items_name", "review_items", ["name"])
    op.create_index("ix_review_items_state_value", "review_items", ["state", "value"])
    op.create_index(
        "uq_review_items_open",
        "review_items",
        ["name"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "review_decisions",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("item_id", _SERIAL, nullable=False),
        sa.Column("reviewer", _NAME, nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("code", _NAME),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.Column("label_seq", sa.Integer()),
        sa.Column("undone_at", _MOMENT),
        sa.ForeignKeyConstraint(["item_id"], ["review_items.id"], name="fk_review_decisions_item_id_review_items"),
        sa.PrimaryKeyConstraint("id", name="pk_review_decisions"),
    )
    op.create_index("ix_review_decisions_item_id", "review_decisions", ["item_id"])
    op.create_index("ix_review_decisions_reviewer", "review_decisions", ["reviewer"])
    op.create_table(
        "audit_events",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", _NAME, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at"])


def downgrade() -> None:
    """Drop reviews and the console's log; the labels that came of reviews stay, those that were taken back go."""
    for table in ("audit_events", "review_decisions", "review_items"):
        op.drop_table(table)
    op.execute(
        "DELETE FROM labels WHERE withdraws IS NOT NULL OR EXISTS (SELECT 1 FROM labels w WHERE w.source = labels.source"
        " AND w.split = labels.split AND w.product_id = labels.product_id AND w.withdraws = labels.seq)"
    )
    _replace_view(_SAME.format("n"))
    op.drop_column("labels", "withdraws")


def _replace_view(which: str) -> None:
    # SQLite replaces no view, and PostgreSQL drops none that another one reads.
    challenge = "(SELECT name FROM sources WHERE layout = 'challenge')"
    op.execute("DROP VIEW y_train")
    op.execute("DROP VIEW current_labels")
    op.execute(
        "CREATE VIEW current_labels AS SELECT p.source, p.split, p.id AS product_id, COALESCE(l.code, p.label) AS code,"
        " COALESCE(l.author, 'source') AS author FROM products p LEFT JOIN labels l"
        f" ON {_SAME.format('l')} AND l.seq = (SELECT max(n.seq) FROM labels n WHERE {which})"
        " WHERE l.code IS NOT NULL OR p.label IS NOT NULL"
    )
    op.execute(
        "CREATE VIEW y_train AS SELECT CAST(product_id AS BIGINT) AS id, CAST(code AS INTEGER) AS prdtypecode, source"
        f" FROM current_labels WHERE split = 'train' AND source IN {challenge}"
    )
