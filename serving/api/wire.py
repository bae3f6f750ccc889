"""What goes over the wire for copies: request and response. Knows no HTTP and no statuses.

Attribute docstrings become the descriptions in the OpenAPI document.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from copygen.brief import MAX_CANDIDATES
from copygen.evidence import SupportKind
from copygen.label import make_label
from copygen.write import Candidate, WriteResult

_NOT_BRIEF = {"seed", "temperature", "block", "allow", "stream", "copy_", "used", "status"}
AI_HEADER = {"X-AI-Generated": "true"}
"""On every response that carries copy written by the model."""

_REQUEST_EXAMPLE: dict[str, JsonValue] = {
    "id": "ex-earbuds",
    "channel": "discover",
    "tone": "质感",
    "audience": "每天地铁通勤的上班族",
    "phase": "种草",
    "products": [
        {
            "name": "听屿 N3 真无线降噪耳机",
            "brand": "听屿",
            "category": "真无线耳机",
            "attributes": {"降噪深度": "46dB", "续航": "单次8小时，含充电盒共36小时", "单耳重量": "4.2g"},
            "price": "369元",
        }
    ],
    "facts": [["主动降噪", "适合场景", "地铁通勤"]],
    "n": 2,
}


class Wire(BaseModel):
    """Base of all wire models: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ProductIn(Wire):
    """One product with the attributes the merchant vouches for."""

    name: str
    """As shoppers should read it."""
    brand: str | None = None
    category: str | None = None
    attributes: dict[str, JsonValue] | list[JsonValue] | None = Field(
        None, examples=[{"续航": "40小时", "颜色": ["雾霾蓝", "月岩灰"]}]
    )
    """An object of names and values, or a list of [name, value] pairs. Values are texts, numbers or lists of them."""
    price: str | int | float | None = Field(None, examples=["369元"])
    id: str | None = None
    sku: str | None = None


class BriefIn(Wire):
    """The part of a record that says what is sold."""

    products: list[ProductIn]
    """One product; 2 to 4 for channel bundle."""
    facts: list[JsonValue] = Field([], examples=[[["主动降噪", "适合场景", "地铁通勤"]]])
    """What may be told of the products' attributes: [subject, relation, object] each."""


class CopyRequest(BriefIn):
    """A record of the JSON/JSONL schema, with options. Corpus records can be sent as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REQUEST_EXAMPLE]})

    channel: str
    """Where the copy is shown: an id or a name from GET /v1/channels."""
    tone: str | None = None
    """A tone from GET /v1/channels; 简约 when not given."""
    audience: str | None = None
    """For whom, in free words."""
    phase: str | None = None
    """A campaign phase from GET /v1/channels; 日常 when not given."""
    lang: Literal["zh-Hans", "zh-Hant"] = "zh-Hans"
    """Script of the copy."""
    keywords: list[str] | str | None = None
    """Each must appear in the copy: a list, or one text with commas."""
    avoid: list[str] | str | None = None
    """None of these may appear in the copy."""
    industry: str | None = None
    id: str | None = None
    """Comes back in the response."""
    n: int = Field(1, ge=1, le=MAX_CANDIDATES)
    """Copies wanted; fewer come back when fewer passed the checks."""
    seed: int | None = None
    """Repeats a result for a request run alone on the same engine; batching with others may change it."""
    temperature: float | None = Field(None, ge=0, le=2)
    """0 is the most likely copy; the service's own default when not given."""
    block: tuple[str, ...] = ()
    """Words never to be shown, on top of the rules."""
    allow: tuple[str, ...] = ()
    """Words the rules must not flag: the merchant answers for them."""
    stream: bool = False
    """Send server-sent events, as `Accept: text/event-stream` does."""
    copy_: Any = Field(None, alias="copy")
    """Ignored."""
    used: Any = None
    """Ignored."""
    status: Any = None
    """Ignored."""

    def record(self) -> Mapping[str, object]:
        """The brief's part, as `read_brief` takes it."""
        return self.model_dump(exclude=_NOT_BRIEF, exclude_none=True)


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
    def of(cls, candidate: Candidate, result: WriteResult, provider: str) -> "CopyOut":
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
            AIGC=make_label(copy.plain_text(), provider, result.brief.lang).metadata()["AIGC"],
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
    """Must be shown beside the copy wherever it is published."""
    model: str
    prompt_id: str
    prompt_hash: str
    seed: int | None
    facts: list[FactOut]
    changes: list[ChangeOut]
    timings: TimingsOut
    usage: Usage

    @classmethod
    def of(cls, result: WriteResult, *, request_id: str, provider: str) -> "CopyResponse":
        return cls(
            id=result.brief.id or request_id,
            copies=[CopyOut.of(candidate, result, provider) for candidate in result.copies],
            ai_label=label_text(result),
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


def label_text(result: WriteResult) -> str:
    """The explicit label in the script of the copies."""
    return make_label("", "", result.brief.lang).text


class TokenOut(Wire):
    """A piece of a candidate as the model writes it: unchecked, for showing progress only."""

    candidate: int
    text: str
