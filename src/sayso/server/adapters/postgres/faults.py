"""From PostgreSQL's errors to ours. Messages name the kind of fault, never a value."""

from typing import Final

import asyncpg

from sayso.server.errors import ConfigError, NoSpaceError, ServerError, StoreError

LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
)
"""The connection is gone or cannot be had for now: the database restarts, or the network is cut."""
CLASHED: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""The whole transaction was rolled back and may be tried again."""
_REFUSED: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


def translate(error: Exception) -> ServerError:
    """Return the error of ours that an error of asyncpg means."""
    if isinstance(error, asyncpg.DiskFullError):
        return NoSpaceError("the database's disk is full: free some space; nothing of this was stored")
    if isinstance(error, _REFUSED):
        return ConfigError(
            f"PostgreSQL does not let us in ({type(error).__name__}): check user, database and rights, and the "
            "password in the passfile"
        )
    if isinstance(error, LOST):
        return StoreError(f"PostgreSQL cannot be reached ({type(error).__name__}): start it, or check the way to it")
    return StoreError(f"PostgreSQL failed ({type(error).__name__}): see its log, then start anew")
