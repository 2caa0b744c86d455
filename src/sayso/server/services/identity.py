"""The server's own keys at work: what it says of itself, its receipts and its certificates."""

from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.receipts import Receipt, sign_receipt
from sayso.protocol import certificate, tokens
from sayso.protocol.errors import EnvelopeError
from sayso.protocol.ids import KeyDigest, Token, key_digest
from sayso.protocol.keys import DeviceKeys
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import Epoch, Policy, Statement, sign_statement
from sayso.protocol.xwing import SealPrivateKey
from sayso.server.errors import KeyringError
from sayso.server.ports import Clock, ServerSecrets

STATED_LIMITS: Final = (
    "certificate_s",
    "claims_per_request",
    "code_digits",
    "code_s",
    "code_tries",
    "enrolment_expiry_s",
    "envelope_bytes",
    "evaluations_per_request",
    "lease_s",
    "mailbox_bytes",
    "mailbox_envelopes",
    "one_time_keys",
    "outcome_kept_s",
    "request_bytes",
    "ttl_max_s",
    "ttl_min_s",
)
"""Limits that the statement names."""


class ServerIdentity:
    """A server's keys, and what only they can do."""

    def __init__(self, secrets: ServerSecrets, *, policy: Policy, stream: str, clock: Clock) -> None:
        """Read the keys.

        Args:
            secrets: from the keyring.
            policy: which consent is taken for.
            stream: where phones find the stream, a ws or wss URL.
            clock: for days and expiry.

        Raises:
            KeyringError: a key is damaged.
        """
        self._clock = clock
        self._voprf = secrets.voprf
        try:
            self._long_term = Ed25519PrivateKey.from_private_bytes(secrets.long_term)
            self._certificate = Ed25519PrivateKey.from_private_bytes(secrets.certificate)
            self._receipt = Ed25519PrivateKey.from_private_bytes(secrets.receipt)
            self._registrar = SealPrivateKey(secrets.registrar)
            voprf_key = tokens.public_key(secrets.voprf)
        except (ValueError, EnvelopeError) as error:
            raise KeyringError("a key in the keyring is damaged; restore the keyring from its backup") from error
        self.epoch: Final = secrets.epoch
        self.registrar_id: Final = secrets.registrar_id
        self.codes_key: Final = secrets.codes
        self.policy: Final = policy
        long_term = self._long_term.public_key().public_bytes_raw()
        self.digest: Final[KeyDigest] = key_digest(long_term)
        self.statement: Final[bytes] = sign_statement(
            Statement(
                version=1,
                server_key=long_term,
                epochs=[Epoch(secrets.epoch, voprf_key)],
                registrar_key_id=secrets.registrar_id,
                registrar_key=self._registrar.public_bytes(),
                certificate_key=self._certificate.public_key().public_bytes_raw(),
                receipt_key=self._receipt.public_key().public_bytes_raw(),
                policy=policy,
                stream=stream,
                limits={name: getattr(LIMITS, name) for name in STATED_LIMITS},
            ),
            self._long_term,
        )

    def today(self) -> str:
        """Return the UTC day: the finest date that is kept."""
        return datetime.fromtimestamp(self._clock.wall(), UTC).date().isoformat()

    def sign_receipt(self, receipt: Receipt) -> dict[str, object]:
        """Sign a receipt; returns the document."""
        return sign_receipt(receipt, self._receipt)

    def issue_certificate(self, token: Token, commitment: bytes, keys: DeviceKeys) -> bytes:
        """Issue a sender certificate that holds for 8 days; returns the wire form."""
        return certificate.issue(
            certificate.Certificate(
                epoch=token[0],
                token=token,
                commitment=commitment,
                device=keys.device,
                ed25519=keys.ed25519,
                curve25519=keys.curve25519,
                expires=int(self._clock.wall()) + LIMITS.certificate_s,
            ),
            self._certificate,
            server=self.digest,
        )

    def open_number(self, sealed: bytes, *, info: bytes) -> bytes:
        """Open a sealed number.

        Raises:
            EnvelopeError: it is not sealed to the registrar's key, or for another request.
        """
        return self._registrar.open(sealed, info=info)

    def token_of(self, number: PhoneNumber) -> Token:
        """Compute a number's token."""
        return tokens.token_of(self._voprf, self.epoch, number)
