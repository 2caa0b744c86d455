"""A SecretsFile in memory: what a keyring holds, across restarts of what uses it."""

from dataclasses import dataclass, field

from sayso.server.errors import KeyringError
from sayso.server.ports import ServerSecrets
from tests.fakes.control_world import secrets


@dataclass
class MemorySecrets:
    """The SecretsFile port."""

    held: ServerSecrets = field(default_factory=secrets)
    broken: bool = False
    """Whether it cannot be written."""

    def rewrite(self, secrets: ServerSecrets) -> None:
        if self.broken:
            raise KeyringError("the keyring cannot be written")
        self.held = secrets
