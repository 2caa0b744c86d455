"""Takes over an address book that another phone has written. Asks nobody about anyone in it."""

from dataclasses import dataclass
from typing import Protocol

from sayso.phone import command_types as ask
from sayso.phone.core.vcard import read_vcards
from sayso.protocol.errors import SaysoError


class Owner(Protocol):
    """Takes commands."""

    async def handle(self, command: ask.Command) -> ask.Answer:
        """Do what a command says."""
        ...


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What became of a file's numbers."""

    taken: int
    left_out: int
    """They are no numbers, or in the national form of a country that is not the lines'."""


async def take_over(owner: Owner, file: str) -> TakenOver:
    """Write down each number of a vCard file under its name. Never raises for what stands in there."""
    taken = left_out = 0
    for name, number in read_vcards(file):
        try:
            await owner.handle(ask.AddContact(name=name, number=number))
            taken += 1
        except SaysoError:
            left_out += 1
    return TakenOver(taken, left_out)
