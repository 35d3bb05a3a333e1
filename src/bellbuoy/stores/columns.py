"""Kinds of columns that SQLite and PostgreSQL must sort and compare alike."""

import sqlalchemy

Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
"""Text in the order of its code points, as SQLite has it.

PostgreSQL would sort as people of the database's country do. Its indexes would then also be
wrong after an update of the system's C library: https://wiki.postgresql.org/wiki/Collations
"""
