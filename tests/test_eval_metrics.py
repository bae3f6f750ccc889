"""Each statistic against a closed form or a seeded simulation; tolerances say where they come from."""

import numpy as np
import pytest

from eval.metrics import RESAMPLES, clustered_mean, paired_difference


def test_mean_is_over_values_not_over_clusters() -> None:
    metric = clustered_mean([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert (metric.mean, metric.n) == (0.75, 4)
    assert metric.low <= metric.mean <= metric.high


def test_interval_of_single_clusters_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    metric = clustered_mean(values.tolist(), [str(i) for i in range(400)])
    stderr = values.std() / np.sqrt(400)  # what the bootstrap of a mean estimates, exactly
    # A 2.5 % quantile of 2,000 normal draws has a standard error of 0.06 stderr; four of those.
    assert metric.low == pytest.approx(values.mean() - 1.96 * stderr, abs=0.24 * stderr)
    assert metric.high == pytest.approx(values.mean() + 1.96 * stderr, abs=0.24 * stderr)


def test_copies_of_one_value_add_no_certainty() -> None:
    values = np.random.default_rng(2).normal(0, 1, 100)
    once = clustered_mean(values.tolist(), [str(i) for i in range(100)])
    five_times = clustered_mean(np.repeat(values, 5).tolist(), [str(i) for i in range(100) for _ in range(5)])
    assert (five_times.mean, five_times.low, five_times.high) == pytest.approx((once.mean, once.low, once.high))
    as_if_independent = clustered_mean(np.repeat(values, 5).tolist(), [str(i) for i in range(500)])
    # sqrt(5) = 2.24 times narrower; widths of two bootstraps of 2,000 differ by some 5 %.
    narrower = (once.high - once.low) / (as_if_independent.high - as_if_independent.low)
    assert narrower == pytest.approx(np.sqrt(5), rel=0.15)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    trials, covered = 200, 0
    for trial in range(trials):
        levels = np.repeat(random.normal(0, 1, 40), 3)  # 40 products of 3 samples that share a level
        values = levels + random.normal(0, 0.5, 120)
        metric = clustered_mean(values.tolist(), [str(i // 3) for i in range(120)], seed=trial)
        covered += metric.low <= 0 <= metric.high
    # Expected 0.95 less some 0.01 for 40 clusters; standard error sqrt(.95 * .05 / 200) = 0.015, three of those.
    assert covered / trials == pytest.approx(0.94, abs=0.046)


def test_unequal_clusters_are_weighted_by_their_size() -> None:
    # Two clusters: resamples are AA, AB, BA, BB, so the mean is 0, 3/4 or 1 and both ends are reached.
    metric = clustered_mean([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert (metric.low, metric.high) == (0.0, 1.0)


def test_one_cluster_has_no_width() -> None:
    metric = clustered_mean([0, 1, 1], ["a", "a", "a"])
    assert metric.low == metric.high == pytest.approx(2 / 3)


def test_paired_difference_takes_out_what_both_share() -> None:
    random = np.random.default_rng(4)
    shared = random.normal(0, 10, 200)
    a, b = shared + 0.5 + random.normal(0, 0.1, 200), shared + random.normal(0, 0.1, 200)
    clusters = [str(i) for i in range(200)]
    difference = paired_difference(a.tolist(), b.tolist(), clusters)
    assert difference.mean == pytest.approx((a - b).mean())
    assert 0 < difference.low < 0.5 < difference.high < 1
    # sd of one difference is 0.1 * sqrt(2), so the interval is 2 * 1.96 * 0.01 wide; sampling moves it by some 7 %.
    assert difference.high - difference.low == pytest.approx(0.0392, rel=0.25)
    alone = clustered_mean(a.tolist(), clusters)
    assert alone.high - alone.low > 20 * (difference.high - difference.low)


def test_difference_turns_with_its_arguments() -> None:
    a, b, clusters = [1.0, 0.0, 1.0], [0.0, 0.0, 1.0], ["x", "y", "z"]
    forth, back = paired_difference(a, b, clusters), paired_difference(b, a, clusters)
    assert (back.mean, back.low, back.high) == pytest.approx((-forth.mean, -forth.high, -forth.low))
    assert paired_difference(a, a, clusters).high == 0


def test_result_repeats_with_its_seed() -> None:
    values, clusters = np.random.default_rng(5).normal(0, 1, 50).tolist(), [str(i) for i in range(50)]
    assert clustered_mean(values, clusters) == clustered_mean(values, clusters, seed=0)
    assert clustered_mean(values, clusters, seed=1) != clustered_mean(values, clusters, seed=0)
    assert RESAMPLES >= 1000


def test_nothing_to_average() -> None:
    with pytest.raises(ValueError, match="no values"):
        clustered_mean([], [])
    with pytest.raises(ValueError):
        clustered_mean([1.0], [])
    with pytest.raises(ValueError):
        paired_difference([1.0], [], ["a"])
