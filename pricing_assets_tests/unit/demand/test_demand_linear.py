from __future__ import annotations

import numpy as np
import pytest

from pricing_assets.demand.linear import FAR, STEEPEST, fitted, loaded

NAMES = ("depth", "own_slope", "own_lift", "promoted", "promoted_for", "since_promotion", "feature", "feature:before_1")
MANY = 4_000
FOLDS = np.arange(MANY) % 2


def _rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    promoted = random.integers(0, 2, MANY).astype(float)
    depth = -promoted * random.uniform(0.1, 0.5, MANY)
    plain = random.uniform(0, 5, (MANY, 3))
    ones = np.ones(MANY)
    matrix = np.column_stack([depth, -2 * ones, 0.4 * ones, promoted, plain[:, 0], plain[:, 1], promoted, plain[:, 2]])
    label = -2.0 * depth + 0.3 * promoted + random.normal(0, 0.05, MANY)
    return matrix, label, random.uniform(0.5, 2.0, MANY)


def test_the_line_finds_the_planted_answer() -> None:
    matrix, label, weight = _rows()
    line = fitted(matrix, NAMES, label, weight, folds=FOLDS, number=2)[0]
    truth = -2.0 * matrix[:, 0] + 0.3 * matrix[:, 3]
    assert line.predict(matrix) == pytest.approx(truth, abs=0.08)


def test_the_same_rows_in_any_order_make_the_same_line() -> None:
    matrix, label, weight = _rows()
    order = np.random.default_rng(1).permutation(MANY)
    ones = fitted(matrix, NAMES, label, weight, folds=FOLDS, number=2)
    others = fitted(matrix[order], NAMES, label[order], weight[order], folds=FOLDS[order], number=2)
    assert [one.model_to_string() for one in ones] == [other.model_to_string() for other in others]


def test_a_line_knows_no_answer_of_the_fold_it_leaves_out() -> None:
    matrix, label, weight = _rows()
    wild = np.where(FOLDS == 1, 5.0, label)
    one, other = (fitted(matrix, NAMES, answer, weight, folds=FOLDS, number=2) for answer in (label, wild))
    assert one[1].model_to_string() == other[1].model_to_string()
    assert one[0].model_to_string() != other[0].model_to_string()


def test_a_missing_value_counts_as_average_and_a_wild_one_is_cut_off() -> None:
    matrix, label, weight = _rows()
    line = fitted(matrix, NAMES, label, weight, folds=FOLDS, number=2)[0]
    missing, wild, wilder = matrix[:1].copy(), matrix[:1].copy(), matrix[:1].copy()
    missing[0, 0] = np.nan
    wild[0, 0], wilder[0, 0] = -FAR * 50, -FAR * 500
    assert np.isfinite(line.predict(missing)).all()
    assert line.predict(wild) == line.predict(wilder)
    assert np.abs(line.predict(wild)).max() <= STEEPEST


def test_a_line_is_read_back_to_the_bit() -> None:
    matrix, label, weight = _rows()
    line = fitted(matrix, NAMES, label, weight, folds=FOLDS, number=2)[0]
    again = loaded(line.model_to_string())
    assert np.array_equal(again.predict(matrix), line.predict(matrix))
    assert again.model_to_string() == line.model_to_string()
