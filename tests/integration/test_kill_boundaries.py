"""`kill -9` at each commit boundary of a scripted exchange: nothing is lost, nothing is shown twice.

boundaries.txt lists the boundaries, as a run without a kill passes them. Each case kills one process at one of them,
before or after the commit; it is started anew at once, and the script goes on. In one run each of the processes dies
once, each of its own case; one that did not come to its boundary because of the others dies in a run for itself, and
SAYSO_KILL_ALONE=1 gives each case one. By default each named boundary is killed at its first time, and a third of the
later times, drawn by a seed; SAYSO_KILL_ALL=1 takes all of them. Phones serve their web app where its own commits are
died at, and where the list is made; elsewhere nobody opens it.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from random import Random

import pytest

from tests.aio import run
from tests.integration.boundaries import EDGES, Boundary
from tests.integration.nursery import Nursery
from tests.integration.scripts import SCRIPTS, Script
from tests.integration.world import Enrolled, Ports, Told, World, world

pytestmark = pytest.mark.slow
LIST = Path(__file__).with_name("boundaries.txt")
OF_THE_WEB_APP = "store.web-"
PATIENCE_S = 120.0
TRIES = 3
"""How often a case is played until the boundary is passed: some depend on who is faster."""
SEED = int(os.environ.get("SAYSO_KILL_SEED", "2014"))
KILL_ALL = os.environ.get("SAYSO_KILL_ALL") == "1"
KILL_ALONE = os.environ.get("SAYSO_KILL_ALONE") == "1"
ROUNDS = int(os.environ.get("SAYSO_KILL_ROUNDS", "10"))


@dataclass(frozen=True)
class Case:
    """Who dies where in which script."""

    script: str
    who: str
    boundary: Boundary

    def __str__(self) -> str:
        return f"{self.script}-{self.who}-{self.boundary}"


def listed() -> Iterator[tuple[str, str, str, int]]:
    """Script, who, name, and how often it is passed."""
    for line in LIST.read_text(encoding="utf-8").splitlines():
        script, who, name, times = line.split()
        yield script, who, name, int(times)


def cases() -> Iterator[Case]:
    """All of them, or the first times and a third of the others."""
    random = Random(SEED)
    for script, who, name, times in listed():
        for nth in range(1, times + 1):
            for edge in EDGES:
                drawn = random.randrange(3) == 0
                if KILL_ALL or nth == 1 or drawn:
                    yield Case(script, who, Boundary(name, nth, edge))


def rounds() -> Iterator[tuple[Case, ...]]:
    """All cases, as they die together: of one script, no two of one process."""
    if KILL_ALONE:
        yield from ((case,) for case in cases())
        return
    victims: dict[str, dict[str, list[Case]]] = {}
    for case in cases():
        victims.setdefault(case.script, {}).setdefault(case.who, []).append(case)
    for of_script in victims.values():
        for together in zip_longest(*of_script.values()):
            yield tuple(case for case in together if case is not None)


async def play(
    nursery: Nursery, enrolled: Enrolled, place: Path, script: Script, armed: Mapping[str, Boundary]
) -> World:
    """Play a script in a fresh copy of the world."""
    ports = enrolled.ports
    if script.enrolled:
        enrolled.copy(place)
    else:
        ports = Ports.free()
    web = not armed or any(boundary.name.startswith(OF_THE_WEB_APP) for boundary in armed.values())
    async with world(nursery, place, ports, web=web) as made:
        await script.play(made, armed)
    return made


@pytest.mark.parametrize("together", list(rounds()), ids=lambda cases: "+".join(map(str, cases)))
def test_killed_at_a_boundary(together: tuple[Case, ...], nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    script = SCRIPTS[together[0].script]
    armed = {case.who: case.boundary for case in together}
    made = run(play(nursery, enrolled, place / "together", script, armed), patience=PATIENCE_S)
    for case in together:
        if Told(case.who, case.boundary) in made.told:
            assert made.daemons[case.who].kills == 1
        else:
            assert not made.daemons[case.who].kills
            _killed_alone(case, _nearest(case, made), nursery, enrolled, place / case.who)


def _killed_alone(case: Case, boundary: Boundary, nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    for attempt in range(TRIES):
        armed = {case.who: boundary}
        made = run(play(nursery, enrolled, place / str(attempt), SCRIPTS[case.script], armed), patience=PATIENCE_S)
        kills = {daemon.who: daemon.kills for daemon in made.daemons.values() if daemon.kills}
        if Told(case.who, boundary) in made.told:
            assert kills == {case.who: 1}
            return
        assert not kills
        boundary = _nearest(case, made)
    pytest.fail(f"{case} was not passed in {TRIES} runs; if it is gone, make the list anew (see the test below)")


def _nearest(case: Case, made: World) -> Boundary:
    """Changes that meet in one batch are one commit: there may have been fewer of them this time."""
    alike = [
        one.boundary.nth
        for one in made.told
        if (one.who, one.boundary.name, one.boundary.edge) == (case.who, case.boundary.name, case.boundary.edge)
    ]
    return replace(case.boundary, nth=min(case.boundary.nth, max(alike, default=1)))


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_list_is_complete(name: str, nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """A boundary that is new has to be killed too. SAYSO_LIST_BOUNDARIES=1 writes the list anew."""
    script = SCRIPTS[name]
    made = run(play(nursery, enrolled, place, script, {}), patience=PATIENCE_S)
    passed = count(made.told, script)
    print(f"{name}: {sum(passed.values()) * 2} places to die at")
    for (who, boundary), times in passed.items():
        print(f"    {who:>6} {boundary} x {times}")
    if os.environ.get("SAYSO_LIST_BOUNDARIES") == "1":
        rest = [line for line in LIST.read_text("utf-8").splitlines() if line.split()[0] != name]
        fresh = [f"{name} {who} {boundary} {times}" for (who, boundary), times in passed.items()]
        LIST.write_text("\n".join(sorted([*rest, *fresh])) + "\n", encoding="utf-8")
    known = {(who, boundary) for one, who, boundary, _ in listed() if one == name}
    assert not set(passed) - known, "nobody is killed at these boundaries: make the list anew"
    assert len(list(listed())) * 2 >= 20


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_killed_at_random(turn: int, nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Anybody, at any moment, three times over. SAYSO_KILL_ROUNDS plays more of them, SAYSO_KILL_SEED others."""
    seed = SEED * 1000 + turn
    print(f"seed {seed}")
    random = Random(seed)
    enrolled.copy(place)

    async def killed_now_and_then() -> World:
        async with world(nursery, place, enrolled.ports) as made, asyncio.TaskGroup() as tasks:
            killer = tasks.create_task(kill(made, random))
            await SCRIPTS["exchange"].play(made, {})
            killer.cancel()
        return made

    run(killed_now_and_then(), patience=PATIENCE_S)


async def kill(made: World, random: Random) -> None:
    """Kill somebody after some commit, and a moment more, so that it is not always the commit that is hit."""
    passed = 0
    for _ in range(3):
        passed += random.randint(1, 60)
        moment = random.uniform(0, 0.03)
        who = random.choice(["server", "alice", "bob"])
        await made.until(lambda least=passed: len(made.told) >= least or None, "the next commits")  # type: ignore[misc]
        await asyncio.sleep(moment)
        made.daemons[who].kill()


def count(told: list[Told], script: Script) -> dict[tuple[str, str], int]:
    """How often each process passed each boundary."""
    passed: dict[tuple[str, str], int] = {}
    for one in told:
        if one.who in script.killed and one.boundary.edge == "after":
            key = (one.who, one.boundary.name)
            passed[key] = max(passed.get(key, 0), one.boundary.nth)
    return passed
