"""Dumps are forbidden: by the limit, and by the flag that a crash handler and a debugger have to respect."""

import subprocess
import sys

import pytest

from tests.accounting import not_tested

SAY = """
import ctypes, resource
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
FORBID = "from sayso.server.adapters.process import forbid_dumps\nforbid_dumps()\n"
AS_PARENT = "from sayso.server.adapters.process import forbid_dumps_as_parent\nforbid_dumps_as_parent()\n"
LIMITED = "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"


def said(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program + SAY], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_nothing_is_forbidden_by_itself() -> None:
    assert said("").endswith(" 1")


def test_both_are_forbidden() -> None:
    assert said(FORBID) == "(0, 0) 0"


@pytest.mark.parametrize(("before", "flag"), [(LIMITED, "0"), ("", "1")])
def test_a_worker_does_as_its_server(before: str, flag: str) -> None:
    """`execve` sets the flag again; what is inherited, and tells, is the limit."""
    hard = said(before).partition(") ")[0]
    if not before and hard.endswith(" 0"):
        not_tested("core dumps: they are forbidden to this whole machine")
    assert said(before + AS_PARENT).endswith(f" {flag}")
