"""By which channel a text goes; never silently by SMS to who was in the cloud."""

from dataclasses import replace

import pytest

from sayso.phone.core.fallback import AT_FIRST, Policy, When
from sayso.phone.core.lines import LineState
from sayso.phone.core.outgoing import Reason
from sayso.phone.core.peers import InCloud, Peer
from sayso.phone.core.route import Claim, Cloud, Sms, Wait, after_claim, with_keys, without_cloud, without_connection

STRANGER = Peer(line=bytes(16), number="+447700900102")
FRIEND = replace(STRANGER, in_cloud=InCloud.YES, ever_in_cloud=True, envelope_key=b"e", envelope_key_created=1000)
SMS_PEER = replace(STRANGER, in_cloud=InCloud.NO)
SHORT, OFF = Sms(Reason.NO_CLOUD_NUMBER), Sms(Reason.LINE_OFF)
GONE = replace(FRIEND, in_cloud=InCloud.NO, envelope_key=None)


@pytest.mark.parametrize("state", list(LineState))
def test_what_is_no_cloud_number_goes_by_sms(state: LineState) -> None:
    assert without_cloud(state, cloud_number=False, own_number=False, peer=None, policy=AT_FIRST) == Sms(
        Reason.NO_CLOUD_NUMBER
    )
    assert without_cloud(state, cloud_number=True, own_number=True, peer=None, policy=AT_FIRST) == Sms(
        Reason.NO_CLOUD_NUMBER
    )


@pytest.mark.parametrize("state", [LineState.OFF, LineState.ENROLLING, LineState.LEAVING])
def test_a_line_that_is_not_on_sends_sms_but_not_to_cloud_peers(state: LineState) -> None:
    assert without_cloud(state, cloud_number=True, own_number=False, peer=None, policy=AT_FIRST) == Sms(Reason.LINE_OFF)
    assert without_cloud(state, cloud_number=True, own_number=False, peer=SMS_PEER, policy=AT_FIRST) == Sms(
        Reason.LINE_OFF
    )
    assert without_cloud(state, cloud_number=True, own_number=False, peer=FRIEND, policy=AT_FIRST) == Wait(Reason.ASK)


@pytest.mark.parametrize("state", [LineState.ON, LineState.PAUSED])
def test_a_line_that_is_on_has_to_ask(state: LineState) -> None:
    assert without_cloud(state, cloud_number=True, own_number=False, peer=STRANGER, policy=AT_FIRST) is None


def test_keys_that_are_there_are_used() -> None:
    assert with_keys(FRIEND, now=1000, session_ready=True) == Cloud()
    assert with_keys(FRIEND, now=1000, session_ready=False) == Claim()
    assert with_keys(replace(FRIEND, ratchet_key=b"k"), now=1000, session_ready=False) == Cloud()
    assert with_keys(FRIEND, now=10**9, session_ready=True) == Claim()
    assert with_keys(GONE, now=1000, session_ready=True) == Claim()


def test_after_a_claim_only_strangers_to_the_cloud_get_an_sms() -> None:
    assert after_claim(SMS_PEER, AT_FIRST) == Sms(Reason.NOT_IN_CLOUD)
    assert after_claim(GONE, AT_FIRST) == Wait(Reason.ASK)


def test_who_left_the_cloud_gets_sms_if_the_policy_says_so_and_never_silently() -> None:
    always, never = Policy(undelivered=When.AFTER), Policy(undelivered=When.NEVER)
    assert after_claim(GONE, always) == Sms(Reason.LEFT_CLOUD)
    assert after_claim(GONE, never) == Wait(Reason.NEVER_SMS)
    off = [
        without_cloud(LineState.OFF, cloud_number=True, own_number=False, peer=GONE, policy=policy)
        for policy in (always, never)
    ]
    assert off == [Sms(Reason.LINE_OFF), Wait(Reason.NEVER_SMS)]


def test_without_connection_only_known_sms_peers_get_an_sms() -> None:
    assert without_connection(SMS_PEER) == Sms(Reason.NOT_IN_CLOUD)
    for peer in (None, STRANGER, FRIEND, GONE):
        assert without_connection(peer) == Wait(Reason.NO_CONNECTION)
