"""Whether a live copy does worse than it used to: its last week against the interval its own past gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from serving.loop.event import DayCount, tally

RECENT_DAYS = 7
_LOW, _HIGH = 0.1, 99.9
"""Percentiles: a copy that is looked at every day for a season gives a false alarm once in ten."""
_DRAWS = 20_000
_SEED = 20261126
_MIN_PAST = 1_000
"""Impressions that say something of what is usual."""


@dataclass(frozen=True, slots=True)
class Ctr:
    """Clicks of a copy in a slot, with the interval in which those of the last week were to be expected."""

    impressions: int
    clicks: int
    recent_impressions: int
    recent_clicks: int
    expected_low: float | None
    """Click rate, 0..1; None: too few impressions before the last week."""
    expected_high: float | None

    @property
    def drifted(self) -> bool:
        """The last week is below the interval."""
        return (
            self.expected_low is not None
            and self.recent_impressions > 0
            and self.recent_clicks / self.recent_impressions < self.expected_low
        )


def ctr_of(counts: Iterable[DayCount], copy_id: str, slot: str, today: date) -> Ctr:
    """Read a copy's day counts; today is part of the last week."""
    own = [count for count in counts if count.slot == slot]
    first = (today - timedelta(days=RECENT_DAYS - 1)).isoformat()
    past = tally((count for count in own if count.day < first), copy_id)
    recent = tally((count for count in own if count.day >= first), copy_id)
    low: float | None = None
    high: float | None = None
    if past.trials >= _MIN_PAST and recent.trials > 0:
        rng = np.random.default_rng(_SEED)
        rates = rng.beta(past.successes + 1, past.trials - past.successes + 1, _DRAWS)
        expected = rng.binomial(recent.trials, rates) / recent.trials
        low, high = (float(edge) for edge in np.percentile(expected, (_LOW, _HIGH)))
    return Ctr(
        past.trials + recent.trials,
        past.successes + recent.successes,
        recent.trials,
        recent.successes,
        low,
        high,
    )
