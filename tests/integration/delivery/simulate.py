"""Runs the simulated world: `python -m tests.integration.delivery.simulate --seeds 20000`, or one script again."""

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import msgspec

from tests.aio import run
from tests.fakes.world.invariants import check
from tests.fakes.world.player import Player
from tests.fakes.world.script import Step, script_of
from tests.fakes.world.world import World

STEPS = 64
PATIENCE_S = 300.0


def wrongs_of(script: list[Step]) -> list[str]:
    """Play a script in a world of its own and return what is wrong at rest."""

    async def main() -> list[str]:
        world = World()
        try:
            for phone in world.phones:
                await phone.boot()
            await Player(world).play(script)
            await world.heal()
            return check(world)
        finally:
            await world.close()

    return run(main(), patience=PATIENCE_S)  # a guard against hanging, not a measure


def failing(seeds: Iterable[int], *, steps: int = STEPS) -> tuple[int, list[str]] | None:
    """Return the first seed whose world is not right at rest, and what is wrong; None: all are."""
    for seed in seeds:
        wrongs = wrongs_of(script_of(seed, steps))
        if wrongs:
            return seed, wrongs
    return None


def shortened(script: list[Step]) -> list[Step]:
    """Leave out what is not needed for the failure."""
    size = max(1, len(script) // 2)
    while True:
        for start in range(0, len(script), size):
            less = script[:start] + script[start + size :]
            if wrongs_of(less):
                script = less
                break
        else:
            if size == 1:
                return script
            size = max(1, size // 2)


def report(seed: int, wrongs: list[str], *, steps: int = STEPS) -> str:
    """Say what failed, with a script that can be replayed."""
    script = msgspec.json.encode(shortened(script_of(seed, steps))).decode()
    said = "\n  ".join(wrongs)
    return (
        f"seed {seed}:\n  {said}\nreplay it with\n  python -m tests.integration.delivery.simulate --script '{script}'"
    )


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--script", help="play this script (JSON) instead")
    asked = parser.parse_args()
    if asked.script is not None:
        wrongs = wrongs_of(msgspec.json.decode(asked.script, type=list[Step]))
        sys.stdout.write("\n".join(wrongs or ["all is right at rest"]) + "\n")
        sys.exit(bool(wrongs))
    failed = 0
    seeds = range(asked.first, asked.first + asked.seeds)
    with ProcessPoolExecutor(asked.jobs) as workers:
        for done, (seed, wrongs) in enumerate(workers.map(_play, seeds, chunksize=10), start=1):
            if wrongs:
                failed += 1
                sys.stdout.write(report(seed, wrongs) + "\n")
            if done % 500 == 0 or done == asked.seeds:
                sys.stdout.write(f"{done} of {asked.seeds} worlds, {failed} not right\n")
            sys.stdout.flush()
    sys.exit(failed > 0)


def _play(seed: int) -> tuple[int, list[str]]:
    return seed, wrongs_of(script_of(seed, STEPS))


if __name__ == "__main__":
    main()
