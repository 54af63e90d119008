"""The tests of a comparison: false claims, true ones, failed runs."""

import math

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scikit_posthocs")

from fastinit.lab.statistics import tests_of as compared


def scores(rng, strategies, blocks, effects=()):
    """Scores with a part that all strategies of a block share, as the same data and order give."""
    shared = rng.normal(size=blocks)
    effects = [*effects, *[0.0] * (strategies - len(effects))]
    return {f"s{i}": [*(effects[i] + shared + 0.5 * rng.normal(size=blocks))] for i in range(strategies)}


@pytest.mark.parametrize(
    ("strategies", "blocks"),
    [(2, 10), pytest.param(4, 10, marks=pytest.mark.slow), pytest.param(8, 8, marks=pytest.mark.slow)],
)
def test_of_200_null_comparisons_at_most_a_twentieth_claims_a_difference(strategies, blocks):
    rng = np.random.default_rng(0)
    claims = [any(d.significant for d in compared(scores(rng, strategies, blocks)).differences) for _ in range(200)]
    assert sum(claims) <= 10  # of 200


def test_a_true_difference_is_claimed_and_measured():
    tests = compared(scores(np.random.default_rng(1), 3, 10, [2.0]))
    better = tests.between("s0", "s1")
    assert better.significant and better.low < 2.0 < better.high and better.rank_biserial > 0.9
    assert not tests.between("s1", "s2").significant
    assert tests.between("s1", "s0").mean == -better.mean


def test_a_failed_run_is_worse_than_any_score():
    tests = compared({"works": [0.1 * i for i in range(10)], "fails": [-math.inf] * 10})
    assert tests.differences[0].significant and tests.differences[0].rank_biserial == 1.0
    assert math.isnan(tests.differences[0].mean)


def test_equal_scores_are_not_told_apart():
    tests = compared({name: [0.5] * 10 for name in "abc"})
    assert all(d.p == 1.0 and d.mean == d.low == d.high == 0.0 for d in tests.differences)


def test_two_blocks_are_not_tested():
    tests = compared({"a": [1.0, 2.0], "b": [0.0, 1.0]})
    assert tests.method == "no test of 2 blocks" and not tests.differences[0].significant


def test_many_strategies_of_few_blocks_are_tested_by_nemenyi():
    tests = compared(scores(np.random.default_rng(2), 8, 8, [9.0, 8.0]))
    assert tests.method == "Friedman's test and Nemenyi's"
    assert tests.between("s0", "s7").significant


def test_one_strategy_is_refused():
    with pytest.raises(ValueError, match="strategies must be at least two to be compared, got a"):
        compared({"a": [1.0, 2.0]})
