"""The directory's database in a schema of the shared PostgreSQL."""

from sayso.server.adapters.directory.postgres import PostgresDatabase, open_postgres
from sayso.server.adapters.postgres.pool import Pool


async def open_directory(url: str) -> PostgresDatabase:
    """Open the database as one more process would; closing it leaves nothing open."""
    pool = await Pool.open(url, connections=1)
    try:
        return await open_postgres(pool)
    finally:
        await pool.close()
