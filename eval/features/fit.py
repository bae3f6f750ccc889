"""Features of fit: what is told of the product, for whom, in which phase, how long, how lawful, at what price."""

import math
import re
from functools import lru_cache

import jieba

from copygen.brief import Brief, Product
from copygen.channel import get_channel
from copygen.compliance import check_compliance
from copygen.errors import UnknownChannel
from copygen.finding import errors
from copygen.graph import builtin_graph
from copygen.rank import told_attributes
from copygen.text import sentence_spans, to_hans

from eval.features.subject import NO_BRIEF, NOT_CHINESE, Feature, Score, Subject, listed, unscored, word_pattern

WANTED_ATTRIBUTES = 3
"""Three told well beat nine listed (docs/corpus.md)."""
_GOOD_FOR = frozenset("优点 功效体验 解决痛点 适合场景 工艺特点".split())
"""Relations of the graph that say what an attribute does for somebody."""
USUAL_LOGPROB, LOGPROB_STEP = -1.6, 0.4
"""Mean log-probability of a middling copy of the bundled model, and what makes a good one of it (copygen.rank)."""
_QUIET = ("种草", "日常")
"""Phases in which nobody is to be hurried."""
_NOT_A_WORD = re.compile(r"[\s\d\W]+")


def attribute_coverage(subject: Subject) -> Score:
    """Attributes told, as a share of the three a copy should tell."""
    if subject.brief is None:
        return NO_BRIEF
    wanted = min(WANTED_ATTRIBUTES, sum(len(product.attributes) for product in subject.brief.products))
    if not wanted:
        return unscored("商品没有属性")
    told = [name for name in told_attributes(subject.copy, subject.brief) if name != "price"]
    return Score(min(1.0, len(told) / wanted), f"写到{listed(told, 4)}" if told else "没有写到任何属性")


def keyword_coverage(subject: Subject) -> Score:
    """Share of the keywords that stand in the copy word for word."""
    if subject.brief is None or not subject.brief.keywords:
        return unscored("没有指定关键词")
    plain = subject.copy.plain_text()
    missing = [word for word in subject.brief.keywords if word not in plain]
    value = 1 - len(missing) / len(subject.brief.keywords)
    return Score(value, f"缺关键词：{listed(missing)}" if missing else "关键词齐全")


def benefit_framing(subject: Subject) -> Score:
    """Share of the told attributes whose sentence also says what they do for somebody.

    It does when it shares a word with what the knowledge graph or the brief's facts say the attribute is good for,
    or names an everyday benefit (不用…, 省心, 刚好).
    """
    if subject.brief is None:
        return NO_BRIEF
    told = [name for name in told_attributes(subject.copy, subject.brief) if name != "price"]
    if not told:
        return unscored("没有写到任何属性")
    text, benefit = subject.text, word_pattern("wording", "benefit")
    sentences = [text[start:end].lower() for start, end in sentence_spans(text)]
    framed = []
    for name in told:
        good_for = _good_for(subject.brief, name)
        values = [
            to_hans(product.attributes[name]).lower()
            for product in subject.brief.products
            if name in product.attributes
        ]
        telling = [sentence for sentence in sentences if any(_pairs(value) & _pairs(sentence) for value in values)]
        if any(benefit.search(sentence) or good_for & _pairs(sentence) for sentence in telling):
            framed.append(name)
    plain = [name for name in told if name not in framed]
    reason = f"只报了参数：{listed(plain)}；补一句它带来什么" if plain else f"{listed(framed)}都写成了好处"
    return Score(len(framed) / len(told), reason)


def _good_for(brief: Brief, attribute: str) -> set[str]:
    """Pairs of characters of what an attribute's value is good for."""
    said: set[str] = set()
    for product in brief.products:
        if value := product.attributes.get(attribute):
            given = tuple(product.attributes.items())
            said |= _graph_says(product.name, product.brand, product.category, given).get(attribute, frozenset())
            said |= _pairs(to_hans(" ".join(fact.object for fact in brief.facts if fact.subject in value)))
    return said


@lru_cache(maxsize=1024)
def _graph_says(
    name: str, brand: str, category: str, attributes: tuple[tuple[str, str], ...]
) -> dict[str, frozenset[str]]:
    """Attribute -> pairs of characters of what the graph says it is good for."""
    linked = builtin_graph().link(Product(name=name, brand=brand, category=category, attributes=dict(attributes)))
    said: dict[str, set[str]] = {}
    for link in linked.links:
        if link.accepted and link.mention.field.startswith("attributes."):
            objects = (s.object for s in link.entity.statements if s.relation in _GOOD_FOR)
            said.setdefault(link.mention.field.removeprefix("attributes."), set()).update(_pairs(" ".join(objects)))
    return {attribute: frozenset(pairs) for attribute, pairs in said.items()}


def _pairs(text: str) -> set[str]:
    return {pair for i in range(len(text) - 1) if (pair := text[i : i + 2]).isalnum()}


def audience_fit(subject: Subject) -> Score:
    """Whether a word of the audience's description stands in the copy."""
    if subject.brief is None or not subject.brief.audience:
        return unscored("没有指定人群")
    asked = [word for word in jieba.cut(to_hans(subject.brief.audience), HMM=False) if len(word) > 1]
    if not asked:
        return unscored("人群描述太短")
    found = [word for word in asked if word in subject.text]
    return Score(min(1.0, 2 * len(found) / len(asked)), f"提到{listed(found)}" if found else "没有提到目标人群")


def phase_fit(subject: Subject) -> Score:
    """Whether the copy does what its phase is for, and does not shout."""
    if subject.brief is None:
        return NO_BRIEF
    if not subject.is_chinese:
        return NOT_CHINESE
    phase = subject.brief.phase
    if shout := word_pattern("phase", "shout").search(subject.text):
        return Score(0.0, f"“{shout[0]}”喊得太急")
    if phase not in (*_QUIET, "蓄水", "爆发", "返场"):
        return unscored(f"不认识阶段“{phase}”")
    if phase in _QUIET and (urging := word_pattern("phase", "urge").search(subject.text)):
        return Score(0.2, f"“{phase}”不必催：{urging[0]}")
    found = [match[0] for match in word_pattern("phase", phase).finditer(subject.text)]
    if found:
        return Score(1.0, f"合“{phase}”：{listed(found)}")
    return Score(0.7, "不催不喊") if phase in _QUIET else Score(0.3, f"看不出是“{phase}”阶段的文案")


def length_fit(subject: Subject) -> Score:
    """How far title and body are within their channel's limits."""
    if subject.brief is None:
        return NO_BRIEF
    try:
        channel = get_channel(subject.brief.channel)
    except UnknownChannel:
        return unscored(f"不认识渠道“{subject.brief.channel}”")
    off = {}
    for name in ("title", "body"):
        if spec := channel.fields.get(name):
            size = spec.measure(getattr(subject.copy, name))
            off[spec.label] = max(0.0, spec.min - size, size - spec.max) / spec.max
    if not off:
        return unscored("这个渠道没有标题和正文")
    worst = max(off, key=lambda label: off[label])
    value = max(0.0, 1 - 2 * off[worst])
    return Score(value, f"{worst}长度不合渠道要求" if off[worst] else "长度合适")


def compliance(subject: Subject) -> Score:
    """1 without a finding of advertising law, 0.5 with warnings only, 0 with an error."""
    if not subject.text:
        return unscored("文案是空的")
    law = check_compliance(subject.copy.texts(), subject.brief) if subject.law is None else subject.law
    if not law:
        return Score(1.0, "没有违规用语")
    value = 0.0 if errors(law) else 0.5
    return Score(value, f"{'违规' if value == 0 else '有风险'}：{listed([finding.text for finding in law])}")


def offer_clarity(subject: Subject) -> Score:
    """Whether an offer says how much: 满300减40 is clear, 超值特惠 is not."""
    if not subject.is_chinese:
        return NOT_CHINESE
    said = word_pattern("offer", "said").search(subject.text)
    vague = word_pattern("offer", "vague").search(subject.text)
    exact = word_pattern("offer", "exact").search(subject.text)
    if not said and not vague and not exact:
        return unscored("没有写价格或优惠")
    if vague:
        return Score(0.5 if exact else 0.0, f"“{vague[0]}”没说清便宜多少")
    if exact:
        return Score(1.0, f"价格或优惠写清了：{exact[0]}")
    return Score(0.3, f"“{said[0] if said else ''}”没写金额或条件")


def consistency(subject: Subject) -> Score:
    """Whether the body takes up what the title promises."""
    copy = subject.copy
    rest = to_hans("\n".join((copy.body, *copy.points)))
    if not copy.title or not rest.strip():
        return unscored("没有标题或没有正文")
    title = to_hans(copy.title)
    words = [w for w in jieba.cut(title, HMM=False) if len(w) > 1 and not _NOT_A_WORD.fullmatch(w)]
    numbers = re.findall(r"\d+(?:\.\d+)?", title)
    promised = [*words, *numbers]
    if not promised:
        return unscored("标题里没有可对照的词")
    kept = [word for word in promised if word in rest]
    shared = len(_pairs(title) & _pairs(rest)) / max(1, len(_pairs(title)))
    value = min(1.0, 2 * max(len(kept) / len(promised), shared))
    return Score(value, f"正文接住了标题：{listed(kept)}" if kept else "标题说的，正文没有接着说")


def fluency(subject: Subject) -> Score:
    """How likely the model that wrote it finds its own words, against a middling copy of it."""
    if subject.mean_logprob is None:
        return unscored("没有对数概率")
    value = (1 + math.tanh((subject.mean_logprob - USUAL_LOGPROB) / (2 * LOGPROB_STEP))) / 2
    return Score(value, "读来通顺" if value >= 0.5 else "模型自己也觉得不太通顺")


FEATURES = (
    Feature("attribute_coverage", "写到的属性", attribute_coverage, 0.67),
    Feature("keyword_coverage", "关键词", keyword_coverage, 1.0),
    Feature("benefit_framing", "属性写成好处", benefit_framing, 0.5),
    Feature("audience_fit", "合人群", audience_fit, 0.5),
    Feature("phase_fit", "合阶段", phase_fit, 0.5),
    Feature("length_fit", "好读：长度", length_fit, 1.0),
    Feature("compliance", "合规", compliance, 1.0),
    Feature("offer_clarity", "价格与优惠清楚", offer_clarity, 0.8),
    Feature("consistency", "标题正文一致", consistency, 0.5),
    Feature("fluency", "通顺", fluency, 0.5),
)
