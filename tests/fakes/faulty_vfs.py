"""SQLite's file layer with a disk that fails on demand."""

from typing import ClassVar

import apsw


class FaultyVfs(apsw.VFS):
    """Passes everything on to the platform's layer, until told to fail. Keep it alive while a connection uses it."""

    _count: ClassVar[int] = 0

    def __init__(self) -> None:
        FaultyVfs._count += 1
        self.name = f"faulty-{FaultyVfs._count}"
        self.fail_writes: type[apsw.Error] | None = None
        """Raised by each write while set: `apsw.FullError` is a full disk."""
        self.fail_syncs: type[apsw.Error] | None = None
        """Raised by each fsync while set."""
        super().__init__(self.name, "")

    def xOpen(  # noqa: N802  apsw's name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        """Open a file that can fail."""
        return _FaultyFile(self, name, flags)


class _FaultyFile(apsw.VFSFile):
    def __init__(self, vfs: FaultyVfs, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._faults = vfs
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  apsw's name
        """Write, or fail."""
        if self._faults.fail_writes is not None:
            raise self._faults.fail_writes("planted")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802  apsw's name
        """Sync, or fail."""
        if self._faults.fail_syncs is not None:
            raise self._faults.fail_syncs("planted")
        super().xSync(flags)
