"""Finds what in a copy goes against the brief without a number: another value of a scale, all for some, does for does not.

Knows the language's ways to say all, none, only and not; knows no law.
"""

import re
from collections.abc import Iterator

from copygen.checkable import lexicon
from copygen.claims import Claim, Claims, Fault

_ALL = re.compile(r"全部|全都|全是|完全|全国|全球|所有|任何|通通|统统|随便|通用|全身|任意|哪里都|谁都")
_SOME = re.compile(r"部分|仅|只限|限于|限|少量|除外|之外|不适用|只[能可]")
_NONE = re.compile(r"(?:无|零|没有?|0)(?=[\u3400-\u9fff])")
_LITTLE = re.compile(r"[低微轻少弱]")
_LACKING = re.compile(r"需?另购|选配|选购|不含|不支持|不可|不能|不宜|不带|不防|未配|非标配|无[^线]|没有|否$|^无$")
_HAVING = re.compile(r"(?:自带|带有?|含|配有?|支持|有|可以?|能|标配|内置|直接|随便|放心)")
_DENIED = re.compile(r"不|没|无|别|未|免|另|需要?购")
_PURE = re.compile(r"百分之?百|100%|纯|全(?=[棉毛羊丝麻皮])|满满都是")
_SHARE = re.compile(r"([\u3400-\u9fff]{1,8}?)[\s:：]?(\d+(?:\.\d+)?)%|(\d+(?:\.\d+)?)%\s?([\u3400-\u9fff]{1,6})")
_BOILING = re.compile(r"滚水|沸水|开水|滚烫|烧开的水")
_COOLED = re.compile(r"晾|凉|放温|不要|别|勿|不能|消毒|煮")
_BOTH = re.compile(r"(?:都|均|全)(?:是|用|有|带|含|采用|选用)|双(?=[\u3400-\u9fff]{3})|[两三四][件样款]都")
_COLOUR_FAMILIES = {
    family: words
    for family, words in (
        ("黑", "黑 炭 墨"), ("白", "白 米"), ("红", "红 朱 绯 酒 胭脂 枣"), ("粉", "粉 樱 藕"), ("黄", "黄 姜 鹅黄 柠檬"),
        ("蓝", "蓝 藏青 靛 海军"), ("绿", "绿 苔 橄榄 薄荷 抹茶"), ("紫", "紫 香芋 薰衣草"), ("灰", "灰 烟"), ("棕", "棕 咖 驼 焦糖 褐 卡其 栗"),
        ("橙", "橙 橘"), ("金", "金"), ("银", "银"), ("杏", "杏 米 奶油 燕麦 裸"), ("青", "青"),
    )
}  # fmt: skip
_NEAR_COLOURS = {frozenset(pair) for pair in ("白杏", "红粉", "红橙", "黄橙", "黄金", "蓝青", "绿青", "蓝紫", "灰银", "灰黑", "黑青", "棕杏", "棕红", "棕黄", "杏黄", "红紫", "粉紫", "灰白", "银白", "粉杏", "黄杏", "粉橙", "红棕")}
_COLOUR = re.compile(r"([\u3400-\u9fff]{0,2}?[黑白红粉黄蓝绿紫灰棕橙金银杏])(?:色的?|的)?(?=款|[\u3400-\u9fff]{2})")


def find_contradictions(context: str, start: int, claims: Claims) -> list[Fault]:
    """Faults in one clause.

    Args:
        context: The clause in plain form.
        start: Its offset in the text.
    """
    return [
        Fault("wrong_value", start + begin, start + end, said, claim)
        for check in (_other_of_scale, _wider_than_given, _purer_than_given, _has_what_is_lacking, _all_products, _hotter, _other_colour)
        for begin, end, said, claim in check(context, claims)
    ]


_Hit = tuple[int, int, str, Claim]


def _attributes(claims: Claims) -> Iterator[Claim]:
    return (claim for claim in claims.items if "attributes." in claim.source)


def _other_of_scale(context: str, claims: Claims) -> Iterator[_Hit]:
    """金奖 where the brief has 银奖."""
    for scale in lexicon().scales:
        for value in scale:
            at = context.find(value)
            if at < 0 or value in claims.text or _DENIED.search(context[max(0, at - 3) : at]):
                continue
            given = next((c for c in _attributes(claims) if any(other in c.text for other in scale)), None)
            if given and not _abbreviated(value, given.text):
                yield at, at + len(value), f"“{value}”", given


def _abbreviated(value: str, text: str) -> bool:
    """轻中度 covers 轻度: the first character stands before another of the scale."""
    return bool(re.search(re.escape(value[0]) + r"[\u3400-\u9fff]?[、/]?[\u3400-\u9fff]" + re.escape(value[-1]), text))


def _shared(context: str, text: str) -> bool:
    """Whether a clause and a claim speak of the same thing: a Chinese pair of characters stands in both."""
    return any(context[i : i + 2] in text for i in range(len(context) - 1) if _HAN_PAIR.match(context, i))


_HAN_PAIR = re.compile(r"[\u3400-\u9fff]{2}")


def _wider_than_given(context: str, claims: Claims) -> Iterator[_Hit]:
    """全国通用 where the brief has 仅限杭州; 无毒 where it has 低毒."""
    if match := _ALL.search(context):
        rest = context[: match.start()] + " " + context[match.end() :]
        for claim in _attributes(claims):
            about_place = match[0] in ("全国", "全球") and re.search(r"区域|地区|范围|城市|配送", claim.name)
            if _SOME.search(claim.text) and (about_place or _shared(rest, claim.text)) and not _SOME.search(context):
                yield 0, len(context), f"“{match[0]}”", claim
                break
    for match in _NONE.finditer(context):
        thing = context[match.end()]
        for claim in _attributes(claims):
            if re.search(_LITTLE.pattern + re.escape(thing), claim.text) and match[0] + thing not in claims.text:
                yield match.start(), match.end() + 1, f"“{match[0]}{thing}”", claim
                break


def _purer_than_given(context: str, claims: Claims) -> Iterator[_Hit]:
    """百分百羊毛 where the brief has 羊毛70%."""
    for match in _PURE.finditer(context):
        following = context[match.end() : match.end() + 9]
        for claim in _attributes(claims):
            for name, share, share_first, name_last in _SHARE.findall(claim.text):
                material, percent = (name or name_last), float(share or share_first)
                core = material[-2:] if len(material) > 1 else material
                if percent < 100 and core and core in following and f"{match[0]}{core}" not in claims.text:
                    pure = match.end() if len(match[0]) > 1 else match.end() + following.find(core) + len(core)
                    yield match.start(), pure, f"“{context[match.start() : pure]}”", claim
                    return


def _has_what_is_lacking(context: str, claims: Claims) -> Iterator[_Hit]:
    """带停车监控 where the brief has 停车监控：需另购降压线."""
    if _DENIED.search(context):
        return
    for claim in _attributes(claims):
        lacking = _LACKING.search(claim.text)
        if lacking and len(claim.name) >= 3 and claim.name in context and _HAVING.search(context):
            yield 0, len(context), f"“{claim.name}”", claim


def _all_products(context: str, claims: Claims) -> Iterator[_Hit]:
    """两样都是PP where one of the products is."""
    match = _BOTH.search(context) if claims.products > 1 else None
    if not match:
        return
    for at, term in lexicon().find(context):
        if at >= match.start():
            holders = [c for c in claims.items if c.product is not None and any(w in c.text.lower() for w in term.support)]
            if holders and len({c.product for c in holders}) == 1:
                begin = match.start() if match[0] == "双" else 0
                end = at + len(term.word) if match[0] == "双" else len(context)
                yield begin, end, f"“{term.word}”", holders[0]
                return


def _hotter(context: str, claims: Claims) -> Iterator[_Hit]:
    """滚水冲 where the brief has 45-50℃温水."""
    match = _BOILING.search(context)
    if not match or _COOLED.search(context):
        return
    for claim, known in claims.of("degree"):
        if "水" in claim.text and 20 <= known.high < 90:
            yield 0, len(context), f"“{match[0]}”", claim
            return


def _other_colour(context: str, claims: Claims) -> Iterator[_Hit]:
    """红色款 where the brief has 雾霾蓝."""
    given = [claim for claim in _attributes(claims) if re.search(r"颜色|配色|色号|釉色|花色", claim.name)]
    if not given:
        return
    known = [_families(item) for claim in given for item in re.split(r"[、/，,;； ]+", claim.text) if item]
    if not all(known):
        return  # a colour by a poet's name may be any
    families = frozenset().union(*known)
    for match in _COLOUR.finditer(context):
        noun = context[match.end() : match.end() + 2]
        own = noun.startswith("款") or any(noun in c.text for c in claims.items if c.source.endswith(("name", "category")))
        said = _families(match[1])
        if own and match[1] not in claims.text and said and not any(_alike(a, b) for a in said for b in families):
            yield match.start(1), match.end(1), f"颜色“{match[1]}”", given[0]


def _families(colour: str) -> frozenset[str]:
    return frozenset(family for family, words in _COLOUR_FAMILIES.items() if any(w in colour for w in words.split()))


def _alike(a: str, b: str) -> bool:
    return a == b or frozenset((a, b)) in _NEAR_COLOURS
