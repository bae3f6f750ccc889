"""Numbers as Chinese text writes them, and what looks like a number and is none: idioms, ordinals, dates, clock times.

Knows no units' sizes and no products.
"""

import math
import re
import unicodedata
from functools import lru_cache

from copygen.text import to_hans

CN_NUMERALS = "零〇一二两三四五六七八九十百千万亿"
ARABIC = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"

_LONGEST = 24
"""Characters of the longest numeral; anything longer is noise and might overflow."""

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_ARABIC_NUMBER = re.compile(rf"({ARABIC})([十百千万亿]*)")
_CONSECUTIVE = re.compile(r"([一二两三四五六七八九])([一二两三四五六七八九])([十百千万]*)")


def parse_number(text: str) -> float | None:
    """Value of an Arabic or Chinese numeral (一千二, 三点五, 1.2万, 二〇二四, 半); None when it is none."""
    if len(text) > _LONGEST:
        return None
    if text == "半":
        return 0.5
    if match := _ARABIC_NUMBER.fullmatch(text):
        return float(match[1].replace(",", "")) * math.prod(_SCALES[scale] for scale in match[2])
    whole, point, fraction = text.partition("点")
    if point:
        integer = parse_number(whole)
        if integer is None or not fraction or any(c not in _DIGITS for c in fraction):
            return None
        return integer + digits_after_point(fraction)
    if not whole or any(c not in _DIGITS and c not in _SCALES for c in whole):
        return None
    if all(c in _DIGITS for c in whole):
        return float("".join(str(_DIGITS[c]) for c in whole))
    return float(_positional(whole))


def _positional(whole: str) -> int:
    total = section = digit = 0
    last_scale = 1
    for char in whole:
        if char in _DIGITS:
            digit = _DIGITS[char]
            last_scale = 10 if digit == 0 else last_scale
            continue
        scale = _SCALES[char]
        if scale >= 10_000:
            # 亿 multiplies all before it (一万亿), 万 only what stands after 亿 (一亿二千万).
            group = section + digit if scale == 10_000 else total + section + digit
            total, section = group * scale + (total if scale == 10_000 else 0), 0
        else:
            section += (digit or 1) * scale
        digit, last_scale = 0, scale
    # 一千二 is 1200: a last digit without a scale stands one place below the last scale.
    return total + section + digit * (last_scale // 10 if last_scale > 10 else 1)


def digits_after_point(digits: str) -> float:
    """六 or 85 as what stands after the point: 0.6, 0.85."""
    return float("0." + "".join(c if c.isdigit() and c.isascii() else str(_DIGITS[c]) for c in digits))


def consecutive(number: str) -> tuple[float, float] | None:
    """三四 (个小时) is three to four, 七八十 is seventy to eighty."""
    match = _CONSECUTIVE.fullmatch(number)
    if not match or _DIGITS[match[2]] - _DIGITS[match[1]] != 1:
        return None
    scale = math.prod(_SCALES[c] for c in match[3])
    return float(_DIGITS[match[1]] * scale), float(_DIGITS[match[2]] * scale)


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


IDIOM = re.compile(
    "一起一伏|一巴掌|一起|一口气|一口|一直|一样|一定|一点|一下|一些|一般|一边|一旦|一体|一同|一路|一身|一家人|一股|一律|一致"
    "|一头|一手|一把|一面|一层层|一步|一方|一番|一时|一味|一角|一脸|一心|一生|一世|一眼|一线|一色|一道|一向|一处|一来|一会"
    "|一半|一程|一行|三言两语|三三两两|三五|[三两]下|五颜六色|五花八门|五花肉|四季|四面八方|八面|千[层张]|万[能家象物一]"
    "|百[搭变合褶货科]|(?<![\\d一二三四五六七八九])十(?:分(?![钟之])|[足字全])|二[维手次元]|三[角脚明文餐思亚]|双十[一二]"
    "|六神|九宫|八[角宝卦]|七夕|九层塔|千[家丝]|半[夜天路身途点边空熟]|万里|百里|三天两头|半斤八两|千斤|四[肢周方]"
    "|两[口侧边头全用]子?|两三[口下句]|独一|统一|唯一|之一|万[水山]|九分|七分|五分裤|[三五七九]分袖|星期[一二三四五六日]"
    "|周[一二三四五六日](?![瓶个])|礼拜[一二三四五六]|第[一二三四五六七八九十百两\\d]+|初[一二三四五六七八九十]|二十四节气"
    "|一千零一夜|一年四季|一日三餐|三口之家|百分百|一百分|三[顾伏九]天|数九|三七(?!分)|四六级"
    "|[一二三四五六七八九两]分[钟]?之[一二三四五六七八九]|三原色|双一"
)
"""Words with a numeral in them that count nothing."""

_CN = f"[\\d{CN_NUMERALS}]"
DATE = re.compile(
    r"(?:19|20)\d{2}\s*(?:年(?:度|款|份)?)?[-/.]?(?:\d{1,2}[-/.月](?:\d{1,2}[日号]?)?)?"
    r"(?![\d.,]*(?:[A-Za-z%℃㎡]|毫|克|元|块|升|米|次|转|瓦|件))"
    rf"|{_CN}{{1,3}}月(?!龄)(?:{_CN}{{1,3}}[日号])?(?:[上中下]旬)?|\d{{1,2}}[日号](?!线|楼|色|店)"
    r"|\d{1,2}\.\d{1,2}(?=大促|限时|活动|当天|狂欢|开)|[〇零一二两三四五六七八九]{4}年"
)
CLOCK = re.compile(
    rf"(?:\d{{1,2}}|[{CN_NUMERALS}]{{1,3}})点(?:钟|半|整|多|{_CN}{{1,3}}分?|[一三]刻)?(?!{_CN}*[%倍元块])"
    r"|(?<!\d)\d{1,2}:[0-5]\d(?!\d)"
)
RATIO = re.compile(r"(?<![\d.])\d+(?:\.\d+)?:\d+(?:\.\d+)?")
