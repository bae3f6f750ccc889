"""How much attention a position or a day brings by itself, so that a copy is not praised for where it stood.

A Poisson regression of clicks with effects for product, copy, slot and position, and day. What position and day do is
read off copies that were shown in several; impressions are then counted as if all were shown in an average one. A
copy that always stood first keeps what the others' positions say first place is worth.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from eval.clicks.counts import Arm
from eval.clicks.export import Row

_SPREADS = {"product": 3.0, "copy": 0.3, "position": 1.0, "day": 0.5}
"""Standard deviation expected of each effect, on the log scale: the ridge of its penalty."""
_PLACE: Callable[[Row], str] = lambda row: f"{row.slot}#{row.position}"  # noqa: E731  the key of both fit and use


@dataclass(frozen=True, slots=True)
class Exposure:
    """Effects on the log scale, 0 on average over the impressions they were fitted on."""

    positions: dict[str, float]
    """slot#position -> effect; empty when the export has no positions."""
    days: dict[int, float]

    def factor(self, row: Row) -> float:
        """How many times the clicks of an average place and day; 1 for places and days never seen."""
        return math.exp(self.positions.get(_PLACE(row), 0.0) + self.days.get(row.day, 0.0))

    def arms(self, rows: Iterable[Row]) -> list[Arm]:
        """Rows as arms; products are compared within each slot."""
        return [
            Arm(
                test=f"{row.product}|{row.slot}",
                text=row.copy,
                impressions=row.impressions * self.factor(row),
                clicks=row.clicks,
                product=row.product,
                day=row.day,
            )
            for row in rows
        ]


def fit_exposure(rows: Sequence[Row]) -> Exposure:
    """Estimate the effects; a column that is absent, or always the same, has none."""
    rows = [row for row in rows if row.impressions > 0]
    keys: dict[str, Callable[[Row], object]] = {"product": lambda row: row.product}
    keys["copy"] = lambda row: (row.product, row.copy)
    if len({row.position for row in rows}) > 1:
        keys["position"] = _PLACE
    if len({row.day for row in rows}) > 1:
        keys["day"] = lambda row: row.day
    if len(keys) == 2:
        return Exposure({}, {})
    columns: list[np.ndarray] = []
    levels: dict[str, dict[object, int]] = {}
    size = 1  # column 0 is the shop's mean rate
    for name, key in keys.items():
        known = levels[name] = {value: size + i for i, value in enumerate(dict.fromkeys(map(key, rows)))}
        size += len(known)
        columns.append(np.array([known[key(row)] for row in rows]))
    where = np.stack([np.zeros(len(rows), int), *columns])
    penalty = np.zeros(size)
    for name, known in levels.items():
        penalty[list(known.values())] = 1 / _SPREADS[name] ** 2
    clicks = np.array([row.clicks for row in rows], float)
    shown = np.array([row.impressions for row in rows], float)

    def loss(effects: np.ndarray) -> tuple[float, np.ndarray]:
        log_rate = effects[where].sum(axis=0)
        expected = shown * np.exp(log_rate)
        gradient = penalty * effects
        for row in where:
            gradient = gradient + np.bincount(row, expected - clicks, minlength=size)
        return float((expected - clicks * log_rate).sum() + (penalty * effects**2).sum() / 2), gradient

    start = np.zeros(size)
    start[0] = math.log((clicks.sum() + 0.5) / (shown.sum() + 1))
    effects = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x

    def centred(name: str) -> dict[object, float]:
        known = levels.get(name, {})
        if not known:
            return {}
        weight = np.zeros(size)
        for row, value in zip(rows, (keys[name](row) for row in rows), strict=True):
            weight[known[value]] += row.impressions
        mean = float((weight * effects).sum() / weight.sum())
        return {value: float(effects[at]) - mean for value, at in known.items()}

    positions = {str(key): value for key, value in centred("position").items()}
    days = {key: value for key, value in centred("day").items() if isinstance(key, int)}
    return Exposure(positions, days)
