"""What the deep check adds: labelled texts, labelled clauses of products nobody trained on, and its time.

    python -m benchmarks.deep [--save FILE]

The guard set goes the way of `copygen check --deep`; the clauses of tests/data/verify_cases.jsonl go to the verifier
alone; the people's copies of the held-out suite, all of them true, tell what it flags for nothing.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

from copygen.brief import read_brief
from copygen.check import check_text
from copygen.finding import errors
from copygen.verify import Question, Verifier, ask, check_deep, is_doubt

from benchmarks.guard import CASES, TIMED_CHARS, Tally, score
from benchmarks.report import ROOT, Figure, Row, finish
from eval.samples import load_suite
from serving.cli_check import check_case_deep, read_case
from serving.engines import opened_verifier

CLAUSES = ROOT / "tests" / "data" / "verify_cases.jsonl"
PEOPLES_COPIES = 120
TIMED = 40

Findings = list[dict[str, object]]


async def guard_set(verifier: Verifier, lines: Findings) -> tuple[dict[str, Tally], float]:
    """Tallies by label with both checks, and the share of clean texts flagged."""
    tallies: dict[str, Tally] = {}
    ok = flagged = 0
    for line in CASES.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        report = await check_case_deep(read_case(case), verifier)
        ok += case["labels"] == ["ok"]
        flagged += score(case, report, tallies)
        said = [[finding.text, finding.label] for finding in errors(report.findings)]
        lines.append({"id": case["id"], "text": case["text"], "labelled": case["spans"], "found": said})
    return tallies, flagged / ok


async def clauses(verifier: Verifier, lines: Findings) -> Counter[tuple[str, str]]:
    """(label, who doubts it: the fast check, or either) of every labelled clause; (label, "all") is how many."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in CLAUSES.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        told = record.pop("clauses")
        brief, _ = read_brief({"channel": "detail", **record})
        asked = [Question("text", 0, len(one["text"]), one["text"], one["prev"].rstrip("，,")) for one in told]
        for one, verdict in zip(told, await ask(asked, brief, verifier), strict=True):
            lead = f"{one['prev'].rstrip('，,')}，" if one["prev"] else ""
            wrong = errors(check_text(lead + one["text"], brief).findings)
            fast = any(finding.end > len(lead) for finding in wrong)
            counts[one["label"], "all"] += 1
            counts[one["label"], "fast"] += fast
            counts[one["label"], "either"] += fast or is_doubt(verdict)
            said = {"answer": verdict.answer, "probability": verdict.probability, "fast": fast}
            lines.append({"id": record["id"], **one, **said})
    return counts


async def peoples_copies(verifier: Verifier, lines: Findings) -> tuple[float, list[float]]:
    """Share of true copies that the deep check alone flags, and milliseconds of those of about 150 characters."""
    samples = load_suite("heldout")
    samples = samples[:: max(1, len(samples) // PEOPLES_COPIES)][:PEOPLES_COPIES]
    flagged, times = 0, []
    for sample in samples:
        pieces, brief = sample.reference.texts(), sample.brief
        fast = check_text(sample.reference.plain_text(), brief)
        began = time.perf_counter()
        report = await check_deep(fast, pieces, brief, verifier)
        if len(sample.reference.plain_text()) in TIMED_CHARS:
            times.append((time.perf_counter() - began) * 1000 * 150 / len(sample.reference.plain_text()))
        found = report.findings[len(fast.findings) :]
        flagged += bool(found)
        lines += [{"id": brief.id, "flagged": finding.text, "label": finding.label} for finding in found]
    return flagged / len(samples), times[-TIMED:]


async def measure(lines: Findings) -> tuple[list[Row], dict[str, Figure]]:
    """Rows and figures; `lines` gets what was found."""
    async with opened_verifier("embedded") as verifier:
        await guard_set(verifier, [])  # loads the model and the rules
        tallies, ok_flagged = await guard_set(verifier, lines)
        counts = await clauses(verifier, lines)
        people, times = await peoples_copies(verifier, lines)

    def doubted(label: str, who: str) -> float:
        return counts[label, who] / counts[label, "all"]

    found = sum(tally.found for tally in tallies.values())
    figures = {
        "wrong_value_recall": Figure(tallies["wrong_value"].recall, 0.85),
        "invented_feature_recall": Figure(tallies["invented_feature"].recall, 0.75),
        "ok_flagged_share": Figure(ok_flagged, 0.06, "lower"),
        "spans_share": Figure(sum(tally.covered for tally in tallies.values()) / max(1, found), 0.90),
        "unseen_wrong_value_fast": Figure(doubted("wrong_value", "fast")),
        "unseen_wrong_value_both": Figure(doubted("wrong_value", "either")),
        "unseen_invented_feature_fast": Figure(doubted("invented_feature", "fast")),
        "unseen_invented_feature_both": Figure(doubted("invented_feature", "either")),
        "unseen_ok_flagged_fast": Figure(doubted("ok", "fast"), None, "lower"),
        "unseen_ok_flagged_both": Figure(doubted("ok", "either"), None, "lower"),
        "peoples_copies_flagged": Figure(people, None, "lower"),
        "deep_p50_ms": Figure(statistics.median(times), 600.0, "lower", "ms"),
    }
    return [tally.row() for tally in sorted(tallies.values(), key=lambda tally: -tally.total)], figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, help="write what was found as JSONL")
    save = parser.parse_args().save
    lines: Findings = []
    rows, figures = asyncio.run(measure(lines))
    if save is not None:
        save.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), encoding="utf-8")
    return finish("deep", rows, figures)


if __name__ == "__main__":
    sys.exit(main())
