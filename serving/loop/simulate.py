"""What an experiment could find out: simulated shoppers in front of the same rules that judge real ones. Vectorised."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from serving.loop.posterior import draw_rates
from serving.loop.sequential import Floats, log_e_value, threshold


@dataclass(frozen=True, slots=True)
class Detection:
    """What came of many simulated A/B tests that were looked at every day."""

    lift: float
    found: float
    """Share that named the better copy within the time: the power. For a lift of 0, of false alarms."""
    wrong: float
    """Share that named the worse one."""
    days: float
    """Mean length, those that found nothing included."""
    median_days: float
    """Of those that found it; NaN where half did not."""


def simulate_ab(
    impressions_a_day: int,
    rate: float,
    lift: float,
    days: int,
    *,
    runs: int = 2_000,
    alpha: float = 0.05,
    base_rate: float | None = None,
    even: bool = True,
    seed: int = 20261126,
) -> Detection:
    """Two copies with equal shares of the traffic, looked at at the end of every day.

    Args:
        impressions_a_day: Of both together.
        rate: Of the first copy, 0..1.
        lift: Of the second over it, as a fraction.
        base_rate: What the test takes the rate to be beforehand; `rate` when not given.
        even: With the test for even shares; False: with the one for any shares.
    """
    rng = np.random.default_rng(seed)
    # Shoppers are split by chance, so the shares of a day are not even.
    first = rng.binomial(impressions_a_day, 0.5, (runs, days))
    trials = np.stack([first, impressions_a_day - first], axis=-1)
    clicks = rng.binomial(trials, np.asarray([rate, rate * (1 + lift)]))
    all_trials, all_clicks = (np.asarray(one.cumsum(axis=1), dtype=np.float64) for one in (trials, clicks))
    over = log_e_value(all_clicks, all_trials, base_rate or rate, even=even) >= threshold(alpha, 2)
    decided = over.any(axis=1)
    day = np.where(decided, over.argmax(axis=1), days - 1)
    rates = all_clicks[np.arange(runs), day] / np.maximum(all_trials[np.arange(runs), day], 1)
    better = rates[:, 1] > rates[:, 0] if lift >= 0 else rates[:, 1] < rates[:, 0]
    found = decided & (better if lift else True)
    median = float(np.median(np.where(found, day + 1.0, math.inf)))
    return Detection(
        lift=lift,
        found=float(found.mean()),
        wrong=float((decided & ~found).mean()),
        days=float((day + 1).mean()),
        median_days=median if math.isfinite(median) else math.nan,
    )


def fixed_sample(rate: float, lift: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Impressions of both copies together that a test looked at only once, at its end, would need."""
    normal = NormalDist()
    z = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    other = rate * (1 + lift)
    return math.ceil(2 * z * z * (rate * (1 - rate) + other * (1 - other)) / (rate - other) ** 2)


def smallest_lift(impressions_a_day: int, rate: float, days: int, *, power: float = 0.8, runs: int = 400) -> float:
    """The least lift that is found with this power, within 1 % of a rate; NaN where even a doubling is not."""
    low, high = 0.0, min(1.0, 0.999 / rate - 1)
    if simulate_ab(impressions_a_day, rate, high, days, runs=runs).found < power:
        return math.nan
    while high - low > 0.01:
        middle = (low + high) / 2
        if simulate_ab(impressions_a_day, rate, middle, days, runs=runs).found >= power:
            high = middle
        else:
            low = middle
    return high


def simulate_thompson(
    rates: Floats, impressions: int, *, floor: float, base_rate: float, batch: int, repeat: int, seed: int
) -> Floats:
    """Clicks that Thompson sampling gives up on average against always showing the best copy, for each run.

    Args:
        rates: True rates: run, copy.
        batch: Impressions between two looks at the clicks.
        repeat: Impressions of one pick: visitors come again and are shown the same.
    """
    rng = np.random.default_rng(seed)
    runs, arms = rates.shape
    trials, clicks = np.zeros((runs, arms)), np.zeros((runs, arms))
    picks = batch // repeat
    for _ in range(impressions // batch):
        shape = (picks, runs, arms)
        draws = draw_rates(np.broadcast_to(clicks, shape), np.broadcast_to(trials, shape), base_rate, rng)
        chosen = np.where(rng.random((picks, runs)) < floor, rng.integers(arms, size=(picks, runs)), draws.argmax(-1))
        shown = repeat * (chosen[..., None] == np.arange(arms)).sum(axis=0)
        trials += shown
        clicks += rng.binomial(shown, rates)
    return np.asarray(((rates.max(axis=1, keepdims=True) - rates) * trials).sum(axis=1))
