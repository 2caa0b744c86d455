# What we use of aiosmpplib 0.7: the PDUs that we send, and its alphabets. The package has no stub of its own.

from datetime import timedelta
from enum import IntEnum

class TON(IntEnum):
    UNKNOWN = 0
    INTERNATIONAL = 1
    ALPHANUMERIC = 5

class NPI(IntEnum):
    UNKNOWN = 0
    ISDN = 1

class PhoneNumber:
    def __init__(self, number: str, ton: TON = ..., npi: NPI = ...) -> None: ...

class SmppMessage:
    def pdu(self) -> bytes: ...

class BindTransceiver(SmppMessage):
    def __init__(
        self, sequence_num: int = ..., *, system_id: str = ..., password: str = ..., system_type: str = ...
    ) -> None: ...

class SubmitSm(SmppMessage):
    def __init__(
        self,
        *,
        sequence_num: int = ...,
        short_message: str = ...,
        source: PhoneNumber = ...,
        destination: PhoneNumber = ...,
        validity_period: timedelta | None = ...,
        registered_delivery: int = ...,
        encoding: str | None = ...,
        auto_message_payload: bool = ...,
    ) -> None: ...

class EnquireLink(SmppMessage):
    def __init__(self, sequence_num: int = ...) -> None: ...

class EnquireLinkResp(SmppMessage):
    def __init__(self, sequence_num: int = ...) -> None: ...

class Unbind(SmppMessage):
    def __init__(self, sequence_num: int = ...) -> None: ...

class UnbindResp(SmppMessage):
    def __init__(self, sequence_num: int = ...) -> None: ...

class GSM7BitCodec:
    def encode(self, input: str, errors: str = ...) -> tuple[bytes, int]: ...
    def decode(self, input: bytes, errors: str = ...) -> tuple[str, int]: ...
    @staticmethod
    def is_gsm_text(text: str) -> bool: ...
