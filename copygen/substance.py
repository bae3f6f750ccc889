"""Finds materials, shares, colours and counts in a copy that differ from the brief's. Knows no functions and no law."""

import re
from collections.abc import Iterator
from functools import lru_cache

from copygen.checkable import Term, lexicon
from copygen.claims import Claim, Claims, Hit
from copygen.numerals import CN_NUMERALS, parse_number
from copygen.talk import TALK, pattern
from copygen.units import unit_of

_DENIED = pattern("contradictions", "denied")
_BOTH = pattern("contradictions", "both")
_MATERIAL_NAME = pattern("contradictions", "material_name")
_LIKE_MATERIAL = pattern("contradictions", "like_material", "^{}")
_BESIDE = pattern("contradictions", "thing")
_PURE = re.compile(r"百分之?百|100%|纯|全(?=[棉毛羊丝麻皮])|满满都是")
_SHARE = re.compile(r"([\u3400-\u9fff]{1,8}?)[\s:：]?(\d+(?:\.\d+)?)%|(\d+(?:\.\d+)?)%\s?([\u3400-\u9fff]{1,6})")
_COUNTED = re.compile(rf"([{CN_NUMERALS}\d]+)([\u3400-\u9fff])")
_ITEMS = re.compile(r"[、/，,;；+ （）()]+")

_COLOURS = {family: str(words).split() for family, words in TALK["colours"].items()}
_NEAR_COLOURS = {frozenset(pair) for pair in str(TALK["near_colours"]["pairs"]).split()}
_COLOUR_CHAR = re.compile(f"[{''.join(_COLOURS)}]")
_COLOUR = re.compile(rf"([\u3400-\u9fff]{{0,2}}?[{''.join(_COLOURS)}])(?:色的?)?(?=款|(?<=[色的])[\u3400-\u9fff]{{2}})")
_SHORT_MATERIALS = "木竹铁铜钢铝皮布棉麻丝绒纸玻塑陶瓷银金藤"
_SHORT_MATERIAL = re.compile(
    rf"(?:(?<![\u3400-\u9fff])|(?<=[真纯原实全]))([{_SHORT_MATERIALS}])(?:[质制]?(打造|制成|做的)|[质制]?([\u3400-\u9fff]))"
)
_ONE_CHAR_MATERIAL = re.compile(f"[{_SHORT_MATERIALS}]")
_MADE_NEXT = re.compile("材质|材料|质地|打造|制成|面料|填充|外壳|机身|软包|箱体|杯体|盆身|瓶身")
_WHOLE = re.compile("材质|面料|成分|材料")
_MADE_OF = pattern("contradictions", "made_of")
_COLOUR_TOLD = pattern("contradictions", "colour_told", rf"^\s*([\u3400-\u9fff]{{0,2}}?[{''.join(_COLOURS)}])色?{{}}")
_COLOUR_NAME = re.compile(r"颜色|配色|色号|釉色|花色")


def purer_than_given(context: str, claims: Claims) -> Iterator[Hit]:
    """百分百羊毛 where the brief has 羊毛70%."""
    for match in _PURE.finditer(context):
        following = context[match.end() : match.end() + 9]
        for claim, core in _mixed(claims):
            at = following.find(core)
            if at >= 0 and f"{match[0]}{core}" not in claims.text:
                end = match.end() if len(match[0]) > 1 else match.end() + at + len(core)
                yield match.start(), end, f"“{context[match.start() : end]}”", claim
                return


def _mixed(claims: Claims) -> Iterator[tuple[Claim, str]]:
    """(claim, material) of what is given as a part of the whole."""
    for claim in claims.attributes:
        for before, share_after, share_before, after in _SHARE.findall(claim.text):
            if float(share_after or share_before) < 100 and (core := (before or after)[-2:]):
                yield claim, core


def other_material(context: str, claims: Claims) -> Iterator[Hit]:
    """碳钢车架 where the brief has 铝合金车架: another material of the kind, before a part the brief names."""
    for materials in lexicon().materials_in(context):
        said = next((m for m in materials if m in context), None)
        if not said or said in claims.text:
            continue
        at = context.find(said)
        after = context[at + len(said) :]
        if _DENIED.search(context[max(0, at - 3) : at]) or _BESIDE.search(context[:at]) or _LIKE_MATERIAL.match(after):
            continue
        for claim in claims.attributes:
            if _WHOLE.search(claim.name) and _MADE_NEXT.match(after):
                yield at, at + len(said), f"材质“{said}”", claim
                return
            given = next((m for m in materials if m in claim.text), None)
            if not given or given in said or said in given:
                continue
            if not (_MATERIAL_NAME.search(claim.name) or claim.text.endswith(after[:2])):
                continue
            part = claim.text.partition(given)[2][:2]
            if at == 0 or _names_product(after, claims) or (len(part) == 2 and after.startswith(part)):
                yield at, at + len(said), f"材质“{said}”", claim
                return


def names_product(after: str, claims: Claims) -> bool:
    """Whether the product itself is named within what follows: 云南高原草莓 of 冻干草莓脆."""
    names = [claim.text for claim in claims.items if _is_name(claim)]
    pairs = (after[i : i + 2] for i in range(len(after) - 1))
    return any(pair.isalpha() and any(pair in name for name in names) for pair in pairs)


def begins_product(after: str, claims: Claims) -> bool:
    """Whether what follows soon names the product, if only by its last character: 泰国香米 of 大米."""
    lasts = {claim.text[-1:] for claim in claims.items if _is_name(claim)}
    return names_product(after[:8], claims) or any(char in lasts for char in after[:4])


def _is_name(claim: Claim) -> bool:
    return claim.source.endswith(("name", "category"))


def _names_product(after: str, claims: Claims) -> bool:
    """Whether the product itself is named next: 牛津布双肩包."""
    return names_product(after.lstrip("的质材制")[:2], claims)


def rival(term: Term, after: str, claims: Claims) -> Claim | None:
    """The claim an unsupported word goes against.

    That of the part named next or in the word (触屏操作, 胶木手柄); else, for a material, that of what it is made of.
    """
    noun = after.lstrip("的质材制")[:3]
    for claim in claims.attributes:
        if len(claim.name) >= 2 and (noun.startswith(claim.name) or term.word.endswith(claim.name)):
            return claim
    if term.kind != "材料":
        return None
    made_of = [c for c in claims.attributes if _MADE_OF.search(c.name)]
    return next((c for c in made_of if _WHOLE.search(c.name) or _holds_material(c)), None)


@lru_cache(maxsize=4096)
def _holds_material(claim: Claim) -> bool:
    return any(term.kind in ("材料", "材质") for _, term in lexicon().find(claim.text)) or any(
        material in claim.text for materials in lexicon().materials for material in materials
    )


def other_part(context: str, claims: Claims) -> Iterator[Hit]:
    """木杆 where the brief has 笔杆：铝制笔杆; 真竹打造 where it has 桌面：铝合金: a material told in one character."""
    for match in _SHORT_MATERIAL.finditer(context):
        if match[0] in claims.text or _DENIED.search(context[max(0, match.start() - 3) : match.start()]):
            continue
        material, made, head = match[1], match[2], match[3]
        for claim in claims.attributes:
            if material in claim.text:
                continue
            of_it = _MADE_OF.search(claim.name) if made else head == claim.text[-1:]
            if of_it and _ONE_CHAR_MATERIAL.search(claim.text[:-1]):
                yield *match.span(), f"“{match[0]}”", claim
                break


def other_count(context: str, claims: Claims) -> Iterator[Hit]:
    """九窨 where the brief has 六窨: whatever the brief counts, by whatever word."""
    for claim in claims.attributes:
        given = _COUNTED.fullmatch(claim.text)
        if given and not unit_of(given[2]):
            for match in re.finditer(rf"([{CN_NUMERALS}\d]+){re.escape(given[2])}", context):
                if parse_number(match[1]) not in (parse_number(given[1]), 1.0):
                    yield *match.span(), f"“{match[0]}”", claim


def all_products(context: str, claims: Claims) -> Iterator[Hit]:
    """两样都是PP where one of the products is; 双角蛋白 where one of them has it."""
    match = _BOTH.search(context) if claims.products > 1 else None
    if not match:
        return
    double = match[0] == "双"
    following = context[match.end() : match.end() + 12]
    for claim in claims.attributes:
        others = "\n".join(c.text for c in claims.items if c.product not in (None, claim.product))
        for item in filter(None, _ITEMS.split(claim.text)):
            core = item[-3:] if double else item
            at = following.find(core)
            if len(core) < 2 or at < 0 or core in others or (double and (at > 0 or f"双{core}" in claims.text)):
                continue
            yield match.start() if double else 0, match.end() + at + len(core), f"“{core}”", claim
            return


def other_colour(context: str, claims: Claims) -> Iterator[Hit]:
    """红色款 where the brief has 雾霾蓝."""
    if not _COLOUR_CHAR.search(context):
        return
    found = [match for match in _COLOUR.finditer(context) if _is_of_product(context[match.end() :], claims)]
    found += _COLOUR_TOLD.finditer(context)
    given = [claim for claim in claims.attributes if _COLOUR_NAME.search(claim.name)] if found else []
    known = [_families(item) for claim in given for item in _ITEMS.split(claim.text) if item]
    if not given or not all(known):
        return  # a colour by a poet's name may be any
    for match in found:
        if match[1] in claims.text:
            continue
        said = _families(match[1])
        if said and not any(_alike(a, b) for a in said for families in known for b in families):
            yield *match.span(1), f"颜色“{match[1]}”", given[0]


def _is_of_product(after: str, claims: Claims) -> bool:
    return after.startswith("款") or _names_product(after, claims)


def _families(colour: str) -> frozenset[str]:
    return frozenset(family for family, words in _COLOURS.items() if any(word in colour for word in words))


def _alike(a: str, b: str) -> bool:
    return a == b or frozenset((a, b)) in _NEAR_COLOURS
