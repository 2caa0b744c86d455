"""The publisher of the story, and the installation on the phone: from the release of 2014 to Sayso, through TUF."""

import importlib.metadata
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sayso.consent.policy import current_policy
from sayso.demo.errors import DemoError
from sayso.demo.story import phone_2014
from sayso.demo.story.everyone import MIRROR
from sayso.demo.story.wheels import installed_sayso, write_wheel
from sayso.update import publisher
from sayso.update.adapters.home import Settings
from sayso.update.app import Installation
from sayso.update.core.manifest import Remedy
from sayso.update.core.remedy import PATTERN, read_notice, screen
from sayso.update.core.rollout import COHORTS
from sayso.update.releases import Ingredients, build_release

OLD: Final = "0.0.1"
URL: Final = f"http://{MIRROR}"
REMEDY: Final = Remedy(
    policy_sha256=current_policy().sha256.hex(),
    wrong="Cloud messaging was on from the first start, without asking. It sent your number, your IMEI and IMSI and "
    "the numbers of your contacts to the phone's maker, without encryption.",
    done="Cloud messaging is off. Nothing is sent until you say yes, for each number by itself.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What an update came to."""

    before: str
    after: str
    screen: str
    """What the person is shown."""


class OverTheAir:
    """Publisher and phone, each with a directory of its own."""

    def __init__(self, folder: Path, mirror: Path, libraries: Path) -> None:
        """Make keys, an empty repository, and install the phone of 2014.

        Args:
            folder: for everything.
            mirror: where the web server of the story finds what is published: a link is made there.
            libraries: where this machine has Python's libraries; the releases bring none.
        """
        self._folder = folder
        self._repo, self._keys = folder / "releases", folder / "keys"
        publisher.make_repository(self._repo, self._keys, passphrase=None, now=time.time())
        for name in ("metadata", "targets"):
            (mirror / name).symlink_to(self._repo / "public" / name)
        program = Path(phone_2014.__file__).read_bytes()
        wheel = write_wheel(folder, OLD, {"sayso/__init__.py": b"", "sayso/__main__.py": program})
        first = build_release(folder, self._ingredients(OLD, wheel, None))
        self._installation = Installation(folder / "home")
        root = (self._repo / "public" / "metadata" / "1.root.json").read_bytes()
        self._installation.home.make(Settings(url=URL, libraries=str(libraries)), root, self._installation.random)
        self._installation.phone_side().install(first)

    @property
    def python(self) -> Path:
        """The program in force, by way of the switch."""
        return self._installation.home.path / "current" / "slot" / "env" / "bin" / "python"

    @property
    def data(self) -> Path:
        """The person's data, by way of the switch."""
        return self._installation.home.path / "current" / "data"

    def publish_sayso(self) -> str:
        """Publish the Sayso that runs here as the next release; both release signers sign. Returns its version."""
        version = importlib.metadata.version("sayso")
        wheel = write_wheel(self._folder, version, installed_sayso())
        archive = build_release(self._folder, self._ingredients(version, wheel, REMEDY))
        now = time.time()
        publisher.stage_release(self._repo, archive, share=COHORTS, now=now)
        for holder in ("targets-1", "targets-2"):
            publisher.sign(self._repo, self._keys / f"{holder}.pem", passphrase=None)
        publisher.publish(
            self._repo,
            snapshot_key=self._keys / "snapshot.pem",
            timestamp_key=self._keys / "timestamp.pem",
            passphrase=None,
            now=now,
        )
        return version

    def apply(self) -> Update:
        """Say yes to checks for updates, fetch the release, put it in force.

        Raises:
            DemoError: there was none.
            UpdateError: it did not come out.
        """
        here = self._installation
        here.consents.give(URL, root_sha256=here.root_digest(), method="story")
        with here.mirror() as mirror:
            applied = here.phone_side().update(mirror)
        here.consents.withdraw()
        if applied is None:
            raise DemoError("the update was not offered to this phone")
        (notice,) = [read_notice(file.read_bytes()) for file in self.data.glob(PATTERN)]
        return Update(before=applied.before, after=applied.after, screen=screen(notice))

    def _ingredients(self, version: str, wheel: Path, remedy: Remedy | None) -> Ingredients:
        return Ingredients(
            version=version,
            built_at=int(time.time()) - 3600,
            libraries="system",
            wheels=(wheel,),
            health=("doctor",),
            remedy=remedy,
        )
