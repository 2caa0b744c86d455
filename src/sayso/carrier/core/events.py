"""What happens to the network.

Phones and gateways make dataclasses; an operator's wishes are tagged structs, so that the control socket's JSON
(`{"op": "coverage", "name": "alice", "on": false}`) decodes to the event itself.
"""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from sayso.protocol.modem import MAX_TEXT_CHARS, AskSent, DeleteSms, ListSms, SendSms


@dataclass(frozen=True, slots=True)
class PhoneAttached:
    """A phone has attached to a modem."""

    modem: str


@dataclass(frozen=True, slots=True)
class PhoneDetached:
    """The phone that was attached has gone."""

    modem: str


@dataclass(frozen=True, slots=True)
class PhoneAsked:
    """The attached phone sent a frame."""

    modem: str
    frame: SendSms | ListSms | DeleteSms | AskSent


@dataclass(frozen=True, slots=True)
class Submitted:
    """A gateway hands in one text for one or more recipients."""

    sender: str = field(repr=False)
    to: tuple[str, ...] = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Name: TypeAlias = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,31}\Z")]
Number: TypeAlias = Annotated[str, Meta(pattern=r"\A\+[1-9][0-9]{6,14}\Z")]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=86_400)]
Probability: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class _Wish(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", forbid_unknown_fields=True):
    """Base of what an operator or a test wants."""


class AddSim(_Wish, frozen=True, tag="add-sim"):
    """Make a SIM, and a modem of the same name unless there is one, and insert it there.

    `tells_number`: whether the SIM knows its own number; many real ones do not.
    """

    name: Name
    number: Number
    tells_number: bool = True


class AddModem(_Wish, frozen=True, tag="add-modem"):
    """Make a modem without a SIM."""

    name: Name


class RemoveSim(_Wish, frozen=True, tag="remove-sim"):
    """Take a SIM out of its modem; the subscription stays and the SMSC waits."""

    name: Name


class InsertSim(_Wish, frozen=True, tag="insert-sim"):
    """Put a SIM into a modem (its own by default); the one that was there comes out."""

    name: Name
    modem: Name | None = None


class LockSim(_Wish, frozen=True, tag="lock-sim"):
    """Lock a SIM with its PIN, or unlock it."""

    name: Name
    on: bool


class RetireSim(_Wish, frozen=True, tag="retire-sim"):
    """End a subscription: the SIM is no more, its SMS are erased, its number is free for another."""

    name: Name


class RemoveModem(_Wish, frozen=True, tag="remove-modem"):
    """Take a modem away; its SIM comes out."""

    name: Name


class SetCoverage(_Wish, frozen=True, tag="coverage"):
    """Let a modem find the network, or not."""

    name: Name
    on: bool


class SetDelay(_Wish, frozen=True, tag="delay"):
    """Delay deliveries by `seconds`, and the way from modem to network by `submit_seconds`."""

    seconds: Seconds
    submit_seconds: Seconds = 0.0


class SetLoss(_Wish, frozen=True, tag="loss"):
    """Lose SMS between acceptance and delivery."""

    probability: Probability


class SetDuplicate(_Wish, frozen=True, tag="duplicate"):
    """Deliver SMS doubly."""

    probability: Probability


class SetReorder(_Wish, frozen=True, tag="reorder"):
    """Hold SMS back by up to `spread_seconds`, so that later ones overtake them."""

    probability: Probability
    spread_seconds: Seconds = 5.0


class Inject(_Wish, frozen=True, tag="inject", rename={"sender": "from"}):
    """An SMS from anybody, alphanumeric senders too; `sender` is called `from` in JSON."""

    sender: Annotated[str, Meta(min_length=1, max_length=32)]
    to: Annotated[str, Meta(min_length=1, max_length=32)]
    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]


Wish: TypeAlias = (
    AddSim
    | AddModem
    | RemoveSim
    | InsertSim
    | LockSim
    | RetireSim
    | RemoveModem
    | SetCoverage
    | SetDelay
    | SetLoss
    | SetDuplicate
    | SetReorder
    | Inject
)

Event: TypeAlias = PhoneAttached | PhoneDetached | PhoneAsked | Submitted | Tick | Wish
