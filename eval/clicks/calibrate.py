"""From a shop's export to a click model with its validity: read, correct, split, learn, measure, learn again on all.

Nothing that is measured on was seen before: products are held out whole, and where there are dates a second split
holds out the latest days of held-out products. Positions, too, are corrected by what the training side says of them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np

from copygen.errors import InvalidFile

from eval.clicks.counts import by_test, make_pairs, merged, spread_of
from eval.clicks.export import Export, Row
from eval.clicks.exposure import Exposure, fit_exposure
from eval.clicks.model import FOLDS, LEVEL, REPLICATES, ClickModel, fit
from eval.clicks.validity import NAME, Validity, as_data, as_markdown, measure

HELD_OUT = 0.25
"""Share of the products, and of the days, a measurement holds out."""
MIN_PRODUCTS = 12
"""With fewer there is nothing to hold out."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A model of the whole export, and how models made the same way did on what they had not seen."""

    model: ClickModel
    validities: tuple[Validity, ...]
    exposure: Exposure
    notes: tuple[str, ...]
    """What could not be done, and why."""


def calibrate(
    export: Export,
    path: str,
    *,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = 0,
    done: Callable[[], None] = lambda: None,
) -> Calibration:
    """Learn a shop's click model.

    Raises:
        InvalidFile: Too few products with two copies that were shown and clicked.
    """
    rows = export.rows
    exposure = fit_exposure(rows)
    pairs = make_pairs(exposure.arms(rows))
    products = sorted({pair.a.cluster for pair in pairs})
    if len(products) < MIN_PRODUCTS:
        raise InvalidFile(
            f"{len(products)} products with two copies that were shown and clicked in one slot; at least "
            f"{MIN_PRODUCTS} are needed: export more days, or more products with several copies each",
            path=path,
        )
    learn = partial(fit, level=level, replicates=replicates, seed=seed, done=done)
    held = set(sorted(products, key=lambda name: crc32(f"{seed} {name}".encode()))[: round(HELD_OUT * len(products))])
    validities, notes = [], []
    cutoff = _cutoff(rows)
    splits: list[tuple[str, Sequence[Row], Sequence[Row]]] = [(f"{len(held)} of {len(products)} products", rows, rows)]
    if cutoff:
        before, after = ([row for row in rows if (row.day >= cutoff) == late] for late in (False, True))
        splits.append((f"the same products, from {date.fromordinal(cutoff)} on", before, after))
    else:
        notes.append("no dates in the export: not measured on later days")
    for split, early, late in splits:
        found = fit_exposure([row for row in early if row.product not in held])
        train = [pair for pair in make_pairs(found.arms(early)) if pair.a.cluster not in held]
        test = [pair for pair in make_pairs(found.arms(late)) if pair.a.cluster in held]
        if len({pair.a.cluster for pair in train}) < FOLDS or all(pair.outcome is None for pair in test):
            notes.append(f"too few pairs to measure on {split}")
            continue
        validities.append(measure(learn(train), train, test, split, export.outcome_columns))
    model = learn(pairs)
    about = {
        "name": NAME,
        **model.about,
        "rows": len(rows),
        "rows_left_out": len(export.errors),
        "columns": export.columns,
        "spread": round(spread_of(by_test(merged(exposure.arms(rows))).values()), 4),
        "positions": {key: round(float(np.exp(value)), 3) for key, value in exposure.positions.items()},
        "validity": [as_data(validity) for validity in validities],
        "notes": notes,
    }
    return Calibration(replace(model, about=about), tuple(validities), exposure, tuple(notes))


def _cutoff(rows: Sequence[Row]) -> int:
    """The day from which the last HELD_OUT of the impressions were; 0 without dates or with one day only."""
    shown: dict[int, int] = {}
    for row in rows:
        shown[row.day] = shown.get(row.day, 0) + row.impressions
    if 0 in shown or len(shown) < 2:
        return 0
    days, left = sorted(shown), (1 - HELD_OUT) * sum(shown.values())
    for day in days[:-1]:
        left -= shown[day]
        if left <= 0:
            return days[days.index(day) + 1]
    return days[-1]


def write_report(calibration: Calibration, export: Export, path: Path) -> tuple[Path, Path]:
    """Write PATH.json and PATH.md; returns both."""
    about = calibration.model.about
    lines = [f"# Validity of a {NAME}", ""]
    lines += [f"Learnt from {about['pairs']:,} pairs of {about['products']:,} products; {about['rows']:,} rows read, "]
    lines[-1] += f"{about['rows_left_out']:,} left out. Interval level {calibration.model.level:.0%}."
    lines += ["", *(f"- {note}" for note in calibration.notes)]
    for validity in calibration.validities:
        lines += ["", as_markdown(validity)]
    if calibration.exposure.positions:
        lines += ["", "### Positions", "", "| slot#position | clicks against an average place |", "| --- | --- |"]
        lines += [f"| {key} | {np.exp(value):.2f}x |" for key, value in sorted(calibration.exposure.positions.items())]
    errors = [asdict(error) for error in export.errors]
    if errors:
        lines += ["", "### Rows left out", "", *(f"- {error}" for error in export.errors[:50])]
    files = path.with_suffix(".json"), path.with_suffix(".md")
    data = {**about, "errors": errors, "left_out_columns": export.left_out}
    files[0].write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    files[1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return files
