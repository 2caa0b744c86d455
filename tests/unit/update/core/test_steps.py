"""What a start makes of an update that it finds half done."""

import pytest

from sayso.update.core.steps import Generation, Recovery, Step, plan, recovery

OLD = Generation(number=4, slot="a", version="1.0.0", data=2, data_version=5)
NEW = Generation(number=5, slot="b", version="1.1.0", data=2, data_version=5)


@pytest.mark.parametrize(
    ("step", "current", "what"),
    [
        (None, 4, Recovery.NOTHING),
        (Step(kind="update", before=OLD, after=NEW), 4, Recovery.THROW_AWAY),
        (Step(kind="update", before=OLD, after=NEW), 5, Recovery.TRY),
        (Step(kind="update", before=OLD, after=NEW, confirmed=True), 5, Recovery.TIDY),
    ],
)
def test_where_the_switch_points_decides(step: Step | None, current: int, what: Recovery) -> None:
    assert recovery(step, current=current) is what


def test_the_other_slot_is_built_and_data_are_copied_only_where_they_change() -> None:
    same, other = plan(OLD, data_version=5), plan(OLD, data_version=6)
    assert (same.slot, same.data, same.copies_data) == ("b", 2, False)
    assert (other.slot, other.data, other.copies_data) == ("b", 5, True)
    assert plan(NEW, data_version=5).slot == "a"
