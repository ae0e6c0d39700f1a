"""Alembic's environment: runs migrations on the connection that `Database.migrate` hands over."""

from alembic import context

from aisle.storage.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
