"""Units as Chinese product pages write them: spelling -> dimension and factor. Knows no sentences and no products.

The table is `knowledge/units.toml`; counters (瓶, 件) are a dimension each.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DATA = tomllib.loads((Path(__file__).resolve().parent / "knowledge/units.toml").read_text(encoding="utf-8"))

COUNTERS = frozenset("".join(_DATA["counters"]["short"].split()))
LONG_COUNTERS: tuple[str, ...] = tuple(_DATA["counters"]["long"].split())
"""Counters of more than one character."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a spelling means: quantities of one dimension compare after multiplying with the factor."""

    dimension: str
    factor: float


@lru_cache(maxsize=1)
def units() -> dict[str, Unit]:
    """All spellings but the counters."""
    table: dict[str, Unit] = {}
    for dimension, names in _DATA["physical"].items():
        for name, unit in names.items():
            if name != "base":
                table |= dict.fromkeys(unit["spellings"].split(), Unit(dimension, unit["factor"]))
    for dimension, factors in _DATA["fixed"].items():
        for spellings, factor in factors.items():
            table |= dict.fromkeys(spellings.split(), Unit(dimension, factor))
    # A mark compares with its own kind only: 60帧 is not 60针.
    table |= {mark: Unit(f"code:{mark.lower()}", 1.0) for mark in _DATA["marks"]["spellings"].split()}
    return table


def unit_of(spelling: str) -> Unit | None:
    """The unit a spelling stands for; counters are a dimension each; None when it is no unit."""
    known = units()
    if found := known.get(spelling) or known.get(spelling.lower()):
        return found
    if spelling in COUNTERS or spelling in LONG_COUNTERS:
        return Unit(f"count:{spelling}", 1.0)
    return None
