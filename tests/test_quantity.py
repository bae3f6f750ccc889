"""Quantities found in selling text, and which of two follows from the other."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copygen.claims import multiplied
from copygen.quantity import Quantity, agrees, find_quantities

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def one(text: str) -> Quantity:
    (quantity,) = find_quantities(text)
    return quantity


@pytest.mark.parametrize(
    ("text", "dimension", "low", "high"),
    [
        ("1.5升", "volume", 1500, 1500),
        ("1,500ml", "volume", 1500, 1500),
        ("一升半", "volume", 1500, 1500),
        ("四十小时", "time", 40 * HOUR_S, 40 * HOUR_S),
        ("两个半小时", "time", 2.5 * HOUR_S, 2.5 * HOUR_S),
        ("半小时", "time", 30 * MINUTE_S, 30 * MINUTE_S),
        ("三四个小时", "time", 3 * HOUR_S, 4 * HOUR_S),
        ("3到5天", "time", 3 * DAY_S, 5 * DAY_S),
        ("一整天", "time", DAY_S, DAY_S),
        ("9-14kg", "mass", 9000, 14_000),
        ("18-28斤", "mass", 9000, 14_000),
        ("二两", "mass", 100, 100),
        ("一斤六两", "mass", 800, 800),
        ("2小时30分钟", "time", 2.5 * HOUR_S, 2.5 * HOUR_S),
        ("三米六", "length", 3.6, 3.6),
        ("两成半", "percent", 25, 25),
        ("百分之六十", "percent", 60, 60),
        ("29块9", "money", 29.9, 29.9),
        ("一百二十八元", "money", 128, 128),
        ("¥29.9", "money", 29.9, 29.9),
        ("HK$328", "money", 328, 328),
        ("零下18℃", "degree", -18, -18),
        ("-18℃", "degree", -18, -18),
        ("52颗", "count:颗", 52, 52),
        ("60fps", "code:fps", 60, 60),
        ("續航１２小時", "time", 12 * HOUR_S, 12 * HOUR_S),
        ("两斤一大袋", "mass", 1000, 1000),
    ],
)
def test_value(text: str, dimension: str, low: float, high: float) -> None:
    quantity = next(q for q in find_quantities(text) if q.dimension == dimension)
    assert (quantity.low, quantity.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("text", "modifier"),
    [
        ("约30分钟", "about"),
        ("十来分钟", "some"),
        ("近200元", "under"),
        ("不到3元", "under"),
        ("一斤不到", "under"),
        ("超60小时", "over"),
        ("三十多小时", "over"),
        ("至少8小时", "least"),
        ("100元以内", "most"),
        ("8小时", ""),
        ("最高230度", ""),
    ],
)
def test_bounds(text: str, modifier: str) -> None:
    assert one(text).modifier == modifier


def test_a_bound_between_two_numbers_belongs_to_the_second() -> None:
    count, mass = find_quantities("一只不到半斤")
    assert (count.modifier, mass.modifier, mass.high) == ("", "under", 250)


@pytest.mark.parametrize(
    ("text", "sides_m"), [("85×85cm", [0.85, 0.85]), ("10/12cm", [0.1, 0.12]), ("45x18cm", [0.45, 0.18])]
)
def test_numbers_of_a_list_take_the_unit_of_the_last(text: str, sides_m: list[float]) -> None:
    assert [q.low for q in find_quantities(text)] == pytest.approx(sides_m)


@pytest.mark.parametrize(("text", "dimension"), [("2024年3月5日", "date"), ("8点半", "clock"), ("16:9", "ratio")])
def test_dates_clock_times_and_ratios_are_kept_apart(text: str, dimension: str) -> None:
    assert one(text).dimension == dimension


@pytest.mark.parametrize(
    "text", "三言两语 五颜六色 四季 千层 第三天 四分之一 六神 半路 十几 墨丘M2 K6两支 一起 星期三".split()
)
def test_idioms_ordinals_and_model_names_are_none(text: str) -> None:
    assert [q for q in find_quantities(text) if q.dimension != "number"] == []


def test_multiplied() -> None:
    text = "10g×12包"
    (total,) = multiplied(find_quantities(text), text)
    assert (total.dimension, total.high) == ("mass", 120)


@pytest.mark.parametrize(
    ("said", "known", "follows"),
    [
        ("1500ml", "1.5升", True),
        ("18-28斤", "9-14kg", True),
        ("约17厘米", "6.7英寸", True),
        ("17厘米", "6.7英寸", True),
        ("19厘米", "6.7英寸", False),
        ("两个月", "60天", True),
        ("三个月", "60天", False),
        ("超过30小时", "32小时", True),
        ("超过30小时", "28小时", False),
        ("不到3元", "2.9元", True),
        ("不到3元", "3.5元", False),
        ("近半斤", "238g", True),
        ("约40分钟", "38分钟", True),
        ("约40分钟", "30分钟", False),
        ("一百来克", "118g", True),
        ("一百来克", "130g", False),
        ("50分钟", "40-60分钟", True),
        ("70分钟", "40-60分钟", False),
        ("最高230度", "200度", False),
        ("40小时", "40个小时", True),
        ("六成", "60%", True),
        ("3升", "3公斤", False),
    ],
)
def test_what_follows_from_what(said: str, known: str, follows: bool) -> None:
    assert agrees(one(said), one(known)) is follows


@given(st.text())
def test_any_text_is_read_and_spans_slice_it(text: str) -> None:
    found = find_quantities(text)
    assert all(q.text == text[q.start : q.end] and q.low <= q.high for q in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@given(st.floats(0.1, 9999), st.sampled_from(["ml", "克", "小时", "cm", "元", "W", "颗"]))
def test_what_is_written_agrees_with_itself(value: float, unit: str) -> None:
    quantity = one(f"{value:.2f}{unit}")
    assert agrees(quantity, quantity)
