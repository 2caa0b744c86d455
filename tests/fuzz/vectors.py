"""Seeds from the test vectors: what is well formed, to be damaged."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "vectors"


def vectors(name: str) -> Any:
    """Read one file of vectors."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
