"""Disks of a test's own: one that loses power, one that is small. Both need root."""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.accounting import not_tested

_EXT4_IOC_SHUTDOWN: Final = 0x8004587D
_NO_LOG_FLUSH: Final = 2
"""Nothing more reaches the disk, neither data that is only in memory nor the journal (ext4's `ext4_force_shutdown`)."""
_NEVER_S: Final = 300
"""The journal commits by itself no oftener than this: what was not asked to be durable is not."""


class PowerLossDisk:
    """An ext4 file system on a loop device, which can lose power."""

    def __init__(self, place: Path) -> None:
        """Make it below `place`, 64 MiB large, and mount it."""
        self._image = place / "disk.img"
        self.root: Final = place / "disk"
        self.root.mkdir()
        with self._image.open("wb") as image:
            image.truncate(64 * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self._mount()

    def cut(self) -> None:
        """Lose power, and come back: what was not durable is gone. Nobody may have a file open there."""
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)
        _run("umount", str(self.root))
        self._mount()

    def close(self) -> None:
        """Unmount it, and delete it."""
        _run("umount", str(self.root))
        self._image.unlink()

    def _mount(self) -> None:
        _run("mount", "-o", f"loop,commit={_NEVER_S}", str(self._image), str(self.root))


@contextmanager
def power_loss_disk(place: Path) -> Iterator[PowerLossDisk]:
    """A disk that can lose power; not tested where none can be mounted."""
    _require_mounts("mkfs.ext4")
    place.mkdir()
    try:
        disk = PowerLossDisk(place)
    except subprocess.CalledProcessError as error:
        not_tested(f"cannot mount a loop device here: {error.stderr.strip()}")
    try:
        yield disk
    finally:
        disk.close()


@contextmanager
def small_disk(place: Path, *, mib: int) -> Iterator[Path]:
    """A file system in memory of so many MiB; not tested where none can be mounted."""
    _require_mounts()
    place.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(place))
    except subprocess.CalledProcessError as error:
        not_tested(f"cannot mount a tmpfs here: {error.stderr.strip()}")
    try:
        yield place
    finally:
        _run("umount", "--lazy", str(place))


def _require_mounts(*programs: str) -> None:
    if os.geteuid() != 0:
        not_tested("mounting needs root")
    for program in ("mount", "umount", *programs):
        if shutil.which(program) is None:
            not_tested(f"{program} is not installed")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
