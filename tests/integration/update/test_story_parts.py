"""Parts of the story by themselves: the simulated phone's digests, the wheels, the resolver, the page, the remedy."""

import hashlib
import struct
import zipfile
from pathlib import Path

import pytest

from sayso.consent.policy import current_policy
from sayso.demo.errors import DemoError
from sayso.demo.story.acts import Told
from sayso.demo.story.everyone import answer
from sayso.demo.story.over_the_air import REMEDY
from sayso.demo.story.phone_2014 import hashed
from sayso.demo.story.report import render, summary
from sayso.demo.story.wheels import installed_sayso, write_wheel


def test_the_synthetic_phone_shortens_digests_as_was_documented() -> None:
    assert hashed("490154203237518") == "l6IQUjLsyHVvA6Ap"


def test_the_remedy_and_the_servers_purge_mean_the_same_policy() -> None:
    """`sayso server purge` erases what is not a consent to the current policy; the phone silences the same lines."""
    assert REMEDY.policy_sha256 == current_policy().sha256.hex()


def test_a_wheel_is_the_same_each_time_and_whole(tmp_path: Path) -> None:
    modules = {"sayso/__init__.py": b"", "sayso/__main__.py": b"print()\n"}
    first = write_wheel(tmp_path, "1.0.0", modules).read_bytes()
    second = write_wheel(tmp_path, "1.0.0", dict(reversed(modules.items())))
    assert second.read_bytes() == first
    with zipfile.ZipFile(second) as wheel:
        record = wheel.read("sayso-1.0.0.dist-info/RECORD").decode().splitlines()
        assert {line.split(",")[0] for line in record} == set(wheel.namelist())


def test_the_release_of_sayso_has_all_of_sayso() -> None:
    files = installed_sayso()
    assert {"sayso/__main__.py", "sayso/consent/policy/policy-1.md", "sayso/update/policy/update-1.md"} <= set(files)
    assert not any("__pycache__" in name for name in files)
    here = Path(__file__).resolve().parents[3] / "src" / "sayso" / "__main__.py"
    assert hashlib.sha256(files["sayso/__main__.py"]).digest() == hashlib.sha256(here.read_bytes()).digest()


@pytest.mark.parametrize(("kind", "answers"), [(1, 1), (28, 0)])
def test_the_resolver_knows_every_name_by_ipv4_only(kind: int, answers: int) -> None:
    query = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x04leak\x07example\0" + struct.pack("!HH", kind, 1)
    reply = answer(query, "10.77.0.1")
    assert reply[:2] == query[:2]
    assert struct.unpack("!H", reply[6:8]) == (answers,)
    assert (b"\x0a\x4d\x00\x01" in reply) == bool(answers)


def test_there_is_no_page_of_half_a_story() -> None:
    for tell in (render, summary):
        with pytest.raises(DemoError):
            tell(Told())
