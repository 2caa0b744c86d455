"""A person's own data, for their eyes and their files: what the server holds, receipts, connections."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from sayso.consent.proofs import Proof, Proofs
from sayso.phone.command_types import Connection, Held
from sayso.protocol.api import Holdings
from sayso.protocol.errors import SaysoError
from sayso.protocol.keys import DeviceKeys

_FINDABLE: Final = {"everyone": "everyone who has the number", "nobody": "nobody until it writes first"}


class Export(Proofs, frozen=True, kw_only=True):
    """What `sayso phone export` writes: a file of proofs, with more beside them."""

    held: list[Held]
    connections: list[Connection]


def write_new(path: Path, document: Struct) -> None:
    """Write a JSON file for its owner only. One that is there already is left alone.

    Raises:
        SaysoError: the file exists.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise SaysoError(f"{path} exists; choose another name, or move it away") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def describe_proof(proof: Proof) -> str:
    """Say in a line what a proof is about, unchecked: the phone checked it when it was made."""
    record = proof.record["record"]
    if not isinstance(record, dict):
        raise TypeError("a proof of this phone has a record")
    ended = "" if proof.withdrawal is None else "; withdrawn"
    if proof.withdrawal_receipt is not None:
        ended += ", and the server signed that it erased everything"
    return f"{record['timestamp']}  {record['server']}  policy {record['policy']['version']}{ended}"


def holdings_words(held: Holdings) -> Iterator[tuple[str, str]]:
    """Yield each thing that the server holds: its name in words, and the value."""
    for name, (words, shown) in HOLDINGS.items():
        yield words, shown(getattr(held, name))


def _hex(value: bytes) -> str:
    return value.hex() or "none"


def _second(value: int | None) -> str:
    return f"second {value} of the server's running time" if value else "never"


def _key_id(value: int) -> str:
    return "none" if value < 0 else str(value)


def _yes_no(value: object) -> str:
    return "yes" if value else "no"


def _device(keys: DeviceKeys) -> str:
    return f"{keys.device.hex()}, with the public keys {keys.ed25519.hex()} and {keys.curve25519.hex()}"


HOLDINGS: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = MappingProxyType(
    {
        "token": ("in place of the number (token)", _hex),
        "previous_token": ("token under the key that ends", _hex),
        "commitment": ("seal on the number", _hex),
        "device": ("random id of this line's device", _device),
        "findable": ("who may find the line", lambda who: _FINDABLE[who]),
        "enrolled_on": ("turned on", str),
        "lease_ends_s": ("lease ends", _second),
        "receipt_sha256": ("check sum of the receipt", _hex),
        "policy_sha256": ("check sum of the policy", _hex),
        "grant_sha256": ("check sum of the secret for contacts (grant)", _hex),
        "one_time_keys": ("keys for those who write, to be used once", str),
        "fallback_key": ("key for those who write when these are used up", _yes_no),
        "envelope_keys": ("numbers of the keys that messages are sealed to", str),
        "highest_key": ("greatest number of a key to be used once that was ever taken", _key_id),
        "claims_since_s": ("others' keys that were asked for are counted since", _second),
        "claims_spent": ("how many people's keys, never whose", str),
        "codes_asked": ("codes by SMS that this device asked for and that are still good", str),
        "waiting_envelopes": ("messages that wait, which the server cannot open", str),
        "waiting_bytes": ("their bytes", str),
        "pin_set": ("PIN of the registration lock is set", _yes_no),
        "pin_tries": ("tries left to others who claim the number", str),
        "pin_own_tries": ("tries left to this phone", str),
        "newcomer_since_s": ("another device waits for this number since", _second),
        "newcomer_until_s": ("another device waits for this number until", _second),
        "discovery_full_at_s": ("all new numbers may be asked for again at", _second),
        "discovery_last_batch": ("check sum of the last look-up of numbers", _hex),
        "previous_discovery_full_at_s": ("the same, under the key that ends", _second),
        "previous_discovery_last_batch": ("check sum of the last look-up under the key that ends", _hex),
        "set_leaves_at_s": ("leaves the enrolled set at", _second),
    }
)
"""Every field of `Holdings`: how it is called, and how its value is shown."""
