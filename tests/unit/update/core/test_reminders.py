"""Reminders: worst first, with what to do."""

from sayso.update.core.reminders import reminders, sentence

DAY = 86_400.0
NOW = 1_800_000_000.0


def test_the_worst_comes_first_and_each_says_what_to_do() -> None:
    found = reminders(
        {"root": NOW + 30 * DAY, "targets": NOW + 100 * DAY, "snapshot": NOW + 10 * DAY, "timestamp": NOW - 1},
        now=NOW,
    )
    assert [(one.role, one.urgency) for one in found] == [
        ("timestamp", "over"),
        ("root", "soon"),
        ("snapshot", "fine"),
        ("targets", "fine"),
    ]
    said = [sentence(one) for one in found]
    assert "OVER" in said[0]
    assert "sayso update publish" in said[0]
    assert "30 days left" in said[1]
    assert "--renew-root" in said[1]
    assert said[2] == "snapshot: 10 days left"


def test_the_last_moment_is_over() -> None:
    (one,) = reminders({"timestamp": NOW}, now=NOW)
    assert one.urgency == "over"
