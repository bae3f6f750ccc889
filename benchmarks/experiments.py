"""Whether experiments tell the truth: false alarms of looking every day, and clicks given up while learning.

python -m benchmarks.experiments [--runs 500]
"""

import argparse
import math
import sys

import numpy as np

from benchmarks.report import Figure, finish
from serving.loop.simulate import fixed_sample, simulate_ab, simulate_thompson

NULL_RUNS = 2_000
RATES = (0.02, 0.05)
IMPRESSIONS_A_DAY, DAYS = 2_000, 60
LIFTS = (0.1, 0.2, 0.3)
ARMS, IMPRESSIONS, FULL_RUNS = 5, 200_000, 500
FLOOR, BASE_RATE = 0.05, 0.02
"""As the service has them when nothing is given."""
BATCH, REPEAT = 200, 10
_SEED = 20261126


def regret(runs: int) -> tuple[float, float]:
    """Clicks given up by Thompson sampling and by even shares, five copies of 2 to 3 %, means over all runs."""
    rates = np.random.default_rng(_SEED).uniform(0.02, 0.03, (runs, ARMS))
    given_up = simulate_thompson(
        rates, IMPRESSIONS, floor=FLOOR, base_rate=BASE_RATE, batch=BATCH, repeat=REPEAT, seed=_SEED
    )
    even = (rates.max(axis=1) - rates.mean(axis=1)) * IMPRESSIONS
    return float(given_up.mean()), float(even.mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=FULL_RUNS)
    given = parser.parse_args()
    rows: list[dict[str, object]] = []
    alarms = []
    for even in (True, False):
        for rate in RATES:
            for lift in (0.0, *LIFTS):
                # What the test takes the rate to be is as far off as a shop's guess may be.
                runs = given.runs if lift else NULL_RUNS
                found = simulate_ab(IMPRESSIONS_A_DAY, rate, lift, DAYS, runs=runs, base_rate=BASE_RATE, even=even)
                if not lift:
                    alarms.append(found.found)
                rows.append(
                    {
                        "shares": "even" if even else "any",
                        "rate": rate,
                        "lift": lift,
                        "named a winner": found.found,
                        "wrong": found.wrong,
                        "median days": "" if math.isnan(found.median_days) else found.median_days,
                        "one look would need": fixed_sample(rate, lift) / IMPRESSIONS_A_DAY if lift else "",
                    }
                )
    thompson, even_regret = regret(given.runs)
    figures = {
        "false_positives": Figure(max(alarms), 0.05, "lower"),
        "regret_vs_uniform": Figure(thompson / even_regret, 0.35, "lower"),
        "clicks_given_up": Figure(thompson, direction="lower"),
        "clicks_given_up_by_even_shares": Figure(even_regret, direction="lower"),
    }
    return finish("experiments", rows, figures, save=given.runs >= FULL_RUNS)


if __name__ == "__main__":
    sys.exit(main())
