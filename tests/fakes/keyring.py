"""A Keyring in memory, with the same rules as the ones in files."""

from sayso.server.core.hour_ratchet import STATE_BYTES
from sayso.server.errors import KeyringError
from sayso.server.ports import HourState, Random, ServerSecrets
from tests.fakes.randomness import SeededRandom


class MemoryKeyring:
    """Holds secrets and hour states as long as it lives; survives a restart of what uses it."""

    def __init__(self, random: Random | None = None, *, generation: int = 0) -> None:
        random = random or SeededRandom()
        self._secrets = ServerSecrets(
            long_term=random.token_bytes(32),
            certificate=random.token_bytes(32),
            receipt=random.token_bytes(32),
            registrar_id=1,
            registrar=random.token_bytes(96),
            epoch=1,
            voprf=random.token_bytes(32),
            codes=random.token_bytes(32),
            pins=random.token_bytes(32),
        )
        self._states = [HourState(generation=generation, state=random.token_bytes(STATE_BYTES))]
        self.fail_next: KeyringError | None = None
        """Raised once, by the next change, which then changes nothing."""

    def secrets(self) -> ServerSecrets:
        """Return the secrets."""
        return self._secrets

    def rewrite(self, secrets: ServerSecrets) -> None:
        """Replace the secrets."""
        self._fail()
        self._secrets = secrets

    def hour_states(self) -> list[HourState]:
        """Return the hour states held, oldest first."""
        return list(self._states)

    def add_hour_state(self, state: HourState) -> None:
        """Keep a further, later state."""
        self._fail()
        if len(self._states) > 1 or state.generation <= self._states[-1].generation:
            raise KeyringError("an hour key can be added only after an older one, and beside one other")
        self._states.append(state)

    def destroy_hour_states_before(self, generation: int) -> None:
        """Drop older states."""
        self._fail()
        kept = [state for state in self._states if state.generation >= generation]
        if not kept:
            raise KeyringError("the last hour key is not destroyed")
        self._states = kept

    def _fail(self) -> None:
        if self.fail_next is not None:
            error, self.fail_next = self.fail_next, None
            raise error
