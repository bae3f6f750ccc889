"""What the words of a product mean: which entities it speaks of. Knows kinds and categories, not stores, not facts.

The product's category settles what a word means: 玫瑰 is a flower at the florist's and a scent in a shower gel, 10kg
is a washing machine's capacity and a dumbbell's weight.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from copygen.brief import Product
from copygen.linking import Mention, Thesaurus, find_mentions, fold
from copygen.triples import Entity

KNOWLEDGE = Path(__file__).parent / "knowledge"
_QUANTITY = re.compile(r"[\d.]+\s*[a-z°℃㎡%\u3400-\u9fff]{1,2}\d?|\d+(?:英寸|毫米)")
_NEGATED = re.compile(r"(?:不含|不是|没有|未添加|不加|不带|仿|非|类|无|零|代替|替代|人造|拒绝)$")
_LIKENED = re.compile(r"(?:风?味|口味|香|色|质?感|触感|般|同款|调|纹|印花|图案|造型|伴侣|专用|适用)")
_PACKED = re.compile(r"(?:盆栽|盆花|花束|礼盒|套装|组合|片|粉|装|款|系列|[一二三四五六七八九十两])")
"""What may follow goods without making them something else: 龟背竹盆栽 is 龟背竹, 空调被 is no 空调."""
_CAMPAIGN = re.compile(r"活动|优惠|促销|返场|赠")
_NOT_ABOUT = re.compile(
    r"适[配合用]|.*搭配|附|.*清单|.*货号|编号|.*[毛净车]?重量?$|.*尺寸|尺码|[宽高厚]度|香[味气型调]|气味|风味|口[味感]"
    r"|用[途法]|冲泡|烹饪|吃法|食用|饮用|安装|保[固质养存]|.*质保|兼容|建议|注意|储[存藏]|运费|售后|禁忌|洗[涤护]|清[洁洗]$|使用|.*方式$"
)
"""Attributes that speak of something beside the product: what it fits, what is thrown in, how it is used or shipped."""
_PEOPLE = re.compile(r"人群|肤质|肤型|适用|年龄|场景|场合|季|节|对象")
_WHAT_IT_IS = re.compile(r"类|种|豆|名称|内容|组成|配方|花材|主花|单品")
"""Attributes that name goods as what the product is; elsewhere goods are ingredients or company."""
_KIND_ATTRIBUTES = {
    "材质": re.compile(r"材|料|填充|内胆|外壳|内里|内衬|鞋|胶|面|里|芯|壳|皮|杆|架|身|板|柄|梁|土"),
    "颜色": re.compile(r"色"),
    "成分": re.compile(r"成分|配料|原料|添加|含"),
    "工艺": re.compile(r"工艺|表面|处理|织法|做法"),
}
"""A word of these kinds is taken in any industry when its attribute asks for just that."""
_PORTABLE = frozenset({"参数", "技术", "部件", "功能", "版型"})
"""Kinds whose full names mean the same whatever the product is: IPX7, 热泵烘干."""
PEOPLE_AND_PLACES = frozenset({"人群", "场景", "节令"})
_GOODS = frozenset({"品类", "商品"})
_HAN = re.compile(r"[\u3400-\u9fff]")
_SHORT_VALUE_CHARS = 6


@dataclass(frozen=True, slots=True)
class Link:
    """What a mention was taken to mean, or why it was not taken."""

    mention: Mention
    entity: Entity
    accepted: bool
    why: str


@dataclass(frozen=True, slots=True)
class Linked:
    """A product's links and the industries it was taken to belong to."""

    industries: tuple[str, ...]
    links: tuple[Link, ...]

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The accepted entities, each once, in the order they are mentioned."""
        return tuple({link.entity.name: link.entity for link in self.links if link.accepted}.values())


@lru_cache(maxsize=1)
def _category_heads() -> dict[str, tuple[str, ...]]:
    """Head noun of a category -> the industries it is sold in."""
    lines = (KNOWLEDGE / "categories.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {fold(head): tuple(industries.split("|")) for industries, heads in rows for head in heads.split()}


def industries_of(category: str) -> tuple[str, ...]:
    """The industries a category is sold in, by its longest known ending: 蓝牙耳机 -> 数码影音; () when unknown."""
    text, heads = fold(re.split(r"[（(]", category)[0]).strip(), _category_heads()
    return next((heads[text[at:]] for at in range(len(text)) if text[at:] in heads), ())


@dataclass(frozen=True, slots=True)
class _Heard:
    """A mention with the text around it and what it may mean."""

    mention: Mention
    text: str
    senses: Sequence[Entity]

    @property
    def attribute(self) -> str:
        field = self.mention.field
        return field.removeprefix("attributes.") if field.startswith("attributes.") else ""


def _hear(thesaurus: Thesaurus, product: Product) -> list[_Heard]:
    """Every known word of the product. Short values are read with their names: 降噪=主动 says 主动降噪."""
    texts = [("category", product.category, 0), ("name", product.name.replace(product.brand, " ", 1), 0)]
    for name, value in product.attributes.items():
        texts.append((f"attributes.{name}", value, 0))
        head = re.split(r"[（(，,、/ ]", value)[0]
        if len(head) <= _SHORT_VALUE_CHARS:
            texts += [(f"attributes.{name}", head + name, len(head)), (f"attributes.{name}", name + head, len(name))]
    found: dict[tuple[str, str], _Heard] = {}
    for field, text, seam in texts:
        folded = fold(text)
        for mention in find_mentions(thesaurus, field, folded):
            if not seam or mention.start < seam < mention.end:
                found.setdefault((field, mention.word), _Heard(mention, folded, thesaurus.senses(mention.word)))
    words: dict[str, set[str]] = {}
    for field, word in found:
        words.setdefault(field, set()).add(word)
    # 蓝宝石玻璃镜面, once heard, leaves no 宝石 in the same attribute.
    return [
        one
        for (field, word), one in found.items()
        if not any(word in other and word != other for other in words[field])
    ]


def _industries(heard: Iterable[_Heard], product: Product, industry: str) -> tuple[str, ...]:
    """Where the product belongs, by vote: its category and name count most, then what it is made of."""
    votes: defaultdict[str, float] = defaultdict(float)
    for one in heard:
        if one.attribute and _NOT_ABOUT.match(fold(one.attribute)):
            continue
        for entity in one.senses:
            weight = 1.0 / len(one.senses)
            if entity.kind in _GOODS and not one.attribute:
                weight *= 4.0 if one.mention.end == len(one.text) else 2.0
            for rank, home in enumerate(entity.industries):
                votes[home] += weight / (1 + 0.5 * rank) / len(entity.industries) ** 0.5
    for known, weight in ((industries_of(product.category), 12.0), ((industry,) if industry else (), 16.0)):
        for home in known:
            votes[home] += weight
    best = max(votes.values(), default=0.0)
    ranked = sorted(votes.items(), key=lambda vote: -vote[1])
    return tuple(home for home, vote in ranked if vote >= 0.5 * best)


def _judge(
    thesaurus: Thesaurus, one: _Heard, entity: Entity, industries: Sequence[str], category: Sequence[Entity]
) -> str:
    """Why a mention does not mean this entity; empty when it does."""
    before, after = one.text[: one.mention.start], one.text[one.mention.end :]
    attribute = fold(one.attribute)
    at_home = not entity.industries or not industries or bool(set(entity.industries) & set(industries))
    if _NEGATED.search(before):
        return "negated or imitated"
    if _CAMPAIGN.search(attribute):
        return f"{attribute} speaks of a campaign"
    if entity.kind in PEOPLE_AND_PLACES:
        return "" if at_home or _PEOPLE.search(attribute) else "people or places of another industry"
    if attribute and _NOT_ABOUT.match(attribute):
        return f"{attribute} speaks of something beside the product"
    if entity.kind in (*_GOODS, "材质", "成分") and _LIKENED.match(after):
        return "likened to it, not made of it"
    if entity.kind in _GOODS:
        return _not_goods(thesaurus, attribute, after, entity, at_home, category)
    if at_home:
        return ""
    if attribute and entity.kind in _KIND_ATTRIBUTES and _KIND_ATTRIBUTES[entity.kind].search(attribute):
        return ""
    everywhere = entity.kind in _PORTABLE and not _QUANTITY.fullmatch(one.mention.word)
    return "" if everywhere and fold(entity.name) in one.mention.word else "of another industry"


def _not_goods(
    thesaurus: Thesaurus, attribute: str, after: str, entity: Entity, at_home: bool, category: Sequence[Entity]
) -> str:
    """Why a product is not these goods."""
    if not at_home:
        return "goods of another industry"
    if attribute and not _WHAT_IT_IS.search(attribute):
        return f"{attribute} names it as a part or company"
    if _HAN.match(after) and not _PACKED.match(after):
        return "part of a longer noun"
    for said in category:
        related = thesaurus.is_a(said.name, entity.name) or thesaurus.is_a(entity.name, said.name)
        if not related and set(said.parents) & set(entity.parents):
            return f"the category says {said.name}"
    return ""


def link(thesaurus: Thesaurus, product: Product, industry: str = "") -> Linked:
    """Find what a product speaks of.

    Args:
        industry: The product's industry as the graph names it, where the caller knows; else it is inferred.
    """
    heard = _hear(thesaurus, product)
    industries = _industries(heard, product, industry)
    category = [
        entity for one in heard if one.mention.field == "category" for entity in one.senses if entity.kind in _GOODS
    ]
    links: list[Link] = []
    for one in heard:
        judged = [(_judge(thesaurus, one, entity, industries, category), entity) for entity in one.senses]
        judged.sort(key=lambda pair: (bool(pair[0]), -_closeness(pair[1], industries)))
        for rank, (why_not, entity) in enumerate(judged):
            if rank and not why_not:
                why_not = f"{judged[0][1].name} fits better"
            links.append(Link(one.mention, entity, not why_not, why_not or "fits"))
    return Linked(industries, tuple(links))


def _closeness(entity: Entity, industries: Sequence[str]) -> float:
    """How near an entity is to a product's industries: those named first count most."""
    return sum(1.0 / (1 + rank) for rank, home in enumerate(industries) if home in entity.industries)


def named_in(thesaurus: Thesaurus, text: str, kinds: Iterable[str]) -> tuple[Entity, ...]:
    """The entities of some kinds that a free text names, such as the people an audience is described as."""
    wanted = set(kinds)
    found = (e for mention in find_mentions(thesaurus, "text", text) for e in thesaurus.senses(mention.word))
    return tuple(dict.fromkeys(entity for entity in found if entity.kind in wanted))
