"""Roles: neither one holder nor one algorithm is enough."""

from sayso.update.core.roles import KEYS_A_HOLDER, ROLES, holder_names


def test_no_single_holder_and_no_single_algorithm_is_enough() -> None:
    for role in ("root", "targets"):
        plan = ROLES[role]
        assert plan.threshold > KEYS_A_HOLDER  # what one holder can make
        assert plan.threshold > plan.holders  # what one broken algorithm can make
        assert plan.needed * KEYS_A_HOLDER == plan.threshold


def test_root_survives_the_loss_of_one_holder() -> None:
    assert (ROLES["root"].holders, ROLES["root"].needed) == (3, 2)
    assert holder_names("root") == ["root-1", "root-2", "root-3"]
    assert holder_names("timestamp") == ["timestamp"]


def test_whoever_holds_a_release_back_can_do_so_for_a_week() -> None:
    assert ROLES["timestamp"].days == 7
    assert all(plan.remind_days < plan.days for plan in ROLES.values())
