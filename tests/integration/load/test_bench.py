"""The bench works: every workload runs once, tiny, against a real server; its figures are there and agree."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench.accounts import ENVELOPE_KEY, account
from bench.clients import Drafts, Tally
from bench.report import Report, lines
from bench.results import Target, result
from bench.settings import QUICK
from bench.wire import DEPOSITED, NEWS, acks, deliver_layout, deposits, read_list_head
from bench.workloads import WORKLOADS
from sayso.protocol.frames import Ack, Deliver, Deposit, Deposited, DepositState, Outcome, OutcomeState, Unreadable
from sayso.protocol.stream import client_frames, write
from scripts.compiled import is_possible

ROOT = Path(__file__).parents[3]


def bench(*arguments: str, directory: Path) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m bench` on its own; its server's data lies in `directory`."""
    environment = {**os.environ, "SAYSO_BENCH_DIR": str(directory)}
    core = () if is_possible() else ("--interpreted",)  # test_compiled says that it was not tested
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments, *core],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=400,
        check=False,
    )


@pytest.mark.slow
def test_every_workload_runs_and_its_figures_agree(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = bench("--quick", "--json", "--out", str(out), directory=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == out.read_bytes()
    report = msgspec.json.decode(done.stdout, type=Report)
    assert {one.workload for one in report.results} == {workload.name for workload in WORKLOADS}
    figures = {one.workload: one.figures for one in report.results}
    for one in report.results:
        assert one.figures.get("faults", 0) == 0, one
        assert one.figures["machine_reference"] > 0
        assert all(value >= 0 for value in one.figures.values()), one
    deposited = QUICK.deposits * QUICK.offline
    assert figures["deposits"]["deposits"] == deposited
    assert figures["deposits"]["disk_write_bytes"] >= deposited * QUICK.sizes[0]
    assert figures["deposits-while-online"]["msgs"] > 0
    online = figures["online"]
    assert online["msgs_per_s"] == pytest.approx(online["msgs"] / online["seconds"])
    assert figures["light"]["msgs"] == round(QUICK.rate * QUICK.seconds)
    assert figures["light"]["receipt_p50_ms"] <= figures["light"]["delivered_max_ms"]
    assert figures["idle"]["connections"] == QUICK.idle
    recovery = figures["recovery"]
    assert recovery["waiting"] == QUICK.waiting
    assert recovery["ready_s"] <= recovery["first_delivery_s"] <= recovery["all_delivered_s"]
    enrolment = figures["enrolment"]
    assert enrolment["enrolments"] + enrolment["busy"] + enrolment["unconfirmed"] == QUICK.enrolments
    assert enrolment["enrolments"] > 0
    assert enrolment["unconfirmed"] == 0
    flood = figures["flood"]
    assert flood["flood"] > 0
    assert {"quiet_delivered_p99_ms", "flooded_delivered_p99_ms", "flooded_accepted_p99_ms"} <= set(flood)
    workers = figures["workers"]
    assert workers["workers"] == QUICK.workers
    assert workers["cpu_ratio"] > 0
    postgres = figures["postgres-deposits"]
    assert postgres["deposits"] == deposited
    assert postgres["deposits_per_cpu_s_of_all"] <= postgres["deposits_per_server_cpu_s"]
    traced = figures["online-strace"]
    assert traced.get("file_calls_control", 1) > 0
    assert "file_calls" in traced or any("not measured" in remark for remark in report.remarks)
    table = "\n".join(lines(report))
    assert all(workload.name in table for workload in WORKLOADS)
    assert not list(tmp_path.glob("bench-*")), "the server's data was left behind"


@pytest.mark.slow
def test_a_round_of_the_soak_loses_nothing(tmp_path: Path) -> None:
    done = bench("soak", "--quick", "--minutes", "0", directory=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"round 1: 2 kills, sent ")
    assert done.stdout.rstrip().endswith(b"lost 0, twice 0, out_of_order 0")


def test_an_unknown_workload_is_refused(tmp_path: Path) -> None:
    done = bench("onlin", directory=tmp_path)
    assert done.returncode == 2
    assert b"choose among online, " in done.stderr


def test_ready_made_deposits_are_what_the_protocol_reads() -> None:
    recipients = [account(7), account(8)]
    drafts = Drafts(recipients, size=1024)
    (message,) = deposits(drafts.templates, range(drafts.first, drafts.first + 40))
    frames = client_frames.read(message)
    assert len(frames) == 40
    for place, frame in enumerate(frames):
        assert isinstance(frame, Deposit)
        one = recipients[place % 2]
        (part,) = frame.parts
        assert (frame.ref, frame.token, frame.grant) == (drafts.first + place, one.token, one.grant)
        assert (part.device, part.envelope_key, len(part.envelope)) == (one.device, ENVELOPE_KEY, 1024)
    handles = {frame.parts[0].handle_hash for frame in frames if isinstance(frame, Deposit)}
    envelopes = {frame.parts[0].envelope for frame in frames if isinstance(frame, Deposit)}
    assert len(handles) == len(envelopes) == 40


def test_a_message_is_cut_before_it_is_too_long() -> None:
    drafts = Drafts([account(1)], size=2048)
    messages = list(deposits(drafts.templates, range(drafts.first, drafts.first + 300)))
    assert sum(len(client_frames.read(message)) for message in messages) == 300


@pytest.mark.parametrize("count", [1, 15, 16, 200])
def test_ready_made_acknowledgements_are_what_the_protocol_reads(count: int) -> None:
    ids = [place.to_bytes(16, "big") for place in range(count)]
    assert client_frames.read(acks(ids)) == [Ack(one, Unreadable.SHOWN) for one in ids]


@pytest.mark.parametrize("count", [1, 15, 16, 100])
def test_answers_are_read_by_their_layout(count: int) -> None:
    numbers = [2**32 + place for place in range(count)]
    answers = memoryview(write([Deposited(number, DepositState.DELIVERED) for number in numbers]))
    found = DEPOSITED.read(answers, *read_list_head(answers))
    assert found is not None
    assert list(found[1::3]) == numbers
    envelopes = [b"ORIGINAL" + number.to_bytes(8, "big") + bytes(1008) for number in numbers]
    delivered = memoryview(write([Deliver(bytes(16), envelope) for envelope in envelopes]))
    found = deliver_layout(1024).read(delivered, *read_list_head(delivered))
    assert found is not None
    assert list(found[3::4]) == numbers
    assert set(found[2::4]) == {b"ORIGINAL"}


def test_other_answers_are_left_to_the_decoder() -> None:
    mixed = memoryview(write([Deposited(2**32, DepositState.ACCEPTED), Outcome(0, bytes(32), OutcomeState.DELIVERED)]))
    count, offset = read_list_head(mixed)
    assert DEPOSITED.read(mixed, count, offset) is None
    assert NEWS.read(mixed, count, offset) is None


def test_lost_repeated_and_reordered_envelopes_are_noticed() -> None:
    drafts = Drafts([account(1)], size=1024)
    tally = Tally()
    tally.expect(drafts, 0)
    first = drafts.first
    drafts.next = first + 6
    tally.take([drafts.origin] * 5, [first, first + 2, first + 2, first + 1, first + 4])
    assert (tally.twice, tally.out_of_order) == (1, 1)
    assert tally.lost(drafts) == 2
    tally.take([b"somebody"], [first])
    assert tally.strange == 1


def test_of_what_must_not_happen_the_worst_run_counts() -> None:
    runs = [{"msgs_per_s": 10.0, "lost": 0.0}, {"msgs_per_s": 30.0, "lost": 1.0}, {"msgs_per_s": 20.0, "lost": 0.0}]
    summed = result("online", 1024, runs)
    assert summed.figures == {"msgs_per_s": 20.0, "lost": 1.0, "faults": 1.0}
    assert Target("online", 1024, "faults", at_most=0).judge([summed]).met is False
    assert Target("online", 1024, "msgs_per_s", at_least=20).judge([summed]).met is True
    assert Target("online", 2048, "msgs_per_s", at_least=20).judge([summed]).met is None


@pytest.mark.parametrize("workload", ["online", "deposits", "drain"])
def test_the_workloads_whose_instructions_are_counted_run_and_lose_nothing(workload: str) -> None:
    """Without valgrind, which only counts: what they begin with has to work for any version that is compared."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.instructions", workload, "--rounds", "2", "--made", "2"],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
