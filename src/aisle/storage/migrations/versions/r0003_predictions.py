"""What servers answered: model, confidence, digests and properties of the inputs, and their text where it is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table of answers, found by their request or by their time."""
    op.create_table(
        "predictions",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("request_id", _NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bundle", _NAME, nullable=False),
        sa.Column("code", _NAME, nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("second_code", _NAME),
        sa.Column("second_confidence", sa.Float()),
        sa.Column("set_size", sa.Integer(), nullable=False),
        sa.Column("review", sa.String()),
        sa.Column("modalities", sa.String(), nullable=False),
        sa.Column("image_problem", sa.Text()),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("image_sha256", sa.String()),
        *(sa.Column(n, sa.Integer(), nullable=False) for n in ("title_chars", "description_chars", "title_words")),
        *(sa.Column(n, sa.Boolean(), nullable=False) for n in ("missing_description", "html_residue")),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("image_bytes", sa.Integer()),
        sa.Column("image_aspect", sa.Float()),
        *(sa.Column(n, sa.Text()) for n in ("title", "description", "brand")),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    )
    op.create_index("ix_predictions_request_id", "predictions", ["request_id"])
    op.create_index("ix_predictions_answered_at", "predictions", ["answered_at"])


def downgrade() -> None:
    """Drop the answers; whoever wants them later exports them first."""
    op.drop_table("predictions")
