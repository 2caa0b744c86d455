"""Alembic runs this: migrate on the connection that `engine` brings, inside its transaction."""

from alembic import context

from sayso.server.adapters.directory.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
