"""For each seed type, encoding, digest and container: found, through the right chain; the near miss is not.

All cases of a seed go through one scanner, each as an exchange of its own; that is the capture they share.
"""

from collections import defaultdict

import pytest

from sayso.audit.core.seed_types import Seed
from tests.contract.audit_cases import cases
from tests.fakes.audit_world import SEEDS, exchange, scanner


def has_steps(chain: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    """Whether the chain has the steps, one after the other; a step may have a variant behind it ("base64url[:16]")."""
    at = 0
    for step in chain:
        if at < len(steps) and (step == steps[at] or step.startswith(steps[at])):
            at += 1
    return at == len(steps)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS, ids=[seed.id for seed in SEEDS])
def test_every_case_is_found_and_no_near_miss(seed: Seed) -> None:
    planned = list(cases(seed))
    made = scanner()
    for record, case in enumerate(planned):
        made.feed(exchange(case.data, record=record))
    found = defaultdict(set)
    for one in made.report().findings:
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
