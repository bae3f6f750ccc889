"""What goes over the wire for copies: the base of all models and the response. Knows no HTTP and no statuses.

Attribute docstrings become the descriptions in the OpenAPI document.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from copygen.candidate import Candidate
from copygen.evidence import SupportKind
from copygen.label import Label
from copygen.write import WriteResult

AI_HEADER = {"X-AI-Generated": "true"}
"""On every response that carries copy written by the model."""


class Wire(BaseModel):
    """Base of all wire models: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FindingOut(Wire):
    """A fragment a reviewer would strike out, and what to do about it."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    """Kind of finding, such as absolute_term or length."""
    where: str
    """Field of the copy: title, body, points[0], tags[0]; 'text' for free text."""
    start: int
    """Offset of the first character in that field."""
    end: int
    """Offset after the last one; start == end == 0: the field as a whole."""
    text: str
    reason: str
    """For merchants, in Chinese."""
    article: str
    """Law and article, where one is broken."""
    fix: str
    """Replacement; empty: strike it out."""
    proof: str
    """What evidence would make the wording legal."""
    severity: Literal["error", "warning"]
    """A copy with an error is never returned as good."""


class SupportOut(Wire):
    """What a clause rests on."""

    model_config = ConfigDict(from_attributes=True)

    kind: SupportKind
    """scene and mood claim nothing; unsupported and contradicts come with a finding."""
    rests_on: str
    """Source of the claim: attributes.续航, price, facts[0]."""
    text: str
    """What the source says."""


class ClauseOut(Wire):
    """One clause of a text with its evidence."""

    model_config = ConfigDict(from_attributes=True)

    where: str
    start: int
    end: int
    text: str
    support: SupportOut


class ScoreOut(Wire):
    """Where a copy stands among its siblings, and why: an estimate of appeal, not a click rate."""

    model_config = ConfigDict(from_attributes=True)

    name: Literal["proxy"] = "proxy"
    value: float = Field(ge=0, le=1)
    features: dict[str, float]
    """Each 0..1."""
    reasons: list[str]
    """For merchants, in Chinese."""


class CopyOut(Wire):
    """One copy that passed every check."""

    title: str
    body: str
    points: list[str]
    tags: list[str]
    score: ScoreOut
    findings: list[FindingOut]
    """Warnings only."""
    evidence: list[ClauseOut]
    """What each clause rests on, in reading order."""
    repaired: bool
    """Sentences were struck out, trimmed or replaced after the model wrote it."""
    AIGC: dict[str, str]
    """Implicit label of GB 45438-2025, to be kept in the metadata of any file the copy is saved in."""

    @classmethod
    def of(cls, candidate: Candidate, label: Label) -> "CopyOut":
        copy = candidate.copy
        return cls(
            title=copy.title,
            body=copy.body,
            points=list(copy.points),
            tags=list(copy.tags),
            score=ScoreOut.model_validate(candidate.score),
            findings=[FindingOut.model_validate(finding) for finding in candidate.findings],
            evidence=[ClauseOut.model_validate(clause) for clause in candidate.report.evidence.clauses],
            repaired=candidate.repaired,
            AIGC=label.metadata()["AIGC"],
        )


class FactOut(Wire):
    """A triple the copy was written from."""

    model_config = ConfigDict(from_attributes=True)

    subject: str
    relation: str
    object: str
    id: str
    source: str
    """'given' by the request, or the knowledge graph's source."""


class ChangeOut(Wire):
    """Something that was cleaned or left out of the input."""

    model_config = ConfigDict(from_attributes=True)

    field: str
    what: str


class TimingsOut(Wire):
    """Where the time went, in milliseconds."""

    model_config = ConfigDict(from_attributes=True)

    first_token_ms: float
    engine_ms: float
    own_ms: float
    total_ms: float


class Usage(Wire):
    """What it took."""

    prompt_tokens: int
    completion_tokens: int
    candidates: int
    """Copies the model wrote, rejected ones included."""
    rounds: int
    """2 when the first round brought too few good ones."""


class CopyResponse(Wire):
    """Copies that passed every check, best first, and what they were made of."""

    id: str
    """The request's own id, else the request id of this call."""
    status: Literal["succeeded"] = "succeeded"
    copies: list[CopyOut]
    ai_label: str
    """Must be shown with the copy wherever it is published; empty where an agreement leaves labelling to you."""
    model: str
    prompt_id: str
    prompt_hash: str
    seed: int | None
    facts: list[FactOut]
    changes: list[ChangeOut]
    timings: TimingsOut
    usage: Usage

    @classmethod
    def of(cls, result: WriteResult, labels: Sequence[Label], *, request_id: str) -> "CopyResponse":
        """`labels` are those of the result's copies, in their order."""
        return cls(
            id=result.brief.id or request_id,
            copies=[CopyOut.of(candidate, label) for candidate, label in zip(result.copies, labels, strict=True)],
            ai_label=labels[0].text,
            model=result.model,
            prompt_id=result.prompt_id,
            prompt_hash=result.prompt_hash,
            seed=result.seed,
            facts=[FactOut.model_validate(fact) for fact in result.facts],
            changes=[ChangeOut.model_validate(change) for change in result.changes],
            timings=TimingsOut.model_validate(result.timings),
            usage=Usage(
                prompt_tokens=result.prompt_tokens,
                completion_tokens=result.completion_tokens,
                candidates=result.candidates,
                rounds=result.rounds,
            ),
        )


class TokenOut(Wire):
    """A piece of a candidate as the model writes it: unchecked, for showing progress only."""

    candidate: int
    text: str
