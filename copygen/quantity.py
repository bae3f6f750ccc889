"""Finds quantities in Chinese selling text and compares them. Knows numbers and units, not products and not truth.

Both scripts and all ways to write a number: 1,500ml, 一升半, 四十小时, 9-14kg, 85×85cm, 三米六, 29块9, 不到3元.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from copygen.numerals import (
    ARABIC,
    CLOCK,
    CN_NUMERALS,
    DATE,
    IDIOM,
    RATIO,
    consecutive,
    digits_after_point,
    parse_number,
    plain,
)
from copygen.units import COUNTERS, LONG_COUNTERS, Unit, unit_of, units


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity as written: text[start:end], from low to high in the base unit of its dimension."""

    low: float
    high: float
    dimension: str
    """length, time, money, …; count:瓶 for counters; code:k for marks comparing with themselves; number; date; clock;
    ratio."""
    unit: str
    start: int
    end: int
    text: str
    modifier: str = ""
    """'' exact, about, some (来), over (超、多), under (不到、近), least (至少、以上), most (至多、以内)."""
    precision: float = 0.0
    """Half a unit of the last digit written, in the base unit: 17厘米 stands for 16.5 to 17.5."""
    ranged: bool = False

    @property
    def is_count(self) -> bool:
        return self.dimension.startswith("count:")

    @property
    def value(self) -> float:
        return (self.low + self.high) / 2


_BEFORE = {
    "about": "大约 大概 差不多 约莫 约 足足 足有 大致 ≈",
    "under": "将近 接近 不到 不足 少于 低于 小于 近 逼近 <",
    "most": "不超过 不高于 不大于 不多于 至多 ≤ 控制在",
    "least": "不低于 不少于 不小于 至少 起码 ≥",
    "over": "超过 超出 超 多于 高于 大于 逾 >",
}
_AFTER = {
    "about": "左右 上下 前后 来重 来高 来长 来宽",
    "over": "多 余 出头 有余",
    "least": "以上 及以上 起 +",
    "most": "以内 以下 之内 内 封顶",
    "under": "不到 有找",
}
_BEFORE_WORDS = {word: kind for kind, words in _BEFORE.items() for word in words.split()}
_AFTER_WORDS = {word: kind for kind, words in _AFTER.items() for word in words.split()}


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    latin = [u for u in units() if u.isascii() or u[0] in "㎡℃°%％μΩm"]
    chinese = [*(u for u in units() if u not in latin), *LONG_COUNTERS, *COUNTERS]
    unit = rf"(?:{_any(latin)})(?![A-Za-z])|{_any(chinese)}"
    liang = rf"[一二三四五六七八九十半]+(?=两(?![{CN_NUMERALS}个只件层款种号]))"  # 二两: the last 两 is the unit
    return re.compile(
        rf"(?P<before>(?:{_any(_BEFORE_WORDS)})[到至在有了为可是]?\s*)?"
        r"(?P<money>(?:NT|HK|US)?[$¥￥]\s?)?"
        r"(?P<sign>(?<![\d%A-Za-z℃°])[-±]|零下)?"
        rf"(?:(?P<percent>百分之)(?P<of>[{CN_NUMERALS}]+(?:点[{CN_NUMERALS}]+)?)"
        rf"|(?P<number>(?:{ARABIC})[十百千万亿]*|{liang}|[{CN_NUMERALS}]+(?:点[零〇一二三四五六七八九]+)?|半)"
        rf"(?P<vague>[多来几余整])?(?P<half>个半(?=小时|钟头|月))?(?:\s?(?P<unit>{unit}))?"
        r"(?P<tail>半(?!价|夜|路|折|身)"
        rf"|(?<=[米块尺斤元])[一二三四五六七八九]五?(?![十百千万亿点号])(?!\s?[大小整满]?(?:{unit}))"
        rf"|(?<=[米块元])\d{{1,2}}(?![\d.%]|\s?(?:{unit})))?)"
        rf"(?P<after>(?:{_any(_AFTER_WORDS)})(?!\d)(?<!不到(?=[{CN_NUMERALS}半])))?",
        re.IGNORECASE,
    )


_NUMERAL = re.compile(rf"[\d{CN_NUMERALS}半]")
_LOOSE_MONEY = frozenset(("块", "毛", "角"))
_MONEY_AFTER = re.compile(
    r"\s*(?:$|[，。；！？,;!?、\s)）~～|｜…]|有找|[钱多出起就一每/]|[\d一二三四五六七八九](?![十百]))"
)
_TAILED = frozenset(("米", "块", "尺", "斤", "元", "公尺"))
_HALVED = frozenset(("time", "mass", "length", "volume", "area", "multiple", "money"))
_MODEL_BEFORE = re.compile(r"[A-Za-z][-.\s]?$")
_MODEL_AFTER = re.compile(r"-?(?![xX]\d)[A-Za-z]")
_RANGE = re.compile(r"\s*(?:[-~～–—至到]|--)\s*")
_LIST = re.compile(r"\s*(?:[×xX*✕/、和与及或+]|加)\s*")


def find_quantities(text: str) -> list[Quantity]:
    """All quantities of the text in order, spans into the text as given; never raises."""
    if not _NUMERAL.search(folded := plain(text)):
        return []
    folded = IDIOM.sub(lambda m: "\u2003" * len(m[0]), folded)
    found = [
        Quantity(0.0, 0.0, kind, "", m.start(), m.end(), text[m.start() : m.end()])
        for kind, pattern in (("date", DATE), ("clock", CLOCK), ("ratio", RATIO))
        for m in pattern.finditer(folded)
    ]
    taken = [(q.start, q.end) for q in found]
    for match in _pattern().finditer(folded):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        if quantity := _read(match, folded):
            found.append(replace(quantity, text=text[quantity.start : quantity.end]))
    found.sort(key=lambda q: q.start)
    return _joined(found, folded, text)


def _read(match: re.Match[str], text: str) -> Quantity | None:
    number = match["of"] or match["number"]
    number_start = match.start("percent" if match["percent"] else "number")
    unit, known = _unit(match, text)
    value = parse_number(number)
    if value is None or _is_no_number(match, text, number_start, unit) or (known is None and unit):
        return None
    low, high = consecutive(number) or (value, value)
    ranged = high > low
    modifier = _modifier(match) or ("about" if ranged else "")
    if match["half"]:
        low, high = low + 0.5, high + 0.5
    end = match.end("unit") if match["unit"] else match.end("of" if match["percent"] else "number")
    precision = _half_step(number, value)
    tail = match["tail"]
    if known and tail == "半" and (known.dimension in _HALVED or unit == "成"):
        low, high, end, precision = low + 0.5, high + 0.5, match.end("tail"), 0.25
    elif known and tail and tail != "半" and unit in _TAILED:
        low = high = low + digits_after_point(tail)
        end, precision = match.end("tail"), 0.05
    if match["after"] and end == match.start("after"):
        end = match.end("after")
    if match["sign"] in ("-", "零下") and (not known or known.dimension == "degree"):
        low, high = -low, -high
    dimension, factor = (known.dimension, known.factor) if known else ("number", 1.0)
    low, high = sorted((low * factor, high * factor))
    return Quantity(
        low, high, dimension, unit, match.start(), end, text[match.start() : end], modifier, precision * factor, ranged
    )


def _unit(match: re.Match[str], text: str) -> tuple[str, Unit | None]:
    """Unit as written and what it means; ('块', None) when it is no unit here."""
    unit = "%" if match["percent"] else (match["unit"] or "")
    if unit == "把" and (parse_number(match["of"] or match["number"]) or 0) >= 100:  # 1680把冬天铺满
        return "", None
    if match["money"] and unit in ("", "元", "块"):
        return unit or "元", unit_of("元")
    if unit in _LOOSE_MONEY and not _is_money(match, text):
        return unit, Unit("count:块", 1.0) if unit == "块" else None
    return unit, unit_of(unit) if unit else None


def _is_money(match: re.Match[str], text: str) -> bool:
    """五块 is money at the end of a clause or before a smaller coin, and five pieces before a noun."""
    after = text[match.end("unit") : match.end("unit") + 4]
    if match["unit"] == "角" or (match["number"] in ("一", "两", "半", "1", "2") and not match["tail"]):
        return after.startswith("钱")
    return bool(_MONEY_AFTER.match(after))


def _is_no_number(match: re.Match[str], text: str, number_start: int, unit: str) -> bool:
    """Model names (M2, K6两支, 18A) and 几十页."""
    before = text[max(0, number_start - 2) : number_start]
    if before.endswith(("几", "数")):
        return True
    if before[-1:].isascii() and before[-1:].isalpha() and not unit.isascii():
        return True
    if unit and unit not in ("两", "把", "路", "圈", "间"):
        return False
    end = match.end("unit") if match["unit"] else match.end("number")
    return bool(_MODEL_BEFORE.search(before) or _MODEL_AFTER.match(text, end))


def _modifier(match: re.Match[str]) -> str:
    before = (match["before"] or "").strip()
    if before:
        return next((kind for word, kind in _BEFORE_WORDS.items() if before.startswith(word)), "")
    if match["after"] and match.start("after") == match.end("tail" if match["tail"] else "unit"):
        return _AFTER_WORDS[match["after"]]
    return {"来": "some", "整": "", None: ""}.get(match["vague"], "over")


def _half_step(number: str, value: float) -> float:
    """Half a unit of the last digit written."""
    if "." in number:
        return 0.5 * 10.0 ** -len(number.rsplit(".", 1)[1].rstrip("十百千万亿"))
    return 0.5 if value and value == int(value) else 0.05


def _joined(found: list[Quantity], folded: str, text: str) -> list[Quantity]:
    """Ranges made one quantity; bare numbers of a list given the unit of the next (85×85cm, 10/12cm)."""
    result: list[Quantity] = []
    for quantity in reversed(found):
        following = result[-1] if result else None
        if following and _is_continued(quantity, following):
            total = following.low + quantity.low
            whole, end = text[quantity.start : following.end], following.end
            result[-1] = replace(following, low=total, high=total, start=quantity.start, end=end, text=whole)
            continue
        if following and quantity.dimension in ("number", following.dimension):
            gap = folded[quantity.end : following.start]
            taking = quantity.dimension == "number" and bool(following.unit)
            low = _with_unit_of(quantity, following) if taking else quantity
            if _RANGE.fullmatch(gap) and low.low <= following.high and low.unit == (following.unit or low.unit):
                result[-1] = replace(
                    low,
                    high=following.high,
                    end=following.end,
                    text=text[low.start : following.end],
                    modifier=low.modifier or following.modifier,
                    ranged=True,
                )
                continue
            if taking and _LIST.fullmatch(gap):
                quantity = low
        result.append(quantity)
    # A Chinese numeral without a unit of its own or its neighbour's is a word, not a quantity.
    return [q for q in reversed(result) if q.dimension != "number" or q.text[-1:].isdigit()]


def _is_continued(quantity: Quantity, following: Quantity) -> bool:
    """一斤六两, 2小时30分钟: the second goes on in a smaller unit."""
    return (
        quantity.end == following.start
        and quantity.dimension == following.dimension in ("mass", "time", "length")
        and not (quantity.ranged or following.ranged or following.modifier)
        and 0 < following.high < quantity.low
    )


def _with_unit_of(bare: Quantity, other: Quantity) -> Quantity:
    known = unit_of(other.unit)
    factor = known.factor if known else 1.0
    return replace(
        bare,
        low=bare.low * factor,
        high=bare.high * factor,
        precision=bare.precision * factor,
        dimension=other.dimension,
        unit=other.unit,
    )


_SAME_UNIT, _OTHER_UNIT = 0.002, 0.02
"""How far off, as a share of the value, an exact figure may be: 17.02 said as 17; 60 days said as two months."""
_REACH = {"over": (1.0, 1.6), "least": (1.0, 1.6), "under": (0.7, 1.0), "most": (0.7, 1.0), "some": (0.875, 1.2)}
"""How far from a bound, as shares of it, a value may be and still be told by it."""
_CONVERTED = frozenset("length mass volume area time power charge energy data pressure speed".split())


def agrees(said: Quantity, known: Quantity) -> bool:
    """Whether what is said follows from what is known; both of one dimension.

    A bound is taken at its word (超过30 follows from 32, not from 28), 约 within an eighth, and an exact figure within
    the rounding of its last digit, and of the conversion where the units differ.
    """
    if said.dimension != known.dimension and not (said.is_count and known.is_count):
        return False
    converted = said.unit != known.unit and said.dimension in _CONVERTED
    slack = max(abs(said.high), abs(known.high)) * (_OTHER_UNIT if converted else _SAME_UNIT) + 1e-9
    if said.ranged and known.ranged:
        return known.low - slack <= said.low and said.high <= known.high + slack
    if said.ranged:
        return said.low - slack <= known.low and known.high <= said.high + slack
    value = said.high
    for edge in (known.low, known.high):
        least, most = _REACH.get(said.modifier, (1.0, 1.0))
        if value * least - slack <= edge <= value * most + slack:
            return True
        if said.modifier == "about" or known.modifier == "about":
            if abs(value - edge) <= max(abs(edge) * 0.125, slack):
                return True
        elif converted and abs(value - edge) <= min(said.precision, abs(edge) * 0.05):
            return True
    return known.ranged and known.low - slack <= value <= known.high + slack
