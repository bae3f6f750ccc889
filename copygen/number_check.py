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
_SCENES = {name: pattern("scenes", name) for name in TALK["scenes"]}
_TOPICS = [re.compile(words) for words in TALK["topics"]["words"]]
_QUALIFIER = re.compile(r"[A-Za-z\u3400-\u9fff]{1,8}$")
_DIGIT = re.compile(r"\d")

_HARD_COUNTERS = frozenset("次遍层档挡颗片粒包支瓶袋枚抽页针轴核码级位")
"""Counters of which five or more are a claim even when spelled out."""
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


def judge(said: Quantity, context: str, offset: int, claims: Claims) -> Verdict:
    """Judge one quantity.

    Args:
        context: The clause in plain form.
        offset: Where the clause starts in the text the quantity was found in.
    """
    before, after = context[: said.start - offset], context[said.end - offset :]
    if said.dimension in ("date", "clock", "ratio"):
        return _SCENE
    if said.dimension == "number":
        return _judge_bare(said, before, claims)
    for claim, known in claims.of(said.dimension):
        if agrees(said, known):
            measure = said.dimension != "money" and not said.is_count
            elsewhere = measure and _is_of_something_else(said, known, claim, context)
            return Verdict("contradicts" if elsewhere else "supported", claim)
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
    return _judge_measure(said, context, claims)


def _is_of_something_else(said: Quantity, known: Quantity, claim: Claim, context: str) -> bool:
    """Whether the right number is told of the wrong thing.

    强力档40分钟 where the brief has 标准档40分钟，强力档12分钟; 单次40小时 where it has 含充电盒共40小时.
    """
    own = _qualifier(known, claim)
    if _WITH_CASE.search(claim.name + own) and _ALONE.search(context) and not _WITH_CASE.search(context):
        return True
    others = (q for q in claim.quantities if q.dimension == known.dimension and not agrees(said, q))
    names = (_qualifier(q, claim) for q in others)
    return own not in context and any(len(name) >= 2 and name in context for name in names)


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
    if _SOFT.match(said.text) and not _PROMISED.search(context) and not _SOONER.search(before):
        return True
    spelled = not _DIGIT.search(said.text)
    if said.dimension == "time" and (
        _SCENE_BEFORE.search(before)
        or _SCENE_AFTER.match(after)
        or (spelled and said.value >= 1 and not _EFFECT.search(context))
    ):
        return True
    scene = _SCENES.get(said.unit) or (_SCENES.get(said.dimension) if spelled else None)
    # A run of 5公里 has nothing to do with a shoe's 8mm.
    near = any(q.high / 50 <= abs(said.high) <= q.high * 50 for _, q in claims.of(said.dimension))
    return scene is not None and bool(scene.search(context)) and not near


def _judge_measure(said: Quantity, context: str, claims: Claims) -> Verdict:
    """Unsupported, or contradicting the claim it is about."""
    rivals = claims.of(said.dimension)
    for claim, _ in rivals:
        if _mentions(context, claim) or any(t.search(context) and t.search(claim.name + claim.text) for t in _TOPICS):
            return Verdict("contradicts", claim)
    beside = context.partition(plain(said.text))[2].lstrip("的")[:2]
    for claim, known in rivals:
        close = said.dimension == "percent" or known.value / 3 < said.value < known.value * 3
        if said.dimension in ("percent", "length") and len(beside) == 2 and beside in claim.text and close:
            return Verdict("contradicts", claim)
    only = len({claim.source for claim, _ in rivals}) == 1
    if only and said.dimension not in ("time", "percent", "degree", "length"):
        return Verdict("contradicts", rivals[0][0])
    return Verdict("unsupported")


def _mentions(context: str, claim: Claim) -> bool:
    """Whether the clause speaks of the claim: a telling pair of characters of its name stands in it."""
    pairs = (claim.name[i : i + 2] for i in range(len(claim.name) - 1))
    return any(pair in context and not set(pair) <= _NAMES_NOTHING for pair in pairs)


def _judge_bare(said: Quantity, before: str, claims: Claims) -> Verdict:
    if said.low in claims.numbers or said.high in claims.numbers:
        return Verdict("supported", claims.holding(said.high))
    before = before.rstrip("为是达:： ")
    named = (claim for claim, _ in claims.measured if len(claim.name) >= 2 and before.endswith(claim.name))
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
    counted = (c for c in claims.items if len(c.name) > 1 and after.startswith(c.name[-2:]) and c.quantities)
    if said.high != 1 and (claim := next(counted, None)):
        return Verdict("contradicts", claim)
    if spelled and said.high <= 3:
        return _SCENE
    rivals = [claim for claim, known in claims.of(said.dimension) if known.high > 1 or not spelled]
    rivals += [claim for claim, known in claims.measured if known.unit.startswith(f"{said.unit}/")]
    if rivals:
        return Verdict("contradicts", rivals[0])
    if not spelled or (said.unit in _HARD_COUNTERS and said.value >= 5):
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
