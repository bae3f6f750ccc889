"""POST /v1/checks: text or copy written by anyone, with or without what it was written from -> findings.

POST /v1/proofs takes the same and gives what a merchant hands to a regulator.
"""

import asyncio
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, JsonValue, model_validator

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.channel import get_channel
from copygen.check import CheckReport, check_copy, check_text
from copygen.errors import InvalidBrief
from copygen.verify import check_deep, verifier_of

from serving.api.copy_request import BriefIn, ProductIn
from serving.api.error_body import ErrorEnvelope
from serving.api.labels import LabellerDep
from serving.api.wire import AI_HEADER, ClauseOut, FindingOut, Wire
from serving.api.writer import Writer, WriterDep
from serving.proof_page import proof_html, proof_json, prove

router = APIRouter(tags=["checks"])

_EXAMPLE: dict[str, JsonValue] = {
    "text": "全网第一的降噪耳机，续航60小时",
    "products": [{"name": "听屿 N3 真无线降噪耳机", "attributes": {"续航": "单次8小时，含充电盒共36小时"}}],
}


class CopyIn(Wire):
    """A copy by fields."""

    title: str = ""
    body: str = ""
    points: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class CheckRequest(BriefIn):
    """Give `text`, or `copy` with `channel`. Without products only rules for all goods apply."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    text: str | None = Field(None, min_length=1, max_length=20_000)
    """Free text of any length and form."""
    copy_: CopyIn | None = Field(None, alias="copy")
    """A copy by fields; its channel's limits are checked too."""
    channel: str | None = None
    """Needed with `copy`."""
    products: list[ProductIn] = Field([])
    """What the copy must be true of."""
    lang: Literal["zh-Hans", "zh-Hant"] = "zh-Hans"
    industry: str | None = None
    keywords: list[str] | str | None = None
    avoid: list[str] | str | None = None
    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deep: bool = False
    """Also ask the model of each clause whether the products bear it out; needs products, and takes up to a second."""

    @model_validator(mode="after")
    def _text_or_copy(self) -> "CheckRequest":
        if (self.text is None) == (self.copy_ is None):
            raise ValueError("give either text or copy")
        return self

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """(where, text) of what is checked."""
        return self.ad_copy.texts() if self.copy_ is not None else [("text", self.text or "")]

    @property
    def ad_copy(self) -> AdCopy:
        """The copy by fields; empty for free text."""
        return AdCopy.model_validate(self.copy_.model_dump() if self.copy_ is not None else {})

    def brief(self) -> Brief | None:
        """What the text must be true of; None when no products are given."""
        if not self.products:
            return None
        record = self.model_dump(exclude={"text", "copy_", "block", "allow", "deep"}, exclude_none=True)
        return read_brief({"channel": "detail", **record})[0]


class CheckResponse(Wire):
    """All findings, and what each clause rests on."""

    passed: bool
    """No finding is an error."""
    findings: list[FindingOut]
    evidence: list[ClauseOut]
    """Empty without products."""


@router.post(
    "/v1/checks",
    summary="Check copy against limits, evidence and law",
    responses={422: {"model": ErrorEnvelope, "description": "The request cannot be used."}},
)
async def check(body: CheckRequest, writer: WriterDep) -> CheckResponse:
    """Offsets slice the field named in `where`; 'text' is the free text."""
    report = await _report(body, writer)
    return CheckResponse(
        passed=report.passed,
        findings=[FindingOut.model_validate(finding) for finding in report.findings],
        evidence=[ClauseOut.model_validate(clause) for clause in report.evidence.clauses],
    )


@router.post(
    "/v1/proofs",
    summary="Prove what copy rests on",
    response_class=Response,
    responses={
        200: {
            "description": "The proof pack, as a file: JSON, or for `Accept: text/html` one page to print on A4.",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/html": {"schema": {"type": "string"}},
            },
        },
        422: {"model": ErrorEnvelope, "description": "The request cannot be used."},
    },
)
async def prove_copy(body: CheckRequest, request: Request, labeller: LabellerDep, writer: WriterDep) -> Response:
    """Each clause with its source and date, each finding with its law, and the AI-generated label when the text was
    written here and not changed since."""
    report, brief, pieces = await _report(body, writer), body.brief(), body.pieces
    channel = get_channel(body.channel).name if body.copy_ is not None and body.channel is not None else ""
    pack = prove(report, pieces, brief, labeller, channel=channel)
    # A file, not a page of this site: it has to hold its style in itself, which pages of this site may not.
    kind, content = ("html", proof_html(pack)) if _wants_page(request) else ("json", proof_json(pack))
    media_type = "text/html" if kind == "html" else "application/json"
    headers = {"Content-Disposition": f'attachment; filename="proof-{pack.sha256[:16]}.{kind}"'}
    return Response(content, media_type=media_type, headers=headers | (AI_HEADER if pack.origin is not None else {}))


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _report(body: CheckRequest, writer: Writer) -> CheckReport:
    brief = body.brief()
    # Of 20,000 characters a check takes half a second: not on the thread that serves everyone.
    report = await asyncio.to_thread(_fast, body, brief)
    if not body.deep:
        return report
    verifier = verifier_of(writer.model)
    if brief is None:
        raise InvalidBrief("empty; the deep check needs what the text must be true of", field="products")
    if verifier is None:
        raise InvalidBrief("the model in use has no verifier; leave it out", field="deep")
    return await check_deep(report, body.pieces, brief, verifier)


def _fast(body: CheckRequest, brief: Brief | None) -> CheckReport:
    if body.copy_ is None:
        return check_text(body.text or "", brief, block=body.block, allow=body.allow)
    if brief is None:
        raise InvalidBrief("empty; a copy by fields is checked against its products", field="products")
    if body.channel is None:
        raise InvalidBrief("empty; a copy by fields is checked against its channel's limits", field="channel")
    return check_copy(body.ad_copy, brief, get_channel(body.channel), block=body.block, allow=body.allow)
