"""What is believed of copies' rates: Beta posteriors, and by Thompson sampling which copy to show next.

Thompson, 'On the likelihood that one unknown probability exceeds another', Biometrika 25, 1933; Russo et al., 'A
tutorial on Thompson sampling', Foundations and Trends in Machine Learning 11(1), 2018.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.loop.event import Tally
from serving.loop.sequential import Floats

_DRAWS = 20_000
_SEED = 20261126
"""The same figures always give the same report."""
_INTERVAL = (2.5, 50.0, 97.5)


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of one copy. Intervals hold 95 % of the posterior; they are not made for looking every day."""

    rate: float
    rate_low: float
    rate_high: float
    lift: float
    """Of its rate over the first copy's, as a fraction; 0 for the first."""
    lift_low: float
    lift_high: float
    best: float
    """Probability that none of the others is better."""
    loss: float
    """Rate that is given up on average by showing this copy for good, if another is better."""


def draw_rates(successes: Floats, trials: Floats, base_rate: float, rng: np.random.Generator) -> Floats:
    """One draw for each copy; the prior is worth one success at the expected rate."""
    return rng.beta(1 + successes, (1 - base_rate) / base_rate + trials - successes)


def choose(
    successes: Sequence[int], trials: Sequence[int], *, base_rate: float, floor: float, rng: np.random.Generator
) -> int:
    """Which copy to show: any of them with the probability `floor`, else the best of one draw of their rates."""
    if rng.random() < floor:
        return int(rng.integers(len(trials)))
    return int(np.argmax(draw_rates(np.asarray(successes, float), np.asarray(trials, float), base_rate, rng)))


def beliefs(tallies: Sequence[Tally], base_rate: float) -> list[Belief]:
    """What is believed of each copy, in their order."""
    rng = np.random.default_rng(_SEED)
    shape = (_DRAWS, len(tallies))
    successes = np.broadcast_to(np.asarray([one.successes for one in tallies], float), shape)
    trials = np.broadcast_to(np.asarray([one.trials for one in tallies], float), shape)
    draws = draw_rates(successes, trials, base_rate, rng)
    best = draws.max(axis=1)
    wins = np.bincount(draws.argmax(axis=1), minlength=len(tallies)) / _DRAWS
    lifts = draws / draws[:, :1] - 1
    rates = np.percentile(draws, _INTERVAL, axis=0)
    lift = np.percentile(lifts, _INTERVAL, axis=0)
    losses = (best[:, None] - draws).mean(axis=0)
    return [
        Belief(
            rate=float(rates[1, at]),
            rate_low=float(rates[0, at]),
            rate_high=float(rates[2, at]),
            lift=float(lift[1, at]),
            lift_low=float(lift[0, at]),
            lift_high=float(lift[2, at]),
            best=float(wins[at]),
            loss=float(losses[at]),
        )
        for at in range(len(tallies))
    ]


def mismatch_p(handed_out: Sequence[int], arrived: Sequence[int]) -> float:
    """Probability of shares this uneven if impressions arrive from all copies alike: the sample-ratio test.

    A chi-square test of copies by arrived or lost; by arrived or handed out where clients show a pick more than once,
    which sees less. Below 0.001 something is broken, and no other figure is to be trusted: Fabijan et al., 'Diagnosing
    sample ratio mismatch in online controlled experiments', KDD 2019.
    """
    out, came = np.asarray(handed_out, float), np.asarray(arrived, float)
    if out.sum() == 0 or came.sum() == 0:
        return 1.0
    out, came = out[out + came > 0], came[out + came > 0]
    if not out.all():
        return 0.0  # impressions of a copy that was never handed out
    table = np.stack([came, out - came if (came <= out).all() else out])
    if not table.sum(axis=1).all():
        return 1.0  # nothing was lost
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return chi_square_tail(float(((table - expected) ** 2 / expected).sum()), len(out) - 1)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """P(chi-square of so many degrees of freedom >= statistic), in closed form for whole degrees."""
    if statistic <= 0 or freedom < 1:
        return 1.0
    half = statistic / 2
    s = freedom % 2 / 2
    tail = math.erfc(math.sqrt(half)) if s else 0.0
    while s < freedom / 2:  # Q(s + 1, x) = Q(s, x) + x^s e^-x / gamma(s + 1)
        tail += math.exp(s * math.log(half) - half - math.lgamma(s + 1))
        s += 1
    return min(1.0, tail)
