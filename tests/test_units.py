"""The unit table: every physical factor against pint, every spelling with one meaning."""

import tomllib
from collections import Counter

import pytest
from pint import UnitRegistry

from copygen.checkable import KNOWLEDGE
from copygen.units import COUNTERS, LONG_COUNTERS, Unit, unit_of, units

DATA = tomllib.loads((KNOWLEDGE / "units.toml").read_text(encoding="utf-8"))
PHYSICAL = [
    (dimension, table["base"], name, unit["factor"])
    for dimension, table in DATA["physical"].items()
    for name, unit in table.items()
    if name != "base"
]


@pytest.fixture(scope="module")
def registry() -> UnitRegistry:
    return UnitRegistry()


@pytest.mark.parametrize(("dimension", "base", "name", "factor"), PHYSICAL, ids=lambda value: str(value))
def test_factor_is_pints(registry: UnitRegistry, dimension: str, base: str, name: str, factor: float) -> None:
    assert registry.Quantity(1.0, name).to(base).magnitude == pytest.approx(factor, rel=1e-9), dimension


@pytest.mark.parametrize("table", DATA["physical"].values(), ids=DATA["physical"])
def test_base_is_one_of_the_units_with_factor_one(table: dict[str, object]) -> None:
    base = table[str(table["base"])]
    assert isinstance(base, dict) and base["factor"] == 1.0


def test_no_spelling_stands_for_two_units() -> None:
    spellings = [
        *(s for t in DATA["physical"].values() for n, u in t.items() if n != "base" for s in u["spellings"].split()),
        *(s for factors in DATA["fixed"].values() for names in factors for s in names.split()),
        *DATA["marks"]["spellings"].split(),
    ]
    assert [spelling for spelling, times in Counter(spellings).items() if times > 1] == []
    assert set(spellings) & COUNTERS == {"块"}  # money or a piece, as the words around it tell


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("斤", Unit("mass", 500)),
        ("两", Unit("mass", 50)),
        ("坪", Unit("area", 3.305785)),
        ("小时", Unit("time", 3600)),
        ("秒", Unit("time", 1)),
        ("成", Unit("percent", 10)),
        ("块钱", Unit("money", 1)),
        ("mAh", Unit("charge", 1)),
        ("KG", Unit("mass", 1000)),
        ("瓶", Unit("count:瓶", 1)),
        ("声道", Unit("count:声道", 1)),
        ("fps", Unit("code:fps", 1)),
    ],
)
def test_units_of_chinese_product_pages(spelling: str, unit: Unit) -> None:
    assert unit_of(spelling) == unit


def test_what_is_no_unit_is_none() -> None:
    assert unit_of("好") is None and unit_of("") is None


def test_a_mark_compares_with_itself_alone() -> None:
    assert unit_of("fps") != unit_of("帧")
    assert all(unit_of(counter) is not None for counter in LONG_COUNTERS)
    assert len(units()) > 150
