"""What nodes say to each other: MessagePack arrays in a list, sealed for the one that they are for (`channels`)."""

from enum import IntEnum
from typing import Final

import msgspec
from msgspec import Struct

from sayso.protocol.frames import Ask, Deposit, Deposited, Outcome, Recall, Refused, WrongDevices
from sayso.protocol.ids import Bytes16, Bytes32, outline

Answer = Deposited | WrongDevices | Refused | Outcome


class Item(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """Base of all items."""

    def __repr__(self) -> str:
        return outline(self)


class Forward(Item, frozen=True, tag=1):
    """A deposit for a device that the other node holds. Its ref is ours."""

    connection: int
    device: Bytes16
    round: int
    """Grows each time that deposits of one token come back; what is of an older round is not taken any more."""
    frame: Deposit


class NotMine(Item, frozen=True, tag=2):
    """A deposit comes back: the device is not held here, or the token is not its own."""

    ref: int


class Question(Item, frozen=True, tag=3):
    """A recall or a question about an envelope that the other node has. Its ref is ours."""

    connection: int
    frame: Recall | Ask


class NotKnown(Item, frozen=True, tag=4):
    """A question comes back."""

    ref: int


class Back(Item, frozen=True, tag=5):
    """A frame for a connection of the other node."""

    connection: int
    frame: Answer


class Left(Item, frozen=True, tag=6):
    """A connection is closed, or (said by the one that answers) has to be."""

    connection: int


class Give(Item, frozen=True, tag=7):
    """A device has connected here: let its mailbox go."""

    request: int
    device: Bytes16


class Changed(Item, frozen=True, tag=8):
    """The directory has something else of a device: look."""

    request: int
    device: Bytes16


class WhoHas(Item, frozen=True, tag=9):
    """Is an envelope of this handle with you?"""

    request: int
    handle_hash: Bytes32


class Knowledge(IntEnum):
    """What a node knows of an envelope."""

    NOTHING = 0
    HERE = 1
    UNDER_WAY = 2
    """It is a deposit that this node passes on: ask again."""


class Done(Item, frozen=True, tag=10):
    """Answers a request."""

    request: int
    knowledge: Knowledge = Knowledge.NOTHING


AnyItem = Forward | NotMine | Question | NotKnown | Back | Left | Give | Changed | WhoHas | Done
Request = Give | Changed | WhoHas

decoder: Final = msgspec.msgpack.Decoder(list[AnyItem])
encoder: Final = msgspec.msgpack.Encoder()
