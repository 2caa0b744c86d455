"""The closing table counts right, and what was left out is never green by accident."""

from pathlib import Path

import pytest

from scripts.report import Result, closing, table
from scripts.run_tests import ENDED, main, run_bounded
from tests.accounting import not_tested, strict

JUNIT = """<testsuites><testsuite>
<testcase name="good"/>
<testcase name="bad"><failure message="x"/></testcase>
<testcase name="broken"><error message="x"/></testcase>
<testcase name="left out"><skipped message="not tested: needs root"/></testcase>
</testsuite></testsuites>"""


def test_a_junit_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(JUNIT, encoding="utf-8")
    result = Result("unit", 1.0)
    result.add_junit(report)
    assert (result.passed, result.failed, result.not_tested) == (1, 2, ["not tested: needs root"])


def test_all_passed() -> None:
    assert closing([Result("unit", 1.0, passed=3)], strict=True) == (["not tested: 0", "3 passed, 0 failed"], True)


def test_what_was_not_tested_is_named_and_passes_only_where_that_is_allowed() -> None:
    results = [Result("unit", 1.0, passed=3, not_tested=["not tested: needs root"] * 2)]
    lines, well = closing(results, strict=False)
    assert well
    assert lines == ["not tested: 2", "    2 x needs root", "3 passed, 0 failed"]
    lines, well = closing(results, strict=True)
    assert not well
    assert lines[-1] == "3 passed, 2 failed"


@pytest.mark.parametrize(
    "results",
    [
        [],
        [Result("unit", 1.0, passed=3, failed=1)],
        [Result("unit", 1.0, passed=3, crashed="pytest ended with 3")],
        [Result("unit", 1.0)],
    ],
)
def test_a_failure_a_crash_and_nothing_at_all_are_not_well(results: list[Result]) -> None:
    _, well = closing(results, strict=False)
    assert not well


def test_the_table_names_each_group_and_marks_what_is_over_its_budget() -> None:
    heading, quick, slow = table([Result("quick", 1.0, 59.0, passed=1), Result("slow", 1.0, 61.0, passed=1)])
    assert heading.split()[:2] == ["group", "time"]
    assert quick.split() == ["quick", "59.0", "s", "60", "s", "1", "0", "0"]
    assert slow.endswith("over budget")


def test_a_run_that_hangs_is_ended() -> None:
    assert run_bounded(["/bin/sh", "-c", "read line </dev/zero"], {}, 0.2) == ENDED


def test_an_exit_code_comes_through() -> None:
    assert run_bounded(["/bin/sh", "-c", "exit 7"], {}, 10) == 7


def test_an_unknown_group_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["hosue"])
    assert left.value.code == 2
    assert "no such group: hosue" in capsys.readouterr().err


def test_what_cannot_be_tested_fails_in_ci_and_is_skipped_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert strict()
    with pytest.raises(pytest.fail.Exception, match="not tested: needs root"):
        not_tested("needs root")
    monkeypatch.delenv("CI")
    assert not strict()
    with pytest.raises(pytest.skip.Exception, match="not tested: needs root"):
        not_tested("needs root")
