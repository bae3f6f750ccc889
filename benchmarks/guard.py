"""What the fast checks find in labelled texts, what they flag for nothing, and how long they take.

    python -m benchmarks.guard [CASES.jsonl] [--save FILE]

A case is a line for `copygen check`, with `labels` and `spans` ([fragment, label]; ["ok"] and none for a clean text).
It goes the way of that command. A violation is found when an error of its label touches its fragment, a near miss when
one of a neighbouring label does.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copygen.check import CheckReport, check_text
from copygen.finding import Finding, errors

from benchmarks.report import ROOT, Figure, Row, finish
from eval.samples import load_suite
from serving.cli_check import check_case, read_case

CASES = ROOT / "eval" / "suites" / "guard.jsonl"
LAW = tuple(
    "unsupported_number absolute_term medical_claim false_urgency superstition unfair_comparison contact_info injection"
    .split()
)  # fmt: skip
"""Labels a plain word or number tells; the other three need the product understood, or are rare."""
NEIGHBOURS = (
    {"unsupported_number", "invented_feature"},
    {"wrong_value", "invented_feature"},
    {"medical_claim", "other_illegal"},
    {"absolute_term", "wrong_value"},
)
"""Labels a second annotator might have given instead."""
SPAN_SHARE = 0.5
"""A span is right when the findings cover this share of the labelled fragment."""
TIMED_CHARS = range(90, 211)
"""Texts of these lengths are timed, and their time is scaled to 150 characters."""


@dataclass(slots=True)
class Tally:
    """What became of the violations of one label."""

    label: str
    found: int = 0
    near: int = 0
    missed: int = 0
    covered: int = 0
    false: int = 0
    """Clean texts flagged with this label."""

    @property
    def total(self) -> int:
        return self.found + self.near + self.missed

    @property
    def recall(self) -> float:
        return self.found / self.total if self.total else 1.0

    def row(self) -> Row:
        columns = {"violations": self.total, "found": self.found, "near": self.near, "missed": self.missed}
        return {"label": self.label, **columns, "recall": self.recall, "spans": self.covered, "ok flagged": self.false}


def covered_share(start: int, end: int, findings: Sequence[Finding]) -> float:
    """Share of text[start:end] that the findings cover together."""
    covered = {i for finding in findings for i in range(max(start, finding.start), min(end, finding.end))}
    return len(covered) / (end - start)


def score(case: Mapping[str, object], report: CheckReport, tallies: dict[str, Tally]) -> bool:
    """Count one case into the tallies.

    Returns:
        Whether the case is labelled clean and flagged all the same.
    """
    text, wrong = str(case["text"]), errors(report.findings)
    if case["labels"] == ["ok"]:
        for label in {finding.label for finding in wrong}:
            tallies.setdefault(label, Tally(label)).false += 1
        return bool(wrong)
    for fragment, label in case["spans"]:  # type: ignore[attr-defined]
        start = text.index(fragment)
        end = start + len(fragment)
        touching = [finding for finding in wrong if finding.start < end and start < finding.end]
        tally = tallies.setdefault(label, Tally(label))
        if any(finding.label == label for finding in touching):
            tally.found += 1
            tally.covered += covered_share(start, end, touching) >= SPAN_SHARE
        elif any({label, finding.label} in NEIGHBOURS for finding in touching):
            tally.near += 1
        else:
            tally.missed += 1
    return False


def check_ms() -> list[float]:
    """Milliseconds of processor time for a held-out human copy, scaled to 150 characters; each brief is seen once."""
    samples = [(sample.reference.plain_text(), sample.brief) for sample in load_suite("heldout")]
    for text, brief in samples[:20]:
        check_text(text, brief)  # vocabulary and rules are read once
    times = []
    for text, brief in samples[20:]:
        if len(text) in TIMED_CHARS:
            start = time.thread_time()
            check_text(text, brief)
            times.append((time.thread_time() - start) * 1000 * 150 / len(text))
    return times


def _pooled(tallies: Mapping[str, Tally], labels: Sequence[str]) -> float:
    chosen = [tallies[label] for label in labels if label in tallies]
    return sum(tally.found for tally in chosen) / max(1, sum(tally.total for tally in chosen))


def measure(cases: Path, save: Path | None) -> int:
    """Run every case, print, keep the record, return the exit code; `save` gets a line of findings for each case."""
    tallies: dict[str, Tally] = {}
    ok = flagged = 0
    lines: list[dict[str, object]] = []
    for line in cases.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        report = check_case(read_case(case))
        ok += case["labels"] == ["ok"]
        flagged += score(case, report, tallies)
        said = [[finding.text, finding.label] for finding in errors(report.findings)]
        lines.append({"id": case["id"], "text": case["text"], "labelled": case["spans"], "found": said})
    if save is not None:
        save.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), encoding="utf-8")
    times = check_ms()
    found = sum(tally.found for tally in tallies.values())
    covered = sum(tally.covered for tally in tallies.values())
    law = [label for label in LAW if label in tallies and tallies[label].total]
    figures = {
        "law_recall": Figure(_pooled(tallies, law), 0.95),
        "law_recall_of_worst_label": Figure(min((tallies[label].recall for label in law), default=1.0), 0.85),
        "wrong_value_recall": Figure(_pooled(tallies, ["wrong_value"]), 0.85),
        "invented_feature_recall": Figure(_pooled(tallies, ["invented_feature"]), 0.75),
        "ok_flagged_share": Figure(flagged / max(1, ok), 0.03, "lower"),
        "spans_share": Figure(covered / max(1, found), 0.90),
        "check_p50_ms": Figure(statistics.median(times), 3.0, "lower", "ms"),
        "timed_copies": Figure(len(times)),
        "cases": Figure(len(lines)),
        "ok_cases": Figure(ok),
    }
    rows = [tally.row() for tally in sorted(tallies.values(), key=lambda tally: -tally.total)]
    return finish("guard", rows, figures, save=cases.resolve() == CASES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, nargs="?", default=CASES, help="labelled cases (default: the suite's)")
    parser.add_argument("--save", type=Path, help="write what was found in each case as JSONL")
    arguments = parser.parse_args()
    sys.exit(measure(arguments.cases, arguments.save))
