"""Names and values in the text of a product page: parameter lines in every shape shops write them. Knows no product.

A pair is taken when its name is known from our corpus, or when it stands among other pairs and reads like a value
rather than a sentence. What shops say of delivery, stock, campaigns and service is left out.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from serving.web.ideas import attribute_names

MAX_KEY_CHARS = 10
MAX_VALUE_CHARS = 80
MAX_GUESSED_CHARS = 40
"""A value of an unknown name longer than this is a sentence."""
_BULLET = re.compile(r"^(?:[\s•·●○■□◆◇★☆▲△▶►✅✔✓※➤→\-–—*#🔥👉]+|\d{1,2}[、.．)）](?!\d)\s*|[①-⑩]\s*)+")
_BRACKETED = re.compile(r"^【([^】]{1,10})】\s*[:：]?\s*(\S.*)$")
_MARKED = re.compile(r"^([^：:=＝]{1,24}?)\s*[：:=＝]\s*(\S.*)$")
_SPACED = re.compile(r"^(\S{1,12})(?:\t+| {2,}|　+)\s*(\S.*)$")
_LOOSE = re.compile(r"^(\S{1,8})\s+(\S.*)$")
_PROSE = re.compile(r"^(.{2,6}?)(?:是|为|有|约|只有|达到?|：)*(?=[\d约])(.+)$")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"\s*\(?\b[A-Za-z][A-Za-z .]*\)?\s*$")
_SPREAD = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")
_NOT_TOLD = re.compile(
    r"货号|编[号码]|条形?码|许可|备案|执行标准|批号|库存|销量|月销|月成交|已售|成交|收藏|评[价论分]|好评|快递|物流|配送(?!频)|发货|运费|包邮|退[换货款]"
    r"|换货|售后|客服|服务|支持|促销|优惠|活动|满减|[券劵]|定金|预售|增值|数量|上市|毛重|清单|包装内|盒子里|提示|注意|^注|贴士|^[问答]|说明$|指南"
    r"|图片|主图|仓|公告|备注|电话|链接|序号|原价|标价|吊牌|会员|评|试穿|反馈|顾客|买家|车友|企业|厂家|生产商|搭配购|为什么|建议$|导出|库|退货率"
    r"|首页|价格|价|已选|发票|正品|安装(?!方式)|包装尺寸|限用日期|看了又看|店铺|http|首次"
)
_SENTENCE = re.compile(r"[。！？!?～~]|我|你|您|咱|吗|呢|请|可以|不用|建议")
_SUFFIX = re.compile(
    r"(?:材质|材料|面料|里料|颜色|色号|尺寸|尺码|规格|重量|净重|自重|容量|功率|电压|产地|等级|工艺|风格|款式|版型|厚度|长度|高度|宽度|直径|时间|时长"
    r"|方式|方法|范围|成分|含量|净含量|保质期|口味|香型|肤质|年龄|人群|场景|季节|接口|认证|型号|续航|防水|质保|包装|温度|频率|等级|承重|面积|层高)$"
)
_OTHER_NAMES = {"颜色分类": "颜色", "商品产地": "产地", "产品尺寸": "产品尺寸", "产品颜色": "颜色", "商品材质": "材质"}


@dataclass(frozen=True, slots=True)
class Pair:
    """One name and value as the page has them."""

    name: str
    value: str
    sure: bool
    """False: read out of running text, or of a name we do not know."""


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return attribute_names()


def is_known(name: str) -> bool:
    return name in _known() or bool(_SUFFIX.search(name))


def is_left_out(name: str) -> bool:
    """Whether a name speaks of delivery, stock, campaigns, service or records."""
    return bool(_NOT_TOLD.search(name))


def clean_line(line: str) -> str:
    """A line without what sets it off."""
    return _BULLET.sub("", line.strip().strip("—-=_ ")).strip()


def clean_name(name: str) -> str:
    """'价 格' -> 价格, '功率 Power' -> 功率, '【材质】' -> 材质."""
    name = _SPREAD.sub("", name.strip(" 【】[]()（）\"'*·"))
    if _HAN.search(name):
        name = _LATIN_WORD.sub("", name)
    name = unicodedata.normalize("NFKC", name).strip()
    return _OTHER_NAMES.get(name, name)


def split_line(line: str) -> tuple[str, str] | None:
    """(name, value) of a line that is a pair by its marks; the name is cleaned, the value is not."""
    line = clean_line(line)
    for pattern in (_BRACKETED, _MARKED, _SPACED):
        if match := pattern.match(line):
            name, value = clean_name(match[1]), match[2].strip()
            if pattern is _SPACED and not (is_known(name) or len(name) <= 6):
                continue
            if 1 <= len(name) <= MAX_KEY_CHARS and value and not re.search(r"[，,。！？\d]{2}|[，。！？]", name):
                return name, value
    if match := _LOOSE.match(line):
        name = clean_name(match[1])
        if is_known(name):
            return name, match[2].strip()
    return None


def parts(line: str) -> list[str]:
    """The pairs of a line that holds several set apart by bars."""
    cut = [part for part in re.split(r"\s*[|｜]\s*", line) if part.strip()]
    marked = sum(bool(_MARKED.match(clean_line(part))) for part in cut)
    return cut if len(cut) >= 2 and marked >= 2 else [line]


def find_pairs(lines: list[str]) -> Iterator[Pair]:
    """Every pair worth telling, in the order of the page."""
    pieces = [part for line in lines for part in parts(line)]
    found = [split_line(piece) for piece in pieces]
    for at, (piece, pair) in enumerate(zip(pieces, found, strict=True)):
        if pair is not None and (accepted := _accepted(pair, found, at)) is not None:
            yield accepted
        elif pair is None or len(pair[1]) > MAX_GUESSED_CHARS:
            yield from _in_prose(piece)


def _accepted(pair: tuple[str, str], found: list[tuple[str, str] | None], at: int) -> Pair | None:
    name, value = pair[0], pair[1].strip().rstrip("。；;,，")
    if is_left_out(name) or not value:
        return None
    if is_known(name) and len(value) <= MAX_VALUE_CHARS:
        return Pair(name, value, sure=True)
    beside = [other for other in found[max(0, at - 1) : at] + found[at + 1 : at + 2] if other is not None]
    among = any(is_known(other[0]) or len(other[1]) <= MAX_GUESSED_CHARS for other in beside)
    plain = _HAN.search(name) and len(value) <= MAX_GUESSED_CHARS and not _SENTENCE.search(value)
    # '小红薯：换季脸不紧了' is a buyer, '闭合方式：套脚' a property: buyers speak in clauses.
    short = len(name) <= 8 and ("，" not in value or len(value) <= 12)
    if among and short and (plain or (name.isascii() and value.isascii())):
        return Pair(name, value, sure=False)
    return None


def _in_prose(text: str) -> Iterator[Pair]:
    """Pairs of known names in running text: '重量只有180克，…', '颜色有五个：燕麦、雾灰'."""
    for sentence in re.split(r"[。；;！？!?\n]", text):
        if (pair := split_line(sentence)) and pair[0] in _known() and not is_left_out(pair[0]):
            if len(pair[1]) <= MAX_VALUE_CHARS and not re.search(r"我|你|您|吗", pair[1]):
                yield Pair(pair[0], pair[1].strip(), sure=False)
            continue
        for clause in re.split(r"[，,]", sentence):
            if (match := _PROSE.match(clean_line(clause))) and match[1] in _known() and not is_left_out(match[1]):
                value = match[2].strip()
                if len(value) <= 20 and not re.search(r"我|你|您|吗|就|左右", value):
                    yield Pair(match[1], value, sure=False)
