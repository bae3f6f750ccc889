"""Samples of an evaluation: a brief, the human copy, and the product it clusters by."""

import json
from dataclasses import dataclass
from pathlib import Path

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.errors import CopygenError, InvalidFile

SUITES = Path(__file__).resolve().parent / "suites"


@dataclass(frozen=True, slots=True)
class Sample:
    """One brief to write for, with what a human wrote."""

    id: str
    brief: Brief
    reference: AdCopy

    @property
    def cluster(self) -> str:
        """Samples of one product are not independent: statistics cluster by it."""
        return self.brief.products[0].name


def load_suite(name: str, limit: int | None = None) -> list[Sample]:
    """Read eval/suites/NAME.jsonl, or a path to such a file.

    Raises:
        InvalidFile: Missing, or a line that is no record with a copy.
    """
    path = Path(name) if name.endswith(".jsonl") else SUITES / f"{name}.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in SUITES.glob("*.jsonl")))
        raise InvalidFile(f"cannot be read: {error.strerror}; suites here: {known}", path=str(path)) from error
    samples = []
    for number, line in enumerate(lines[:limit], 1):
        try:
            record = json.loads(line)
            brief, _ = read_brief(record)
            samples.append(Sample(brief.id or f"line-{number}", brief, AdCopy.model_validate(record["copy"])))
        except (ValueError, KeyError, CopygenError) as error:
            raise InvalidFile(str(error), path=str(path), line=number) from error
    return samples
