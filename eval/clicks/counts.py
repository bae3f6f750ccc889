"""What was shown and clicked, and what that tells of two copies of one test: arms, smoothing, pairs.

A test is a place and a product whose copies were shown side by side: only within it can clicks be compared. A rate
from few impressions is drawn towards its test's mean by as much as the whole export says rates differ (empirical
Bayes, Gamma-Poisson), so a pair nobody can tell apart is learnt from as such.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from zlib import crc32

import numpy as np
from scipy.special import betainc

MIN_SPREAD, MAX_SPREAD = 0.05, 1.0
"""Bounds of how much rates within a test differ, as a share of the test's mean: 5 % to 100 %."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One copy in one test."""

    test: str
    text: str
    impressions: float
    """As many as would have brought the same attention in the reference position; see exposure.py."""
    clicks: int
    product: str = ""
    """What the data are split by: nothing of one product is on both sides."""
    day: int = 0
    """The last day it was shown, as a proleptic ordinal; 0 when not known."""

    @property
    def cluster(self) -> str:
        """What is split, folded and resampled together."""
        return self.product or self.test


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms of one test."""

    a: Arm
    b: Arm
    better: float
    """Probability that A's true click rate is the higher, given what both got and the smoothing."""
    weight: float
    """1 over the square root of the pairs of its test: a test of eight copies is not 28 independent findings."""

    @property
    def outcome(self) -> float | None:
        """1 when A got more clicks per impression, 0 when B did, None when neither."""
        a, b = self.a.clicks * self.b.impressions, self.b.clicks * self.a.impressions
        return None if a == b else float(a > b)

    @property
    def told_apart(self) -> bool:
        """Whether the counts alone tell the two apart at the usual 5 %."""
        return abs(self.better - 0.5) >= 0.475


def merged(arms: Iterable[Arm]) -> list[Arm]:
    """Arms of one test and text made one: a headline shown with three pictures is one headline."""
    found: dict[tuple[str, str], Arm] = {}
    for arm in arms:
        key = (arm.test, " ".join(arm.text.split()))
        known = found.get(key)
        found[key] = (
            replace(arm, text=key[1])
            if known is None
            else replace(
                known,
                impressions=known.impressions + arm.impressions,
                clicks=known.clicks + arm.clicks,
                day=max(known.day, arm.day),
            )
        )
    return list(found.values())


def by_test(arms: Iterable[Arm]) -> dict[str, list[Arm]]:
    """The tests with two copies at least that were shown and, together, clicked."""
    tests: dict[str, list[Arm]] = defaultdict(list)
    for arm in arms:
        if arm.impressions > 0:
            tests[arm.test].append(arm)
    return {name: two for name, two in tests.items() if len(two) > 1 and any(arm.clicks for arm in two)}


def spread_of(tests: Iterable[Sequence[Arm]]) -> float:
    """How much true rates within a test differ: their standard deviation as a share of the test's mean.

    Moments: what the clicks scatter around their test's mean beyond what chance (Poisson) alone would scatter them.
    """
    excess = scale = 0.0
    for arms in tests:
        shown = np.array([arm.impressions for arm in arms])
        clicks = np.array([arm.clicks for arm in arms], float)
        expected = shown * clicks.sum() / shown.sum()
        own_share = np.minimum(shown / shown.sum(), 0.9)  # its own clicks draw the mean towards an arm
        excess += float(((clicks - expected) ** 2 / (1 - own_share) - expected).sum())
        scale += float((expected**2).sum())
    return float(np.clip(np.sqrt(max(0.0, excess) / scale), MIN_SPREAD, MAX_SPREAD)) if scale else MIN_SPREAD


def chance_better(a: Arm, b: Arm, mean_rate: float, spread: float) -> float:
    """Probability that A's true rate is over B's; exact for two Gamma posteriors."""
    prior_clicks = 1 / spread**2
    prior_shown = prior_clicks / mean_rate
    shape_a, shape_b = prior_clicks + a.clicks, prior_clicks + b.clicks
    shown_a, shown_b = prior_shown + a.impressions, prior_shown + b.impressions
    return float(betainc(shape_b, shape_a, shown_b / (shown_a + shown_b)))


def make_pairs(arms: Iterable[Arm], *, spread: float | None = None) -> list[Pair]:
    """Every pair of every test; which of the two is A is settled by the texts, not by the order of the file."""
    tests = by_test(merged(arms))
    spread = spread_of(tests.values()) if spread is None else spread
    return [pair for name in sorted(tests) for pair in _pairs_of(tests[name], spread)]


def _pairs_of(arms: Sequence[Arm], spread: float) -> Iterator[Pair]:
    mean_rate = sum(arm.clicks for arm in arms) / sum(arm.impressions for arm in arms)
    ordered = sorted(arms, key=lambda arm: (crc32(arm.text.encode()), arm.text))
    weight = (len(arms) * (len(arms) - 1) / 2) ** -0.5
    for a, b in combinations(ordered, 2):
        yield Pair(a, b, chance_better(a, b, mean_rate, spread), weight)


def shuffled(arms: Iterable[Arm], seed: int) -> list[Arm]:
    """The same tests with the counts dealt out anew among the copies of each: nothing is left to learn."""
    random = np.random.default_rng(seed)
    result = []
    for mixed in by_test(merged(arms)).values():
        for arm, other in zip(mixed, random.permutation(len(mixed)), strict=True):
            result.append(replace(arm, impressions=mixed[other].impressions, clicks=mixed[other].clicks))
    return result
