"""Finds quantities in Chinese selling text and compares them. Knows numbers and units, not products and not truth.

Both scripts and all ways to write a number: 1,500ml, 一升半, 四十小时, 9-14kg, 85×85cm, 三米六, 29块9, 不到3元.
"""

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from copygen.text import to_hans
from copygen.units import COUNTERS, LONG_COUNTERS, Unit, unit_of, units

MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity as written: text[start:end], from low to high in the base unit of its dimension."""

    low: float
    high: float
    dimension: str
    """length, time, money, …; count:瓶 for counters; code:k for marks that compare with themselves; number; date; clock."""
    unit: str
    start: int
    end: int
    text: str
    modifier: str = ""
    """'' exact, about, over (超、多), under (不到、近), least (至少、以上), most (至多、以内)."""
    precision: float = 0.0
    """Half a unit of the last digit written, in the base unit: 17厘米 stands for 16.5 to 17.5."""
    ranged: bool = False

    @property
    def is_count(self) -> bool:
        return self.dimension.startswith("count:")

    @property
    def value(self) -> float:
        return (self.low + self.high) / 2


# --- Numbers -----------------------------------------------------------------------------------------------------
_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3, "俩": 2, "仨": 3}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_CN = "零〇一二两三四五六七八九十百千万亿"
_ARABIC = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"


def parse_number(text: str) -> float | None:
    """Value of an Arabic or Chinese numeral (一千二, 三点五, 1.2万, 二〇二四, 半); None when it is none."""
    if text == "半":
        return 0.5
    if match := re.fullmatch(rf"({_ARABIC})([十百千万亿]*)", text):
        value = float(match[1].replace(",", ""))
        for scale in match[2]:
            value *= _SCALES[scale]
        return value
    whole, _, fraction = text.partition("点")
    if fraction:
        integer = parse_number(whole)
        digits = "".join(str(_DIGITS[c]) for c in fraction if c in _DIGITS)
        if integer is None or len(digits) != len(fraction):
            return None
        return integer + float(f"0.{digits}")
    if not whole or any(c not in _DIGITS and c not in _SCALES for c in whole):
        return None
    if all(c in _DIGITS for c in whole):
        return float("".join(str(_DIGITS[c]) for c in whole))
    total = section = digit = 0
    last_scale = 1
    for char in whole:
        if char in _DIGITS:
            digit = _DIGITS[char]
            if char in "零〇":
                last_scale = 10
            continue
        scale = _SCALES[char]
        if scale >= 10_000:
            total = (total + section + digit) * scale if total < scale else total + (section + digit) * scale
            section = 0
        else:
            section += (digit or 1) * scale
        digit, last_scale = 0, scale
    return float(total + section + digit * (last_scale // 10 if last_scale > 10 else 1))


# --- Reading -----------------------------------------------------------------------------------------------------
@lru_cache(maxsize=32768)
def _plain_char(char: str) -> str:
    if char in "〇㎡℃，。；！？":
        return char
    folded = unicodedata.normalize("NFKC", char) if char > "\x7f" else char
    folded = folded if len(folded) == 1 else char
    hans = to_hans(folded) if "\u3400" <= folded <= "\u9fff" else folded
    return hans if len(hans) == 1 else char


def plain(text: str) -> str:
    """Half width and Simplified script, character for character: offsets stay."""
    return "".join(map(_plain_char, text))


_BEFORE = {
    "about": "大约 大概 差不多 约莫 约 足足 足有 大致 ≈",
    "under": "将近 接近 不到 不足 少于 低于 小于 近 逼近 < ＜",
    "most": "不超过 不高于 不大于 不多于 至多 最多 最高 最大 最长 最远 最深 ≤ 上限 控制在 高达 长达 可达",
    "least": "不低于 不少于 不小于 至少 最少 最低 最小 起码 ≥ 低至",
    "over": "超过 超出 超 多于 高于 大于 逾 > ＞",
}
_AFTER = {
    "about": "左右 上下 前后", "over": "多 余 出头 有余", "least": "以上 及以上 起 +", "most": "以内 以下 之内 内 封顶",
    "under": "不到",
}
_IDIOM = re.compile(
    "一起一伏|一巴掌|一起|一口气|一口|一直|一样|一定|一点|一下|一些|一般|一边|一旦|一体|一同|一路|一身|一家人|一股|一律|一致|一头|一手|一把|一面|一层层|一步"
    "|一方|一番|一时|一味|一角|一脸|一心|一生|一世|一眼|一线|一色|一道|一向|一处|一来|一会|一半|一程|一行|一门心思"
    "|三言两语|三三两两|三五|[三两]下|五颜六色|五花八门|五花肉|四季|四面八方|八面|千[层张]|万[能家象物一]|百[搭变合褶货科]|(?<![\\d一二三四五六七八九])十[分足字全]"
    "|二[维手次元]|三[角脚明文餐思亚]|双十[一二]|六神|九宫|八[角宝卦]|七夕|九层塔|千[家丝]|半[夜天路身途点边空熟]|万里|百里"
    "|三天两头|半斤八两|千斤|四[肢周方]|两[口侧边头全用]子?|两三[口下句]|独一|统一|唯一|之一|万[水山]|九分|七分|五分裤|[三五七九]分袖"
    "|星期[一二三四五六日]|周[一二三四五六日](?![瓶个])|礼拜[一二三四五六]|第[一二三四五六七八九十百两\\d]+|初[一二三四五六七八九十]"
    "|十二时辰|二十四节气|三百六十|一千零一夜|一年四季|一日三餐|三口之家|百分百|一百分|三[顾伏九]天|数九|三七(?!分)|四六级"
    "|[一二三四五六七八九两]分[钟]?之[一二三四五六七八九]|小[时]候|三原色|双一"
)
_DATE = re.compile(
    r"(?:19|20)\d{2}\s*(?:年(?:度|款|份)?)?[-/.]?(?:\d{1,2}[-/.月](?:\d{1,2}[日号]?)?)?(?![\d.,]*(?:[A-Za-z%℃㎡]|毫|克|元|块|升|米|次|转|瓦|件))"
    rf"|[\d{_CN}]{{1,3}}月(?!龄)(?:[\d{_CN}]{{1,3}}[日号])?(?:[上中下]旬)?|[\d]{{1,2}}[日号](?!线|楼|色|店)|\d{{1,2}}\.\d{{1,2}}(?=大促|限时|活动|当天|狂欢|开)"
    rf"|[〇零一二两三四五六七八九]{{4}}年|[\d{_CN}]{{1,2}}[〇零]?后(?=[的女男妈爸])"
)
_CLOCK = re.compile(rf"(?:\d{{1,2}}|[{_CN}]{{1,3}})点(?:钟|半|整|多|[\d{_CN}]{{1,3}}分?|[一三]刻)?(?![{_CN}\d]*[%倍元块])|(?<!\d)\d{{1,2}}:[0-5]\d(?!\d)")
_RATIO = re.compile(r"(?<![\d.])\d+(?:\.\d+)?:\d+(?:\.\d+)?")


def _words(table: dict[str, str]) -> dict[str, str]:
    return {word: kind for kind, words in table.items() for word in words.split()}


_BEFORE_WORDS, _AFTER_WORDS = _words(_BEFORE), _words(_AFTER)


def _any(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    latin = [u for u in units() if u.isascii() or u[0] in "㎡℃°%％μΩm"]
    chinese = [u for u in units() if u not in latin] + list(LONG_COUNTERS) + sorted(COUNTERS)
    unit = rf"(?:{_any(latin)})(?![A-Za-z])|{_any(chinese)}"
    return re.compile(
        rf"(?P<before>(?:{_any(list(_BEFORE_WORDS))})[到至在有了为可是]?\s*)?"
        r"(?P<money>(?:NT|HK|US)?[$¥￥]\s?)?"
        rf"(?P<sign>(?<![\d%A-Za-z℃°])[-±]|零下)?"
        rf"(?:(?P<percent>百分之)(?P<of>[{_CN}]+(?:点[{_CN}]+)?)"
        rf"|(?P<number>(?:{_ARABIC})[十百千万亿]*|[一二三四五六七八九十半]+(?=两(?![{_CN}个只件层款种号]))|[{_CN}]+(?:点[零〇一二三四五六七八九]+)?|半)"
        rf"(?P<vague>[多来几余])?(?P<half>个半(?=小时|钟头|月))?(?:\s?(?P<unit>{unit}))?"
        rf"(?P<tail>半(?!价|夜|路|折|身)|(?<=[米块尺斤元])(?:[一二三四五六七八九]五?(?![十百千万亿点号])(?!\s?(?:{unit}))|\d{{1,2}}(?!\d*[.%]?\d*\s?(?:{unit}))))?)"
        rf"(?P<after>(?:{_any(list(_AFTER_WORDS))})(?!\d))?",
        re.IGNORECASE,
    )


_TAILED = frozenset(("米", "块", "尺", "斤", "元", "公尺"))
_LOOSE_MONEY = frozenset(("块", "毛", "角"))
_MONEY_AFTER = re.compile(r"\s*(?:$|[，。；！？,;!?、\s)）~～|｜…]|[钱多出起就一每/]|[\d一二三四五六七八九](?![十百]))")


def _is_money(match: re.Match[str], text: str) -> bool:
    """五块 is money at the end of a clause or before a smaller coin, and five pieces before a noun."""
    if match["unit"] == "角":
        return text.startswith("钱", match.end("unit"))
    small = (match["number"] or "") in ("一", "两", "半", "1", "2")
    after = text[match.end("unit") :]
    return bool(_MONEY_AFTER.match(after)) and not (small and not after.startswith("钱") and not match["tail"])


_HALVED = frozenset({"time", "mass", "length", "volume", "area", "multiple"})
_RANGE = re.compile(r"\s*(?:[-~～–—至到]|--)\s*")
_LIST = re.compile(r"\s*(?:[×xX*✕/、和与及或+]|加)\s*")
_TIMES = re.compile(r"\s*[×xX*✕]\s*")


def _mask(text: str) -> str:
    """The text with idioms and ordinals blanked out, offsets kept."""
    return _IDIOM.sub(lambda m: "\u2003" * len(m[0]), text)


def _consecutive(number: str) -> tuple[float, float] | None:
    """三四 (个小时) is three to four, 七八十 is seventy to eighty."""
    if match := re.fullmatch(r"([一二两三四五六七八九])([一二两三四五六七八九])([十百千万]*)", number):
        low, high = _DIGITS[match[1]], _DIGITS[match[2]]
        if high - low == 1:
            scale = math.prod(_SCALES[c] for c in match[3])
            return float(low * scale), float(high * scale)
    return None


def _step(number: str, value: float) -> float:
    """Half a unit of the last digit written."""
    if "." in number:
        return 0.5 * 10.0 ** -len(number.rsplit(".", 1)[1].rstrip("十百千万亿"))
    return 0.5 if value and value == int(value) else 0.05


def _read(match: re.Match[str], text: str) -> Quantity | None:
    number = match["of"] or match["number"]
    number_start = match.start("percent") if match["percent"] else match.start("number")
    unit = "%" if match["percent"] else (match["unit"] or "")
    glued = number_start > 0 and "a" <= text[number_start - 1].lower() <= "z"
    if glued and not unit.isascii():
        return None  # a model name before a word: E2升降桌, K6两支
    if text[number_start - 1 : number_start] in ("几", "数"):
        return None  # 几十页 is no number
    if unit in _LOOSE_MONEY and not _is_money(match, text):
        if unit != "块":
            return None
        known = Unit("count:块", 1.0)
    else:
        known = unit_of(unit) if unit else None
    if match["money"] and (not unit or unit in "元块"):
        unit = unit or "元"
        known = unit_of("元")
    start, end = match.start(), match.end("unit") if match["unit"] else match.end("of" if match["percent"] else "number")
    before = (match["before"] or "").strip()
    modifier = next((kind for word, kind in _BEFORE_WORDS.items() if before.startswith(word)), "") if before else ""
    if not unit or (unit in COUNTERS and unit in "两把路圈间"):
        if re.search(r"[A-Za-z][-.\s]?$", text[:number_start]) or re.match(r"[-]?[A-Za-z]", text[end : end + 2]):
            return None  # a model name: M2, IPX5, 18A
    value = parse_number(number)
    if value is None:
        return None
    low, high = _consecutive(number) or (value, value)
    ranged = high > low
    if ranged:
        modifier = modifier or "about"
    if match["half"]:
        low, high = low + 0.5, high + 0.5
    precision = _step(number, value)
    tail = match["tail"]
    if unit and tail and known:
        if tail == "半" and (known.dimension in _HALVED or known.dimension == "money"):
            low, high, end, precision = low + 0.5, high + 0.5, match.end("tail"), 0.25
        elif unit in _TAILED and tail != "半":
            digits = tail if tail.isdigit() else "".join(str(_DIGITS[c]) for c in tail)
            low = high = low + float(f"0.{digits}")
            end, precision = match.end("tail"), 0.05
    if end == (match.end("tail") if tail else match.end("unit") if unit else end) and match["after"]:
        modifier, end = modifier or _AFTER_WORDS[match["after"]], match.end("after")
    if match["vague"]:
        modifier = modifier or ("about" if match["vague"] == "来" else "over")
    if match["sign"] in ("-", "零下") and (not known or known.dimension == "degree"):
        low, high = -low, -high
    dimension, factor = (known.dimension, known.factor) if known else ("number", 1.0)
    return Quantity(
        min(low, high) * factor, max(low, high) * factor, dimension, unit, start, end, text[start:end],
        modifier, precision * factor, ranged,
    )  # fmt: skip


def _with_unit(bare: Quantity, other: Quantity) -> Quantity:
    known = unit_of(other.unit)
    factor = known.factor if known else 1.0
    return replace(
        bare, low=bare.low * factor, high=bare.high * factor, precision=bare.precision * factor,
        dimension=other.dimension, unit=other.unit,
    )  # fmt: skip


def find_quantities(text: str) -> list[Quantity]:
    """All quantities of the text in order, spans into the text as given; never raises."""
    folded = _mask(plain(text))
    found = [
        Quantity(0.0, 0.0, kind, "", m.start(), m.end(), text[m.start() : m.end()])
        for kind, pattern in (("date", _DATE), ("clock", _CLOCK), ("ratio", _RATIO))
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


def _joined(found: list[Quantity], folded: str, text: str) -> list[Quantity]:
    """Ranges made one quantity; bare numbers of a list given the unit of the next (85×85cm, 10/12cm)."""
    result: list[Quantity] = []
    for quantity in reversed(found):
        following = result[-1] if result else None
        if following and quantity.start < following.start:
            gap = folded[quantity.end : following.start]
            bare = quantity.dimension == "number"
            if _RANGE.fullmatch(gap) and (bare or quantity.dimension == following.dimension) and following.unit:
                low = _with_unit(quantity, following) if bare else quantity
                if low.low <= following.high:
                    result[-1] = replace(
                        following, low=low.low, high=following.high, start=low.start, text=text[low.start : following.end],
                        modifier=low.modifier or following.modifier, ranged=True,
                    )  # fmt: skip
                    continue
            if bare and following.unit and _LIST.fullmatch(gap):
                quantity = _with_unit(quantity, following)
            elif bare and _RANGE.fullmatch(gap) and following.dimension == "number":
                result[-1] = replace(following, low=quantity.low, start=quantity.start, text=text[quantity.start : following.end], ranged=True)
                continue
        result.append(quantity)
    # A Chinese numeral without a unit of its own or its neighbour's is a word, not a quantity.
    return [q for q in result[::-1] if q.dimension != "number" or q.text[-1:].isdigit()]


def multiplied(quantities: list[Quantity], text: str) -> list[Quantity]:
    """What the multiplications in the text come to: 10g×12包 is 120 g, 4次×3小时 is 12 hours."""
    totals = []
    for left, right in pairwise(quantities):
        if _TIMES.fullmatch(text[left.end : right.start]) and (left.is_count != right.is_count or right.dimension == "number"):
            totals.append(times(left, right))
    return totals


def times(left: Quantity, right: Quantity) -> Quantity:
    """A count times a measure (or two counts): the measure, that many times."""
    count, measure = (left, right) if left.is_count and right.dimension != "number" else (right, left)
    return replace(
        measure, low=measure.low * count.low, high=measure.high * count.high, start=left.start, end=right.end,
        text=f"{left.text}×{right.text}", precision=measure.precision,
    )  # fmt: skip


# --- Comparing ---------------------------------------------------------------------------------------------------
def agrees(said: Quantity, known: Quantity, *, tolerance: float = 0.02) -> bool:
    """Whether what is said follows from what is known; both of one dimension.

    A bound is taken at its word (超过30 follows from 32, not from 28), 约 within an eighth, and an exact figure within
    the rounding of its last digit or `tolerance` of the value.
    """
    if said.dimension != known.dimension and not (said.is_count and known.is_count):
        return False
    slack = max(abs(said.high), abs(known.high)) * tolerance + 1e-9
    if said.ranged and known.ranged:
        return known.low - slack <= said.low and said.high <= known.high + slack
    if said.ranged:
        return said.low - slack <= known.low and known.high <= said.high + slack
    value = said.high
    for edge in (known.low, known.high):
        if abs(value - edge) <= slack:
            return True
        if said.modifier in ("over", "least") and value - slack <= edge <= value * 1.6:
            return True
        if said.modifier in ("under", "most") and value * 0.7 <= edge <= value + slack:
            return True
        if said.modifier == "about" or known.modifier == "about":
            if abs(value - edge) <= max(abs(edge) * 0.125, slack):
                return True
        elif said.unit != known.unit and abs(value - edge) <= min(said.precision, abs(edge) * 0.05):
            return True
    return known.ranged and known.low - slack <= value <= known.high + slack
