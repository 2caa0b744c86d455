"""What the server holds: each field of the protocol's answer has its row."""

from sayso.phone.web.held import held_rows
from sayso.protocol.api import Holdings
from sayso.protocol.keys import DeviceKeys


def holdings(**changed: object) -> Holdings:
    """An answer."""
    names = {"device": b"d" * 16, "ed25519": b"e" * 32, "curve25519": b"c" * 32}
    rest = {name: b"s" * 64 for name in DeviceKeys.__struct_fields__ if name not in names}
    values: dict[str, object] = {
        "token": b"t" * 33,
        "commitment": b"c" * 32,
        "device": DeviceKeys(**names, **rest),
        "findable": "everyone",
        "enrolled_on": "2026-11-26",
        "lease_ends_s": 1234,
        "receipt_sha256": b"r" * 32,
        "policy_sha256": b"p" * 32,
        "grant_sha256": b"g" * 32,
        "one_time_keys": 50,
        "fallback_key": True,
        "envelope_keys": [1, 2],
        "waiting_envelopes": 0,
        "waiting_bytes": 0,
        **changed,
    }
    return Holdings(**values)  # type: ignore[arg-type]  # fields by name


def test_each_field_has_a_row() -> None:
    rows = held_rows(holdings(), str)
    # The device is two rows: its id, and its keys.
    assert len(rows) == len(Holdings.__struct_fields__) + 1
    assert len({name for name, _ in rows}) == len(rows)


def test_each_field_shows_in_the_rows() -> None:
    before = held_rows(holdings(), str)
    for field, value in {
        "highest_key": 3,
        "claims_since_s": 12,
        "claims_spent": 4,
        "codes_asked": 1,
        "pin_own_tries": 8,
        "newcomer_since_s": 98,
        "previous_discovery_full_at_s": 7,
        "previous_discovery_last_batch": b"z" * 32,
        "newcomer_until_s": 99,
        "pin_set": True,
        "pin_tries": 7,
        "previous_token": b"x" * 33,
        "discovery_full_at_s": 5,
        "discovery_last_batch": b"y" * 32,
        "set_leaves_at_s": 6,
        "findable": "nobody",
    }.items():
        assert held_rows(holdings(**{field: value}), str) != before, field
