"""Take the pictures of the documentation: `python -m tests.integration.app.pictures docs/images`."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from tests.aio import run
from tests.integration.app.furnished import furnished, go, views

SHOTS: Final[tuple[tuple[int, int, Literal["light", "dark"], str, tuple[str, ...]], ...]] = (
    (360, 740, "light", "en-GB", ("list", "thread", "consent", "safety")),
    (360, 740, "dark", "en-GB", ("list", "thread", "privacy")),
    (800, 640, "light", "de-DE", ("thread", "line")),
    (800, 640, "dark", "zh-CN", ("thread", "cloud")),
    (1440, 900, "light", "en-GB", ("thread", "about")),
    (1440, 900, "dark", "en-GB", ("thread", "settings")),
)


async def take(data: Path, folder: Path) -> None:
    """Take all of them into `folder`."""
    async with furnished(data) as here:
        for width, height, scheme, locale, wanted in SHOTS:
            look = {"viewport": {"width": width, "height": height}, "color_scheme": scheme, "locale": locale}
            page = await here.page("alice", **look)
            for name, where, until in await views(page):
                if name in wanted:
                    await go(page, where, until)
                    await asyncio.sleep(0.5)
                    await page.screenshot(path=folder / f"app-{name}-{width}-{scheme}.png")


def main() -> None:
    """Take them into the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sayso-") as data:
        run(take(Path(data) / "w", folder), patience=300)


if __name__ == "__main__":
    main()
