"""The policy: its text, and that a published one never changes."""

import hashlib
import re

from sayso.consent.policy import VERSION, current_policy, policy_bytes, policy_text


def test_what_is_agreed_to_is_the_hash_of_the_bytes_in_the_package() -> None:
    assert current_policy().sha256 == hashlib.sha256(policy_bytes()).digest()
    assert current_policy().version == VERSION


def test_the_published_text_never_changes() -> None:
    # A change of one byte makes every person agree anew: it is a new version, with a file of its own.
    assert VERSION == "1"
    assert hashlib.sha256(policy_bytes()).hexdigest() == PUBLISHED


def test_it_says_what_is_sent_to_whom_and_how_long() -> None:
    text = policy_text()
    assert text.startswith("# ")
    assert f"Version {VERSION}." in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("|---")]
    assert rows[0] == "| What | To whom | How long |"
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    for word in ("phone number", "SMS", "operator", "IMSI", "ICCID", "IMEI", "28 days", "72 hours", "internet address"):
        assert word in text


PUBLISHED = "8544ca6283be6f6666f1e677106982faa69a0cd147d2351f921415773a99addc"
