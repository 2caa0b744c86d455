"""Wheels for the story's releases: of the Sayso that is installed here, and of the simulated phone of 2014."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

_EPOCH: Final = (2014, 8, 10, 0, 0, 0)
_SKIPPED: Final = ("__pycache__",)
_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: sayso\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_wheel(folder: Path, version: str, modules: Mapping[str, bytes]) -> Path:
    """Write a wheel named `sayso`: the same bytes from the same content.

    Args:
        folder: where.
        version: of the wheel.
        modules: path below site-packages to content.

    Returns:
        Its path.
    """
    info = f"sayso-{version}.dist-info"
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: sayso\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": _WHEEL.encode(),
        f"{info}/entry_points.txt": b"[console_scripts]\nsayso = sayso.__main__:main\n",
    }
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in sorted(files.items()))
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    path = folder / f"sayso-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return path


def installed_sayso() -> dict[str, bytes]:
    """Return the files of the Sayso that runs: path below site-packages to content."""
    return dict(_below(resources.files("sayso"), "sayso"))


def _below(place: Traversable, name: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in place.iterdir():
        if entry.is_file():
            found.append((f"{name}/{entry.name}", entry.read_bytes()))
        elif entry.name not in _SKIPPED:
            found += _below(entry, f"{name}/{entry.name}")
    return found


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
