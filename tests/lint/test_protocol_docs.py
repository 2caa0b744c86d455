"""docs/protocol.md names all that another client has to know: no frame, kind, code, problem or limit is missing."""

import dataclasses
import enum
import inspect
import re
from types import ModuleType
from typing import TypeVar

import pytest
from msgspec import Struct

from sayso.protocol import api, content, envelope, frames, keys
from sayso.protocol.limits import LIMITS, Limits
from sayso.protocol.signing import Purpose
from scripts.docs import ROOT
from scripts.generate_frames import frames_page
from scripts.make_vectors import FILES

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
LIMITS_PAGE = (ROOT / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
FRAMES_PAGE = (ROOT / "docs" / "reference" / "frames.md").read_text(encoding="utf-8")


Kind = TypeVar("Kind")


def own(module: ModuleType, kind: type[Kind]) -> list[type[Kind]]:
    """The classes of a kind that a module defines itself."""
    classes = [one for _, one in inspect.getmembers(module, inspect.isclass)]
    return [one for one in classes if issubclass(one, kind) and one.__module__ == module.__name__]


ENUMS = [*own(frames, enum.IntEnum), *own(content, enum.IntEnum)]
STRUCTS = [
    one
    for module in (frames, content)
    for one in own(module, Struct)
    if one.__struct_fields__ or one.__struct_config__.tag is not None
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda one: one.__name__)
def test_every_frame_and_content_is_described(struct: type[Struct]) -> None:
    if struct is not content.Content:
        assert f"`{struct.__name__}`" in PROTOCOL
    assert f"### {struct.__name__}" in FRAMES_PAGE


@pytest.mark.parametrize("frame", [one for one in STRUCTS if one.__struct_config__.tag is not None], ids=str)
def test_every_frame_stands_in_the_table_with_its_type_and_elements(frame: type[Struct]) -> None:
    row = re.search(rf"^\| {frame.__struct_config__.tag} \| `{frame.__name__}` \| (.*?) \|", PROTOCOL, re.MULTILINE)
    assert row is not None
    places = [row[1].find(name) for name in frame.__struct_fields__]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("kind", ENUMS, ids=lambda one: one.__name__)
def test_every_member_of_every_enum_is_named_with_its_number(kind: type[enum.IntEnum]) -> None:
    for member in kind:
        assert re.search(rf"\b{member.value}\s(?:\| |is )?`{member.name}`", PROTOCOL), f"{kind.__name__}.{member.name}"


def test_every_problem_purpose_path_and_kind_of_party_is_named() -> None:
    wanted = [*api.ProblemType, *Purpose, *(value for name, value in vars(api).items() if name.endswith("_PATH"))]
    assert [one for one in wanted if f"`{one}`" not in PROTOCOL and f" {one}`" not in PROTOCOL] == []


@pytest.mark.parametrize("limit", [field.name for field in dataclasses.fields(Limits)])
def test_every_limit_is_listed_and_used(limit: str) -> None:
    assert f"| `{limit}` |" in LIMITS_PAGE
    assert f"`LIMITS.{limit}`" in PROTOCOL


def test_no_limit_is_named_that_there_is_not() -> None:
    assert {name for name in re.findall(r"LIMITS\.(\w+)", PROTOCOL) if not hasattr(LIMITS, name)} == {"name"}


def test_every_body_of_the_control_plane_is_named() -> None:
    bodies = ("Enrol", "Confirm", "PublishKeys", "Claim", "Evaluate", "SetGrant", "WithdrawConsent", "Empty")
    answers = ("EnrolPending", "Enrolled", "KeysLeft", "Claimed", "Evaluated", "Renewed", "Withdrawn", "Holdings")
    assert [name for name in (*bodies, *answers) if f"`{name}`" not in PROTOCOL] == []


def test_every_file_of_vectors_is_named() -> None:
    assert [name for name in (*FILES, "rfc9497.json") if f"`{name}`" not in PROTOCOL] == []


def test_the_numbers_in_the_text_are_those_of_the_code() -> None:
    assert f"public = ML-KEM-768 key ({1184:,})" in " ".join(PROTOCOL.split())
    assert f"It is {api.SEALED_NUMBER_BYTES:,} bytes for every number" in " ".join(PROTOCOL.split())
    assert len(envelope.Inner.__struct_fields__) == 5
    assert len(content.Content.__struct_fields__) == 11
    assert len(keys.EnvelopeKey.__struct_fields__) == 4


def test_the_generated_page_has_elements_and_members() -> None:
    page = frames_page(ROOT / "src" / "sayso" / "protocol")
    assert "| `ttl_s` | `int` |" in page
    assert "| 4 | `NOT_ENROLLED` | Nobody is enrolled under this token (or it looks so). |" in page
    assert "### Deposit (type 4)" in page
