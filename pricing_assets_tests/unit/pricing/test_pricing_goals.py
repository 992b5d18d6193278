from __future__ import annotations

from fractions import Fraction
from typing import Any

import goals_reference as reference
import numpy as np
import pytest

from benchmarks.goals import market
from pricing_assets.pricing import goals
from pricing_assets.pricing.goals import Changes, Clear, Family, Margin, Options, Order, Revenue


def options(price: list[list[int]], value: list[list[float]], hold: list[int], **given: Any) -> Options:
    prices, values = np.array(price, np.int64), np.array(value, np.float64)
    names = tuple(f"SKU-{row}" for row in range(len(price)))
    terms: dict[str, Any] = {
        "open": np.ones(prices.shape, np.bool_),
        "profit": values + 10.0,
        "revenue": np.full(prices.shape, 100.0),
        "names": names,
    }
    terms |= {name: np.array(each) for name, each in given.items()}
    return Options(price=prices, value=values, hold=np.array(hold, np.int64), **terms)


def rows(*each: int) -> np.ndarray:
    return np.array(each, np.int64)


TWO = {"price": [[100, 110, 120], [200, 210, 220]], "value": [[0.0, 5.0, 4.0], [0.0, -1.0, -3.0]], "hold": [0, 0]}


def test_without_goals_each_row_takes_its_best_price_and_ties_go_to_the_hold_then_down() -> None:
    held = options([[90, 100, 110], [90, 100, 110]], [[0.0, 0.0, -1.0], [1.0, 0.0, 1.0]], [1, 1])
    found = goals.choose(held, [])
    assert found.index.tolist() == [1, 0]
    assert (found.value, found.bound, found.gap) == (1.0, 1.0, 0.0)


def test_a_tie_beside_goals_goes_to_the_hold_too() -> None:
    held = options([[90, 100], [90, 100]], [[0.0, 0.0], [0.0, 2.0]], [0, 0])
    found = goals.choose(held, [Revenue("revenue of C", rows(0, 1), 200.0)])
    assert found.index.tolist() == [0, 1]


def test_a_margin_target_says_what_a_unit_of_it_costs_and_whom_it_moved() -> None:
    held = options(**TWO, profit=[[10.0, 15.0, 14.0], [10.0, 20.0, 30.0]])
    found = goals.choose(held, [Margin("margin of C", rows(0, 1), 20.0)])  # 40 of profit on 200 of revenue
    assert found.index.tolist() == [1, 2] and found.value == 2.0
    assert found.because == {1: "margin of C"} and found.alone.tolist() == [1, 0]
    (worth,) = found.worth
    assert worth.multiplier > 0.0 and worth.reached == pytest.approx(5.0)
    assert found.clashes == []


def test_a_target_out_of_reach_is_named_with_what_is_missing_and_its_rows_hold() -> None:
    held = options(**TWO, profit=[[10.0, 15.0, 14.0], [10.0, 20.0, 30.0]])
    wanted = [Margin("margin of C", rows(0, 1), 32.0)]
    found = goals.choose(held, wanted)
    assert found.index.tolist() == [0, 0]
    (clash,) = found.clashes
    assert (clash.needed, clash.best, clash.proved) == (32.0, pytest.approx(22.5), True)
    assert (
        clash.words
        == "margin of C: 32.00 % is needed, 22.50 % is reached at best within its ladders: 9.50 points short"
    )
    assert set(found.held) == {0, 1}


def test_the_best_margin_is_that_of_the_ratio_not_of_the_profit_beyond_the_target() -> None:
    held = options(
        [[100, 110, 120]] * 2,
        [[0.0, 1.0, 2.0]] * 2,
        [0] * 2,
        profit=[[10.0, 9.0, 2.0]] * 2,
        revenue=[[100.0, 50.0, 10.0]] * 2,
    )
    (clash,) = goals.choose(held, [Margin("margin", rows(0, 1), 50.0)]).clashes
    assert clash.best == pytest.approx(20.0)  # 2 of 10; nearest to half of revenue in money is 2 − 5 as well


def test_goals_of_other_categories_are_unaffected_by_one_that_cannot_be_met() -> None:
    held = options(
        TWO["price"] * 2,
        TWO["value"] * 2,
        [0] * 4,
        profit=[[10.0, 15.0, 14.0], [10.0, 20.0, 30.0]] * 2,  # type: ignore[operator]
    )
    wanted = [Margin("margin of A", rows(0, 1), 90.0), Margin("margin of B", rows(2, 3), 20.0)]
    found = goals.choose(held, wanted)
    assert found.index.tolist() == [0, 0, 1, 2]
    assert [clash.label for clash in found.clashes] == ["margin of A"]


def test_targets_that_can_be_met_one_by_one_but_not_together_name_each_other() -> None:
    held = options(
        [[100, 110], [100, 110]],
        [[0.0, -1.0], [0.0, -1.0]],
        [0, 0],
        profit=[[10.0, 20.0]] * 2,
        revenue=[[100.0, 80.0]] * 2,
    )
    wanted = [Margin("margin", rows(0, 1), 16.0), Revenue("revenue", rows(0, 1), 190.0)]
    found = goals.choose(held, wanted)
    margin, clash = found.clashes
    assert (margin.label, margin.against) == ("margin", ("revenue",))  # with its rows held it is missed, too
    assert (clash.label, clash.against, clash.proved) == ("revenue", ("margin",), True)
    assert (clash.needed, clash.best) == (190.0, pytest.approx(180.0))
    assert found.index.tolist() == [0, 0]


def test_a_budget_keeps_the_changes_that_are_worth_most() -> None:
    held = options([[100, 110]] * 3, [[0.0, 3.0], [0.0, 1.0], [0.0, 2.0]], [0] * 3)
    found = goals.choose(held, [Changes("two changes", rows(0, 1, 2), 2)])
    assert found.index.tolist() == [1, 0, 1]
    assert found.worth[0].reached == 2.0 and found.because == {1: "two changes"}
    assert goals.choose(held, [Changes("none", rows(0, 1, 2), 0)]).index.tolist() == [0, 0, 0]


def test_a_budget_comes_before_a_line_that_needs_more_changes() -> None:
    held = options([[100, 110, 120]] * 3, [[0.0, 0.0, 0.0]] * 3, [0] * 3)
    wanted = [Order("line", rows(0, 1, 2), 10), Changes("one change", rows(0, 1, 2), 1)]
    found = goals.choose(held, wanted)
    (clash,) = found.clashes
    assert clash.words == "line: it needs 2 changes of price, 1 of 1 are left by one change"
    assert found.index.tolist() == [0, 0, 0]


def test_stock_is_cleared_by_the_cheapest_price_cut_that_sells_enough() -> None:
    held = options([[80, 90, 100]], [[-4.0, -1.0, 0.0]], [2])
    clear = Clear("clear SKU-0 by 1 March", rows(0), np.array([[30.0, 20.0, 10.0]]), 18.0)
    assert goals.choose(held, [clear]).index.tolist() == [1]
    more = Clear("clear SKU-0 by 1 March", rows(0), np.array([[30.0, 20.0, 10.0]]), 36.0)
    (clash,) = goals.choose(held, [more]).clashes
    assert clash.words.endswith("36.0 units are to be sold, 30.0 are at best within its ladders: 6.0 units short")


def test_a_line_of_any_length_stays_in_order_and_at_a_distance() -> None:
    held = options(
        [[100, 110, 120, 130]] * 3, [[1.0, 0.0, 5.0, 0.0], [4.0, 0.0, 0.5, 0.0], [9.0, 0.0, 3.0, 0.0]], [1, 1, 1]
    )
    found = goals.choose(held, [Order("line", rows(0, 1, 2), 10)])
    assert found.index.tolist() == [0, 1, 2]
    assert found.gap == 0.0 and found.parts[0].method == "alone"


def test_twice_the_size_costs_more_but_not_twice_as_much() -> None:
    held = options([[100, 110, 120], [150, 190, 230]], [[0.0, 0.0, 0.0], [1.0, 0.0, 9.0]], [0, 1])
    dearer = Order("large costs more", rows(0, 1), 60)
    less_per_piece = Order("less per piece", rows(1, 0), 0, Fraction(1, 2))
    found = goals.choose(held, [dearer, less_per_piece])
    assert held.price[rows(0, 1), found.index].tolist() == [120, 230]


def test_a_line_that_runs_out_of_prices_says_by_how_much() -> None:
    held = options([[100, 110, 120], [100, 110, 120]], [[0.0, 0.0, 0.0]] * 2, [0, 0])
    (clash,) = goals.choose(held, [Order("line", rows(0, 1), 50)]).clashes
    assert clash.words == "line: SKU-1 costs 1.20 at most, 1.50 is needed beside SKU-0: 0.30 short"


def test_lines_that_contradict_each_other_clash_by_name() -> None:
    held = options([[100, 110, 120]] * 3, [[0.0, 0.0, 1.0]] * 3, [0, 0, 0])
    wanted = [Order("A below B", rows(0, 1), 10), Order("B below C", rows(1, 2), 0), Order("C below A", rows(2, 0), 0)]
    found = goals.choose(held, wanted)
    assert found.clashes[2].against == ("A below B", "B below C")
    # A and C hold at 1.00: B is no longer to be had between them, and at 1.00 is not above A
    assert [clash.against for clash in found.clashes[:2]] == [("C below A", "B below C"), ("A below B", "C below A")]
    assert found.index.tolist() == [0, 0, 0]


def test_a_family_has_one_price_even_where_its_ladders_differ() -> None:
    held = options([[100, 105, 110], [105, 110, 115]], [[0.0, 2.0, 1.0], [3.0, 1.0, 0.0]], [0, 2])
    found = goals.choose(held, [Family("flavours", rows(0, 1))])
    assert held.price[rows(0, 1), found.index].tolist() == [105, 105]
    (clash,) = goals.choose(
        options([[100, 105], [115, 120]], [[0.0, 2.0], [0.0, 1.0]], [0, 0]), [Family("flavours", rows(0, 1))]
    ).clashes
    assert clash.words == "flavours: no price in common: SKU-0 takes 1.00 to 1.05; SKU-1 takes 1.15 to 1.20: 0.10 short"


def test_families_that_share_a_row_are_one_and_take_part_in_lines() -> None:
    held = options([[100, 105, 110]] * 4, [[0.0, 0.0, 2.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]], [0] * 4)
    wanted = [Family("one", rows(0, 1)), Family("two", rows(1, 2)), Order("line", rows(2, 3), 5)]
    found = goals.choose(held, wanted)
    assert found.index.tolist() == [1, 1, 1, 2]


def test_rows_without_an_admissible_or_a_known_price_hold_and_say_why() -> None:
    held = options([[100, 110]] * 2, [[0.0, 5.0], [0.0, float("nan")]], [0, 0], open=[[False, False], [True, True]])
    found = goals.choose(held, [Revenue("revenue", rows(0, 1), 150.0)])
    assert found.index.tolist() == [0, 0]
    assert found.held == {0: "its ladder has no admissible price", 1: "what a price of it would bring is not known"}
    assert found.clashes == []


def test_a_held_row_that_breaks_a_line_is_named() -> None:
    held = options([[100, 110], [90, 95]], [[0.0, 1.0], [0.0, 1.0]], [0, 0], open=[[True, True], [False, False]])
    found = goals.choose(held, [Order("line", rows(0, 1), 0)])
    assert [clash.label for clash in found.clashes] == ["line"] and found.index.tolist() == [0, 0]


def test_ties_that_are_no_tree_are_exact_too() -> None:
    held = options([[100, 110, 120, 130]] * 4, [[0.0, 3.0, 6.0, 0.0]] * 4, [0] * 4)
    diamond = [Order(f"{a} below {b}", rows(a, b), 10) for a, b in ((0, 1), (0, 2), (1, 3), (2, 3))]
    found = goals.choose(held, diamond)
    assert found.value == pytest.approx(reference.best(held, diamond) or 0.0)
    assert not reference.violations(held, diamond, found)
    beside = goals.choose(held, [*diamond, Changes("three changes", rows(0, 1, 2, 3), 3)])
    assert not reference.violations(held, [*diamond, Changes("three changes", rows(0, 1, 2, 3), 3)], beside)


@pytest.mark.parametrize("exact", [2_000, -1], ids=["HiGHS", "multipliers"])
def test_no_answer_misses_a_goal_it_does_not_name_and_none_is_beaten_by_any_combination(
    exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pricing_assets.pricing.goals.choice.EXACT", exact)
    compared = 0
    for seed in range(250):
        draw = np.random.default_rng(seed)
        held = reference.options(int(draw.integers(1, 6)), int(draw.integers(2, 6)), seed)
        wanted = reference.goals(held, seed)
        found = goals.choose(held, wanted)
        assert not reference.violations(held, wanted, found), seed
        given_way = {clash.goal for clash in found.clashes}
        standing = [goal for number, goal in enumerate(wanted) if number not in given_way]
        best = reference.best(held, standing, list(found.held))
        assert best is not None and found.bound >= best - 1e-6 * (1 + abs(best)), seed
        if exact > 0:
            assert found.value == pytest.approx(best, rel=1e-5, abs=1e-5), seed
        if given_way:  # what clashes cannot be met together
            assert reference.best(held, wanted) is None, seed
        compared += not given_way
    assert compared > 80


def test_large_sets_are_met_by_multipliers_within_the_gap_they_state(monkeypatch: pytest.MonkeyPatch) -> None:
    held, wanted = market(600, 4, seed=3)
    exactly = goals.choose(held, wanted)
    monkeypatch.setattr("pricing_assets.pricing.goals.choice.EXACT", -1)
    found = goals.choose(held, wanted)
    assert not found.clashes and not reference.violations(held, wanted, found)
    assert found.value <= exactly.value + 1e-6 and exactly.value <= found.bound + 1e-6
    assert found.relative_gap < 0.01
    assert goals.choose(held, wanted).index.tolist() == found.index.tolist()


def test_a_budget_too_small_for_all_targets_lets_later_ones_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricing_assets.pricing.goals.choice.EXACT", -1)
    held, wanted = market(400, 8, seed=5)
    wanted = [goal for goal in wanted if not isinstance(goal, Changes)]
    wanted.append(Changes("few changes", np.arange(400), 12))
    found = goals.choose(held, wanted)
    assert found.clashes and not reference.violations(held, wanted, found)
    assert all(clash.against for clash in found.clashes)
    assert any("few changes" in clash.against for clash in found.clashes)


def test_options_of_unequal_shape_or_without_a_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one shape"):
        options([[100, 110]], [[0.0]], [0])
    with pytest.raises(ValueError, match="hold: expected a column of 0 to 1"):
        options([[100, 110]], [[0.0, 1.0]], [2])
    with pytest.raises(ValueError, match="expected 0 at the hold"):
        options([[100, 110]], [[1.0, 0.0]], [0])


def test_prices_that_may_not_be_held_and_a_budget_clash_by_name() -> None:
    held = options([[100, 110]] * 3, [[0.0, -1.0]] * 3, [0] * 3, open=[[False, True]] * 2 + [[True, True]])
    (clash,) = goals.choose(held, [Changes("one change", rows(0, 1, 2), 1)]).clashes
    assert clash.words == "one change: at most 1 changes are allowed, 2 are needed: 1 too many"


def test_a_line_that_budgets_leave_no_room_for_together_gives_way() -> None:
    held = options(
        [[100, 110, 120]] * 4, [[-1.0, 0.0, -1.0]] * 4, [1] * 4, open=[[True] * 3] * 2 + [[True, False, True]] * 2
    )
    # 0 may go down or 1 up; but 2 and 3 may not be held, and use up the one change each of them shares
    wanted = [Order("line", rows(0, 1), 10), Changes("first", rows(0, 2), 1), Changes("second", rows(1, 3), 1)]
    found = goals.choose(held, wanted)
    assert not reference.violations(held, wanted, found)
    (clash,) = found.clashes
    assert clash.words == "line: it needs 1 changes of price, more than are left by first, second together"
    assert found.index.tolist()[:2] == [1, 1]
