"""POST /v1/checks: text or copy written by anyone, with or without what it was written from -> findings."""

from typing import Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field, JsonValue, model_validator

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.channel import get_channel
from copygen.check import CheckReport, check_copy, check_text
from copygen.errors import InvalidBrief

from serving.api.copy_request import BriefIn, ProductIn
from serving.api.error_body import ErrorEnvelope
from serving.api.wire import ClauseOut, FindingOut, Wire

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

    text: str | None = Field(None, max_length=20_000)
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

    @model_validator(mode="after")
    def _text_or_copy(self) -> "CheckRequest":
        if (self.text is None) == (self.copy_ is None):
            raise ValueError("give either text or copy")
        return self

    def brief(self) -> Brief | None:
        """What the text must be true of; None when no products are given."""
        if not self.products:
            return None
        record = self.model_dump(exclude={"text", "copy_", "block", "allow"}, exclude_none=True)
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
def check(body: CheckRequest) -> CheckResponse:
    """Offsets slice the field named in `where`; 'text' is the free text."""
    report = _report(body)
    return CheckResponse(
        passed=report.passed,
        findings=[FindingOut.model_validate(finding) for finding in report.findings],
        evidence=[ClauseOut.model_validate(clause) for clause in report.evidence.clauses],
    )


def _report(body: CheckRequest) -> CheckReport:
    brief = body.brief()
    if body.copy_ is None:
        return check_text(body.text or "", brief, block=body.block, allow=body.allow)
    if brief is None:
        raise InvalidBrief("empty; a copy by fields is checked against its products", field="products")
    if body.channel is None:
        raise InvalidBrief("empty; a copy by fields is checked against its channel's limits", field="channel")
    copy = AdCopy.model_validate(body.copy_.model_dump())
    return check_copy(copy, brief, get_channel(body.channel), block=body.block, allow=body.allow)
