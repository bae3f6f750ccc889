"""Finds functions, materials, origins, awards and services in a copy that the brief does not give.

Knows no numbers and no law.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from copygen.checkable import Term, lexicon
from copygen.claims import Claim, Claims, Fault
from copygen.talk import TALK, pattern

_DENIED = pattern("features", "denied", "{}[^，,。]{0,2}$")
_LIKENED = pattern("features", "likened", "^{}")
_BESIDE = pattern("features", "beside", "{}[^，,。]{0,6}$")
_FROM = pattern("features", "from", "{}$")
_MADE = pattern("features", "made", "^{}")
_PLACE = re.compile("|".join(sorted("|".join(TALK["features"]["places"]).split("|"), key=len, reverse=True)))
_FANCY = pattern("features", "fancy")
_EVERYDAY_MARK = pattern("features", "everyday_marks", "^{}$")
_GIVEN = pattern("features", "given", r"({})(?:了|一[个款层套]|[两双三]个)?([\u3400-\u9fffA-Za-z0-9]{2,8})")
_SAYINGS = {kind: pattern("sayings", kind) for kind in TALK["sayings"]}
_ORIGIN_NAME = re.compile(r"产地|产区|原产|来源|蜜源|茶区|源地")
_MARK = re.compile(r"(?<![A-Za-z\d.])(?:[A-Z]{2,6}-?\d+(?:\.\d+)?[A-Za-z]*|[EFRL]\d(?=级)|[A-Z]{3,8})(?![A-Za-z\d])")
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
        for check in (_unknown_words, _sayings, _other_origins, _unknown_marks, _things_given)
        for begin, end, said, claim in check(context, claims)
    ]


_Hit = tuple[int, int, str, Claim | None]


def _unknown_words(context: str, claims: Claims) -> Iterator[_Hit]:
    """Words of the vocabulary without support."""
    for at, term in lexicon().find(context):
        end = at + len(term.word)
        if not supports(term, claims) and not _is_scene(term, context[:at], context[end:]):
            yield at, end, f"{term.kind}“{term.word}”", None


def _is_scene(term: Term, before: str, after: str) -> bool:
    """Whether the word is denied, likened, or told of a thing beside the product."""
    if _DENIED.search(before):
        return True
    return term.kind in ("材料", "成分") and bool(_LIKENED.match(after) or _BESIDE.search(before))


@lru_cache(maxsize=65536)
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
        noun = _HAN_PAIR.match(after)
        of_product = noun and any(noun[0] in c.text for c in claims.items if not c.source.startswith(("facts", "aud")))
        of_material = any(at == 0 for at, _ in lexicon().find(after[:8]))
        if of_product or of_material or _FROM.search(before) or _MADE.match(after):
            given = next((claim for claim in claims.items if _ORIGIN_NAME.search(claim.name)), None)
            yield *match.span(), f"产地“{match[0]}”", given
