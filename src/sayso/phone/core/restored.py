"""Whether a store is an older copy of one that has been used since (design.md §6, "a rolled-back copy").

The store counts the changes of its keys and ratchets; the mark, which lies elsewhere, remembers the highest count that
could have left the phone. The count is durable first, the mark second, what was sealed leaves last: after a crash the
store can be ahead of its mark, and never behind it.
"""


def is_older(moves: int, mark: int | None) -> bool:
    """Tell whether keys of this store may have been used further than it remembers.

    Args:
        moves: the store's count; 0: it has no key yet that could have been used.
        mark: the highest count that was noted for it; None: there is none on this machine. A store with keys and no
            mark came from elsewhere, and nobody can say what happened there since.
    """
    return moves > 0 if mark is None else moves < mark
