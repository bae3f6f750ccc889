"""One copy -> one score each. What `write()` uses to pick among candidates (copygen.rank) is not scored here."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from copygen.ad_copy import AdCopy, parse
from copygen.channel import get_channel
from copygen.check import CheckReport, check_copy
from copygen.finding import errors
from copygen.rank import told_attributes

from eval.samples import Sample


@dataclass(frozen=True, slots=True)
class Judged:
    """A raw completion, parsed and checked once for all scorers."""

    sample: Sample
    copy: AdCopy
    report: CheckReport

    @classmethod
    def of(cls, sample: Sample, completion: str) -> "Judged":
        channel = get_channel(sample.brief.channel)
        copy = parse(completion, channel)
        return cls(sample, copy, check_copy(copy, sample.brief, channel))


LIMIT_LABELS = frozenset("missing_field length debris script emoji missing_keyword avoided_word repetition".split())


def passes_limits(judged: Judged) -> float:
    """1 when the copy as the model wrote it keeps every limit of its channel and brief."""
    return float(not any(finding.label in LIMIT_LABELS for finding in errors(judged.report.findings)))


def passes_all(judged: Judged) -> float:
    """1 when it passes every check, unrepaired."""
    return float(judged.report.passed)


def coverage(judged: Judged) -> float | None:
    """Attributes told, as a share of how many the human copy tells, at most 1; unscored when that one tells none."""
    human = len(told_attributes(judged.sample.reference, judged.sample.brief))
    if human == 0:
        return None
    return min(1.0, len(told_attributes(judged.copy, judged.sample.brief)) / human)


def unsupported_numbers(judged: Judged) -> float | None:
    """Numbers the brief does not support, per copy; unscored when no field of the copy was written."""
    if not judged.copy.plain_text():
        return None
    return float(sum(finding.label == "unsupported_number" for finding in judged.report.findings))


def repeated_4grams(judged: Judged) -> float:
    """Share of the copy's character 4-grams that occur more than once."""
    text = judged.copy.plain_text().replace("\n", "")
    grams = Counter(text[i : i + 4] for i in range(len(text) - 3))
    total = grams.total()
    return sum(count for count in grams.values() if count > 1) / total if total else 1.0


Scorer = Callable[[Judged], float | None]
"""None: could not be judged; metrics skip it."""

SCORERS: dict[str, tuple[Scorer, bool]] = {
    "passes_limits": (passes_limits, True),
    "passes_all": (passes_all, True),
    "coverage": (coverage, True),
    "unsupported_numbers": (unsupported_numbers, False),
    "repeated_4grams": (repeated_4grams, False),
}
"""name -> (scorer, whether higher is better)."""
