"""Finds what in a copy goes against the brief without a number: another value of a scale, all for some, can for cannot.

Knows the language's ways to say all, none, only and not; knows no law.
"""

import re
from collections.abc import Iterator

from copygen import substance
from copygen.checkable import lexicon
from copygen.claims import Claim, Claims, Fault, Hit
from copygen.talk import pattern

_ALL = pattern("contradictions", "all")
_SOME = pattern("contradictions", "some")
_LACKING = pattern("contradictions", "lacking")
_HAVING = pattern("contradictions", "having")
_DENIED = pattern("contradictions", "denied")
_BOILING = pattern("contradictions", "boiling")
_COOLED = pattern("contradictions", "cooled")
_FOREVER = pattern("contradictions", "forever")
_TERM_LIMITED = pattern("contradictions", "term_limited")
_AT_ONCE = pattern("contradictions", "at_once")
_MUST_WAIT = pattern("contradictions", "must_wait")
_NONE = re.compile(r"[无零0](?=[\u3400-\u9fff])")
_PLACE_NAME = re.compile(r"区域|地区|范围|城市|配送")
_HAN_PAIR = re.compile(r"[\u3400-\u9fff]{2}")


def find_contradictions(context: str, start: int, claims: Claims) -> list[Fault]:
    """Faults in one clause: what the brief says otherwise.

    Args:
        context: The clause in plain form.
        start: Its offset in the text.
    """
    return [
        Fault("wrong_value", start + begin, start + end, said, claim)
        for check in _CHECKS
        for begin, end, said, claim in check(context, claims)
    ]


def _other_of_scale(context: str, claims: Claims) -> Iterator[Hit]:
    """金奖 where the brief has 银奖."""
    for scale in lexicon().scales:
        for value in scale:
            at = context.find(value)
            if at < 0 or value in claims.text or _DENIED.search(context[max(0, at - 3) : at]):
                continue
            given = next((c for c in claims.attributes if any(other in c.text for other in scale)), None)
            if given and not _is_abbreviated(value, given.text):
                yield at, at + len(value), f"“{value}”", given


def _is_abbreviated(value: str, text: str) -> bool:
    """Whether 轻中度 stands for 轻度: its first character before another of the scale."""
    first, last = re.escape(value[0]), re.escape(value[-1])
    return bool(re.search(rf"{first}[\u3400-\u9fff]?[、/]?[\u3400-\u9fff]{last}", text))


def _wider_than_given(context: str, claims: Claims) -> Iterator[Hit]:
    """全国通用 where the brief has 仅限杭州; 全部 where it has 部分."""
    match = _ALL.search(context)
    if not match or _SOME.search(context):
        return
    rest = context[: match.start()] + " " + context[match.end() :]
    pairs = [rest[i : i + 2] for i in range(len(rest) - 1) if _HAN_PAIR.match(rest, i)]
    for claim in claims.attributes:
        about_place = match[0] in ("全国", "全球") and _PLACE_NAME.search(claim.name)
        if _SOME.search(claim.text) and (about_place or any(pair in claim.text for pair in pairs)):
            yield 0, len(context), f"“{match[0]}”", claim
            return


def _none_where_little(context: str, claims: Claims) -> Iterator[Hit]:
    """无毒 where the brief has 低毒."""
    for match in _NONE.finditer(context):
        thing = context[match.end()]
        little = re.compile(rf"[低微轻少弱]{re.escape(thing)}")
        claim = next((c for c in claims.attributes if little.search(c.text)), None)
        if claim and match[0] + thing not in claims.text:
            yield match.start(), match.end() + 1, f"“{match[0]}{thing}”", claim


def _has_what_is_lacking(context: str, claims: Claims) -> Iterator[Hit]:
    """带停车监控 where the brief has 停车监控：需另购降压线."""
    if _DENIED.search(context) or not _HAVING.search(context):
        return
    for claim in claims.attributes:
        if len(claim.name) >= 3 and claim.name in context and _LACKING.search(claim.text):
            yield 0, len(context), f"“{claim.name}”", claim


def _opposite(context: str, claims: Claims) -> Iterator[Hit]:
    """丢洗衣机 where the brief has 手洗."""
    for said, given in lexicon().opposites:
        word = next((w for w in said if w in context), None)
        if not word or word in claims.text:
            continue
        at = context.find(word)
        claim = next((c for c in claims.attributes if any(g in c.text for g in given)), None)
        if claim and not _DENIED.search(context[max(0, at - 4) : at]) and not any(_allows(claim, w) for w in said):
            yield at, at + len(word), f"“{word}”", claim


def _allows(claim: Claim, word: str) -> bool:
    """Whether the claim names the thing as possible too: 手洗或机洗."""
    before, found, _ = claim.text.partition(word)
    return bool(found) and not re.search(r"[不勿非禁需][可能宜]?[^，,；;]{0,3}$", before)


def _beyond_its_time(context: str, claims: Claims) -> Iterator[Hit]:
    """永久不涨价 where the brief has 续费79元/年; 打完就能摘 where it has 安全间隔期14天."""
    for saying, limit in ((_FOREVER, _TERM_LIMITED), (_AT_ONCE, _MUST_WAIT)):
        match = saying.search(context)
        claim = next((c for c in claims.attributes if limit.search(c.name)), None)
        if match and claim and match[0] not in claims.text:
            yield 0, len(context), f"“{match[0]}”", claim


def _hotter(context: str, claims: Claims) -> Iterator[Hit]:
    """滚水冲 where the brief has 45-50℃温水."""
    match = _BOILING.search(context)
    if not match or _COOLED.search(context) or _BOILING.search(claims.text):
        return
    for claim, known in claims.of("degree"):
        if "水" in claim.text and 20 <= known.high < 90:
            yield 0, len(context), f"“{match[0]}”", claim
            return


_CHECKS = (
    _other_of_scale,
    _wider_than_given,
    _none_where_little,
    substance.purer_than_given,
    _has_what_is_lacking,
    _beyond_its_time,
    _opposite,
    substance.other_material,
    substance.other_count,
    substance.all_products,
    _hotter,
    substance.other_colour,
)
