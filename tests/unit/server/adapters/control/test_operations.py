"""The reference page says everything that the control plane can be asked, and answer."""

from pathlib import Path

import msgspec

from sayso.protocol import api
from sayso.protocol.api import PROBLEM_PREFIX, ProblemType
from sayso.server.adapters.control.answers import PROBLEMS
from sayso.server.adapters.control.openapi import SCHEMA_PATH
from sayso.server.adapters.control.operations import EVERY_SIGNED, SIGNED

PAGE = (Path(__file__).resolve().parents[5] / "docs" / "reference" / "control-plane.md").read_text(encoding="utf-8")


def test_every_path_of_the_interface_is_an_operation_or_open_to_all() -> None:
    paths = {value for name, value in vars(api).items() if name.endswith("_PATH")}
    open_to_all = {api.STATEMENT_PATH, api.SETS_PATH, api.SET_BLOBS_PATH}
    assert {one.path for one in SIGNED} == paths - open_to_all - {api.STREAM_PATH}


def test_every_path_is_documented_with_its_bodies() -> None:
    for path in (api.STATEMENT_PATH, api.SETS_PATH, f"{api.SET_BLOBS_PATH}/{{sha256}}", SCHEMA_PATH):
        assert f"`GET {path}`" in PAGE
    for operation in SIGNED:
        _, found, section = PAGE.partition(f"### `POST {operation.path}`\n")
        assert found, operation.path
        section = section.partition("\n### ")[0].partition("\n## ")[0]
        for struct in (operation.body, operation.answer):
            for field in msgspec.structs.fields(struct):
                assert f"`{field.name}`" in section, (operation.path, field.name)
        for problem in operation.problems:
            assert f"`{problem}`" in section, (operation.path, problem)


def test_every_problem_is_documented_with_its_status() -> None:
    assert PROBLEM_PREFIX in PAGE
    for problem in ProblemType:
        status, title = PROBLEMS[problem]
        assert f"| `{problem}` | {status} | {title} |" in PAGE
    for problem in EVERY_SIGNED:
        assert f"`{problem}`" in PAGE
