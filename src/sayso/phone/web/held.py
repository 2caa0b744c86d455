"""What the server says it holds of a line, in words. Pure."""

from collections.abc import Callable

from sayso.protocol.api import Holdings

Translate = Callable[[str], str]
NOTHING = "-"


def held_rows(held: Holdings, _: Translate) -> list[tuple[str, str]]:
    """Return each thing that the server holds: what it is, and its value. Every field of `Holdings` is there."""
    yes_no = {True: _("yes"), False: _("no")}
    found = {"everyone": _("everyone who has the number"), "nobody": _("nobody until you write first")}
    second = _("second %(second)d of the server's running time")

    def when(value: int | None) -> str:
        return second % {"second": value} if value else NOTHING

    def code(value: bytes) -> str:
        return value.hex() or NOTHING

    return [
        (_("In place of your number (token)"), code(held.token)),
        (_("Token under the key that ends"), code(held.previous_token)),
        (_("Seal on your number"), code(held.commitment)),
        (_("Random id of this line's device"), held.device.device.hex()),
        (_("Its public keys"), f"{held.device.ed25519.hex()} {held.device.curve25519.hex()}"),
        (_("Who may find you"), found.get(held.findable, held.findable)),
        (_("Turned on"), held.enrolled_on),
        (_("Lease ends, unless your phone is in contact"), when(held.lease_ends_s)),
        (_("Check sum of your receipt"), code(held.receipt_sha256)),
        (_("Check sum of the policy"), code(held.policy_sha256)),
        (_("Check sum of the secret for your contacts (grant)"), code(held.grant_sha256)),
        (_("Keys for those who write to you, to be used once"), str(held.one_time_keys)),
        (_("Key for when these are used up"), yes_no[held.fallback_key]),
        (_("Numbers of the keys that messages are sealed to"), ", ".join(map(str, held.envelope_keys)) or NOTHING),
        (_("Greatest number of a key to be used once"), NOTHING if held.highest_key < 0 else str(held.highest_key)),
        (_("Others' keys that your phone asked for are counted since"), when(held.claims_since_s)),
        (_("How many people's keys since then, never whose"), str(held.claims_spent)),
        (_("Codes by SMS that your phone asked for and that are still good"), str(held.codes_asked)),
        (_("Messages that wait, which the server cannot open"), str(held.waiting_envelopes)),
        (_("Their bytes"), str(held.waiting_bytes)),
        (_("PIN is set"), yes_no[held.pin_set]),
        (_("Tries left to others who claim your number"), str(held.pin_tries)),
        (_("Tries left to your phone"), str(held.pin_own_tries)),
        (_("Another device waits for your number since"), when(held.newcomer_since_s)),
        (_("Another device waits for your number until"), when(held.newcomer_until_s)),
        (_("All new numbers may be looked up again from (discovery budget)"), when(held.discovery_full_at_s)),
        (_("Check sum of the last look-up of numbers"), code(held.discovery_last_batch)),
        (_("New numbers again, under the key that ends"), when(held.previous_discovery_full_at_s)),
        (_("Check sum of the last look-up under the key that ends"), code(held.previous_discovery_last_batch)),
        (_("Leaves the set of those who can be found"), when(held.set_leaves_at_s)),
    ]
