"""Alembic migrations of the governance store, run by database.py; there is no alembic.ini.

Here: one file per change of schema under versions/. Not here: the schema the code sees (schema.py).
"""
