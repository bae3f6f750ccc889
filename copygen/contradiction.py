"""Finds what in a copy goes against the brief without a number: another value of a scale, all for some, can for cannot.

Knows the language's ways to say all, none, only and not; knows no law.
"""

import math
import re
from collections.abc import Iterator
from functools import lru_cache

from copygen import substance
from copygen.checkable import ValueClass, lexicon
from copygen.claims import Claim, Claims, Fault, Hit
from copygen.talk import TALK, pattern

_ALL = pattern("contradictions", "all")
_SOME = pattern("contradictions", "some")
_LACKING = pattern("contradictions", "lacking")
_WHOLLY_LACKING = pattern("contradictions", "wholly_lacking")
_HAVING = pattern("contradictions", "having")
_DENIED = pattern("contradictions", "denied")
_BOILING = pattern("contradictions", "boiling")
_COOLED = pattern("contradictions", "cooled")
_FOREVER = pattern("contradictions", "forever")
_TERM_LIMITED = pattern("contradictions", "term_limited")
_AT_ONCE = pattern("contradictions", "at_once")
_MUST_WAIT = pattern("contradictions", "must_wait")
_LIKENED = pattern("numbers", "likened", "{}[^，,。]{0,4}$")
_FREELY = pattern("contradictions", "freely")
_FORBIDDEN = pattern(
    "contradictions", "forbidden", r"{}([\u3400-\u9fff]{2,3}?)(?=[洗刷擦烘泡晒烫煮使清加及、，,;；。]|$)"
)
_ANY = pattern("contradictions", "any")
_FIT = pattern("contradictions", "fit")
_AGE_NAME = pattern("contradictions", "age_name")
_STAGES = {stage: tuple(map(float, str(months).split())) for stage, months in TALK["stages"].items()}
_AGE_UNITS = frozenset(("岁", "周岁", "月龄", "个月"))
_MONTH_S = 2_629_800.0
_GROUPS = " ".join(TALK["contradictions"]["rivals"]).split()
_RIVALS = {
    char: "".join(c for group in _GROUPS if char in group for c in group if c != char) for char in "".join(_GROUPS)
}
_KIND = re.compile(f"([{''.join(_RIVALS)}])([\u3400-\u9fff])")
_MARKED = re.compile(r"[A-Za-z][A-Za-z\d+.-]*(?=[\u3400-\u9fff])")
_LATIN = re.compile("[A-Za-z]")
_SUITS = re.compile("适用|适合|适配|兼容|支持|可用")
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
    for scale in lexicon().scales_in(context):
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


def _other_of_class(context: str, claims: Claims) -> Iterator[Hit]:
    """雪松香 where the brief has 香型：无香; 干皮 where it has 适用肤质：油皮."""
    for values in lexicon().classes_in(context):
        match = values.said.search(context)
        if not match or _DENIED.search(context[max(0, match.start() - 4) : match.start()]):
            continue
        if any(name in claims.text for name in values.support_of(match[0])) or _LIKENED.search(
            context[: match.start()]
        ):
            continue
        given = next((claim for claim in claims.attributes if _is_of(values, claim)), None)
        if given and not _ANY.search(given.text):
            yield *match.span(), f"“{match[0]}”", given


def _is_of(values: ValueClass, claim: Claim) -> bool:
    """Whether the attribute lists values of the class: by its name, or as what the product suits."""
    if values.name.search(claim.name):
        return True
    return bool(_SUITS.match(claim.name)) and any(value in claim.text for value in values.values)


def _other_age(context: str, claims: Claims) -> Iterator[Hit]:
    """新生儿就能用 where the brief has 3-36个月."""
    if not _FIT.search(context):
        return
    for stage, (youngest, oldest) in _STAGES.items():
        at = context.find(stage)
        if at < 0 or stage in claims.text or _DENIED.search(context[max(0, at - 2) : at]):
            continue
        for claim, known in claims.of("time"):
            if not _AGE_NAME.search(claim.name) or known.unit not in _AGE_UNITS:
                continue
            low = 0.0 if known.modifier in ("most", "under") else known.low / _MONTH_S
            high = math.inf if known.modifier in ("least", "over") else known.high / _MONTH_S
            if oldest < low or youngest > high:
                yield at, at + len(stage), f"“{stage}”", claim
                return


def _opposite_kind(context: str, claims: Claims) -> Iterator[Hit]:
    """厚杯 where the brief has 薄杯."""
    for word, claim in _opposite_words(claims):
        at = context.find(word)
        if at >= 0 and not _DENIED.search(context[max(0, at - 2) : at]):
            yield at, at + 2, f"“{word}”", claim


@lru_cache(maxsize=512)
def _opposite_words(claims: Claims) -> tuple[tuple[str, Claim], ...]:
    """What the brief's own kinds exclude, and by which claim."""
    kinds = ((claim, char, noun) for claim in claims.attributes for char, noun in _KIND.findall(claim.text))
    words = ((other + noun, claim) for claim, char, noun in kinds for other in _RIVALS[char])
    return tuple((word, claim) for word, claim in words if word not in claims.text)


def _other_mark(context: str, claims: Claims) -> Iterator[Hit]:
    """VA面板 where the brief has 面板：IPS."""
    for match in _MARKED.finditer(context):
        for claim in claims.attributes:
            named = len(claim.name) >= 2 and context.startswith(claim.name, match.end())
            if named and _LATIN.search(claim.text) and match[0].lower() not in claims.text.lower():
                yield *match.span(), f"“{match[0]}”", claim


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
    """带停车监控 where the brief has 停车监控：需另购降压线; 香薰加湿 where it has 香薰：不支持香薰."""
    if _DENIED.search(context):
        return
    having = _HAVING.search(context)
    for claim in claims.attributes:
        if claim.name not in context:
            continue
        if (having and len(claim.name) >= 3 and _LACKING.search(claim.text)) or _WHOLLY_LACKING.match(claim.text):
            yield 0, len(context), f"“{claim.name}”", claim


def _opposite(context: str, claims: Claims) -> Iterator[Hit]:
    """丢洗衣机 where the brief has 手洗."""
    for said, given in lexicon().opposites_in(context):
        word = next((w for w in said if w in context), None)
        if not word or word in claims.text:
            continue
        at = context.find(word)
        claim = next((c for c in claims.attributes if any(g in c.text for g in given)), None)
        if claim and not _DENIED.search(context[max(0, at - 4) : at]) and not any(_allows(claim, w) for w in said):
            yield at, at + len(word), f"“{word}”", claim


def _forbidden(context: str, claims: Claims) -> Iterator[Hit]:
    """钢刷随便刷 where the brief has 勿用钢刷."""
    if not _FREELY.search(context) or _DENIED.search(context):
        return
    for claim in claims.attributes:
        for match in _FORBIDDEN.finditer(claim.text):
            thing = match[1]
            at = context.find(thing)
            if at >= 0:
                yield at, at + len(thing), f"“{thing}”", claim


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
        if "水" in claim.text and 20 <= known.high <= 95:
            yield 0, len(context), f"“{match[0]}”", claim
            return


_CHECKS = (
    _other_of_scale,
    _other_of_class,
    _other_age,
    _opposite_kind,
    _other_mark,
    _wider_than_given,
    _none_where_little,
    substance.purer_than_given,
    _has_what_is_lacking,
    _beyond_its_time,
    _opposite,
    _forbidden,
    substance.other_material,
    substance.other_part,
    substance.other_count,
    substance.all_products,
    _hotter,
    substance.other_colour,
)
