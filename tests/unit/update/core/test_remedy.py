"""The notice that a change of default leaves, and its screen."""

import pytest

from sayso.update.core.manifest import Remedy
from sayso.update.core.remedy import Notice, file_name, notice_of, read_notice, screen, write_notice
from sayso.update.errors import ReleaseError
from tests.unit.update.core.test_manifest import manifest

REMEDY = Remedy(policy_sha256="c" * 64, wrong="It was on from the first start.", done="It is off until you say yes.")


def test_a_release_that_changes_no_default_leaves_nothing() -> None:
    assert notice_of(manifest()) is None


def test_the_notice_is_read_as_it_was_written() -> None:
    notice = notice_of(manifest(remedy=REMEDY))
    assert notice is not None
    assert read_notice(write_notice(notice)) == notice
    assert file_name(notice.version) == "remedy-1.0.0.json"


def test_one_screen_says_what_was_wrong_what_is_done_and_what_one_can_do() -> None:
    shown = screen(Notice(version="1.0.0", policy_sha256="c" * 64, wrong=REMEDY.wrong, done=REMEDY.done))
    assert REMEDY.wrong in shown
    assert REMEDY.done in shown
    assert "nothing you have to do" in shown
    assert len(shown.splitlines()) < 20
    assert all(len(line) <= 120 for line in shown.splitlines())


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"version": "1.0.0"}'])
def test_a_damaged_notice_is_refused(content: bytes) -> None:
    with pytest.raises(ReleaseError):
        read_notice(content)
