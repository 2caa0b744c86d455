# What we use of python-gammu 3.5, in the process of its own that holds the modem. The package has no stub of its own.

from collections.abc import Mapping, Sequence
from typing import Any

class GSMError(Exception): ...
class ERR_BUG(GSMError): ...  # noqa: N801, N818
class ERR_EMPTY(GSMError): ...  # noqa: N801, N818
class ERR_INVALIDDATA(GSMError): ...  # noqa: N801, N818
class ERR_INVALIDLOCATION(GSMError): ...  # noqa: N801, N818
class ERR_NOSIM(GSMError): ...  # noqa: N801, N818
class ERR_NOTIMPLEMENTED(GSMError): ...  # noqa: N801, N818
class ERR_NOTSUPPORTED(GSMError): ...  # noqa: N801, N818
class ERR_SECURITYERROR(GSMError): ...  # noqa: N801, N818
class ERR_UNKNOWN(GSMError): ...  # noqa: N801, N818

class StateMachine:
    def ReadConfig(self, *, Filename: str) -> None: ...  # noqa: N802, N803
    def Init(self) -> None: ...  # noqa: N802

def EncodeSMS(info: Mapping[str, object]) -> Sequence[dict[str, Any]]: ...  # noqa: N802
def DecodePDU(pdu: bytes) -> dict[str, Any]: ...  # noqa: N802
