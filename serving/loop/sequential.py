"""An A/B test that may be looked at as often as one likes: e-processes for 'both copies have the same rate'.

Outcomes are bets against the null: E = (what a mixture of alternatives gives them) / (what the null gives them). Under
the null E is a nonnegative martingale that starts at 1, or below one, so by Ville's inequality P(E ever reaches
1/alpha) <= alpha, whenever one looks and for whatever reason one stops. Neither test needs large samples.

Even shares: under the null a success comes from either arm with probability 1/2, whatever the rate, and however it
moves from day to day. Lindon & Malek, 'Anytime-valid inference for multinomial count data', NeurIPS 2022.

Any shares, those of Thompson sampling among them: Beta priors for each arm over the best common rate. Wasserman, Ramdas
& Balakrishnan, 'Universal inference', PNAS 117(29), 2020. Costs half as many impressions again, and takes the common
rate not to move.

Both: Ramdas, Grünwald, Vovk & Shafer, 'Game-theoretic statistics and safe anytime-valid inference', Statistical Science
38(4), 2023. The aim: Johari, Koomen, Pekelis & Walsh, 'Always valid inference', Operations Research 70(3), 2022.
Impressions are taken to be independent given the copy.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_STRENGTHS = (1.0, 5.0, 25.0)
"""Successes that an arm's prior is worth; weak ones serve where the expected rate is far off."""
_WEIGHTS = (0.25, 0.25, 0.5)
_EVEN_STRENGTHS = (12.0, 50.0, 200.0)
"""Of the prior for the second arm's share of successes: lifts of about 40, 20 and 10 %."""
_EVEN_WEIGHTS = (0.25, 0.5, 0.25)
_WIDEST = 50.0
"""Lifts are looked for between 1/50 and 50 times the control's rate."""
_STEPS = 60

_lgamma = np.frompyfunc(math.lgamma, 1, 1)


def _log_beta(a: Floats, b: Floats) -> Floats:
    return np.asarray(_lgamma(a) + _lgamma(b) - _lgamma(a + b), dtype=np.float64)


def _log_prior(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_even_mixture(successes: Floats) -> Floats:
    terms = [
        math.log(weight) + _log_beta(a + successes[..., 0], a + successes[..., 1]) - _log_prior(a, a)
        for a, weight in zip(_EVEN_STRENGTHS, _EVEN_WEIGHTS, strict=True)
    ]
    return np.asarray(np.logaddexp.reduce(terms), dtype=np.float64)


def _log_mixture(successes: Floats, trials: Floats, base_rate: float) -> Floats:
    """What the priors give both arms' outcomes; arms are the last axis."""
    terms = []
    for strength, weight in zip(_STRENGTHS, _WEIGHTS, strict=True):
        a, b = strength, strength * (1 - base_rate) / base_rate
        arms = _log_beta(a + successes, b + trials - successes) - _log_prior(a, b)
        terms.append(math.log(weight) + arms.sum(axis=-1))
    return np.asarray(np.logaddexp.reduce(terms), dtype=np.float64)


def _log_likelihood(successes: Floats, trials: Floats, rate: Floats) -> Floats:
    """Of Bernoulli outcomes; 0 log 0 is 0."""
    failures = trials - successes
    with np.errstate(divide="ignore", invalid="ignore"):
        won = np.where(successes > 0, successes * np.log(rate), 0.0)
        lost = np.where(failures > 0, failures * np.log1p(-rate), 0.0)
    return np.asarray(won + lost, dtype=np.float64)


def log_e_value(successes: Floats, trials: Floats, base_rate: float, *, even: bool) -> Floats:
    """Natural logarithm of the evidence against 'both rates are equal'.

    Args:
        successes: Last axis: the two arms; any axes before it are looked at apart.
        trials: Of the same shape.
        base_rate: Fixed before the first outcome, 0..1; a bad guess costs time, never validity.
        even: Every impression went to either arm with the same probability.
    """
    successes, trials = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if even:
        return np.asarray(_log_even_mixture(successes) + successes.sum(axis=-1) * math.log(2), dtype=np.float64)
    all_successes, all_trials = successes.sum(axis=-1), trials.sum(axis=-1)
    common = all_successes / np.maximum(all_trials, 1.0)
    return _log_mixture(successes, trials, base_rate) - _log_likelihood(all_successes, all_trials, common)


def threshold(alpha: float, arms: int) -> float:
    """What log E of the leader against each other arm has to reach for the leader to win.

    A wrong winner is a false alarm of at least one of the `arms` - 1 pairs with a truly best arm.
    """
    return math.log((arms - 1) / alpha)


def lift_interval(
    successes: tuple[int, int], trials: tuple[int, int], base_rate: float, log_threshold: float, *, even: bool
) -> tuple[float, float]:
    """Lifts of the second arm over the first that the evidence does not rule out, as fractions: (-0.1, 0.3).

    Covers the true lift at all times at once with the probability the threshold stands for. Zero is outside exactly
    when log E is over the threshold.
    """
    s, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    (s1, s2), (n1, n2) = successes, trials
    if even:
        likeliest = (s2 + 0.5) / (s1 + 0.5)
        mixture = float(_log_even_mixture(s))
    else:
        likeliest = (s2 + 0.5) / (n2 + 1.0) / ((s1 + 0.5) / (n1 + 1.0))
        mixture = float(_log_mixture(s, n, base_rate))

    def fits(ratio: float) -> bool:
        rates = np.asarray([1.0, ratio]) / (1 + ratio) if even else _rates(successes, trials, ratio)
        likelihood = _log_likelihood(s, np.full(2, s.sum()) if even else n, rates)
        # Of even shares both arms tell the same: a success of one is none of the other.
        return float(likelihood[0] if even else likelihood.sum()) >= mixture - log_threshold

    likeliest = min(max(likeliest, 1 / _WIDEST), _WIDEST)
    return _edge(fits, likeliest, 1 / _WIDEST), _edge(fits, likeliest, _WIDEST)


def _edge(fits: Callable[[float], bool], inside: float, outside: float) -> float:
    """The lift where ratios no longer fit, by bisection on the logarithm."""
    if fits(outside):
        return outside - 1
    low, high = math.log(inside), math.log(outside)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if fits(math.exp(middle)):
            low = middle
        else:
            high = middle
    return math.exp(high) - 1


def _rates(successes: tuple[int, int], trials: tuple[int, int], ratio: float) -> Floats:
    """The likeliest rates of which the second is `ratio` times the first: the root of a quadratic.

    Miettinen & Nurminen, 'Comparative analysis of two rates', Statistics in Medicine 4, 1985.
    """
    (s1, s2), (n1, n2) = successes, trials
    a = ratio * (n1 + n2)
    b = n1 + s2 + ratio * (n2 + s1)
    c = float(s1 + s2)
    first = 2 * c / (b + math.sqrt(max(b * b - 4 * a * c, 0.0))) if c else 0.0
    return np.asarray([first, min(ratio * first, 1.0)])
