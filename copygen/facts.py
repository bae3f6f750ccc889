"""Which of the things said of a product's entities are worth telling, and in what order. Knows no store, no prompt.

A fact's score is a product of factors, each with a reason, so that a ranking can be read. Facts that may not be told
(a warning, a claim that holds of most but is not borne out by this product, the wrong season) get no score at all.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

import jieba

from copygen.brief import Brief, Fact, Product
from copygen.linking import Thesaurus, fold
from copygen.season import seasons_in
from copygen.sense import PEOPLE_AND_PLACES, Linked, link, named_in
from copygen.text import to_hant
from copygen.triples import ALIAS, IS_A, Entity, Statement

MAX_STEPS_UP = 2
"""How far up the hierarchy facts are inherited: 精梳棉 tells what 棉纤维 is known for."""
ENOUGH = 12
"""A product with so many facts of its own entities to tell inherits none: the general is said for want of more."""
_STEP = 0.6
_KIND = {
    "商品": 1.6,
    "品类": 0.55,
    "颜色": 0.6,
    "风格": 0.6,
    "款式": 0.9,
    "版型": 0.9,
    "人群": 0.3,
    "场景": 0.3,
    "节令": 0.3,
}
"""What is special to a product tells more than what all of its category share; 1 where not named."""
_RELATION = {
    "优点": 1.0, "功效体验": 1.0, "工艺特点": 0.9, "解决痛点": 0.8, "适合场景": 0.8, "产地特点": 0.7, "适合人群": 0.7,
    "节令": 0.5, "搭配": 0.4, "使用方法": 0.3, "护理方法": 0.2,
}  # fmt: skip
_OTHER_RELATION = 0.8
"""A relation of the merchant's own."""
_PHASE = {
    "种草": {"功效体验": 1.3, "适合场景": 1.3, "适合人群": 1.2},
    "蓄水": {"解决痛点": 1.2, "节令": 1.3, "适合场景": 1.1},
    "爆发": {"优点": 1.3, "解决痛点": 1.2, "工艺特点": 0.8, "产地特点": 0.8},
    "返场": {"优点": 1.2, "解决痛点": 1.3},
}
_SILENT = frozenset(
    {IS_A, ALIAS, "注意", "可选属性", "属性取值", "品牌", "价格", "尺寸", "重量", "颜色", "货号", "SKU"}
)
"""Relations that are no selling points: hierarchy, warnings, and what the attributes already say."""
_BORNE_OUT = 0.5
"""Share of a claim's characters that the product's own attributes must say before a medium fact may be told."""
_TOLD = 0.8
_WIDTH = 10
"""Candidates looked at for each fact wanted."""
_ANYONE = re.compile(r"女生|女性|男生|男士|人群|用户|朋友|家庭|偏|喜欢|的人|们")
"""Words for people that say nothing of which people."""


class Graph(Thesaurus, Protocol):
    """What ranking asks of a graph."""

    def entity(self, name: str) -> Entity | None: ...


@dataclass(frozen=True, slots=True)
class RankedFact:
    """Something said of one of the product's entities, with the reasons for its place."""

    statement: Statement
    score: float
    """0: it may not be told."""
    factors: tuple[tuple[float, str], ...] = ()
    refusal: str = ""
    """Why it may not be told."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """What raised or lowered it, for people."""
        return (self.refusal,) if self.refusal else tuple(f"{why} x{by:.2g}" for by, why in self.factors if by != 1.0)

    @property
    def fact(self) -> Fact:
        said = self.statement
        return Fact(
            subject=said.subject,
            relation=said.relation,
            object=said.object,
            id=said.id,
            source=said.provenance.source,
        )


@dataclass(frozen=True, slots=True)
class _Context:
    """What facts are weighed against: one product in one brief."""

    linked: Linked
    said: frozenset[str]
    """Character pairs of the product's attribute values, folded."""
    audience: frozenset[str]
    """Words that tell the audience from others, and the people and places it names."""
    phase: str
    seasons: frozenset[str]


def pairs_of(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters of a text."""
    return frozenset(text[i : i + 2] for i in range(len(text) - 1))


def coverage(claim: str, said: frozenset[str], without: str = "") -> float:
    """Share of a claim's characters that stand in a pair which was said too; pairs within `without` do not count."""
    pairs = [claim[i : i + 2] for i in range(len(claim) - 1)]
    if said.isdisjoint(pairs):
        return 0.0
    without = fold(without)
    held = [pair in said and pair not in without for pair in pairs]
    return sum(a or b for a, b in zip([*held, False], [False, *held], strict=True)) / len(claim)


def _context(graph: Graph, product: Product, brief: Brief | None, season: str | None) -> _Context:
    own = " ".join(value for name, value in product.attributes.items() if "季" in name)
    seasons = seasons_in(fold(season if season is not None else own), is_season=True)
    audience = fold(brief.audience) if brief else ""
    words = {word for word in jieba.cut(_ANYONE.sub(" ", audience), HMM=False) if len(word) > 1}
    people = {fold(entity.name) for entity in named_in(graph, audience, PEOPLE_AND_PLACES)}
    return _Context(
        linked=link(graph, product, brief.industry if brief else ""),
        said=pairs_of(fold(" ".join(product.attributes.values()))),
        audience=frozenset(words | people),
        phase=brief.phase if brief else "",
        seasons=seasons if len(seasons) < 4 else frozenset(),
    )


def _weigh(statement: Statement, claim: str, entity: Entity, steps: int, context: _Context) -> RankedFact:
    """Score one statement; claim is its object, folded."""
    relation, homes = statement.relation, statement.provenance.industries
    if relation in _SILENT:
        return RankedFact(statement, 0.0, refusal=f"{relation} is no selling point")
    seasons = seasons_in(claim, is_season=relation == "节令")
    timely = seasons & context.seasons
    if relation == "节令" and not timely:
        return RankedFact(statement, 0.0, refusal="not known to be the season")
    if seasons and context.seasons and not timely:
        return RankedFact(statement, 0.0, refusal="another season")
    if homes and relation != "优点" and context.linked.industries and not set(homes) & set(context.linked.industries):
        return RankedFact(statement, 0.0, refusal="said of another industry")
    # What the entity's own name says is said of it anyway and bears nothing out.
    borne_out = coverage(claim, context.said, statement.subject)
    if statement.provenance.confidence != "high" and borne_out < _BORNE_OUT:
        return RankedFact(statement, 0.0, refusal="holds of most, but nothing in the attributes bears it out")
    factors = [
        (_KIND.get(entity.kind, 1.0), f"about its {entity.kind or 'own entity'}"),
        (_RELATION.get(relation, _OTHER_RELATION), relation),
        (_STEP**steps, "inherited"),
        (_PHASE.get(context.phase, {}).get(relation, 1.0), context.phase),
    ]
    if any(word in claim or word == statement.subject for word in context.audience):
        factors.append((1.6, "speaks to the audience"))
    elif context.audience and relation == "适合人群":
        factors.append((0.5, "speaks to other people"))
    if timely:
        factors.append((1.5, "of the season"))
    if borne_out >= _TOLD:
        factors.append((0.3, "the attributes say it already"))
    return RankedFact(statement, math.prod(factor for factor, _ in factors), tuple(factors))


def _weigh_product(graph: Graph, context: _Context) -> list[RankedFact]:
    """All that is said of the product's entities and what they are kinds of, the best first."""
    best: dict[tuple[str, str, str], RankedFact] = {}
    level: Sequence[Entity] = context.linked.entities
    seen = {entity.name for entity in level}
    for steps in range(MAX_STEPS_UP + 1):
        for entity in level:
            # Folded together: one conversion an entity instead of one a statement.
            claims = fold("\n".join(said.object.replace("\n", " ") for said in entity.statements)).split("\n")
            for statement, claim in zip(entity.statements, claims, strict=False):
                key = (statement.subject, statement.relation, statement.object)
                if key not in best:
                    best[key] = _weigh(statement, claim, entity, steps, context)
        if sum(one.score > 0 for one in best.values()) >= ENOUGH:
            break
        parents = dict.fromkeys(up for entity in level for up in entity.parents if up not in seen)
        seen.update(parents)
        level = [above for up in parents if (above := graph.entity(up))]
    return sorted(best.values(), key=lambda one: (-one.score, one.statement.subject, one.statement.object))


def _vary(ranked: Iterable[RankedFact], k: int) -> list[RankedFact]:
    """The k best, each subject and relation losing weight once it was heard."""
    rest = [one for one in ranked if one.score > 0][: _WIDTH * k]
    chosen: list[RankedFact] = []
    subjects: Counter[str] = Counter()
    relations: Counter[str] = Counter()

    def worth(one: RankedFact) -> float:
        said = one.statement
        return float(one.score * 0.6 ** subjects[said.subject] * 0.85 ** relations[said.relation])

    while rest and len(chosen) < k:
        best = max(rest, key=worth)
        rest.remove(best)
        chosen.append(best)
        subjects[best.statement.subject] += 1
        relations[best.statement.relation] += 1
    return chosen


def _contexts(graph: Graph, about: Product | Brief, season: str | None) -> Iterator[_Context]:
    if isinstance(about, Product):
        yield _context(graph, about, None, season)
        return
    for product in about.products:
        yield _context(graph, product, about, season)


def weigh_all(graph: Graph, about: Product | Brief, season: str | None = None) -> list[RankedFact]:
    """Every candidate of every product with its score and reasons, the best first."""
    weighed = [one for context in _contexts(graph, about, season) for one in _weigh_product(graph, context)]
    return sorted(weighed, key=lambda one: -one.score)


def pick(graph: Graph, about: Product | Brief, k: int, season: str | None = None) -> list[RankedFact]:
    """At most k facts to tell; the products of a bundle take turns, and what the brief already gives is left out."""
    given = {(f.subject, f.relation, f.object) for f in about.facts} if isinstance(about, Brief) else set()

    def is_new(one: RankedFact) -> bool:
        return (one.statement.subject, one.statement.relation, one.statement.object) not in given

    turns = [_vary(filter(is_new, _weigh_product(graph, context)), k) for context in _contexts(graph, about, season)]
    rows = ((one for one in row if one) for row in zip_longest(*turns))
    told = {one.statement: one for row in rows for one in row}
    return list(told.values())[:k]


def in_hant(fact: Fact) -> Fact:
    """The fact as Traditional readers write it; id, relation and source stay."""
    return fact.model_copy(update={"subject": to_hant(fact.subject), "object": to_hant(fact.object)})
