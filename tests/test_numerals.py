"""Numerals as Chinese selling copy writes them, and words that hold a numeral and count nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copygen.given import number_set
from copygen.numerals import CLOCK, DATE, IDIOM, consecutive, parse_number, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("一千二", 1200),
        ("一千零二", 1002),
        ("三万五", 35_000),
        ("二百五十六", 256),
        ("一百六", 160),
        ("十二", 12),
        ("二十", 20),
        ("三点五", 3.5),
        ("二点八五", 2.85),
        ("零点五", 0.5),
        ("二〇二四", 2024),
        ("一三八", 138),
        ("半", 0.5),
        ("两", 2),
        ("两千", 2000),
        ("五千万", 50_000_000),
        ("一亿二千万", 120_000_000),
        ("1.2万", 12_000),
        ("1,500", 1500),
        ("12,345.6", 12_345.6),
        ("0.25", 0.25),
    ],
)
def test_parse_number(text: str, value: float) -> None:
    assert parse_number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "点", "三点", "点五", "三点十", "好", "1,50", "一瓶", "半天", "-3", "1" * 400, "亿" * 99]
)
def test_what_is_no_numeral_is_none(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "span"),
    [("三四", (3, 4)), ("七八十", (70, 80)), ("两三百", (200, 300)), ("三五", None), ("四三", None), ("三", None)],
)
def test_consecutive_digits_are_a_range(text: str, span: tuple[float, float] | None) -> None:
    assert consecutive(text) == span


_DIGITS = "零一二三四五六七八九"


def _spoken(number: int) -> str:
    """The number below ten thousand as a careful writer spells it: 1005 is 一千零五."""
    text, gap = "", False
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, scale)
        if digit:
            text += ("零" if gap and text else "") + _DIGITS[digit] + name
        gap = not digit
    return text or "零"


@given(st.integers(0, 9999))
def test_every_spelled_number_reads_back(number: int) -> None:
    assert parse_number(_spoken(number)) == number


@given(st.integers(0, 10**9))
def test_every_arabic_number_reads_back_with_and_without_commas(number: int) -> None:
    assert parse_number(str(number)) == number == parse_number(f"{number:,}")


@given(st.text())
def test_plain_keeps_offsets_and_is_idempotent(text: str) -> None:
    assert len(plain(text)) == len(text)
    assert plain(plain(text)) == plain(text)


def test_plain_folds_script_and_width() -> None:
    assert plain("續航１２小時，充電１０分鐘") == "续航12小时，充电10分钟"


@pytest.mark.parametrize(
    "word", "一起 五颜六色 三言两语 四季 千层 一口气 半路 第三 星期二 独一 一年四季 九分裤 八角".split()
)
def test_idioms_are_known_as_such(word: str) -> None:
    assert IDIOM.search(word)


@pytest.mark.parametrize("text", ["2024年3月5日", "3月8日", "十一月", "2023年", "二〇二三年", "15号"])
def test_dates(text: str) -> None:
    match = DATE.search(text)
    assert match is not None and match[0] == text


@pytest.mark.parametrize("text", ["8点", "晚上8点半", "20:30", "七点一刻", "十点钟"])
def test_clock_times(text: str) -> None:
    assert CLOCK.search(text)


@pytest.mark.parametrize("text", ["2000毫安", "2000元", "三点五倍", "1.8元"])
def test_measures_are_neither_dates_nor_clock_times(text: str) -> None:
    assert not DATE.search(text) and not CLOCK.search(text)


def test_numbers_a_merchant_gave_are_one_set_however_written() -> None:
    assert number_set("买1200送十二 1.50 一千二百") == {"1200", "12", "1.5"}
    assert number_set("一年四季") == {"4"}  # 一 alone is a word more often than a number
