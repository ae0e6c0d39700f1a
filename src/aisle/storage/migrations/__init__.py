"""Alembic's folder: `env.py`, and the schema's history in `versions`."""
