"""每句有据: what each clause of a copy rests on, and what in it nobody vouched for. Fast; no model, no law.

A clause is supported by an attribute, the price or a fact, tells a scene or a mood, is unsupported, or contradicts what
is known. Numbers compare as quantities, words through synonyms and the graph's hierarchy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from copygen.brief import Brief
from copygen.claims import Claim, Claims, Fault, read_claims
from copygen.contradiction import find_contradictions
from copygen.feature_check import find_unsupported
from copygen.finding import Finding
from copygen.number_check import judge
from copygen.numerals import plain
from copygen.quantity import Quantity, agrees, find_quantities
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
_SENTENCE_END = "。！？!?；;…\n"
_TRIM = " \t\n，,。！？!?；;：:、…—｜|“”\"'（）()~～"
_PREDICATE = re.compile(r"[能就达到不没焗停洗只要可充保撑够会也都即必享省降升快]")
_SHORT_CHARS = 14
"""A clause no longer than this that contradicts and makes a claim of its own is struck out whole."""
_BRIEF_CHARS = 10
"""A clause no longer than this is struck out whole for anything in it."""


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
        lead = 0
        for start, end in fragments(text):
            inside = [q for q in quantities if start <= q.start < end]
            faults, support = _check_clause(folded, lead, start, end, inside, claims)
            lead = end if inside or text[end - 1] in _SENTENCE_END else start
            clauses.append(Clause(where, start, end, text[start:end], support))
            findings += [_finding(where, text, fault, _mended(text, fault, (start, end), claims)) for fault in faults]
    return EvidenceReport(tuple(clauses), tuple(findings))


def fragments(text: str) -> list[tuple[int, int]]:
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


def _check_clause(
    folded: str, lead: int, start: int, end: int, quantities: list[Quantity], claims: Claims
) -> tuple[list[Fault], Support]:
    context = folded[start:end]
    faults, support, borne_out = _check_numbers(folded[lead:start], context, start, quantities, claims)
    faults += find_contradictions(context, start, claims)
    faults += _joined(find_unsupported(context, start, claims))
    faults = _widened(folded, _trimmed(folded, start, end), _outermost(faults), borne_out)
    if faults:
        against = next((fault.claim for fault in faults if fault.claim), None)
        support = Support("contradicts", against.source, against.text) if against else Support("unsupported")
    elif support.kind in ("mood", "scene") and (claim := claims.about(context)):
        support = _support_of(claim)
    return faults, support


def _check_numbers(
    lead: str, context: str, start: int, quantities: list[Quantity], claims: Claims
) -> tuple[list[Fault], Support, list[int]]:
    """Faults of the quantities, what supports the rest, and where the supported ones end."""
    support = Support("mood")
    faults: list[Fault] = []
    borne_out: list[int] = []
    for quantity in quantities:
        verdict = judge(quantity, context, start, claims, lead)
        if verdict.kind == "supported":
            borne_out.append(quantity.end)
            if verdict.claim:
                support = _support_of(verdict.claim)
        elif verdict.kind == "scene":
            support = Support("scene") if support.kind == "mood" else support
        else:
            label = "wrong_value" if verdict.claim else "unsupported_number"
            faults.append(Fault(label, quantity.start, quantity.end, f"“{quantity.text}”", verdict.claim, quantity))
    return faults, support, borne_out


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _TRIM:
        start += 1
    while end > start and text[end - 1] in _TRIM:
        end -= 1
    return start, end


def _widened(folded: str, clause: tuple[int, int], faults: list[Fault], borne_out: list[int]) -> list[Fault]:
    """The faults of a clause with as much around each as falls with it.

    A short clause is struck out whole, and so is what an unsupported number says; neither reaches over another fault,
    nor back over a number that is supported.
    """
    result: list[Fault] = []
    for number, fault in enumerate(faults):
        begin = max([clause[0], *(f.end for f in result), *(e for e in borne_out if e <= fault.start)])
        stop = faults[number + 1].start if number + 1 < len(faults) else clause[1]
        begin, stop = _trimmed(folded, begin, stop)
        short = stop - begin <= _BRIEF_CHARS or (
            fault.label == "wrong_value" and stop - begin <= _SHORT_CHARS and _PREDICATE.search(folded, begin, stop)
        )
        if not short and fault.label != "unsupported_number":
            begin, stop = _trimmed(folded, max(fault.start, clause[0]), min(fault.end, clause[1]))
        result.append(replace(fault, start=begin, end=stop))
    return result


def _joined(faults: list[Fault]) -> list[Fault]:
    """Neighbours of one label made one: 澳洲 + 美利奴."""
    result: list[Fault] = []
    for fault in sorted(faults, key=lambda f: f.start):
        last = result[-1] if result else None
        if last and last.label == fault.label and fault.start <= last.end + 1:
            said = last.said if fault.said in last.said else f"{last.said}、{fault.said}"
            result[-1] = Fault(last.label, last.start, max(last.end, fault.end), said, last.claim or fault.claim)
        else:
            result.append(fault)
    return result


def _outermost(faults: list[Fault]) -> list[Fault]:
    """Each stretch of text once: what overlaps an earlier fault says nothing new."""
    result: list[Fault] = []
    for fault in faults:
        if fault.start < fault.end and not any(f.start < fault.end and fault.start < f.end for f in result):
            result.append(fault)
    return sorted(result, key=lambda f: f.start)


def _support_of(claim: Claim) -> Support:
    kind: SupportKind = "attribute"
    if claim.source.startswith("facts"):
        kind = "fact"
    elif claim.source.endswith("price"):
        kind = "price"
    elif claim.source == "audience":
        kind = "scene"
    return Support(kind, claim.source, claim.text)


def _mended(text: str, fault: Fault, clause: tuple[int, int], claims: Claims) -> str:
    """The faulty stretch with the brief's own figure in the wrong one's place; empty where that is not clear."""
    wrong, claim = fault.quantity, fault.claim
    if wrong is None or claim is None:
        return ""
    right = [known for known in claim.quantities if known.dimension == wrong.dimension]
    if len(right) != 1 or agrees(wrong, right[0]):
        return ""  # two figures to choose from, or the right one of the wrong thing
    fix = text[fault.start : wrong.start] + right[0].text + text[wrong.end : fault.end]
    whole = text[clause[0] : fault.start] + fix + text[fault.end : clause[1]]
    faults, _ = _check_clause(plain(whole), 0, 0, len(whole), find_quantities(whole), claims)
    return "" if faults else fix


def _finding(where: str, text: str, fault: Fault, fix: str) -> Finding:
    if fault.claim:
        known = f"{fault.claim.name}：{fault.claim.text}" if fault.claim.name else fault.claim.text
        reason = f"{fault.said}与商品资料不符，资料写的是“{known}”；按资料改写"
        proof = "资料有误时，先改商品资料"
    else:
        reason = f"{fault.said}在属性、价格、知识里都没有依据；删去，或补上资料"
        proof = "把它连同来源写进商品属性"
    span = text[fault.start : fault.end]
    return Finding(fault.label, where, fault.start, fault.end, span, reason=reason, fix=fix, proof=proof)
