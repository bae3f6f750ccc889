"""The click model: which of two copies draws more clicks per impression, with an interval, or 'cannot tell'.

A pairwise logistic regression without intercept over what `design` sees: P(A beats B) is 1 - P(B beats A) by
construction. It learns from how likely each pair's true order is (counts.chance_better), so a pair within the noise
teaches nothing. The interval comes from refits on resampled products, from words never learnt, and from how well the
scores of products left out told their outcomes.
"""

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

from copygen.errors import InvalidFile

from eval.clicks.counts import Pair
from eval.clicks.design import Floats, differences, text_pairs

SCHEMA = "copygen.clicks.v1"
LEVEL = 0.80
"""Confidence of the interval that has to leave 0.5 out before the model says which is better."""
STRENGTHS = (0.3, 1.0, 3.0)
"""How far weights may go (inverse ridge penalty); cross-validation over products chooses."""
NUMBERS = ("slope", "slope_sd", "strength", "level")
FOLDS, REPLICATES = 4, 30
MAX_ITERATIONS = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says of two copies."""

    probability: float
    """That A beats B: that in a test like those learnt from A ends with more clicks per impression."""
    low: float
    high: float
    lean: float
    """Which side the score is on, however slightly; for measuring a forced choice, never shown as a decision."""

    @property
    def decision(self) -> str:
        """A, B, or 'cannot tell' when the interval holds 0.5."""
        if self.low <= 0.5 <= self.high:
            return "cannot tell"
        return "A" if self.probability > 0.5 else "B"


@dataclass(frozen=True)
class ClickModel:
    """Weights of the refits, and how a score becomes a probability."""

    columns: np.ndarray
    """Columns of the design that have a weight."""
    weights: np.ndarray
    """(refits, columns)"""
    slope: float
    """A score times this is the logit of the probability, fitted on products left out; 0 when they told nothing."""
    slope_sd: float
    strength: float
    """Variance of a weight before anything is learnt."""
    level: float
    about: dict[str, object] = field(default_factory=dict)
    """What it was trained on, and its validity: for people."""

    def verdicts(self, pairs: Sequence[tuple[str, str]]) -> list[Verdict]:
        """What it says of each pair of texts."""
        if not pairs:
            return []
        rows = differences(pairs)
        scores = rows[:, self.columns] @ self.weights.astype(float).T
        mean, sd = scores.mean(axis=1), scores.std(axis=1, ddof=1)
        # A weight never learnt is as uncertain as the ridge took it to be before it saw anything.
        total, learnt = (np.asarray(part.power(2).sum(axis=1)).ravel() for part in (rows, rows[:, self.columns]))
        spread = np.sqrt(sd**2 + self.strength * np.maximum(0.0, total - learnt))
        logit = self.slope * mean
        half = norm.ppf((1 + self.level) / 2) * np.hypot(self.slope * spread, self.slope_sd * mean)
        shown = zip(expit(logit), expit(logit - half), expit(logit + half), mean, strict=True)
        return [Verdict(*map(float, row)) for row in shown]

    def save(self, path: Path) -> None:
        """Write it as JSON; the weights are packed, all else is for people to read."""
        packed = {
            "columns": _pack(self.columns.astype(np.uint32)),
            "weights": _pack(self.weights.astype(np.float16)),
            "refits": len(self.weights),
        }
        told = {name: getattr(self, name) for name in NUMBERS}
        text = json.dumps({"schema": SCHEMA, **self.about, **told, **packed}, ensure_ascii=False, indent=1)
        path.write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "ClickModel":
        """Read what `save` wrote.

        Raises:
            InvalidFile: No such file, or not a click model of this version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA:
                raise InvalidFile(
                    f"schema {data['schema']!r}; this version reads {SCHEMA!r}: calibrate again", path=str(path)
                )
            weights = _unpack(data.pop("weights"), np.float16).reshape(data.pop("refits"), -1)
            columns = _unpack(data.pop("columns"), np.uint32).astype(int)
            slope, slope_sd, strength, level = (float(data.pop(name)) for name in NUMBERS)
        except OSError as error:
            raise InvalidFile(f"cannot be read: {error.strerror}", path=str(path)) from error
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise InvalidFile(
                "not a click model; make one with copygen-eval calibrate clicks.csv -o model.json", path=str(path)
            ) from error
        return cls(columns, weights, slope, slope_sd, strength, level, about=data)


def _pack(values: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(values.tobytes())).decode()


def _unpack(text: str, kind: type[np.generic]) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)


def fit(
    pairs: Sequence[Pair],
    *,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = 0,
    done: Callable[[], None] = lambda: None,
) -> ClickModel:
    """Learn from pairs.

    Args:
        replicates: Refits on resampled products, 2 at least.
        done: Called after each fit, for a progress bar.

    Raises:
        ValueError: Fewer than FOLDS products.
    """
    clusters, cluster_of = np.unique([pair.a.cluster for pair in pairs], return_inverse=True)
    if len(clusters) < FOLDS:
        raise ValueError(f"pairs of {len(clusters)} products; at least {FOLDS} are needed")
    whole = differences(text_pairs(pairs))
    columns = np.unique(whole.indices)
    rows = whole[:, columns]
    better, weight = (np.array([getattr(pair, name) for pair in pairs]) for name in ("better", "weight"))
    random = np.random.default_rng(seed)
    fold_of = random.permutation(len(clusters))[cluster_of] % FOLDS

    def refit(strength: float, weight: Floats, start: Floats | None = None) -> Floats:
        weights = _minimize(rows, better, weight, strength, start)
        done()
        return weights

    left_out = {}
    for strength in STRENGTHS:
        left_out[strength] = np.zeros(len(pairs))
        for fold in range(FOLDS):
            out = fold_of == fold
            left_out[strength][out] = rows[out] @ refit(strength, np.where(out, 0.0, weight))
    outcome = np.array([np.nan if pair.outcome is None else pair.outcome for pair in pairs])
    calibrated = {s: _slope(scores, outcome, weight, cluster_of) for s, scores in left_out.items()}
    strength = min(STRENGTHS, key=lambda s: calibrated[s][2])
    slope, slope_sd, _ = calibrated[strength]

    start = refit(strength, weight)
    drawn = random.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)), size=replicates)
    weights = np.array([refit(strength, weight * times[cluster_of], start) for times in drawn])
    about: dict[str, object] = {"pairs": len(pairs), "products": len(clusters)}
    return ClickModel(columns, weights.astype(np.float16), slope, slope_sd, strength, level, about)


def fits_needed(replicates: int = REPLICATES) -> int:
    """How often `fit` calls `done`."""
    return FOLDS * len(STRENGTHS) + 1 + replicates


def _minimize(rows: sparse.csr_matrix, better: Floats, weight: Floats, strength: float, start: Floats | None) -> Floats:
    """Ridge-penalised logistic regression on probabilities instead of labels."""
    across = rows.T.tocsr()

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = rows @ weights
        value = strength * (weight * (np.logaddexp(0, scores) - better * scores)).sum() + weights @ weights / 2
        return float(value), strength * (across @ (weight * (expit(scores) - better))) + weights

    first = np.zeros(rows.shape[1]) if start is None else start
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS})
    return np.asarray(found.x)


def _slope(scores: Floats, outcome: Floats, weight: Floats, cluster_of: np.ndarray) -> tuple[float, float, float]:
    """(slope, its standard deviation, mean log loss) of outcomes on the scores of products left out.

    The standard deviation is the sandwich over products. A negative slope means the scores told nothing: it is 0.
    """
    told = ~np.isnan(outcome)
    x, y, w = scores[told], outcome[told], weight[told]
    slope = 0.0
    for _ in range(50):
        chance = expit(slope * x)
        curvature = float((w * chance * (1 - chance) * x * x).sum())
        if curvature < 1e-12:
            return 0.0, 0.0, float(np.log(2))
        step = float((w * (y - chance) * x).sum()) / curvature
        slope += np.clip(step, -2.0, 2.0)
        if abs(step) < 1e-9:
            break
    slope = max(0.0, slope)
    chance = expit(slope * x)
    pull = np.bincount(cluster_of[told], w * (y - chance) * x)
    curvature = float((w * chance * (1 - chance) * x * x).sum())
    entropy = np.logaddexp(0, slope * x) - y * slope * x
    return slope, float(np.sqrt((pull**2).sum()) / curvature), float((w * entropy).sum() / w.sum())
