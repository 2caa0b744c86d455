"""An update that kills itself, as `kill -9` does, after a step: what test_kill.py runs.

python killed.py WORLD-FOLDER STEP: applies what the publisher there has published.
"""

import os
import signal
import sys
from pathlib import Path

from sayso.update.adapters.home import Home
from sayso.update.adapters.tuf_mirror import TufMirror
from sayso.update.phone_side import PhoneSide
from tests.fakes.clock import FakeClock
from tests.fakes.update_world import URL, FakeSlots, LyingMirror


def main(folder: Path, last: int) -> None:
    """Apply, and die."""
    home, mirror = Home(folder / "home"), LyingMirror().load(folder / "repo" / "public")
    steps = iter(range(last))

    def step(_: str) -> None:
        if next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    tuf = TufMirror(
        mirror, mirror, URL, root=home.root(), known=home.tuf, downloads=home.downloads, wall=FakeClock().wall
    )
    PhoneSide(home, FakeSlots(), boundary=step).update(tuf)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
