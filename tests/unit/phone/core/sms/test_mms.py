"""Notices of picture messages."""

import pytest

from sayso.phone.core.sms.mms import MmsNotice, read_mms_notice
from sayso.phone.errors import SmsFormatError

HEAD = b"\x2a\x06\x01\xbe\x8c\x82"
FROM = b"\x89\x19\x80+447700900003/TYPE=PLMN\x00"
REST = b"\x98T1\x00\x8d\x92\x8a\x80\x8e\x02\x75\x30\x88\x05\x81\x03\x03\xf4\x80\x83http://mms.example/1\x00"


def test_a_notice() -> None:
    assert read_mms_notice(HEAD + FROM + b"\x96Holiday\x00" + REST) == MmsNotice("+447700900003", "Holiday", 30_000)


def test_one_that_says_nothing() -> None:
    assert read_mms_notice(HEAD) == MmsNotice("", "", None)
    assert read_mms_notice(HEAD + b"\x89\x01\x81") == MmsNotice("", "", None)  # the operator is to insert the sender


def test_the_type_as_a_text_and_with_more_headers() -> None:
    kind = b"application/vnd.wap.mms-message\x00\xaf\x84"
    assert read_mms_notice(b"\x01\x06" + bytes([len(kind)]) + kind + b"\x8c\x82" + FROM).sender == "+447700900003"


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        (b"\x09\xeaGr\xc3\xbc\xc3\x9fe\x00", "Grüße"),
        (b"\x7fHello\x00", "Hello"),
        (b"a\x1b[31mred\x00", "a\ufffd[31mred"),  # no control characters into a terminal
        (b"x" * 500 + b"\x00", "x" * 200),
    ],
)
def test_subjects(value: bytes, subject: str) -> None:
    assert read_mms_notice(HEAD + b"\x96" + value).subject == subject


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01\x07\x01\xbe\x8c\x82",  # no push
        b"\x01\x06\x01\xae\x8c\x82",  # about something else
        b"\x01\x06\x01\xbe\x8c\x84",  # not the notice
        b"\x01\x06\x7f\xbe",  # headers longer than all
        b"\x01\x06\xff\xff\xff\xff\xff\x01",  # a length without end
        b"\x01\x06\x00",
        HEAD + b"\x96no end",
        HEAD + b"\x89\x1fzz",
        HEAD + b"\x89\x1e+44",
        HEAD + b"\x8e",
    ],
)
def test_lying_notices(data: bytes) -> None:
    with pytest.raises(SmsFormatError):
        read_mms_notice(data)
