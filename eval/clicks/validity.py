"""How far a click model can be trusted: measured on products it has not seen, and written beside its name.

The interval of every share is a bootstrap over products (eval.metrics). Pairs whose copies did exactly alike have no
winner and are left out of accuracies, not out of the share decided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from eval.clicks import baselines
from eval.clicks.audit import SUSPICIOUS, Audit, audit
from eval.clicks.counts import Pair
from eval.clicks.design import Floats, text_pairs
from eval.clicks.model import ClickModel, Verdict
from eval.metrics import Metric, clustered_mean

NAME = "click proxy (learnt from past clicks; not a CTR)"
BINS = 10


@dataclass(frozen=True, slots=True)
class Validity:
    """One held-out measurement."""

    split: str
    """What was held out."""
    tests: int
    pairs: int
    decided: int
    """Pairs whose interval leaves 0.5 out."""
    accuracy: Metric | None
    """Among decided pairs; None when there is none."""
    accuracy_told_apart: Metric | None
    """Among those decided pairs whose own counts tell them apart at 5 %: less noise in the yardstick."""
    accuracy_new_texts: Metric | None
    """Among decided pairs neither of whose texts has a near copy in training."""
    accuracy_forced: Metric
    """When the model has to choose in every pair."""
    calibration_error: float
    """Expected calibration error of P(A beats B) over all pairs, ten bins of equal size."""
    calibration: tuple[tuple[float, float, int], ...]
    """(mean probability of the favoured side, share it won, pairs) of each bin."""
    baselines: dict[str, Metric]
    """Accuracy on the same decided pairs (on all pairs when none is decided)."""
    audit: Audit

    @property
    def share_decided(self) -> float:
        return self.decided / self.pairs

    @property
    def beats_baselines(self) -> bool:
        """Whether the interval's low end is above the coin's and the length's accuracy, and above 0.5."""
        if self.accuracy is None:
            return False
        return self.accuracy.low > max(0.5, self.baselines["coin"].mean, self.baselines["length"].mean)

    def line(self) -> str:
        """The validity in one line, as it stands beside the score's name."""
        told = "no pair decided" if self.accuracy is None else f"accuracy {shown(self.accuracy)} of decided pairs"
        others = ", ".join(f"{name} {metric.mean:.2f}" for name, metric in self.baselines.items())
        return (
            f"{NAME}; held out: {self.split}; {told}, {self.share_decided:.0%} decided, calibration error "
            f"{self.calibration_error:.3f}, n = {self.pairs:,} pairs of {self.tests:,} tests; {others}"
        )


def shown(metric: Metric | None) -> str:
    return "–" if metric is None else f"{metric.mean:.2f} [{metric.low:.2f}, {metric.high:.2f}]"


def measure(
    model: ClickModel, train: Sequence[Pair], held_out: Sequence[Pair], split: str, outcome_columns: Sequence[str] = ()
) -> Validity:
    """Compare what a model says of pairs it was not trained on with what happened.

    Args:
        train: What it was trained on: for the baselines and the audit.

    Raises:
        ValueError: No held-out pair has a winner.
    """
    verdicts = model.verdicts(text_pairs(held_out))
    found = audit(train, held_out, outcome_columns)
    seen = set(found.near_duplicates)
    won = [pair.outcome for pair in held_out]
    decided = np.array([verdict.decision != "cannot tell" for verdict in verdicts])
    told_apart = np.array([pair.told_apart for pair in held_out])
    is_new = np.array([pair.a.text not in seen and pair.b.text not in seen for pair in held_out])
    lean = np.array([verdict.lean for verdict in verdicts])
    scores = {
        "coin": baselines.coin(held_out),
        "length": baselines.length_only(train, held_out),
        "retrieval": baselines.retrieval(train, held_out),
    }
    everything = np.ones(len(held_out), bool)
    forced = _accuracy(lean, held_out, everything)
    if forced is None:
        raise ValueError("no held-out pair has a winner")
    judged = {name: _accuracy(s, held_out, decided) or _accuracy(s, held_out, everything) for name, s in scores.items()}
    error, bins = calibration_error(verdicts, won)
    return Validity(
        split=split,
        tests=len({pair.a.test for pair in held_out}),
        pairs=len(held_out),
        decided=int(decided.sum()),
        accuracy=_accuracy(lean, held_out, decided),
        accuracy_told_apart=_accuracy(lean, held_out, decided & told_apart),
        accuracy_new_texts=_accuracy(lean, held_out, decided & is_new),
        accuracy_forced=forced,
        calibration_error=error,
        calibration=bins,
        baselines={name: metric for name, metric in judged.items() if metric is not None},
        audit=found,
    )


def _accuracy(scores: Floats, pairs: Sequence[Pair], chosen: np.ndarray) -> Metric | None:
    """Share of the chosen pairs with a winner that a score gets right; a score of 0 is half right."""
    rows = [
        (0.5 if score == 0 else float((score > 0) == (pair.outcome > 0.5)), pair.a.cluster)
        for score, pair, use in zip(scores, pairs, chosen, strict=True)
        if use and pair.outcome is not None
    ]
    return clustered_mean([right for right, _ in rows], [cluster for _, cluster in rows]) if rows else None


def calibration_error(
    verdicts: Sequence[Verdict], won: Sequence[float | None]
) -> tuple[float, tuple[tuple[float, float, int], ...]]:
    """Mean gap between the probability of the favoured side and how often it won, over bins of equal size.

    Which of two copies is called A is arbitrary, so each pair is looked at from its favoured side.
    """
    rows = [
        (max(v.probability, 1 - v.probability), outcome if v.probability >= 0.5 else 1 - outcome)
        for v, outcome in zip(verdicts, won, strict=True)
        if outcome is not None
    ]
    table = np.array(sorted(rows, key=lambda row: row[0]))
    bins = [part for part in np.array_split(table, BINS) if len(part)]
    means = tuple((float(part[:, 0].mean()), float(part[:, 1].mean()), len(part)) for part in bins)
    return sum(abs(said - was) * size for said, was, size in means) / len(table), means


def as_data(validity: Validity) -> dict[str, object]:
    """For JSON."""
    return {**asdict(validity), "share_decided": validity.share_decided, "line": validity.line()}


def as_markdown(validity: Validity) -> str:
    """For people: the figures, what they are held against, the calibration, the audit."""
    rows = {
        "accuracy, decided pairs": shown(validity.accuracy),
        "… whose own counts tell them apart": shown(validity.accuracy_told_apart),
        "… without a near copy in training": shown(validity.accuracy_new_texts),
        "accuracy, forced to choose in every pair": shown(validity.accuracy_forced),
        **{f"baseline on the same pairs: {name}": shown(metric) for name, metric in validity.baselines.items()},
        "share decided": f"{validity.share_decided:.2f} ({validity.decided:,} of {validity.pairs:,} pairs)",
        "expected calibration error": f"{validity.calibration_error:.3f}",
    }
    lines = [f"### Held out: {validity.split}", "", validity.line(), "", _table(("figure", "value"), rows.items()), ""]
    lines += ["Said against happened, from the favoured side:", ""]
    bins = [(f"{said:.2f}", f"{was:.2f}", str(size)) for said, was, size in validity.calibration]
    lines += [_table(("said", "won", "pairs"), bins), "", *_audit_lines(validity)]
    return "\n".join(lines)


def _audit_lines(validity: Validity) -> list[str]:
    found = validity.audit
    name, alone = found.best_single
    accuracies = [validity.accuracy, validity.accuracy_told_apart, validity.accuracy_forced]
    high = any(metric is not None and metric.mean > SUSPICIOUS for metric in accuracies)
    title = f"Leakage audit ({'required: an accuracy is over' if high else 'no accuracy is over'} {SUSPICIOUS:.2f}):"
    columns = "、".join(found.outcome_columns) or "none in the data"
    return [
        title,
        "",
        f"- products on both sides: {found.shared_products}; tests with pairs on both sides: {found.shared_tests}",
        f"- held-out texts with a near copy in training: {len(found.near_duplicates)} of {found.held_out_texts}; "
        f"accuracy without them: {shown(validity.accuracy_new_texts)}",
        f"- columns made of the outcome, none read: {columns}; best single feature in training: {name} {alone:.2f}",
        f"- verdict: {found.verdict}",
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in lines)
