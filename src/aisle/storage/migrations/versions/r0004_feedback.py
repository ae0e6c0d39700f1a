"""What people say the right category of an answered or catalogued product is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table of feedback, where an author's own id stands once."""
    op.create_table(
        "feedback",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("author", _NAME, nullable=False),
        sa.Column("client_id", _NAME, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("request_id", _NAME),
        sa.Column("position", sa.Integer()),
        sa.Column("source", _NAME),
        sa.Column("split", _NAME),
        sa.Column("product_id", _NAME),
        sa.Column("code", _NAME, nullable=False),
        sa.Column("predicted", _NAME),
        sa.Column("version", sa.Integer()),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.UniqueConstraint("author", "client_id", name="uq_feedback_author_client_id"),
    )
    op.create_index("ix_feedback_created_at", "feedback", ["created_at"])


def downgrade() -> None:
    """Drop the feedback; what people said is lost unless it was exported."""
    op.drop_table("feedback")
