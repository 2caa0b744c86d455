"""The directory in SQL: SQLAlchemy Core over SQLite (aiosqlite); PostgreSQL later, with the same statements.

store puts it together: `SqlDirectory` is the `DirectoryStore`, each of its methods one transaction of `engine` (pragmas
checked on every connection, one writer, errors as ours) around statements of one concern: `enrolments` (pending ones
too), `keys` (published), `claims` (handed out), `erasures` (withdrawal, expiry, sweeping). `rows` turns rows into
records and back, `tables` is the schema; the Alembic scripts in migrations/ ship in the package and run at start.
"""
