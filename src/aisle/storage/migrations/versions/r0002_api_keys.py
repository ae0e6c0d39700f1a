"""API keys: who may ask a server for what."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table of keys, and let only one key of a name be the current one."""
    op.create_table(
        "api_keys",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("prefix", _NAME, nullable=False),
        sa.Column("seal", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("requests_per_minute", sa.Integer()),
        *(
            sa.Column(name, sa.DateTime(timezone=True))
            for name in ("expires_at", "replaced_at", "revoked_at", "last_used_at")
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
    )
    current = sa.text("replaced_at IS NULL AND revoked_at IS NULL")
    op.create_index("uq_api_keys_current", "api_keys", ["name"], unique=True, postgresql_where=current, sqlite_where=current)


def downgrade() -> None:
    """Drop the keys; whoever had one needs a new one afterwards."""
    op.drop_table("api_keys")
