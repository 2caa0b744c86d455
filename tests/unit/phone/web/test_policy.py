"""The policy, split into what a template prints: not a word of it is lost."""

import re

from sayso.consent.policy import policy_text
from sayso.phone.web.policy import policy_blocks


def test_every_word_is_there_in_order() -> None:
    words: list[str] = []
    for block in policy_blocks(policy_text()):
        words += block.text.split()
        for row in (block.head, *block.rows):
            words += " ".join(row).split()
    bare = re.sub(r"^(?:#+ |[|-]+$)", "", policy_text(), flags=re.MULTILINE)
    wanted = bare.replace("|", " ").split()
    assert words == wanted


def test_kinds() -> None:
    kinds = [block.kind for block in policy_blocks("# T\n\n## H\n\na\nb\n\n| x | y |\n|---|---|\n| 1 | 2 |\n")]
    assert kinds == ["title", "heading", "paragraph", "table"]
