"""For each seed type, encoding, digest and container: found, through the right chain; the near miss is not.

All cases of a seed are exchanges of one capture, which is written to a file and scanned as a person's would be: by the
process that reads captures, then the search. The seeds take turns with the kinds of file.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from sayso.audit import app
from sayso.audit.core.seed_types import Seed, SeedSet
from tests.contract.audit_cases import cases
from tests.fakes import audit_captures as captures
from tests.fakes.audit_captures import Call
from tests.fakes.audit_world import SEEDS

KINDS: tuple[tuple[str, Callable[[Iterable[Call]], bytes]], ...] = (
    ("cases.har", captures.har),
    ("cases.mitm", captures.flows),
    ("cases.pcap", captures.packets),
)


def has_steps(chain: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    """Whether the chain has the steps, one after the other; a step may have a variant behind it ("base64url[:16]")."""
    at = 0
    for step in chain:
        if at < len(steps) and (step == steps[at] or step.startswith(steps[at])):
            at += 1
    return at == len(steps)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "seed"), list(enumerate(SEEDS)), ids=[seed.id for seed in SEEDS])
def test_every_case_is_found_and_no_near_miss(tmp_path: Path, number: int, seed: Seed) -> None:
    name, write = KINDS[number % len(KINDS)]
    planned = list(cases(seed))
    (tmp_path / name).write_bytes(write(Call(url="http://tracker.example/p", body=case.data) for case in planned))
    scanned = app.scan([tmp_path / name], SeedSet(SEEDS), options=app.Options(decoys=0))
    assert not scanned.report.partial
    assert scanned.report.stats.exchanges == len(planned)
    found = defaultdict(set)
    for one in scanned.report.findings:
        found[one.record].add((one.seed, one.chain))
    missed, wrong = [], []
    for record, case in enumerate(planned):
        chains = {chain for name, chain in found[record] if name == case.seed}
        if case.near_miss:
            if found[record]:
                wrong.append((case.what, case.container, sorted(found[record])))
        elif not any(has_steps(chain, case.steps) for chain in chains):
            missed.append((case.what, case.container, sorted(chains)))
    assert missed == []
    assert wrong == []
    assert len(planned) > 1_500
