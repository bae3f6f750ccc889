"""The proof pack of one text: each clause with what bears it out, each finding with its law, the label, the dates.

What a merchant hands to a market regulator who asks on what an advertisement rests (广告法 articles 11 and 28: what is
cited has a source; what cannot be borne out is false). Pure: all of it is data, `as_json` is its written form.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from copygen.brief import Brief, Fact
from copygen.check import CheckReport
from copygen.evidence import Clause, SupportKind
from copygen.finding import Finding, Severity
from copygen.label import content_hash
from copygen.rule import Rule, RuleSet, load_rules

SCHEMA = "copygen.proof.v1"

_PLACE = re.compile(r"(?:products\[(\d+)\]\.)?(name|category|price|attributes\.(.+))", re.DOTALL)
_FACT = re.compile(r"facts\[(\d+)\]")
_CLAIMING: frozenset[SupportKind] = frozenset({"attribute", "price", "fact", "unsupported", "contradicts"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A field of the copy, whole."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class GivenProduct:
    """What the merchant gave of one product."""

    name: str
    brand: str
    category: str
    price: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class GivenFact:
    """Something known of a product's material, technique or use, and by whom."""

    subject: str
    relation: str
    object: str
    id: str
    source: str
    """'given': by the merchant; else the source the knowledge graph names."""


@dataclass(frozen=True, slots=True)
class ClauseProof:
    """One clause and what it rests on."""

    where: str
    start: int
    end: int
    text: str
    kind: SupportKind
    rests_on: str
    """Source in the brief: attributes.续航, price, facts[0]."""
    named: str
    """What the merchant calls it: 续航; for a fact, what it says of what."""
    says: str
    """The source's own words."""
    source: str
    """'given', or the knowledge graph's source; empty where nothing is claimed or nothing known."""
    given_on: str
    """Date of the source, YYYY-MM-DD: when the merchant gave it; empty where it is not the merchant's."""
    findings: tuple[int, ...]
    """Places in the pack's findings, from 0, of what was found within the clause."""

    @property
    def claims(self) -> bool:
        """Says something a reader could check."""
        return self.kind in _CLAIMING


@dataclass(frozen=True, slots=True)
class FindingProof:
    """Something a reviewer would strike out, with the rule it breaks."""

    label: str
    where: str
    text: str
    severity: Severity
    reason: str
    article: str
    fix: str
    proof: str
    rule_source: str
    """Where the rule was read; empty for limits and evidence."""
    rule_checked: str
    """When, YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote the text, where its label is on record."""

    produce_id: str
    producer: str
    issued_at: str
    """ISO 8601."""
    explicit_label: str
    """Empty where it was handed over."""
    handed_over_to: str
    """Who took over the duty to label, and when; empty where nobody did."""
    model: str
    prompt_id: str
    aigc: dict[str, str]
    """The implicit label."""


@dataclass(frozen=True, slots=True)
class ProofPack:
    """Everything that bears out one text, as it stood when it was made."""

    schema: str
    made_at: str
    """ISO 8601."""
    sha256: str
    """`content_hash` of the text."""
    rules: str
    """Edition of the rules of law."""
    rules_checked: str
    """Latest day a rule was compared with its source, YYYY-MM-DD."""
    passed: bool
    """No finding is an error."""
    channel: str
    lang: str
    pieces: tuple[Piece, ...]
    products: tuple[GivenProduct, ...]
    """Empty: the text was checked against the law alone."""
    facts: tuple[GivenFact, ...]
    clauses: tuple[ClauseProof, ...]
    findings: tuple[FindingProof, ...]
    origin: Origin | None
    """None: no label of this text is on record; a person may have written it."""

    def errors_in(self, clause: ClauseProof) -> list[FindingProof]:
        """What must change in one of the clauses."""
        return [self.findings[at] for at in clause.findings if self.findings[at].severity == "error"]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def make_proof(
    report: CheckReport,
    pieces: Sequence[tuple[str, str]],
    brief: Brief | None,
    *,
    made_at: datetime,
    channel: str = "",
    origin: Origin | None = None,
    rules: RuleSet | None = None,
) -> ProofPack:
    """Put together what the checks found.

    Args:
        report: What the checks said of these pieces and this brief.
        pieces: (where, text), as `AdCopy.texts` gives them.
        made_at: With its time zone; what the merchant gave counts as given on this day.
        channel: Name of the channel, for people; empty for free text.
    """
    rules = rules or load_rules()
    products = brief.products if brief is not None else ()
    facts = brief.facts if brief is not None else ()
    return ProofPack(
        schema=SCHEMA,
        made_at=made_at.isoformat(timespec="seconds"),
        sha256=content_hash("\n".join(text for _, text in pieces)),
        rules=rules.version,
        rules_checked=max(rule.date_checked for rule in rules.rules).isoformat(),
        passed=report.passed,
        channel=channel,
        lang=brief.lang if brief is not None else "",
        pieces=tuple(Piece(where, text) for where, text in pieces),
        products=tuple(GivenProduct(p.name, p.brand, p.category, p.price, dict(p.attributes)) for p in products),
        facts=tuple(_fact(fact) for fact in facts),
        clauses=tuple(_clause(clause, brief, report.findings, made_at) for clause in report.evidence.clauses),
        findings=tuple(_finding(finding, _by_article(rules)) for finding in report.findings),
        origin=origin,
    )


def _fact(fact: Fact) -> GivenFact:
    return GivenFact(fact.subject, fact.relation, fact.object, fact.id, fact.source)


def _clause(clause: Clause, brief: Brief | None, findings: Sequence[Finding], made_at: datetime) -> ClauseProof:
    support = clause.support
    named, says, source = _source(support.rests_on, brief) if brief is not None else ("", "", "")
    return ClauseProof(
        where=clause.where,
        start=clause.start,
        end=clause.end,
        text=clause.text,
        kind=support.kind,
        rests_on=support.rests_on,
        named=named,
        says=says or support.text,
        source=source,
        given_on=made_at.date().isoformat() if source == "given" else "",
        findings=tuple(i for i, finding in enumerate(findings) if _within(finding, clause)),
    )


def _within(finding: Finding, clause: Clause) -> bool:
    return finding.where == clause.where and finding.start < clause.end and clause.start < finding.end


def _source(rests_on: str, brief: Brief) -> tuple[str, str, str]:
    """(name, own words, whose) of a place in the brief."""
    if match := _FACT.fullmatch(rests_on):
        fact = brief.facts[int(match[1])]
        return f"{fact.subject} · {fact.relation}", fact.object, fact.source
    if match := _PLACE.fullmatch(rests_on):
        product = brief.products[int(match[1] or 0)]
        if match[3] is not None:
            return match[3], product.attributes[match[3]], "given"
        full_name = product.name if product.name.startswith(product.brand) else f"{product.brand} {product.name}"
        own_words = {"name": full_name, "category": product.category, "price": product.price}
        names = {"name": "商品名称", "category": "类目", "price": "价格"}
        return names[match[2]], own_words[match[2]], "given"
    if rests_on.startswith("keywords"):
        return "关键词", "", "given"
    return ("目标人群", brief.audience, "given") if rests_on == "audience" else ("", "", "")


@lru_cache(maxsize=8)
def _by_article(rules: RuleSet) -> Mapping[str, Rule]:
    return {f"{rule.law}{rule.article}": rule for rule in reversed(rules.rules)}


def _finding(finding: Finding, rules: Mapping[str, Rule]) -> FindingProof:
    rule = rules.get(finding.article)
    return FindingProof(
        label=finding.label,
        where=finding.where,
        text=finding.text,
        severity=finding.severity,
        reason=finding.reason,
        article=finding.article,
        fix=finding.fix,
        proof=finding.proof,
        rule_source=rule.source if rule is not None else "",
        rule_checked=rule.date_checked.isoformat() if rule is not None else "",
    )
