"""The phone's switch for checks for updates, over the installation that the update channel keeps.

Phone and update channel do not know each other; here, above both, one is handed to the other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sayso.phone.errors import CommandError
from sayso.phone.ports import UpdateConnection, UpdateConsent
from sayso.protocol.errors import SaysoError
from sayso.update.app import Installation
from sayso.update.consent_text import update_policy, update_policy_bytes


class InstallationSwitch:
    """The phone's `UpdateSwitch` port, over one installation."""

    def __init__(self, home: Path) -> None:
        """Take the installation's directory; nothing is read yet."""
        self._installation = Installation(home)

    def look(self) -> UpdateConsent:
        """Return how it stands. Raises CommandError."""
        policy = update_policy()
        with _told():
            server = self._installation.home.settings().url
            given = self._installation.consents.given()
        return UpdateConsent(
            on=given is not None and given.record.server == server,
            server=server,
            policy_version=policy.version,
            policy_text=update_policy_bytes().decode("utf-8"),
            policy_sha256=policy.sha256,
        )

    def agree(self, *, policy_sha256: bytes, method: str) -> None:
        """Take the yes. Raises CommandError."""
        if policy_sha256 != update_policy().sha256:
            raise CommandError("the text has changed while it was on the screen; read it again")
        with _told():
            server = self._installation.home.settings().url
            self._installation.consents.give(server, root_sha256=self._installation.root_digest(), method=method)

    def stop(self) -> None:
        """Take the no. Raises CommandError."""
        with _told():
            self._installation.consents.withdraw()

    def connections(self) -> list[UpdateConnection]:
        """Return what the update channel's journal says. Raises CommandError."""
        with _told():
            made = self._installation.consents.connections()
        return [
            UpdateConnection(
                at=one.attempt.at,
                host=one.attempt.host,
                port=one.attempt.port,
                purpose=one.attempt.purpose,
                sent_bytes=one.sent_bytes,
                received_bytes=one.received_bytes,
            )
            for one in made
        ]


@contextmanager
def _told() -> Iterator[None]:
    """Tell an error of the update channel as one of a command."""
    try:
        yield
    except SaysoError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"the yes to updates cannot be read or written: {error.strerror}") from error
