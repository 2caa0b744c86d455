"""Run the test groups one after the other and end with one table; exit code 1 when anything is wrong."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.groups import CHECKS, GROUPS, ROOT, SETUP_AND_LINT_MINUTES, Check, Group, files_of
from scripts.report import Result, closing, table

BIN = Path(sys.executable).parent
REPORTS = ROOT / "build" / "tests"
# A group that takes this many times its budget hangs; it is ended and has failed.
HANGS_AFTER = 6
NOTHING_COLLECTED = 5
TESTS_FAILED = 1
ENDED = -signal.SIGKILL
MEMORY = Path("/dev/shm")  # noqa: S108  a directory of our own is made in it
ROOM = 4 << 30


def run_bounded(command: Sequence[str], environment: dict[str, str], seconds: float) -> int:
    """Run a command in a session of its own and return its exit code; end it and all it started after `seconds`."""
    sys.stdout.flush()
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return ENDED
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGTERM)
            raise


def run_check(check: Check, environment: dict[str, str]) -> Result:
    """Run one command."""
    print(f"\n=== {check.name}", flush=True)
    started = time.monotonic()
    command = (str(BIN / check.command[0]), *check.command[1:])
    code = run_bounded(command, environment, HANGS_AFTER * 60 * max(check.budget_minutes, 1))
    failed = int(code != 0)
    return Result(check.name, check.budget_minutes, time.monotonic() - started, 1 - failed, failed)


def halves(group: Group) -> Iterator[tuple[str, list[str], list[str]]]:
    """The runs of a group, with options and paths: what may share the machine; then what must have it for itself."""
    expression = f"({group.marker}) and " if group.marker else ""
    if not group.alone:
        paths = [path for path in group.paths if files_of(ROOT / path)]
        ignored = [f"--ignore={path}" for path in group.without]
        spread = ["-n", str(group.workers), "--dist", "worksteal", "-m", f"{expression}not serial"]
        yield "parallel", [*spread, *ignored], paths
    serial = [file for file in group.files() if "mark.serial" in file.read_text(encoding="utf-8")]
    if serial:
        yield "serial", ["-m", f"{expression}serial"], [str(file.relative_to(ROOT)) for file in serial]


@contextmanager
def temporary_files(group: Group, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Give the environment in which a group's files lie in memory, where this machine has that.

    The tests sync thousands of times, and a disk takes milliseconds for each. What a killed process leaves behind is
    the same on both; what a power cut leaves is asked by the groups that stay on the disk.
    """
    if group.on_disk or "TMPDIR" in environment or not _takes_programs(MEMORY):
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="s-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # servers of the tests run as other users
        yield {**environment, "TMPDIR": folder}


def _takes_programs(folder: Path) -> bool:
    """Whether it is there, has room, and programs can be started from it."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    roomy = found.f_bavail * found.f_frsize >= ROOM
    return roomy and not found.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK)


def run_group(group: Group, environment: dict[str, str]) -> Result:
    """Run one group's tests."""
    result = Result(group.name, group.budget_minutes)
    started = time.monotonic()
    for half, options, paths in halves(group):
        print(f"\n=== {group.name} ({half})", flush=True)
        report = REPORTS / f"{group.name}-{half}.xml"
        command = [str(BIN / "python"), "-m", "pytest", "-q", f"--junitxml={report}", *options, *paths]
        with temporary_files(group, environment) as its_own:
            if its_own is not environment:  # a short path: a socket's name has 107 bytes
                command.append(f"--basetemp={its_own['TMPDIR']}/t")
            code = run_bounded(command, its_own, HANGS_AFTER * 60 * group.budget_minutes)
        if code not in {0, TESTS_FAILED, NOTHING_COLLECTED}:
            result.crashed = "hung, and was ended" if code == ENDED else f"pytest ended with {code}"
        if report.exists():
            result.add_junit(report)
    result.seconds = time.monotonic() - started
    return result


def picked(group: Group) -> bool:
    """Whether the group has anything to run yet."""
    return any(group.marker != "silence" or "mark.silence" in file.read_text("utf-8") for file in group.files())


def hear_interrupts() -> None:
    """Take back that Ctrl-C is ignored, as a shell says to what it starts with `&`: tests press it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; everything without arguments."""
    names = [entry.name for entry in (*CHECKS, *GROUPS)]
    parser = argparse.ArgumentParser(prog="make test ARGS=...", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"only these: {', '.join(names)}")
    parser.add_argument("--strict", action="store_true", help="what cannot be tested here fails (as in CI)")
    options = parser.parse_args(arguments)
    unknown = set(options.groups) - set(names)
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    wanted = set(options.groups or names)

    hear_interrupts()
    environment = dict(os.environ)
    strict = options.strict or environment.get("CI", "").lower() in {"1", "true"}
    if strict:
        environment["CI"] = "true"
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)

    results = [run_check(check, environment) for check in CHECKS if check.name in wanted]
    results += [run_group(group, environment) for group in GROUPS if group.name in wanted and picked(group)]
    lines, well = closing(results, strict=strict)
    before = environment.get("SAYSO_SETUP_AND_LINT_SECONDS")
    if before is not None:
        results.insert(0, Result("set-up and lint", SETUP_AND_LINT_MINUTES, float(before)))
    print("", *table(results), *lines, sep="\n", flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
