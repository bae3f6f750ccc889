"""The statistics of experiments against closed forms, scipy and seeded simulations."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from serving.loop.event import Tally
from serving.loop.posterior import beliefs, chi_square_tail, choose, mismatch_p
from serving.loop.sequential import lift_interval, log_e_value, threshold
from serving.loop.simulate import fixed_sample, simulate_ab, simulate_thompson, smallest_lift


def test_the_evidence_for_any_shares_is_at_most_one_on_average_under_the_null() -> None:
    """The property everything rests on: the sum over all outcomes of P(outcome) E(outcome)."""
    n = 12
    counts = np.arange(n + 1)
    pairs = np.stack(np.meshgrid(counts, counts, indexing="ij"), axis=-1).astype(float)
    e = np.exp(log_e_value(pairs, np.full_like(pairs, float(n)), 0.05, even=False))
    for rate in (0.02, 0.2, 0.5, 0.9):
        chances = stats.binom.pmf(counts, n, rate)
        assert 0 < (np.outer(chances, chances) * e).sum() <= 1


@pytest.mark.parametrize("successes", [0, 1, 7, 300])
def test_the_evidence_for_even_shares_is_one_on_average_under_the_null(successes: int) -> None:
    counts = np.arange(successes + 1)
    pairs = np.stack([counts, successes - counts], axis=-1).astype(float)
    e = np.exp(log_e_value(pairs, np.zeros_like(pairs), 0.05, even=True))
    assert (stats.binom.pmf(counts, successes, 0.5) * e).sum() == pytest.approx(1)


@pytest.mark.parametrize("even", [True, False])
def test_looking_every_day_gives_no_more_false_alarms_than_promised(even: bool) -> None:
    alarms = simulate_ab(1_000, 0.03, 0.0, 40, runs=1_000, even=even)
    assert alarms.found + alarms.wrong <= 0.05
    found = simulate_ab(1_000, 0.05, 0.5, 40, runs=200, even=even)
    assert found.found > 0.95 and found.wrong <= 0.05
    worse = simulate_ab(1_000, 0.05, -0.4, 40, runs=200, even=even)
    assert worse.found > 0.9


def test_under_thompson_sampling_the_test_for_any_shares_still_holds() -> None:
    """Shares that follow the clicks: the case that fools tests made for even ones."""
    rng = np.random.default_rng(7)
    runs, line, alarms = 300, threshold(0.05, 2), 0
    trials, clicks = np.zeros((runs, 2)), np.zeros((runs, 2))
    over = np.zeros(runs, dtype=bool)
    for _ in range(60):
        draws = rng.beta(1 + clicks[None], 20 + trials[None] - clicks[None], (50, runs, 2))
        share = (draws.argmax(-1)[..., None] == np.arange(2)).sum(0)
        trials += share
        clicks += rng.binomial(share, 0.05)
        over |= log_e_value(clicks, trials, 0.05, even=False) >= line
    alarms = int(over.sum())
    assert alarms / runs <= 0.05


@pytest.mark.parametrize("even", [True, False])
def test_zero_leaves_the_interval_exactly_when_the_evidence_crosses_the_line(even: bool) -> None:
    line = threshold(0.05, 2)
    crossed = []
    for clicks in range(200, 320, 4):
        low, high = lift_interval((200, clicks), (10_000, 10_000), 0.02, line, even=even)
        over = float(log_e_value(np.asarray([200.0, clicks]), np.full(2, 1e4), 0.02, even=even)) >= line
        crossed.append(over)
        assert (low > 0) == over
        assert low < clicks / 200 - 1 < high
    assert (crossed[0], crossed[-1]) == (False, True)
    assert lift_interval((0, 0), (0, 0), 0.02, line, even=even) == pytest.approx((-0.98, 49.0))


def test_the_line_is_higher_for_more_copies() -> None:
    assert threshold(0.05, 2) == pytest.approx(math.log(20)) and threshold(0.05, 5) == pytest.approx(math.log(80))


def test_statistics_against_scipy() -> None:
    for freedom in range(1, 9):
        for statistic in (0.1, 1.0, 7.5, 40.0):
            assert chi_square_tail(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-9)
    table = np.asarray([[900, 100], [960, 40], [955, 45]])  # arrived, lost
    wanted = stats.chi2_contingency(table, correction=False).pvalue
    assert mismatch_p(table.sum(axis=1).tolist(), table[:, 0].tolist()) == pytest.approx(wanted, rel=1e-9)
    # More impressions than picks: two samples of one distribution.
    wanted = stats.chi2_contingency([[500, 500], [900, 700]], correction=False).pvalue
    assert mismatch_p([500, 500], [900, 700]) == pytest.approx(wanted, rel=1e-9)
    assert mismatch_p([0, 0], [5, 5]) == mismatch_p([7, 5], [7, 5]) == 1.0
    assert mismatch_p([10, 0], [5, 5]) == 0.0
    belief = beliefs([Tally("a", 1_000, 30), Tally("b", 1_000, 30)], 0.03)[0]
    exact = stats.beta(1 + 30, (1 - 0.03) / 0.03 + 970)
    assert (belief.rate_low, belief.rate_high) == pytest.approx(exact.ppf([0.025, 0.975]), rel=0.03)
    assert belief.best == pytest.approx(0.5, abs=0.02)


def test_the_floor_keeps_a_bad_copy_in_sight_and_the_rest_is_probability_matching() -> None:
    rng = np.random.default_rng(1)
    shares = Counter(choose([10, 60], [2_000, 2_000], base_rate=0.02, floor=0.2, rng=rng) for _ in range(4_000))
    assert shares[0] / 4_000 == pytest.approx(0.1, abs=0.02)
    even = Counter(choose([10, 60], [2_000, 2_000], base_rate=0.02, floor=1.0, rng=rng) for _ in range(4_000))
    assert even[0] / 4_000 == pytest.approx(0.5, abs=0.04)
    wanted = beliefs([Tally("a", 3_000, 60), Tally("b", 3_000, 68)], 0.02)[0].best
    matched = sum(choose([60, 68], [3_000, 3_000], base_rate=0.02, floor=0.0, rng=rng) == 0 for _ in range(4_000))
    assert matched / 4_000 == pytest.approx(wanted, abs=0.03)


def test_thompson_sampling_gives_up_less_than_even_shares() -> None:
    rates = np.tile([0.02, 0.03, 0.04], (20, 1))
    given_up = simulate_thompson(rates, 20_000, floor=0.05, base_rate=0.02, batch=200, repeat=10, seed=3)
    assert 0 < given_up.mean() < 0.35 * 0.01 * 20_000
    assert simulate_thompson(rates, 2_000, floor=1.0, base_rate=0.02, batch=200, repeat=1, seed=3).mean() == (
        pytest.approx(0.01 * 2_000, rel=0.05)
    )


def test_what_a_shop_can_find_out() -> None:
    # z of 1.96 and 0.84: the textbook's 16 p(1-p)/delta^2 an arm.
    assert fixed_sample(0.02, 0.2) == pytest.approx(2 * 16 * 0.0216 / 0.004**2, rel=0.05)
    small, large = smallest_lift(500, 0.02, 14, runs=100), smallest_lift(20_000, 0.02, 14, runs=100)
    assert 0.05 < large < 0.2 < small
    assert math.isnan(smallest_lift(5, 0.02, 3, runs=100))
