"""Alembic's folder: `env.py`, and the schema's history in `versions`."""

HEAD = "0007"
"""The revision of this version's schema, for whoever only compares: Alembic itself finds it in `versions`."""
