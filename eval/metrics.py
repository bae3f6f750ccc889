"""Many scores -> one number with its uncertainty. Scores of one product are resampled together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Metric:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


def _cluster_sums(values: Sequence[float], clusters: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster][0] += value
        sums[cluster][1] += 1
    table = np.array(list(sums.values()))  # (clusters, 2): sum, count
    return table[:, 0], table[:, 1]


def clustered_mean(values: Sequence[float], clusters: Sequence[str], *, seed: int = 0) -> Metric:
    """Mean with a percentile bootstrap interval over clusters.

    Raises:
        ValueError: No values.
    """
    if not values:
        raise ValueError("no values to average")
    sums, counts = _cluster_sums(values, clusters)
    picks = np.random.default_rng(seed).integers(0, len(sums), size=(RESAMPLES, len(sums)))
    means = sums[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Metric(float(sums.sum() / counts.sum()), float(low), float(high), len(values))


def paired_difference(a: Sequence[float], b: Sequence[float], clusters: Sequence[str], *, seed: int = 0) -> Metric:
    """Mean of a - b over the same samples."""
    return clustered_mean([x - y for x, y in zip(a, b, strict=True)], clusters, seed=seed)
