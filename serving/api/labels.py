"""GET /v1/labels/{id}: was this label issued here, when, for what, and is the text still the same."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field

from copygen.errors import UnknownLabel
from copygen.label import content_hash

from serving.api.error_body import ErrorEnvelope
from serving.api.wire import Wire
from serving.labels.agreement import Agreement
from serving.labels.labeller import Labeller
from serving.labels.log import IssuedLabel, Outlet

router = APIRouter(tags=["labels"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorEnvelope, "description": "No such label was issued here, or its record is past retention."}
}


def get_labeller(request: Request) -> Labeller:
    return cast(Labeller, request.app.state.labeller)


LabellerDep = Annotated[Labeller, Depends(get_labeller)]
ProduceId = Annotated[str, Path(description="`ProduceID` of the implicit label.", max_length=64)]


class HandOverOut(Wire):
    """The agreement under which the explicit label was left to the user."""

    user: str
    """Who took over the duty to label."""
    agreed_on: date
    purpose: str


class IssueOut(Wire):
    """One time content with this label left."""

    at: datetime
    outlet: Outlet
    """By which way: api, page, terminal or file."""
    channel: str
    """What the copy was written for; empty for a file of copies."""
    lang: Literal["zh-Hans", "zh-Hant"]
    ai_label: str
    """The explicit label it left with; empty where it was handed over."""
    handed_over: HandOverOut | None
    model: str
    prompt_id: str

    @classmethod
    def of(cls, entry: IssuedLabel) -> "IssueOut":
        agreement = Agreement.model_validate_json(entry.agreement) if entry.agreement else None
        return cls(
            at=entry.issued_at,
            outlet=entry.outlet,
            channel=entry.channel,
            lang=entry.lang,
            ai_label=entry.label.text,
            handed_over=HandOverOut(**agreement.model_dump(include=set(HandOverOut.model_fields)))
            if agreement
            else None,
            model=entry.model,
            prompt_id=entry.prompt_id,
        )


class LabelOut(Wire):
    """A label on record."""

    id: str
    producer: str
    sha256: str
    """Of a file: of its bytes. Of a text: of its UTF-8 in NFC without white space, # and explicit label."""
    unchanged: bool | None
    """Whether the text or hash sent is what was labelled; null when none was sent."""
    issued: list[IssueOut]
    """The newest first, 50 at most."""
    AIGC: dict[str, str]
    """Implicit label of GB 45438-2025."""


class LabelledText(Wire):
    """A text that is said to have this label."""

    text: str = Field(max_length=20_000)
    """As published, with or without its explicit label; layout and the # of tags do not matter."""


@router.get("/v1/labels/{id}", summary="Verify an AI-generated label", responses=_RESPONSES)
def show_label(
    id: ProduceId,  # noqa: A002 -- the name in the path
    labeller: LabellerDep,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-fA-F]{64}$", description="Hash to compare with.")] = None,
) -> LabelOut:
    """Who produced the content, when it left and how, and what was agreed on its explicit label."""
    return _read(labeller, id, sha256.lower() if sha256 is not None else None)


@router.post("/v1/labels/{id}/check", summary="Compare a text with its label", responses=_RESPONSES)
def check_label(
    id: ProduceId,  # noqa: A002 -- the name in the path
    body: LabelledText,
    labeller: LabellerDep,
) -> LabelOut:
    """Like GET, and says in `unchanged` whether this is the text that was labelled. The text is not kept."""
    return _read(labeller, id, content_hash(body.text))


def _read(labeller: Labeller, produce_id: str, sha256: str | None) -> LabelOut:
    entries = labeller.log.find(produce_id.lower())
    if not entries:
        raise UnknownLabel
    label = entries[0].label
    return LabelOut(
        id=label.produce_id,
        producer=label.producer,
        sha256=label.sha256,
        unchanged=None if sha256 is None else sha256 == label.sha256,
        issued=[IssueOut.of(entry) for entry in entries],
        AIGC=label.metadata()["AIGC"],
    )
