"""Judges one quantity of a copy: does the brief say so, say otherwise, or say nothing. Knows no features and no law."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Literal

from copygen.claims import Claim, Claims
from copygen.numerals import plain
from copygen.quantity import Quantity, agrees
from copygen.talk import TALK, pattern
from copygen.units import unit_of

_EFFECT = pattern("numbers", "effect")
_SCENE_BEFORE = pattern("numbers", "scene_before", "{}$")
_SCENE_AFTER = pattern("numbers", "scene_after", "^{}")
_SOFT = pattern("numbers", "soft", "^{}$")
_PROMISED = pattern("numbers", "promised")
_SOONER = pattern("numbers", "sooner", "{}$")
_OTHER_PRICE = pattern("numbers", "other_price")
_TOTAL = pattern("numbers", "total")
_WITH_CASE = pattern("numbers", "with_case")
_ALONE = pattern("numbers", "alone")
_LIKENED = pattern("numbers", "likened", "{}[^，,。]{0,4}$")
_RELATIVE = pattern("numbers", "relative", "{}$")
_OF_BODY = pattern("numbers", "of_body", "{}$")
_IN_USE = pattern("numbers", "in_use")
_AGE_NAME = pattern("numbers", "age_name")
_SCENES = {name: pattern("scenes", name) for name in TALK["scenes"]}
_TOPICS = [re.compile(words) for words in TALK["topics"]["words"]]
_TOLD = re.compile(r"[\u3400-\u9fff]{2}")
_PER = re.compile(r"每[\d一两十百千]*[克升毫份斤]")
_QUALIFIER = re.compile(r"[A-Za-z\u3400-\u9fff]{1,8}$")
_DIGIT = re.compile(r"\d")

_HARD_COUNTERS = frozenset("次遍层重档挡颗片粒包支瓶袋枚抽页针轴核码级位泡叶节")
"""Counters of which four or more are a claim even when spelled out."""
_DAY_S = 86_400.0
"""Spelled times of a day and more tell a story unless something is said to last or work that long."""
_LIQUOR = frozenset(("斤", "两", "公斤"))
_AGES = frozenset(("岁", "周岁", "月龄"))
_NAMES_NOTHING = frozenset("的与和率量度数长高大小级品规格尺寸适用最")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a quantity."""

    kind: Literal["supported", "contradicts", "unsupported", "scene"]
    claim: Claim | None = None
    """The claim that supports it or that it goes against."""


_SCENE = Verdict("scene")


def judge(said: Quantity, context: str, offset: int, claims: Claims, lead: str = "") -> Verdict:
    """Judge one quantity.

    Args:
        context: The clause in plain form.
        offset: Where the clause starts in the text the quantity was found in.
        lead: The clause before it in the same sentence, which may say what the quantity is of.
    """
    before, after = context[: said.start - offset], context[said.end - offset :]
    if said.dimension in ("date", "clock", "ratio"):
        return _SCENE
    if said.dimension == "number":
        return _judge_bare(said, before, after, claims)
    if before.endswith("每") and not said.is_count:
        return _SCENE  # 每100克: what follows is told of it
    agreeing = [(claim, known) for claim, known in claims.of(said.dimension) if agrees(said, known)]
    if agreeing:
        return _judge_agreeing(said, agreeing, before, context, lead, claims)
    if said.unit in _AGES and _OF_BODY.search(before):
        return _SCENE
    if (said.is_count or said.dimension.startswith("code:")) and _is_written(said, claims):
        return Verdict("supported", claims.holding(said.high))
    if said.dimension == "money":
        return _judge_price(said, context, claims)
    if said.unit in _LIQUOR:  # a 斤 of liquor is half a litre
        for claim, known in claims.of("volume"):
            if agrees(replace(said, dimension="volume"), known):
                return Verdict("supported", claim)
    if said.unit in _AGES:
        ages = [claim for claim, known in claims.of(said.dimension) if known.unit in _AGES]
        return Verdict("contradicts", ages[0]) if ages else _SCENE
    if _TOTAL.search(context) and _follows(said, claims):
        return Verdict("supported")
    if said.is_count:
        return _judge_count(said, after, claims)
    named = any(claim.name and claim.name in context for claim, _ in claims.of(said.dimension))
    if not named and _is_scene(said, before, context, after, claims):
        return _SCENE
    return _judge_measure(said, before, context, after, claims)


def _judge_agreeing(
    said: Quantity, agreeing: list[tuple[Claim, Quantity]], before: str, context: str, lead: str, claims: Claims
) -> Verdict:
    """Supported, unless the number is another product's or is told of another thing."""
    named = claims.named(before)
    own = [(c, known) for c, known in agreeing if not named or c.product is None or c.product in named]
    if said.dimension == "money" or said.is_count:
        return Verdict("supported", (own or agreeing)[0][0])
    if not own:
        return Verdict("contradicts", agreeing[0][0])
    claim, known = own[0]
    return Verdict("contradicts" if _is_of_something_else(said, known, claim, context, lead) else "supported", claim)


def _is_of_something_else(said: Quantity, known: Quantity, claim: Claim, context: str, lead: str) -> bool:
    """Whether the right number is told of the wrong thing.

    强力档40分钟 where the brief has 标准档40分钟，强力档12分钟; 单次40小时 where it has 含充电盒共40小时.
    """
    own = _qualifier(known, claim)
    if _WITH_CASE.search(claim.name + own) and _ALONE.search(context) and not _WITH_CASE.search(context):
        return True
    others = (q for q in claim.quantities if q.dimension == known.dimension and not agrees(said, q))
    names = (_qualifier(q, claim) for q in others)
    told = lead + context
    return own not in told and any(len(name) >= 2 and name in told for name in names)


def _qualifier(quantity: Quantity, claim: Claim) -> str:
    """What a claim says a quantity is of: the words before it, back to a mark or a number."""
    before = _QUALIFIER.search(claim.text[: quantity.start])
    return before[0] if before else ""


def _is_written(said: Quantity, claims: Claims) -> bool:
    """Whether the number of a count stands in the brief: beside the same counter, or anywhere if that has none."""
    rivals = claims.of(said.dimension)
    numbers = [claim.numbers for claim, _ in rivals] if rivals else [claims.numbers]
    return any({said.low, said.high} <= known for known in numbers)


def _is_scene(said: Quantity, before: str, context: str, after: str, claims: Claims) -> bool:
    if _SOFT.match(plain(said.text)) and not _PROMISED.search(context) and not _SOONER.search(before):
        return True
    if _LIKENED.search(before) or (said.dimension in ("length", "mass") and _OF_BODY.search(before)):
        return True
    spelled = not _DIGIT.search(said.text)
    if said.dimension == "time" and spelled and not (before + after).strip("，,。；;！!？?、… \n"):
        return True  # a time on its own: 180度，二十分钟，翻一次
    if said.dimension == "time" and (
        _SCENE_BEFORE.search(before)
        or _SCENE_AFTER.match(after)
        or (spelled and said.value >= _DAY_S and not _EFFECT.search(context))
    ):
        return True
    scene = _SCENES.get(said.unit) or (_SCENES.get(said.dimension) if spelled else None)
    # A run of 5公里 has nothing to do with a shoe's 8mm.
    near = any(q.high / 50 <= abs(said.high) <= q.high * 50 for _, q in claims.of(said.dimension))
    return scene is not None and bool(scene.search(context)) and not near


def _judge_measure(said: Quantity, before: str, context: str, after: str, claims: Claims) -> Verdict:
    """Unsupported, or contradicting the claim it is about."""
    rivals = claims.of(said.dimension)
    shared_out = _PER.search(before) and not any("每" in c.name + c.text for c, _ in rivals)
    if _RELATIVE.search(before) or shared_out:
        return Verdict("unsupported")
    for claim, known in rivals:
        if (
            _mentions(context, claim)
            or any(topic.search(context) and topic.search(claim.name + claim.text) for topic in _TOPICS)
            or _is_of_the_same(said, known, claim, context, after)
        ):
            return Verdict("contradicts", claim)
    rivals = [(claim, known) for claim, known in rivals if not _is_share(claim, known)]
    only = len({claim.source for claim, _ in rivals}) == 1
    if only and said.dimension not in ("time", "percent", "length"):
        return Verdict("contradicts", rivals[0][0])
    return Verdict("unsupported")


def _is_share(claim: Claim, known: Quantity) -> bool:
    """Whether a quantity is by the hour or the hundred grams, and so not of the product as a whole."""
    text = claim.text
    return "每" in text or text[known.end : known.end + 1] == "/" or text[: known.start].endswith("/")


def _is_of_the_same(said: Quantity, known: Quantity, claim: Claim, context: str, after: str) -> bool:
    """Whether another number is told of the thing a claim tells its number of.

    30分钟快洗 and 15分钟快洗, 一米五床 and 1.8米床; 羊毛五成 and 羊毛25%; 24寸 and 20英寸, of one size.
    """
    noun, beside = claim.text[known.end : known.end + 1], after.lstrip("的")[:2]
    if "\u3400" <= noun <= "\u9fff" and noun not in _NAMES_NOTHING and beside.startswith(noun):
        return True
    told = _TOLD.match(claim.text, known.end)
    if told and told[0] in context and said.dimension != "percent":
        return True
    if said.dimension == "percent":
        of_what = _QUALIFIER.search(claim.text[: known.start])
        named = of_what is not None and len(of_what[0]) >= 2 and of_what[0][-2:] in context
        return named or (len(beside) == 2 and beside in claim.text)
    alike = known.low / 2 <= said.high <= known.high * 2
    if said.dimension == "time":
        return alike and bool(_AGE_NAME.search(claim.name)) and bool(_IN_USE.search(context))
    if said.dimension != "length" or not alike:
        return False
    return unit_of(said.unit) == unit_of(known.unit) or (len(beside) == 2 and beside in claim.text)


def _mentions(context: str, claim: Claim) -> bool:
    """Whether the clause speaks of the claim: a telling pair of characters of its name stands in it."""
    pairs = (claim.name[i : i + 2] for i in range(len(claim.name) - 1))
    return any(pair in context and not set(pair) <= _NAMES_NOTHING for pair in pairs)


def _judge_bare(said: Quantity, before: str, after: str, claims: Claims) -> Verdict:
    if said.low in claims.numbers or said.high in claims.numbers:
        return Verdict("supported", claims.holding(said.high))
    before, noun = before.rstrip("为是达:： "), after[:2]
    claim = next((c for c, _ in claims.measured if len(c.name) >= 2 and before.endswith(c.name)), None)
    if claim is None and "." in said.text:  # 0.7粗芯 where the brief has 芯径0.5mm
        named = (c for c, _ in claims.measured if any(char in noun for char in c.name if char not in _NAMES_NOTHING))
        claim = next(named, None)
    return Verdict("contradicts", claim) if claim else _SCENE


def _judge_price(said: Quantity, context: str, claims: Claims) -> Verdict:
    if said.unit in ("块", "毛", "角") and not (said.text[0].isdigit() or said.value >= 10):
        return _SCENE
    price = next((claim for claim, _ in claims.of("money") if claim.source.endswith("price")), None)
    if _follows(said, claims):
        return Verdict("supported", price)
    if price is None or _OTHER_PRICE.search(context):
        return _SCENE
    return Verdict("contradicts", price)


def _judge_count(said: Quantity, after: str, claims: Claims) -> Verdict:
    spelled = not _DIGIT.search(said.text)
    named = (c for c in claims.items if len(c.name) > 1 and after.startswith(c.name[-2:]))
    counted = (c for c in named if any(q.is_count or q.dimension == "number" for q in c.quantities))
    if said.high != 1 and (claim := next(counted, None)):
        return Verdict("contradicts", claim)
    if spelled and said.high <= 3:
        return _SCENE
    rivals = [claim for claim, known in claims.of(said.dimension) if known.high > 1 or not spelled]
    rivals += [claim for claim, known in claims.measured if known.unit.startswith(f"{said.unit}/")]
    if rivals:
        return Verdict("contradicts", rivals[0])
    if not spelled or (said.unit in _HARD_COUNTERS and said.value >= 4):
        return Verdict("unsupported")
    return _SCENE


@lru_cache(maxsize=512)
def _derived(dimension: str, claims: Claims) -> tuple[float, ...]:
    """What follows by arithmetic: sums over the products, times a count, shared out over a count."""
    alike = claims.of(dimension)
    totals = {sum(q.high for _, q in alike)}
    for (one, left), (other, right) in combinations(alike, 2):
        if one.product != other.product or one.source == other.source:
            totals.add(left.high + right.high)
    counts = {q.high for _, q in claims.measured if q.is_count and q.high > 1}
    totals |= {q.high * count for _, q in alike for count in counts}
    totals |= {q.high / count for _, q in alike for count in counts}
    return tuple(totals)


def _follows(said: Quantity, claims: Claims) -> bool:
    exact = replace(said, modifier="", ranged=False)
    return any(agrees(said, replace(exact, low=t, high=t)) for t in _derived(said.dimension, claims))
