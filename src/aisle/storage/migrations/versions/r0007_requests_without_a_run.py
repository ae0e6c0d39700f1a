"""Retrain requests that no monitoring run made: people's corrections ask for a retraining too."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Let a request name no monitoring run."""
    _need_run(False)


def downgrade() -> None:
    """Make each request name a run again; those without one go, as no run can be said to have asked for them."""
    op.execute("DELETE FROM retrain_requests WHERE run_id IS NULL")
    _need_run(True)


def _need_run(needed: bool) -> None:
    # SQLite changes no column in place: Alembic copies the table, with the index that holds one request open at a time.
    with op.batch_alter_table("retrain_requests") as table:
        table.alter_column("run_id", existing_type=_SERIAL, nullable=not needed)
