"""The deep check: a language model is asked of each clause whether what is known of the products bears it out.

It sees what the fast check cannot: a paraphrase that widens a scope, a feature nobody listed. Its word is a finding
beside those of evidence.py, never a clearance of them.
"""

import asyncio
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from copygen.brief import Brief
from copygen.chat_model import ChatModel, SamplingParams, complete
from copygen.check import CheckReport
from copygen.evidence import Clause, EvidenceReport, Support, fragments
from copygen.finding import Finding
from copygen.prompt import render_question
from copygen.quantity import find_quantities
from copygen.text import sentence_spans

SUPPORTED, WRONG, INVENTED = "对", "错", "无"
ANSWERS = (SUPPORTED, WRONG, INVENTED)
SURE = {WRONG: 0.93, INVENTED: 0.9}
"""An answer less probable than this is no finding: set on products that nobody trained on, so that few true clauses are
flagged (python -m benchmarks.deep)."""
MIN_CHARS = 4
"""A clause shorter than this says nothing that could be asked about."""
LEAD_BELOW = 6
"""A clause shorter than this is asked about with the one before it; longer ones get the same answer without, sooner."""
_EDGE = re.compile(r"^[\s\W_]+|[\s\W_]+$")


@dataclass(frozen=True, slots=True)
class Question:
    """One clause to be asked about, and where it stands."""

    where: str
    start: int
    end: int
    text: str
    lead: str
    """The clause before it in its sentence, for a short one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the model answered of one clause."""

    question: Question
    answer: str
    probability: float | None
    """Of the answer, in 0..1; None where the engine does not say."""


def questions_of(pieces: Sequence[tuple[str, str]]) -> Iterator[Question]:
    """The clauses of a copy that can be asked about; tags claim nothing."""
    for where, text in pieces:
        if where.startswith("tags"):
            continue
        openings = {start for start, _ in sentence_spans(text)}
        lead = ""
        for start, end in fragments(text):
            lead = "" if start in openings else lead
            clause = _EDGE.sub("", text[start:end])
            if len(clause) >= MIN_CHARS:
                at = text.index(clause, start)
                yield Question(where, at, at + len(clause), clause, lead if len(clause) < LEAD_BELOW else "")
            lead = clause


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who answers the questions."""

    model: ChatModel
    adapter: str | None = None
    """LoRA adapter, as the engine names it; None asks the model as it is."""


@runtime_checkable
class Verifying(Protocol):
    """A ChatModel that brings a verifier."""

    @property
    def verifier(self) -> Verifier | None:
        """None where there is none after all."""
        ...


def verifier_of(model: ChatModel) -> Verifier | None:
    """Who answers the deep check for a model's copy; None: nobody."""
    return model.verifier if isinstance(model, Verifying) else None


async def ask(questions: Sequence[Question], brief: Brief, verifier: Verifier) -> list[Verdict]:
    """The answer to each question, the first one ahead: it reads the product into the prefix cache for the others.

    Raises:
        EngineError: The engine failed.
    """
    params = SamplingParams(temperature=0.0, repetition_penalty=1.0, max_tokens=2, choices=ANSWERS)

    async def one(question: Question) -> Verdict:
        messages = render_question(brief, question.text, question.lead)
        (answer,) = await complete(verifier.model, messages, params, adapter=verifier.adapter)
        sure = None if answer.mean_logprob is None else math.exp(answer.mean_logprob)
        return Verdict(question, answer.text.strip(), sure)

    ahead = [await one(question) for question in questions[:1]]
    return ahead + list(await asyncio.gather(*(one(question) for question in questions[1:])))


async def check_deep(
    report: CheckReport, pieces: Sequence[tuple[str, str]], brief: Brief, verifier: Verifier
) -> CheckReport:
    """The fast checks' report with what the model finds in the clauses they found nothing in.

    Args:
        pieces: (where, text) of what was checked.

    Raises:
        EngineError: The engine failed.
    """
    open_ = [q for q in questions_of(pieces) if not any(_meet(q, finding) for finding in report.findings)]
    told = [clause for clause in report.evidence.clauses if clause.support.kind in ("attribute", "price")]
    doubted = [
        verdict
        for verdict in await ask(open_, brief, verifier)
        if is_doubt(verdict) and not (verdict.answer == WRONG and _is_counted(verdict.question, told))
    ]
    clauses = tuple(_reread(clause, doubted) for clause in report.evidence.clauses)
    found = [_finding(verdict) for verdict in doubted]
    evidence = EvidenceReport(clauses, (*report.evidence.findings, *found))
    return CheckReport((*report.findings, *found), evidence)


def is_doubt(verdict: Verdict) -> bool:
    """Whether an answer is sure enough to be a finding."""
    sure = SURE.get(verdict.answer)
    return sure is not None and (verdict.probability is None or verdict.probability >= sure)


def _is_counted(question: Question, told: Iterable[Clause]) -> bool:
    """Whether the fast check bore out the clause's quantities: it counts better than a language model."""
    return bool(find_quantities(question.text)) and any(
        clause.where == question.where and clause.start <= question.start < clause.end for clause in told
    )


_LABELS = {WRONG: "wrong_value", INVENTED: "invented_feature"}
_REASONS = {
    WRONG: "“{}”与商品资料不符（深度核对）；按资料改写",
    INVENTED: "“{}”在属性、价格、知识里都没有依据（深度核对）；删去，或补上资料",
}
_PROOFS = {WRONG: "资料有误时，先改商品资料", INVENTED: "把它连同来源写进商品属性"}


def _meet(question: Question, finding: Finding) -> bool:
    return finding.where == question.where and finding.start < question.end and question.start < finding.end


def _finding(verdict: Verdict) -> Finding:
    asked, answer = verdict.question, verdict.answer
    return Finding(
        label=_LABELS[answer],
        where=asked.where,
        start=asked.start,
        end=asked.end,
        text=asked.text,
        reason=_REASONS[answer].format(asked.text),
        proof=_PROOFS[answer],
    )


def _reread(clause: Clause, doubted: Iterable[Verdict]) -> Clause:
    """The clause, resting on nothing any more where the model doubts it."""
    for verdict in doubted:
        asked = verdict.question
        if asked.where == clause.where and clause.start <= asked.start < clause.end:
            return replace(clause, support=Support("unsupported"))
    return clause
