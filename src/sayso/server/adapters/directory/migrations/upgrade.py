"""Runs alembic: a module of its own, since to load it takes longer than to open everything that a server has."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from sayso.server.errors import ConfigError


def upgrade(connection: Connection) -> None:
    """Bring the schema up to date, inside the connection's transaction.

    Raises:
        ConfigError: the schema is of a later Sayso.
    """
    config = Config()
    config.set_main_option("script_location", "sayso.server.adapters.directory:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError("the directory's database cannot be opened: it is of a later Sayso") from error
