"""Two reports of the same experiment: what appeared, what vanished, what stayed."""

from collections.abc import Iterable
from dataclasses import dataclass

from sayso.audit.core.findings import Finding, Report, Unseen

_Key = tuple[str, tuple[str, ...], str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One finding stands for all that are alike: same seed, chain, host, place and direction."""

    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]
    stayed: tuple[Finding, ...]
    unseen_appeared: tuple[Unseen, ...]
    """Traffic not seen into that the first report has not: a leak may have moved there."""
    unseen_vanished: tuple[Unseen, ...]
    other_seeds: tuple[str, ...]
    """Seeds that only one of the two runs looked for: about them nothing can be said."""

    @property
    def silent(self) -> bool:
        """Whether nothing is left and nothing is hidden: every finding vanished, and nothing new is unseen."""
        return not (self.appeared or self.stayed or self.unseen_appeared or self.other_seeds)


def _key(one: Finding) -> _Key:
    return one.seed, one.chain, one.host, one.place.value, one.name, one.path, one.direction.value


def _by_key(findings: Iterable[Finding]) -> dict[_Key, Finding]:
    found: dict[_Key, Finding] = {}
    for one in findings:
        found.setdefault(_key(one), one)
    return found


def _unseen(several: Iterable[Unseen]) -> dict[tuple[str, str, str], Unseen]:
    found: dict[tuple[str, str, str], Unseen] = {}
    for one in several:
        found.setdefault((one.host or one.ip, one.protocol, one.reason), one)
    return found


def compare(before: Report, after: Report) -> Comparison:
    """Compare two reports; phases and times may differ, since two runs never take the same time."""
    old, new = _by_key(before.findings), _by_key(after.findings)
    old_unseen, new_unseen = _unseen(before.not_seen_into), _unseen(after.not_seen_into)
    sought, sought_after = {one.id for one in before.seeds}, {one.id for one in after.seeds}
    return Comparison(
        appeared=tuple(one for key, one in new.items() if key not in old),
        vanished=tuple(one for key, one in old.items() if key not in new),
        stayed=tuple(one for key, one in new.items() if key in old),
        unseen_appeared=tuple(one for key, one in new_unseen.items() if key not in old_unseen),
        unseen_vanished=tuple(one for key, one in old_unseen.items() if key not in new_unseen),
        other_seeds=tuple(sorted(sought ^ sought_after)),
    )
