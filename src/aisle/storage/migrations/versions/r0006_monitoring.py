"""What monitoring found, the retrainings that it asked for, and what of answers it looks at besides."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SEEN = (
    sa.Column("title_marks", sa.String()),
    sa.Column("image_brightness", sa.Float()),
    sa.Column("image_white", sa.Float()),
    sa.Column("image_sketch", sa.String()),
)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of runs, of their values and of requests; of a model one request at a time is open."""
    for column in _SEEN:
        op.add_column("predictions", sa.Column(column.name, column.type))
    op.create_table(
        "monitor_runs",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("window_start", _MOMENT),
        sa.Column("window_end", _MOMENT),
        sa.Column("window_rows", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer()),
        sa.Column("bundle", _NAME, nullable=False),
        sa.Column("reference_rows", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("report", sa.Text()),
        sa.Column("mlflow_run", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_monitor_runs"),
    )
    op.create_index("ix_monitor_runs_at", "monitor_runs", ["at"])
    op.create_table(
        "monitor_values",
        sa.Column("run_id", _SERIAL, nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("column_name", _NAME, nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.Column("null_low", sa.Float()),
        sa.Column("null_high", sa.Float()),
        sa.Column("threshold", sa.Float()),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("m", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["run_id"], ["monitor_runs.id"], name="fk_monitor_values_run_id_monitor_runs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "family", "column_name", "measure", name="pk_monitor_values"),
    )
    op.create_table(
        "retrain_requests",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("run_id", _SERIAL, nullable=False),
        sa.Column("model", _NAME, nullable=False),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer()),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("quiet_until", _MOMENT, nullable=False),
        sa.Column("taken_by", sa.String()),
        sa.Column("new_version", sa.Integer()),
        sa.Column("outcome", sa.Text(), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(["run_id"], ["monitor_runs.id"], name="fk_retrain_requests_run_id_monitor_runs"),
        sa.PrimaryKeyConstraint("id", name="pk_retrain_requests"),
    )
    op.create_index(
        "uq_retrain_requests_open",
        "retrain_requests",
        ["model"],
        unique=True,
        postgresql_where=sa.text("state IN ('requested', 'taken')"),
        sqlite_where=sa.text("state IN ('requested', 'taken')"),
    )


def downgrade() -> None:
    """Drop what monitoring found and asked for."""
    op.drop_table("retrain_requests")
    op.drop_table("monitor_values")
    op.drop_table("monitor_runs")
    for column in _SEEN:
        op.drop_column("predictions", column.name)
