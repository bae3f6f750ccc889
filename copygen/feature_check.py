"""Finds functions, materials, origins, awards and services in a copy that the brief does not give.

Knows no numbers and no law.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from copygen import substance
from copygen.checkable import Term, lexicon
from copygen.claims import Claim, Claims, Fault
from copygen.numerals import CN_NUMERALS
from copygen.talk import TALK, pattern

_DENIED = pattern("features", "denied", "{}[^，,。]{0,2}$")
_LIKENED = pattern("features", "likened", "^{}")
_BESIDE = pattern("features", "beside", "{}[^，,。]{0,6}$")
_FROM = pattern("features", "from", "{}$")
_MADE = pattern("features", "made", "^{}")
_PLACE = re.compile("|".join(sorted("|".join(TALK["features"]["places"]).split("|"), key=len, reverse=True)))
_FANCY = pattern("features", "fancy")
_EVERYDAY_MARK = pattern("features", "everyday_marks", "^{}$")
_AMOUNT = rf"(?:了|[一两双三\d{CN_NUMERALS}]+[个款层套节本张条片颗晚份]?)?"
_GIVEN = pattern("features", "given", rf"({{}}){_AMOUNT}([\u3400-\u9fffA-Za-z0-9]{{2,8}})")
_DEVICE = pattern("features", "devices", r"([\u3400-\u9fff]{2,6}?){}")
_VAGUE = pattern("features", "vague")
_SAYINGS = {kind: pattern("sayings", kind) for kind in TALK["sayings"]}
_ORIGIN_NAME = re.compile(r"产地|产区|原产|来源|蜜源|茶区|源地")
_OF_THING = re.compile(r"(?![的人话之行游街路夜站口市])[\u3400-\u9fff]{2,7}[，,。！!；;]?$")
_MARK = re.compile(
    r"(?<![A-Za-z\d.])(?:[A-Z]{2,6}-?\d+(?:\.\d+)?[A-Za-z]*|[EFRL]\d(?=级)|[A-Z]{3,8}|Type-?C|Micro-?USB|Lightning)(?![A-Za-z\d])"
)
_SIZE = re.compile(r"X*[SML](?:-\d*X*[SML])?|XL|XXL|XL-\dXL")
_HAN_PAIR = re.compile(r"[\u3400-\u9fff]{2}")


def find_unsupported(context: str, start: int, claims: Claims) -> list[Fault]:
    """Faults in one clause: what can be checked and nothing in the brief supports.

    Args:
        context: The clause in plain form.
        start: Its offset in the text.
    """
    return [
        Fault("wrong_value" if claim else "invented_feature", start + begin, start + end, said, claim)
        for check in (_unknown_words, _sayings, _other_origins, _unknown_marks, _unknown_devices, _things_given)
        for begin, end, said, claim in check(context, claims)
    ]


_Hit = tuple[int, int, str, Claim | None]


def _unknown_words(context: str, claims: Claims) -> Iterator[_Hit]:
    """Words of the vocabulary without support."""
    for at, term in lexicon().find(context):
        end = at + len(term.word)
        if not supports(term, claims) and not _is_scene(term, context[:at], context[end:]):
            yield at, end, f"{term.kind}“{term.word}”", substance.rival(term, context[end:], claims)


def _is_scene(term: Term, before: str, after: str) -> bool:
    """Whether the word is denied, likened, or told of a thing beside the product."""
    if _DENIED.search(before):
        return True
    return term.kind in ("材料", "成分") and bool(_LIKENED.match(after) or _BESIDE.search(before))


@lru_cache(maxsize=2048)  # an entry keeps its brief's claims, 13 KB: a job of a million rows brings as many
def supports(term: Term, claims: Claims) -> bool:
    """Whether the brief gives the term, a synonym, a kind of it, or all its characters in one place."""
    text, characters = claims.text.lower(), set(term.word.lower())
    if any(word in text for word in term.support):
        return True
    if term.of_graph and characters <= set(text):
        return True  # 重磅纯棉 of 棉100% and 重磅
    return len(term.word) > 2 and any(characters <= set(f"{c.name}{c.text}".lower()) for c in claims.items)


def _sayings(context: str, claims: Claims) -> Iterator[_Hit]:
    """月销十万, 百年老店, 当晚就能住: claims in so many words."""
    for kind, saying in _SAYINGS.items():
        for match in saying.finditer(context):
            if match[0] not in claims.text:
                yield *match.span(), f"{kind}“{match[0]}”", None


def _unknown_marks(context: str, claims: Claims) -> Iterator[_Hit]:
    """Marks of standards and techniques (IPX8, LDAC, E0) that the brief lacks or has with another figure."""
    text = claims.text.lower()
    for match in _MARK.finditer(context):
        mark = match[0].lower()
        if mark in text or _EVERYDAY_MARK.match(mark) or _SIZE.fullmatch(match[0]):
            continue
        if not _DENIED.search(context[: match.start()]):
            yield *match.span(), f"“{match[0]}”", _same_mark(mark, claims)


def _same_mark(mark: str, claims: Claims) -> Claim | None:
    """The claim that has the mark with another figure."""
    letters = mark.rstrip("0123456789.")
    if len(letters) < 2 or letters == mark:
        return None
    figured = re.compile(rf"(?<![a-z]){re.escape(letters)}\d")
    return next((claim for claim in claims.items if figured.search(claim.text.lower())), None)


def _unknown_devices(context: str, claims: Claims) -> Iterator[_Hit]:
    """真空保鲜技术, 八叶精钢刀头: a technique or part by a name of which the brief has nothing."""
    text = claims.text.lower()
    for match in _DEVICE.finditer(context):
        name = match[1].lower()
        known = any(name[i : i + 2] in text for i in range(len(name) - 1))
        if not known and not _VAGUE.search(name) and not _DENIED.search(context[: match.start()]):
            yield *match.span(), f"“{match[0]}”", None


def _things_given(context: str, claims: Claims) -> Iterator[_Hit]:
    """What stands after 搭载, 附带, 免费 and shares nothing with the brief."""
    text = claims.text.lower()
    for match in _GIVEN.finditer(context):
        thing = match[2].lower()
        known = any(thing[i : i + 2] in text for i in range(len(thing) - 1)) or (match[1] == "免费" and "免费" in text)
        if not known and not _FANCY.search(thing) and not _DENIED.search(context[: match.start()]):
            yield *match.span(), f"“{match[0]}”", None


def _other_origins(context: str, claims: Claims) -> Iterator[_Hit]:
    """Places told as where the product or its material comes from, other than those given."""
    for match in _PLACE.finditer(context):
        before, after = context[: match.start()], context[match.end() :]
        if match[0] in claims.text or _DENIED.search(before):
            continue
        given = next((claim for claim in claims.items if _ORIGIN_NAME.search(claim.name)), None)
        if _FROM.search(before) or _MADE.match(after) or _is_origin(match[0], before, after, given is not None, claims):
            yield *match.span(), f"产地“{match[0]}”", given


def _is_origin(place: str, before: str, after: str, given: bool, claims: Claims) -> bool:
    """Whether a place is said of the product or a material: 云南高原草莓; 舟山头水紫菜, where an origin is given."""
    noun = _HAN_PAIR.match(after)
    if noun and any(noun[0] in c.text for c in claims.items if not c.source.startswith(("facts", "aud"))):
        return True
    if place == "国产" or any(at == 0 for at, _ in lexicon().find(after[:8])):
        return True
    if before.strip():
        return False
    return substance.begins_product(after, claims) or (given and _OF_THING.match(after) is not None)
