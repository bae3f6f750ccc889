"""How much of a pasted product page lands in the right field: `python -m benchmarks.extract [--misses]`.

The 60 labelled pages are tests/data/pages.jsonl; half were written before the extractor, half after it was finished.
A field is right when its value is the label's, marks and blanks aside; an attribute also when its name shares two
characters or a part with the label's (防水 and 防水等级). A category may be any of the label's names, or end like one.
"""

import argparse
import json
import re
import sys
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copygen.graph import builtin_graph

from benchmarks.report import Figure, finish
from serving.web.extract import Extraction, extract

PAGES = Path(__file__).parents[1] / "tests" / "data" / "pages.jsonl"
SCALARS = ("name", "brand", "category", "price")


@dataclass(frozen=True, slots=True)
class Tally:
    """Fields of some pages."""

    right: int
    given: int
    """Fields the extractor filled."""
    labelled: int

    @property
    def precision(self) -> float:
        return self.right / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.labelled if self.labelled else 1.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.right + other.right, self.given + other.given, self.labelled + other.labelled)


def load_pages(path: Path = PAGES) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plain(value: str) -> str:
    """A value without what does not matter to its meaning."""
    value = unicodedata.normalize("NFKC", value).lower()
    value = re.sub(r"(\d)\.0+(?=\D|$)", r"\1", value)
    return re.sub(r"[\s，,。；;、：:/（）()\"']", "", value)


def same_name(one: str, other: str) -> bool:
    one, other = plain(one), plain(other)
    return one in other or other in one or any(one[i : i + 2] in other for i in range(len(one) - 1))


def compare(page: dict[str, Any], found: Extraction) -> tuple[Tally, list[str]]:
    """The page's tally, and its misses in words."""
    right = given = labelled = 0
    misses = []
    for field in SCALARS:
        label, value = page[field], getattr(found, field)
        given += bool(value)
        labelled += bool(label)
        names = [plain(name) for name in label.split("|")]
        ok = bool(value) and plain(value) in names
        if field == "category" and value:
            ok = ok or any(plain(value).endswith(name) or name.endswith(plain(value)) for name in names if name)
        right += ok
        if not ok and (value or label):
            misses.append(f"{field}: {value!r}, not {label!r}")
    left = dict(page["attributes"])
    labelled += len(left)
    given += len(found.attributes)
    for name, value in found.attributes.items():
        match = next((k for k, v in left.items() if plain(v) == plain(value) and same_name(k, name)), None)
        if match is None:
            misses.append(f"+ {name}={value}")
        else:
            del left[match]
            right += 1
    return Tally(right, given, labelled), misses + [f"- {name}={value}" for name, value in left.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="print every field that is wrong, and save nothing")
    show = parser.parse_args().misses
    graph = builtin_graph()
    extract("真无线耳机 颜色：黑", graph)  # what a server has loaded before its first visitor
    tallies = {"before": Tally(0, 0, 0), "after": Tally(0, 0, 0)}
    times = []
    for page in load_pages():
        begun = time.perf_counter()
        found = extract(page["text"], graph)
        times.append(time.perf_counter() - begun)
        tally, misses = compare(page, found)
        tallies[page["written"]] += tally
        if show and misses:
            print(page["id"], *misses, sep="\n  ")
    everything = tallies["before"] + tallies["after"]
    rows = [
        {"pages": name, "fields": t.labelled, "filled": t.given, "precision": t.precision, "recall": t.recall}
        for name, t in {**tallies, "all": everything}.items()
    ]
    figures = {
        "precision": Figure(everything.precision, 0.90),
        "recall": Figure(everything.recall, 0.80),
        "slowest_s": Figure(max(times), 1.5, "lower", "s"),
        "precision_after": Figure(tallies["after"].precision),
        "recall_after": Figure(tallies["after"].recall),
    }
    return finish("extract", rows, figures, save=not show)


if __name__ == "__main__":
    sys.exit(main())
