"""tests/unit mirrors src/sayso, and every module that decides something has its own test file."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "sayso"
UNIT = ROOT / "tests" / "unit"


def decides(module: Path) -> bool:
    """Whether the module has a function with more than one statement beside its docstring; declarations have not."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return any(len(node.body) - (ast.get_docstring(node) is not None) > 1 for node in functions)


def deciding_modules() -> list[str]:
    """Modules of protocol/, consent/ and every core/ that decide; adapters have contract and integration tests."""
    pure = [*(SRC / "protocol").glob("*.py"), *(SRC / "consent").glob("*.py"), *SRC.glob("*/core/**/*.py")]
    return sorted(file.relative_to(SRC).as_posix() for file in pure if file.name != "__init__.py" and decides(file))


@pytest.mark.parametrize("module", deciding_modules())
def test_a_module_that_decides_has_its_own_test_file(module: str) -> None:
    path = Path(module)
    assert (UNIT / path.parent / f"test_{path.name}").exists()


def test_a_unit_test_stands_where_its_module_does() -> None:
    strays = []
    for test in UNIT.rglob("test_*.py"):
        module = SRC / test.relative_to(UNIT).parent / test.name.removeprefix("test_")
        if not (module.exists() or module.with_suffix("").is_dir()):
            strays.append(test.relative_to(UNIT).as_posix())
    assert strays == []
