"""The server's own keys at work: what it says of itself, its receipts and its certificates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.receipts import Receipt, sign_receipt
from sayso.protocol import certificate, tokens
from sayso.protocol.api import ProblemType
from sayso.protocol.errors import EnvelopeError
from sayso.protocol.ids import KeyDigest, Token, key_digest
from sayso.protocol.keys import DeviceKeys
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.set_manifest import Manifest, read_manifest, sign_manifest
from sayso.protocol.statement import Epoch, Policy, Statement, sign_statement
from sayso.protocol.xwing import SealPrivateKey
from sayso.server.core.retiring import KeyKind, Retiring, of_kind, signs_still
from sayso.server.errors import KeyringError, Refused
from sayso.server.ports import Clock, ServerSecrets

STATED_LIMITS: Final = (
    "certificate_s",
    "claims_per_request",
    "code_digits",
    "code_s",
    "code_tries",
    "discovery_bucket",
    "discovery_per_day",
    "enrolment_expiry_s",
    "envelope_bytes",
    "evaluations_per_request",
    "lease_s",
    "lock_pin_wait_s",
    "lock_wait_s",
    "mailbox_bytes",
    "mailbox_envelopes",
    "one_time_keys",
    "outcome_kept_s",
    "pin_tries",
    "request_bytes",
    "ttl_max_s",
    "ttl_min_s",
)
"""Limits that the statement names."""


def public_digest(long_term: bytes) -> KeyDigest:
    """Return the digest of a long-term key, from its seed: what phones pin."""
    return key_digest(Ed25519PrivateKey.from_private_bytes(long_term).public_key().public_bytes_raw())


class ServerIdentity:
    """A server's keys, and what only they can do."""

    def __init__(
        self,
        secrets: ServerSecrets,
        *,
        policy: Policy,
        stream: str,
        clock: Clock,
        running: Callable[[], float] = lambda: 0.0,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        """Read the keys.

        Args:
            secrets: from the keyring.
            policy: which consent is taken for.
            stream: where phones find the stream, a ws or wss URL.
            clock: for days and expiry.
            running: the server's running seconds; they decide for how long a retiring key signs on.
            limits: what this server sets otherwise than `protocol.limits`, for the statement.

        Raises:
            KeyringError: a key is damaged.
        """
        self._clock = clock
        self._running = running
        self._stream = stream
        self._limits = {name: getattr(LIMITS, name) for name in STATED_LIMITS} | dict(limits or {})
        self.codes_key: Final = secrets.codes
        self.pins_key: Final = secrets.pins
        self.policy: Final = policy
        try:
            self._long_term = Ed25519PrivateKey.from_private_bytes(secrets.long_term)
        except ValueError as error:
            raise _damaged() from error
        self.digest: Final[KeyDigest] = key_digest(self._long_term.public_key().public_bytes_raw())
        self.use(secrets)

    def use(self, secrets: ServerSecrets) -> None:
        """Take the keys that are in force now; the statement says so.

        Raises:
            KeyringError: a key is damaged.
        """
        try:
            keys = _keys(secrets)
            self.statement = self._stated(secrets, keys)
        except (ValueError, EnvelopeError) as error:
            raise _damaged() from error
        self._keys = keys
        self.epoch = secrets.epoch
        self.epochs = tuple(keys.voprf)
        self.registrar_id = secrets.registrar_id

    def _stated(self, secrets: ServerSecrets, keys: "_Keys") -> bytes:
        return sign_statement(
            Statement(
                version=1,
                server_key=self._long_term.public_key().public_bytes_raw(),
                epochs=[Epoch(epoch, tokens.public_key(key)) for epoch, key in keys.voprf.items()],
                registrar_key_id=secrets.registrar_id,
                registrar_key=keys.registrar[secrets.registrar_id].public_bytes(),
                certificate_key=keys.certificate.public(),
                receipt_key=keys.receipt.public(),
                policy=self.policy,
                stream=self._stream,
                limits=self._limits,
                other_certificate_key=keys.certificate.other_public(),
                other_receipt_key=keys.receipt.other_public(),
            ),
            self._long_term,
        )

    @property
    def voprf_keys(self) -> dict[int, bytes]:
        """Seeds by epoch, for the evaluator."""
        return dict(self._keys.voprf)

    def today(self) -> str:
        """Return the UTC day: the finest date that is kept."""
        return datetime.fromtimestamp(self._clock.wall(), UTC).date().isoformat()

    def sign_manifest(self, manifest: Manifest) -> bytes:
        """Sign the manifest of a build of the enrolled set; returns the document."""
        return sign_manifest(manifest, self._long_term)

    def read_manifest(self, document: bytes) -> Manifest:
        """Check that a manifest is this server's own, and read it.

        Raises:
            SetError: damaged, or of another key.
        """
        return read_manifest(document, server_key=self._long_term.public_key().public_bytes_raw(), pinned=self.digest)

    def sign_receipt(self, receipt: Receipt) -> dict[str, object]:
        """Sign a receipt; returns the document."""
        return sign_receipt(receipt, self._keys.receipt.in_use(self._running()))

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
            self._keys.certificate.in_use(self._running()),
            server=self.digest,
        )

    def open_number(self, sealed: bytes, *, key_id: int, info: bytes) -> bytes:
        """Open a sealed number.

        Args:
            sealed: as it came.
            key_id: of the registrar's key that it is sealed to.
            info: what binds it to the request.

        Raises:
            Refused: that key is not in use any more.
            EnvelopeError: it is not sealed to that key, or for another request.
        """
        key = self._keys.registrar.get(key_id)
        if key is None:
            raise Refused(ProblemType.EPOCH, "Sealed to a key that is not in use: fetch the statement.")
        return key.open(sealed, info=info)

    def token_of(self, number: PhoneNumber, epoch: int | None = None) -> Token:
        """Compute a number's token, of the current epoch or of another live one."""
        epoch = self.epoch if epoch is None else epoch
        return tokens.token_of(self._keys.voprf[epoch], epoch, number)


class _SigningKeys:
    """A signature key, and the one that it replaces while the two overlap."""

    def __init__(self, seed: bytes, retiring: Retiring | None) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._other = None if retiring is None else Ed25519PrivateKey.from_private_bytes(retiring.key)
        self._retiring = retiring

    def in_use(self, now: float) -> Ed25519PrivateKey:
        """Return what is signed with now; `now`: running seconds."""
        if self._retiring is None or self._other is None or not signs_still(self._retiring, now=now):
            return self._key
        return self._other

    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def other_public(self) -> bytes | None:
        return None if self._other is None else self._other.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """The keys in force."""

    voprf: dict[int, bytes] = field(repr=False)
    """By epoch, the current one first."""
    registrar: dict[int, SealPrivateKey] = field(repr=False)
    """By id."""
    certificate: _SigningKeys
    receipt: _SigningKeys


def _keys(secrets: ServerSecrets) -> _Keys:
    retiring = secrets.retiring
    voprf, registrar = of_kind(retiring, KeyKind.VOPRF), of_kind(retiring, KeyKind.REGISTRAR)
    return _Keys(
        voprf={secrets.epoch: secrets.voprf} | ({} if voprf is None else {voprf.number: voprf.key}),
        registrar={secrets.registrar_id: SealPrivateKey(secrets.registrar)}
        | ({} if registrar is None else {registrar.number: SealPrivateKey(registrar.key)}),
        certificate=_SigningKeys(secrets.certificate, of_kind(retiring, KeyKind.CERTIFICATE)),
        receipt=_SigningKeys(secrets.receipt, of_kind(retiring, KeyKind.RECEIPT)),
    )


def _damaged() -> KeyringError:
    return KeyringError("a key in the keyring is damaged; restore the keyring from its backup")
