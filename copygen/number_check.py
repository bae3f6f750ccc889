"""Judges one quantity of a copy: does the brief say so, say otherwise, or say nothing. Knows no features and no law."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

from copygen.claims import Claim, Claims
from copygen.quantity import Quantity, agrees

# A scene is told in these; what a product does in a given time is a claim.
_EFFECT = re.compile(
    r"不|没|无|免|仍|还|依旧|依然|就|即|只[要需用]|仅|可达|长达|久|持|续航|待机|充|保[温冷鲜湿暖]|锁|速|快|热|干|凉|熟|软|早|提前|见效|变"
    r"|褪|掉|脱|坏|撑|顶|质保|保修|包换|退|发货|送达|必达|上门|省|瘦|白|淡|恢复|修复|亮|稳|耐|寿命|使用|一[次换]"
)
_SCENE_BEFORE = re.compile(r"(?:[头前那这每上下去今明同隔近过]|之前|以前|从前|花了?|用了|等了|走了|跑了|盖了|穿了|住了|陪了.?|了)$")
_SCENE_AFTER = re.compile(r"^(?:前|的?(?:会议?|路程|车程|航班|课|假期|旅途|电影|热度|工龄))")
_SCENE = {
    "公里": re.compile(r"跑|走|骑|开|徒步|爬|远|路|山|赛|通勤"),
    "℃": re.compile(r"天|室外|户外|气温|冬|夏|外面"),
    "度": re.compile(r"天|室外|户外|气温|冬|夏|外面"),
    "length": re.compile(r"跑|走|骑|开车|徒步|爬|外|远|路|山|赛|通勤|开外|步|身高|个子"),
    "degree": re.compile(r"天|室外|户外|气温|冬|夏|外面|高温|转|仰|角|深|转身|热情"),
    "mass": re.compile(r"体重|胖|瘦|肉|米|娃|孩子|行李|掂量|净增|减"),
    "volume": re.compile(r"喝"),
    "area": re.compile(r"我家|出租|家里|租"),
}
# Amounts off, deposits and prices elsewhere are not the product's price; whether they are lawful is not asked here.
_PRICE_TALK = re.compile(
    r"原价|日常|平时|吊牌|市场|专柜|门店|省|减|返现|券|满|送|抵|定金|订金|尾款|折|红包|押金|运费|差价|外面|奶茶|外卖|咖啡|打车|补贴|直降|加[购價价]|工费"
)
_SOFT_ONE = re.compile(r"^(?:一|整|半)[整]?(?:天|日|夜|晚|晚上|周|年|星期|礼拜|个星期|个礼拜|季|度|寸|克|两|秒|秒钟|分钟|刻钟|成|个月)$")
_HARD_COUNTERS = frozenset("次遍层档挡颗片粒包支瓶袋枚抽页针轴核码级位")
_SUM_CUE = re.compile(r"共|合计|总|一起|加起来|加一起|[每平]均?|一次|一[片瓶包支枚颗粒天袋条只]|[两三四五]件|套|买")
_AGES = frozenset(("岁", "周岁", "月龄"))
# What a number may be about, where copy and product page use other words for it.
_TOPICS = tuple(
    re.compile(words)
    for words in (
        "送达|必达|送到|到货|发货|配送|上门", "停留|静置|焗|敷|涂|按摩|泡|腌", "续航|待机|听歌?|播放|放电|不用充|一次充电",
        "质保|保修|保固|包换", "保质|赏味|新鲜|放", "充满|充电|快充|充到", "保温|保冷|保冰", "定时|预约", "转速|转", "容量|装得下|能装",
        "承重|承受|承托|载重", "面积|大?客厅|平|房间", "重|轻|掂|拎", "有效期|期内|用完", "功率|瓦", "防水|水深|潜", "亩产|产量",
    )
)
_KEY_STOP = frozenset("的与和率量度数长高大小级品规格尺寸适用最")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a quantity: supported by a claim, contradicted by one, unsupported, or a scene's."""

    kind: str
    """supported, contradicts, unsupported, scene."""
    claim: Claim | None = None


SCENE = Verdict("scene")


def judge(said: Quantity, context: str, offset: int, claims: Claims) -> Verdict:
    """Judge one quantity.

    Args:
        context: The clause in plain form; offset is where the clause starts in the text the quantity was found in.
    """
    if said.dimension in ("date", "clock", "ratio"):
        return SCENE
    if said.dimension == "number":
        return _judge_bare(said, context, offset, claims)
    for claim, known in claims.of(said.dimension):
        if agrees(said, known):
            return Verdict("supported", claim)
    if (said.is_count or said.dimension.startswith("code:")) and _is_written(said, claims):
        return Verdict("supported", _holder(said.high, claims))
    if said.dimension == "money":
        return _judge_price(said, context, claims)
    if _SUM_CUE.search(context) and _follows(said, claims):
        return Verdict("supported", None)
    before, after = context[: said.start - offset], context[said.end - offset :]
    if said.is_count:
        return _judge_count(said, context, claims)
    if _SOFT_ONE.match(said.text) and not (said.dimension in ("energy",) or re.search(r"质保|保修|速热", context)):
        return SCENE
    spelled = not re.search(r"\d", said.text)
    if said.dimension == "time" and (
        _SCENE_BEFORE.search(before)
        or _SCENE_AFTER.match(after)
        or (spelled and said.value >= 1 and not _EFFECT.search(context))
    ):
        return SCENE
    scene = _SCENE.get(said.unit) or (_SCENE.get(said.dimension) if spelled else None)
    if scene and scene.search(context) and not _near(said, claims):
        return SCENE
    return _against(said, context, claims)


def _is_written(said: Quantity, claims: Claims) -> bool:
    """Whether the number of a count stands in the brief: beside the same counter, or anywhere if that has none."""
    rivals = claims.of(said.dimension)
    return any({said.low, said.high} <= numbers for numbers in ({claims.numbers} if not rivals else {c.numbers for c, _ in rivals}))


def _near(said: Quantity, claims: Claims) -> bool:
    """Whether the brief has something of about this size: a run of 5公里 is none of a shoe's 8mm."""
    return any(q.high / 50 <= abs(said.high) <= q.high * 50 for _, q in claims.of(said.dimension))


def _against(said: Quantity, context: str, claims: Claims) -> Verdict:
    """Unsupported, or contradicting the claim it is about."""
    rivals = claims.of(said.dimension)
    if said.unit in _AGES:
        rivals = [(claim, q) for claim, q in rivals if q.unit in _AGES]
        return Verdict("contradicts", rivals[0][0]) if rivals else SCENE
    for claim, _ in rivals:
        if _mentions(claim, context) or any(t.search(context) and t.search(claim.name + claim.text) for t in _TOPICS):
            return Verdict("contradicts", claim)
    sources = {claim.source for claim, _ in rivals}
    if len(sources) == 1 and said.dimension not in ("time", "percent", "degree", "length"):
        return Verdict("contradicts", rivals[0][0])
    return Verdict("unsupported")


def _mentions(claim: Claim, context: str) -> bool:
    """Whether the clause speaks of the claim: two characters of its name, or one that tells, stand in it."""
    name = claim.name
    pairs = (name[i : i + 2] for i in range(len(name) - 1))
    return any(pair in context and not set(pair) <= _KEY_STOP for pair in pairs)


def _holder(number: float, claims: Claims) -> Claim | None:
    return next((c for c, q in claims.measured if number in (q.low, q.high)), None)


def _judge_bare(said: Quantity, context: str, offset: int, claims: Claims) -> Verdict:
    if said.low in claims.numbers or said.high in claims.numbers:
        return Verdict("supported", _holder(said.high, claims))
    before = context[: said.start - offset]
    for claim, _ in claims.measured:
        if claim.name and len(claim.name) >= 2 and before.rstrip("为是达:： ").endswith(claim.name):
            return Verdict("contradicts", claim)
    return SCENE


def _judge_price(said: Quantity, context: str, claims: Claims) -> Verdict:
    if said.unit in "块毛角" and not (said.text[0].isdigit() or said.value >= 10):
        return SCENE
    prices = [(c, q) for c, q in claims.of("money") if c.source.endswith("price")]
    if _follows(said, claims):
        return Verdict("supported", prices[0][0] if prices else None)
    if _PRICE_TALK.search(context) or not prices:
        return SCENE
    return Verdict("contradicts", prices[0][0])


def _judge_count(said: Quantity, context: str, claims: Claims) -> Verdict:
    spelled = not re.search(r"\d", said.text)
    if spelled and said.high <= 3:
        return SCENE
    rivals = [claim for claim, known in claims.of(said.dimension) if known.high > 1 or not spelled]
    if rivals:
        return Verdict("contradicts", rivals[0])
    if said.unit in _HARD_COUNTERS and said.value >= 5 or not spelled:
        return Verdict("unsupported")
    return SCENE


@lru_cache(maxsize=512)
def _derived(dimension: str, claims: Claims) -> tuple[float, ...]:
    """What follows by arithmetic: sums over the products, times a count, shared out over a count."""
    alike = [(c, q) for c, q in claims.of(dimension)]
    totals = {
        left[1].high + right[1].high
        for left, right in combinations(alike, 2)
        if left[0].product != right[0].product or left[0].source == right[0].source
    }
    totals.add(sum(q.high for _, q in alike))
    counts = {q.high for _, q in claims.measured if q.is_count and q.high > 1}
    for _, one in alike:
        for count in counts:
            totals |= {one.high * count, one.high / count}
    return tuple(totals)


def _follows(said: Quantity, claims: Claims) -> bool:
    return any(agrees(said, replace(said, low=t, high=t, modifier="", ranged=False)) for t in _derived(said.dimension, claims))
