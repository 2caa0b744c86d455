"""From number to token (design.md §3): epoch byte ‖ first 32 bytes of VOPRF(`sayso-line-v1:` ‖ E.164).

RFC 9497, ristretto255-SHA512, VOPRF mode, through the `voprf` library. A bad proof makes the library panic with a
`BaseException` of pyo3; it is turned into `DiscoveryError` here and nowhere else.
"""

from typing import Final

from voprf.ristretto import BlindedInput, Client, Evaluator, PublicKey, VerifiableBatchOutput

from sayso.protocol.errors import DiscoveryError
from sayso.protocol.ids import Token
from sayso.protocol.numbers import PhoneNumber

ELEMENT_BYTES: Final = 32
PROOF_BYTES: Final = 64
TOKEN_BYTES: Final = 33
_PANIC: Final = "PanicException"


def voprf_input(number: PhoneNumber) -> bytes:
    """Return what goes into the VOPRF for a number."""
    return b"sayso-line-v1:" + number.e164.encode("ascii")


def token_from_output(epoch: int, output: bytes) -> Token:
    """Make the token from a VOPRF output (64 bytes) under the key of `epoch` (0-255)."""
    return Token(bytes([epoch]) + output[:32])


class Blinded:
    """A batch of numbers on its way to tokens: send `elements`, give the answer to `finish`. Good for one use."""

    __slots__ = ("_clients", "elements")

    def __init__(self, inputs: list[bytes]) -> None:
        """Blind VOPRF inputs.

        Args:
            inputs: at least one; see `voprf_input`.

        Raises:
            DiscoveryError: there is none.
        """
        if not inputs:
            raise DiscoveryError("a batch has at least one number")
        pairs = [Client.blind(one) for one in inputs]
        self._clients = [client for client, _ in pairs]
        self.elements: Final = [blinded.serialize() for _, blinded in pairs]

    def finish(self, evaluated: bytes, *, public_key: bytes) -> list[bytes]:
        """Check the server's proof and take the blinds off.

        Args:
            evaluated: the proof (64 bytes) ‖ one element (32 bytes) for each input, in order.
            public_key: the epoch's VOPRF public key from the verified statement, 32 bytes.

        Returns:
            The VOPRF outputs, 64 bytes each, in order.

        Raises:
            DiscoveryError: the proof is not by this key over these elements.
        """
        if len(evaluated) != PROOF_BYTES + ELEMENT_BYTES * len(self._clients):
            raise DiscoveryError("the server evaluated another number of elements than it was sent")
        try:
            outputs = VerifiableBatchOutput.deserialize(evaluated)
            return list(Client.finalize_batch(self._clients, outputs, PublicKey.deserialize(public_key)))
        except BaseException as error:
            if isinstance(error, ValueError) or type(error).__name__ == _PANIC:
                raise DiscoveryError("the server's proof does not fit its published key") from None
            raise


def check_element(element: bytes) -> None:
    """Check that bytes are a blinded element, before something is spent on it.

    Raises:
        DiscoveryError: the identity, not canonical, or of another length.
    """
    _read([element])


def evaluate(secret: bytes, elements: list[bytes]) -> bytes:
    """Evaluate blinded elements under a VOPRF key, with one proof for all of them.

    Args:
        secret: the key's seed, 32 bytes.
        elements: blinded elements, 32 bytes each, at least one.

    Returns:
        The proof (64 bytes) ‖ the evaluated elements (32 bytes each).

    Raises:
        DiscoveryError: an element is the identity, not canonical, or of another length.
    """
    inputs = _read(elements)
    try:
        return Evaluator(secret).evaluate_batch(inputs).serialize()
    except BaseException as error:
        if isinstance(error, ValueError) or type(error).__name__ == _PANIC:
            raise DiscoveryError("a blinded element is not a valid group element") from None
        raise


def _read(elements: list[bytes]) -> list[BlindedInput]:
    # The library accepts trailing bytes.
    if not elements or any(len(element) != ELEMENT_BYTES for element in elements):
        raise DiscoveryError("a batch has at least one blinded element, each of 32 bytes")
    try:
        return [BlindedInput.deserialize(one) for one in elements]
    except BaseException as error:
        if isinstance(error, ValueError) or type(error).__name__ == _PANIC:
            raise DiscoveryError("a blinded element is not a valid group element") from None
        raise


def public_key(secret: bytes) -> bytes:
    """Return the public key (32 bytes) of a VOPRF key's seed (32 bytes)."""
    return Evaluator(secret).public_key.serialize()


def token_of(secret: bytes, epoch: int, number: PhoneNumber) -> Token:
    """Compute a token directly, as only the holder of the VOPRF key can."""
    return token_from_output(epoch, Evaluator(secret).evaluate_known_input(voprf_input(number)))
