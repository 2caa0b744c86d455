"""What must be true after any end of a cycle: a second life over the same data, checked against the first's journal.

Senders do what phones do: they send again, byte for byte, what was not answered, and ask again what was asked. The
device shows what it has not shown before. Then every envelope has one fate, and nobody was told another.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sayso.protocol.frames import CaughtUp, DepositState, OutcomeState
from tests.integration.load.cycle import MAYBE_RECALLED, NUMBERS, SENDER_OF, STRANGERS, Journal, Life

_DELIVERED = OutcomeState.DELIVERED.name
_RECALLED = OutcomeState.RECALLED.name
_IN_DOUBT = OutcomeState.IN_DOUBT.name
_UNKNOWN = OutcomeState.UNKNOWN.name


class BrokenPromiseError(AssertionError):
    """Something was lost, came against a promise, or was told wrongly."""


@dataclass
class Story:
    """What a journal tells of one life."""

    sent: list[int] = field(default_factory=list)
    told: dict[int, str] = field(default_factory=dict)
    came: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    never_show: list[int] = field(default_factory=list)
    recalling: list[int] = field(default_factory=list)
    outcome: dict[int, str] = field(default_factory=dict)
    ended: bool = False

    @classmethod
    def read(cls, path: Path) -> "Story":
        """Read a journal; every line is whole, since it is one write."""
        story = cls()
        for line in path.read_text("ascii").splitlines() if path.exists() else ():
            event, text, state = line.split(" ")
            number = int(text)
            match event:
                case "told" | "outcome":
                    getattr(story, event)[number] = state
                case "sent" | "came" | "shown" | "recalling":
                    getattr(story, event).append(number)
                case "never-show":
                    story.never_show.append(number)
                case "end":
                    story.ended = True
                case _:
                    raise AssertionError(line)
        return story


async def check(data: Path, first: Path, second: Path) -> None:
    """Live a second life over `data` after the one that wrote the journal `first`; its own journal goes to `second`.

    Raises:
        BrokenPromiseError: see there.
        StoreError: the data cannot be opened.
    """
    before = Story.read(first)
    life = Life(data, Journal(second))
    try:
        await life.start()
        _require(life.store.set_aside == 0, "envelopes were set aside")
        _require(len(life.keyring.hour_states()) == 1, "a turn of the hour key was not finished")
        async with asyncio.TaskGroup() as tasks:
            driving = tasks.create_task(life.runner.run())
            try:
                asked = await _live_again(life, before)
            finally:
                driving.cancel()
    finally:
        await life.store.close()
    _judge(before, Story.read(second), asked)


async def _live_again(life: Life, before: Story) -> dict[int, str]:
    """Do what phones do after a server came back. Returns what senders hear when they ask at last."""
    in_the_open = [n for n in before.recalling if before.outcome.get(n) not in {_RECALLED, _DELIVERED}]
    with_the_device = [n for n in before.came if n not in before.shown and n not in before.never_show]
    unanswered = [number for number in dict.fromkeys(before.sent) if number not in before.told]
    life.deposit(*unanswered, again=True)
    await life.told(*unanswered)
    recalled = list(dict.fromkeys(in_the_open + [n for n in with_the_device if n == MAYBE_RECALLED]))
    for number in recalled:
        life.recall(number)
    await life.outcome(*recalled)
    life.connect()
    await life.until(lambda: any(isinstance(frame, CaughtUp) for frame in life.device.frames))
    life.ack(*life.delivered())
    for number in [number for number, state in life.answers() if state == _IN_DOUBT]:
        await life.withdrawal(number)
        life.answer(number, had_it=number not in before.never_show)
    await life.runner.settle()
    asked = [number for number in NUMBERS if number in before.sent and number not in STRANGERS]
    answers = len(life.answers())
    for number in asked:
        life.ask(number)
    await life.until(lambda: len(life.answers()) == answers + len(asked))
    return dict(life.answers()[answers:])


def _judge(before: Story, after: Story, asked: Mapping[int, str]) -> None:
    recalled = {number for story in (before, after) for number, state in story.outcome.items() if state == _RECALLED}
    shown = {*before.shown, *after.shown}
    for number in dict.fromkeys(before.sent):
        if number in recalled:
            _require(number not in shown, f"{number} was shown although its sender heard `recalled`")
            _require(number not in after.came, f"{number} came again although its sender heard `recalled`")
        else:
            _require(number in shown, f"{number} was lost")
    for number in dict.fromkeys(before.sent):
        told_delivered = DepositState.DELIVERED.name in {before.told.get(number), after.told.get(number)}
        if told_delivered:
            _require(number in shown, f"{number} was called delivered and never shown")
        if number in asked:
            good = {_RECALLED} if number in recalled else {_DELIVERED, *([_UNKNOWN] if told_delivered else [])}
            _require(asked[number] in good, f"the outcome of {number} is {asked[number]}")
    for number in before.never_show:
        _require(number not in after.came, f"{number} came again although the device never shows it")
    for number in after.recalling:
        if number in before.came and number not in before.never_show:
            _require(after.outcome[number] != _RECALLED, f"{number} had left, and its sender heard `recalled`")
    _require(len(after.came) == len(set(after.came)), "an envelope came twice on one connection")
    for stranger in (False, True):
        order = [number for number in after.came if SENDER_OF[number] is stranger]
        _require(order == sorted(order), f"the order of a sender was lost: {order}")


def _require(holds: bool, what: str) -> None:  # noqa: FBT001  what is asserted comes first, as in `assert`
    if not holds:
        raise BrokenPromiseError(what)
