"""每句有据: what each clause of a copy rests on, and what in it nobody vouched for. Fast; no model, no law.

A clause is supported by an attribute, the price or a fact, tells a scene or a mood, is unsupported, or contradicts what
is known. Numbers compare as quantities.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from copygen.brief import Brief
from copygen.claims import Claim, Claims, read_claims
from copygen.finding import Finding
from copygen.number_check import Verdict, judge
from copygen.quantity import Quantity, find_quantities, plain
from copygen.text import clause_spans

SupportKind = Literal["attribute", "price", "fact", "scene", "mood", "unsupported", "contradicts"]


@dataclass(frozen=True, slots=True)
class Support:
    """What a clause rests on."""

    kind: SupportKind
    rests_on: str = ""
    """Source of the claim: attributes.续航, price, facts[0]; for contradicts, the claim it goes against."""
    text: str = ""
    """What the source says."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of the copy with its evidence."""

    where: str
    start: int
    end: int
    text: str
    support: Support


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """Evidence clause by clause, and what a reviewer would strike out."""

    clauses: tuple[Clause, ...]
    findings: tuple[Finding, ...]


_FRAGMENT_END = re.compile(r"[｜|\s]+")
_TRIM = " \t\n，,。！？!?；;：:、…—｜|“”\"'（）()~～"
_PREDICATE = re.compile(r"[能就达到不没焗停洗只要可充保撑够会也都即必享省降升快]")


def check_evidence(copy_pieces: Sequence[tuple[str, str]], brief: Brief) -> EvidenceReport:
    """Find for each clause what supports it.

    Args:
        copy_pieces: (where, text) of the copy's pieces, as `AdCopy.texts` gives them.
    """
    claims = read_claims(brief)
    clauses: list[Clause] = []
    findings: list[Finding] = []
    for where, text in copy_pieces:
        folded = plain(text)
        quantities = find_quantities(text)
        for start, end in _fragments(text):
            inside = [q for q in quantities if start <= q.start < end]
            found, support = _check_numbers(where, text, folded, start, end, inside, claims)
            findings += found
            clauses.append(Clause(where, start, end, text[start:end], support))
    return EvidenceReport(tuple(clauses), tuple(findings))


def _fragments(text: str) -> list[tuple[int, int]]:
    """Clauses, and within them what a bar or a blank sets apart."""
    spans = []
    for start, end in clause_spans(text):
        at = start
        for mark in _FRAGMENT_END.finditer(text, start, end):
            if text[at : mark.start()].strip(_TRIM):
                spans.append((at, mark.end()))
                at = mark.end()
        if text[at:end].strip(_TRIM):
            spans.append((at, end))
    return spans


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _TRIM:
        start += 1
    while end > start and text[end - 1] in _TRIM:
        end -= 1
    return start, end


def _check_numbers(
    where: str, text: str, folded: str, start: int, end: int, quantities: list[Quantity], claims: Claims
) -> tuple[list[Finding], Support]:
    context = folded[start:end]
    findings: list[Finding] = []
    support = Support("mood")
    after_supported = start
    bad: list[tuple[Quantity, Verdict, int]] = []
    for quantity in quantities:
        verdict = judge(quantity, context, start, claims)
        if verdict.kind == "supported":
            after_supported = quantity.end
            if verdict.claim:
                support = _support_of(verdict.claim)
        elif verdict.kind in ("unsupported", "contradicts"):
            bad.append((quantity, verdict, after_supported))
        elif support.kind == "mood":
            support = Support("scene")
    for quantity, verdict, begin in bad:
        span = _trimmed(text, begin, end)
        if findings and findings[-1].start <= quantity.start < findings[-1].end:
            continue
        if verdict.kind == "contradicts" and not (
            span[1] - span[0] <= 14 and _PREDICATE.search(folded, *span)
        ):
            span = quantity.start, quantity.end
        findings.append(_finding(where, text, span, quantity, verdict))
    if bad:
        claim = bad[0][1].claim
        support = Support("contradicts", claim.source, claim.text) if claim else Support("unsupported")
    return findings, support


def _support_of(claim: Claim) -> Support:
    kind: SupportKind = "attribute"
    if claim.source.startswith("facts"):
        kind = "fact"
    elif claim.source.endswith("price"):
        kind = "price"
    return Support(kind, claim.source, claim.text)


def _finding(where: str, text: str, span: tuple[int, int], quantity: Quantity, verdict: Verdict) -> Finding:
    start, end = span
    if verdict.claim:
        known = f"{verdict.claim.name}：{verdict.claim.text}" if verdict.claim.name else verdict.claim.text
        return Finding(
            "wrong_value", where, start, end, text[start:end],
            reason=f"“{quantity.text}”与商品资料不符，资料写的是“{known}”", fix="", proof="资料有误时先改商品资料",
        )  # fmt: skip
    return Finding(
        "unsupported_number", where, start, end, text[start:end],
        reason=f"“{quantity.text}”在属性、价格、知识里都没有依据", fix="", proof="把这个数据连同来源写进商品属性",
    )  # fmt: skip
