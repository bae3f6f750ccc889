"""Whether the click model's machinery finds what is there and nothing else, and what scoring a copy costs.

    python -m benchmarks.clicks [--data upworthy_clean.parquet]

The Upworthy archive of A/B tests (third-party, English, never committed; needs the eval extra) is split by test, tests
that share a headline together; headlines are compared within a test only. What the model looks at and the level of
its interval were chosen on the development split; the test split is measured once. Shuffled labels must leave chance,
a planted rule must be found.
"""

import argparse
import csv
import json
import math
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pyarrow import parquet

from benchmarks.report import RESULTS, ROOT, Figure, Row, finish
from eval.clicks.calibrate import calibrate
from eval.clicks.counts import Arm, Pair, by_test, make_pairs, merged, shuffled
from eval.clicks.export import read_export
from eval.clicks.model import fit
from eval.clicks.planted import HEADER, SIGNAL, planted_rows
from eval.clicks.validity import Validity, as_data, as_markdown, measure
from eval.features import Subject, score_all
from eval.samples import load_suite

DATA = ROOT.parent / "shared" / "data" / "third-party" / "upworthy" / "upworthy_clean.parquet"
COLUMNS = ["clickability_test_id", "headline", "impressions", "clicks"]
OUTCOMES = ("significance", "winner", "first_place", "winner_count_anomaly", "ctr")
"""Columns of the archive that are made of the outcome."""
SEED = 2026
TRAIN, DEV = 0.6, 0.2
"""Shares of the groups of tests; the rest is the test split."""
SHUFFLES = 4
"""Refits of the model that learns from shuffled labels: its forced choice is judged, not its interval."""
_NOT_PLAIN = re.compile(r"[^a-z0-9 ]")


def read_archive(path: Path) -> list[Arm]:
    """The archive's headlines as arms; those of one test and headline are one (they differ in the picture)."""
    table = parquet.read_table(path, columns=COLUMNS).to_pydict()
    rows = zip(*(table[column] for column in COLUMNS), strict=True)
    arms = merged(Arm(test, headline, shown, clicks) for test, headline, shown, clicks in rows)
    tests = by_test(arms)
    group = groups({test: [arm.text for arm in mine] for test, mine in tests.items()})
    return [
        Arm(arm.test, arm.text, arm.impressions, arm.clicks, product=group[test])
        for test, mine in tests.items()
        for arm in mine
    ]


def groups(texts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Test -> its group: tests that share a headline, case and marks aside, directly or through others."""
    parent = {test: test for test in texts}

    def root(test: str) -> str:
        while parent[test] != test:
            test = parent[test]
        return test

    seen: dict[str, str] = {}
    for test, mine in texts.items():
        for text in mine:
            plain = _NOT_PLAIN.sub("", text.lower())
            if plain in seen:
                parent[root(test)] = root(seen[plain])
            else:
                seen[plain] = test
    return {test: root(test) for test in texts}


def split(arms: Sequence[Arm]) -> dict[str, list[Arm]]:
    """train, dev and test, whole groups each."""
    names = sorted({arm.cluster for arm in arms})
    np.random.default_rng(SEED).shuffle(names)
    train, dev = (math.ceil(share * len(names)) for share in (TRAIN, TRAIN + DEV))
    sides = {"train": set(names[:train]), "dev": set(names[train:dev]), "test": set(names[dev:])}
    return {side: [arm for arm in arms if arm.cluster in members] for side, members in sides.items()}


def planted(products: int, replicates: int) -> tuple[float, float]:
    """(share of unseen pairs with the planted close on one side that are decided for it, accuracy of the report)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "planted.csv"
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerows([HEADER, *planted_rows(products)])
        found = calibrate(read_export(path), str(path), replicates=replicates)
    others = ("盖上盖子一点不漏", "冬天摸着也不冰手", "边角都磨得圆圆的", "拎起来比看着轻")
    pairs = [
        (f"{opening}，{SIGNAL}", f"{opening}，{other}")
        for opening in ("窗台上的花开了", "门口的灯还亮着")
        for other in others
    ]
    right = [verdict.decision == "A" for verdict in found.model.verdicts(pairs)]
    accuracy = found.validities[0].accuracy
    return statistics.fmean(right), accuracy.mean if accuracy else 0.0


def score_ms() -> list[float]:
    """Milliseconds of processor time to score a held-out human copy on all features; each brief is seen once."""
    samples = load_suite("heldout")
    times = []
    for sample in samples:
        subject = Subject(sample.reference, sample.brief, mean_logprob=-1.5)
        start = time.thread_time()
        score_all(subject)
        times.append((time.thread_time() - start) * 1000)
    return times[20:]  # vocabulary, rules and graph are read once


def _row(name: str, validity: Validity) -> Row:
    accuracy = validity.accuracy or validity.accuracy_forced
    return {
        "split": name,
        "tests": validity.tests,
        "pairs": validity.pairs,
        "decided": round(validity.share_decided, 3),
        "accuracy": round(accuracy.mean, 3),
        "interval": f"[{accuracy.low:.3f}, {accuracy.high:.3f}]",
        "forced": round(validity.accuracy_forced.mean, 3),
        "calibration error": round(validity.calibration_error, 4),
        **{name: round(metric.mean, 3) for name, metric in validity.baselines.items()},
    }


def run(data: Path, *, save: bool) -> int:
    """Measure everything, print, keep the record, return the exit code."""
    sides = split(read_archive(data))
    pairs: dict[str, list[Pair]] = {side: make_pairs(arms) for side, arms in sides.items()}
    model = fit(pairs["train"], seed=SEED)
    measured = {
        side: measure(model, pairs["train"], pairs[side], f"Upworthy, {side} split", OUTCOMES)
        for side in ("dev", "test")
    }
    noise = {side: make_pairs(shuffled(arms, SEED)) for side, arms in sides.items()}
    nothing = fit(noise["train"], seed=SEED, replicates=SHUFFLES)
    measured["shuffled"] = measure(nothing, noise["train"], noise["test"], "Upworthy, test split, shuffled labels")
    found, planted_accuracy = planted(60, 12)
    times = score_ms()
    test, chance = measured["test"], measured["shuffled"].accuracy_forced
    low = test.accuracy.low if test.accuracy else 0.0
    figures = {
        "accuracy": Figure(test.accuracy.mean if test.accuracy else 0.0, 0.62),
        "share_decided": Figure(test.share_decided, 0.40),
        "low_end_over_length_only": Figure(low - test.baselines["length"].mean, 0.0),
        "low_end_over_random": Figure(low - max(0.5, test.baselines["coin"].mean), 0.0),
        "low_end_over_retrieval": Figure(low - test.baselines["retrieval"].mean),
        "calibration_error": Figure(test.calibration_error, 0.04, "lower"),
        "shuffled_contains_half": Figure(float(chance.low <= 0.5 <= chance.high), 1.0),
        "shuffled_accuracy": Figure(chance.mean),
        "shuffled_share_decided": Figure(measured["shuffled"].share_decided),
        "planted_found_share": Figure(found, 0.9),
        "planted_accuracy": Figure(planted_accuracy),
        "audit_clean": Figure(float(test.audit.verdict == "nothing found"), 1.0),
        "score_p50_ms": Figure(statistics.median(times), 4.0, "lower", "ms"),
        "scored_copies": Figure(len(times)),
    }
    rows = [_row(name, validity) for name, validity in measured.items()]
    for validity in measured.values():
        print(validity.line())
    if save:
        record = [as_data(validity) for validity in measured.values()]
        text = "\n\n".join(map(as_markdown, measured.values()))
        (RESULTS / "clicks_validity.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "clicks_validity.md").write_text(f"# Validity of the click model's machinery\n\n{text}\n", "utf-8")
    return finish("clicks", rows, figures, save=save)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the archive's parquet file")
    arguments = parser.parse_args()
    if not arguments.data.is_file():
        parser.error(f"{arguments.data}: no such file; the archive is osf.io/jd64p")
    sys.exit(run(arguments.data, save=arguments.data.resolve() == DATA.resolve()))
