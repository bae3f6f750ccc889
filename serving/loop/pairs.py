"""Preference pairs for fine-tuning: of two copies of one product in one slot, the one that was clicked more.

Only days on which both were shown count, each compared within itself: a copy of a good season is not better than one
of a bad. The pooled odds ratio is Mantel & Haenszel's (1959) with the variance of Robins, Breslow & Greenland (1986).
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from copygen.errors import InvalidFile

from serving.jobs.file_label import write_sidecar
from serving.labels.labeller import Labeller
from serving.loop.event import DayCount
from serving.loop.experiment import Shown, product_of
from serving.loop.loop import Loop

MIN_CONFIDENCE = 0.9
_MIN_CLICKS = 10
"""Of both together, below which the normal approximation says nothing."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two copies of which one is better."""

    record: Mapping[str, Any]
    slot: str
    chosen: Shown
    rejected: Shown
    confidence: float
    """Probability that the chosen one's rate is the higher, 0.5..1."""
    impressions: tuple[int, int]
    clicks: tuple[int, int]
    """On the days that both were shown: of the chosen, of the rejected."""

    @property
    def weight(self) -> float:
        """0: no better than chance, 1: certain."""
        return 2 * self.confidence - 1

    def line(self) -> str:
        """One line of JSONL: the brief as every entrance takes it, and both copies."""
        return json.dumps(
            {
                "brief": self.record,
                "slot": self.slot,
                "chosen": self.chosen.copy.model_dump(),
                "rejected": self.rejected.copy.model_dump(),
                "chosen_id": self.chosen.copy_id,
                "rejected_id": self.rejected.copy_id,
                "confidence": round(self.confidence, 4),
                "weight": round(self.weight, 4),
                "impressions": self.impressions,
                "clicks": self.clicks,
            },
            ensure_ascii=False,
        )


def write_pairs(path: Path, pairs: Iterable[Pair], labeller: Labeller) -> int:
    """Write a JSONL file with its label beside it; returns how many pairs there are.

    Raises:
        InvalidFile: It cannot be written.
    """
    lines = [pair.line() for pair in pairs]
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
    (label,) = labeller.label([data], "file")
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        write_sidecar(path, label)
        part.replace(path)
    except OSError as error:
        raise InvalidFile(f"cannot be written: {error.strerror}", path=str(path)) from error
    return len(lines)


def find_pairs(loop: Loop, *, min_confidence: float = MIN_CONFIDENCE) -> Iterator[Pair]:
    """Every pair that is decided, of copies in experiments and in the registry."""
    rivals: dict[tuple[str, str], dict[str, tuple[Shown, str]]] = {}
    for published in loop.published.list():
        place = (product_of(published.record), published.slot)
        rivals.setdefault(place, {})[published.shown.copy_id] = published.shown, published.brief
    for experiment in loop.experiments.list(limit=100_000):
        for arm in experiment.arms:
            place = (experiment.product, experiment.slot)
            rivals.setdefault(place, {})[arm.shown.copy_id] = arm.shown, experiment.brief
    for (_, slot), copies in sorted(rivals.items(), key=lambda item: item[0]):
        if len(copies) < 2:
            continue
        counts = loop.events.counts(copies=list(copies), slot=slot)
        for (a, brief), (b, _) in itertools.combinations(copies.values(), 2):
            if (pair := compare(a, b, json.loads(brief), slot, counts)) and pair.confidence >= min_confidence:
                yield pair


def compare(a: Shown, b: Shown, record: Mapping[str, Any], slot: str, counts: Iterable[DayCount]) -> Pair | None:
    """The pair with the better copy first; None where too little is known."""
    days: dict[str, dict[str, DayCount]] = {}
    for count in counts:
        days.setdefault(count.day, {})[count.copy_id] = count
    both = [(day[a.copy_id], day[b.copy_id]) for day in days.values() if {a.copy_id, b.copy_id} <= day.keys()]
    both = [pair for pair in both if pair[0].impression and pair[1].impression]
    impressions = tuple(sum(pair[at].impression for pair in both) for at in (0, 1))
    clicks = tuple(sum(min(pair[at].click, pair[at].impression) for pair in both) for at in (0, 1))
    z = _mantel_haenszel(both)
    if z is None or sum(clicks) < _MIN_CLICKS:
        return None
    chosen, rejected = (a, b) if z >= 0 else (b, a)
    if z < 0:
        impressions, clicks = impressions[::-1], clicks[::-1]
    return Pair(
        record,
        slot,
        chosen,
        rejected,
        NormalDist().cdf(abs(z)),
        (impressions[0], impressions[1]),
        (clicks[0], clicks[1]),
    )


def _mantel_haenszel(days: Sequence[tuple[DayCount, DayCount]]) -> float | None:
    """z of the pooled log odds ratio of the first copy over the second; None where neither was clicked."""
    tables = np.asarray([[*_won_lost(first), *_won_lost(second)] for first, second in days], dtype=float).reshape(-1, 4)
    won_a, lost_a, won_b, lost_b = tables.sum(axis=0)
    if won_a + won_b == 0:
        return None
    if not (won_a and lost_a and won_b and lost_b):  # an odds ratio of 0 or infinity: Haldane's half a click
        tables = tables.sum(axis=0, keepdims=True) + 0.5
    won_a, lost_a, won_b, lost_b = tables.T
    n = tables.sum(axis=1)
    p, q = (won_a + lost_b) / n, (lost_a + won_b) / n
    r, s = won_a * lost_b / n, lost_a * won_b / n
    if r.sum() == 0 or s.sum() == 0:  # clicks of both, but never on one day
        return None
    mixed = (p * s + q * r).sum() / (2 * r.sum() * s.sum())
    variance = (p * r).sum() / (2 * r.sum() ** 2) + mixed + (q * s).sum() / (2 * s.sum() ** 2)
    return float(np.log(r.sum() / s.sum()) / np.sqrt(variance))


def _won_lost(count: DayCount) -> tuple[int, int]:
    won = min(count.click, count.impression)
    return won, count.impression - won
