"""What is done to a finished copy on the page: checked while it is edited, mended, converted, written again.

Each card carries its brief, so nothing of a visitor is kept here. Facts of the graph are looked up again and never
taken from the page.
"""

import asyncio
import json
from functools import lru_cache
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.channel import Channel, get_channel
from copygen.check import CheckReport, check_copy
from copygen.errors import CopygenError, EngineError
from copygen.label import Label
from copygen.repair import repair
from copygen.text import to_hans, to_hant
from copygen.verify import check_deep, verifier_of

from serving.api.error_body import error_envelope
from serving.api.labels import LabellerDep
from serving.api.wire import AI_HEADER
from serving.api.writer import Writer, WriterDep, last_event, while_connected
from serving.labels.labeller import Labeller
from serving.web.cards import Card, finding_of, record_of
from serving.web.form import WriteForm
from serving.web.pages import form_page
from serving.web.view import is_partial, page

MAX_FIELD_CHARS = 4_000
router = APIRouter(prefix="/copies", include_in_schema=False, default_response_class=HTMLResponse)

Typed = Annotated[str, Form(max_length=MAX_FIELD_CHARS)]
Record = Annotated[str, Form(max_length=40_000)]
Number = Annotated[int, Form(ge=1, le=20)]


def _read_copy(channel: Channel, title: str, body: str, points: str, tags: str) -> AdCopy:
    """A copy as typed, without the fields its channel has not."""
    fields: dict[str, object] = {
        "title": " ".join(title.split()),
        "body": "\n".join(line.strip() for line in body.strip().splitlines()),
        "points": tuple(line.strip() for line in points.splitlines() if line.strip()),
        "tags": tuple(dict.fromkeys(tags.replace("#", " ").split())),
    }
    return AdCopy.model_validate({name: value for name, value in fields.items() if name in channel.fields})


def _read_record(record: str) -> Brief:
    try:
        decoded = json.loads(record)
    except ValueError as error:
        raise HTTPException(400, "the brief on the page cannot be read") from error
    return read_brief(decoded)[0]


class _Briefs:
    """Briefs with the graph's facts, kept while they are edited."""

    def __init__(self, writer: Writer) -> None:
        self.get = lru_cache(maxsize=256)(self._read)
        self._writer = writer

    def _read(self, record: str) -> Brief:
        brief = _read_record(record)
        if self._writer.facts is not None and not brief.facts:
            brief = brief.model_copy(update={"facts": tuple(self._writer.facts(brief))})
        return brief


def _briefs(request: Request, writer: Writer) -> _Briefs:
    state = request.app.state
    if not hasattr(state, "page_briefs"):
        state.page_briefs = _Briefs(writer)
    found: _Briefs = state.page_briefs
    return found


@router.post("/check")
async def check_while_typing(
    request: Request,
    writer: WriterDep,
    labeller: LabellerDep,
    brief: Record,
    number: Number,
    title: Typed = "",
    body: Typed = "",
    points: Typed = "",
    tags: Typed = "",
) -> Response:
    """The verdict on what stands in the editor right now; nothing is recorded, so the label is shown in full."""

    def check() -> Card:
        known = _briefs(request, writer).get(brief)
        channel = get_channel(known.channel)
        copy = _read_copy(channel, title, body, points, tags)
        label = labeller.draft(copy.plain_text(), known.lang)
        return Card.edited_by_hand(copy, check_copy(copy, known, channel), known, channel, label, number)

    return page(request, "_live.html", {"card": await asyncio.to_thread(check)}, headers=AI_HEADER)


@router.post("/{action}")
async def change_copy(
    request: Request,
    action: Literal["done", "fix", "script", "again"],
    writer: WriterDep,
    labeller: LabellerDep,
    brief: Record,
    number: Number,
    title: Typed = "",
    body: Typed = "",
    points: Typed = "",
    tags: Typed = "",
    finding: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """The card after one change; without a script as a page with the form filled as it was."""
    known = await asyncio.to_thread(_briefs(request, writer).get, brief)
    channel = get_channel(known.channel)
    if action == "again":
        return await _write_again(request, writer, labeller, known, number)
    copy = _read_copy(channel, title, body, points, tags)
    if action == "fix":
        copy = await asyncio.to_thread(_fixed, copy, known, channel, finding)
    elif action == "script":
        known, copy = _converted(known, copy)
    report = await _check(copy, known, channel, writer)
    card = Card.edited_by_hand(copy, report, known, channel, _label(copy, known, labeller, writer), number)
    return _show(request, card)


def _fixed(copy: AdCopy, brief: Brief, channel: Channel, key: str) -> AdCopy:
    """The copy with one finding mended, or with all the fast checks have."""
    if key == "all":
        return repair(copy, check_copy(copy, brief, channel).findings, brief, channel)
    finding = finding_of(key, copy)
    return repair(copy, [finding], brief, channel) if finding is not None else copy


def _converted(brief: Brief, copy: AdCopy) -> tuple[Brief, AdCopy]:
    """Both in the other Chinese script."""
    lang: Literal["zh-Hans", "zh-Hant"] = "zh-Hans" if brief.lang == "zh-Hant" else "zh-Hant"
    convert = to_hant if lang == "zh-Hant" else to_hans
    words = {
        "lang": lang,
        "keywords": tuple(map(convert, brief.keywords)),
        "avoid": tuple(map(convert, brief.avoid)),
    }
    texts = {
        "title": convert(copy.title),
        "body": convert(copy.body),
        "points": tuple(map(convert, copy.points)),
        "tags": tuple(map(convert, copy.tags)),
    }
    return brief.model_copy(update=words), copy.model_copy(update=texts)


async def _check(copy: AdCopy, brief: Brief, channel: Channel, writer: Writer) -> CheckReport:
    """Every check, the model's own included where there is one and it answers."""
    report = await asyncio.to_thread(check_copy, copy, brief, channel)
    verifier = verifier_of(writer.model) if writer.settings.deep else None
    if verifier is None or not report.passed:
        return report
    try:
        return await check_deep(report, copy.texts(), brief, verifier)
    except EngineError:
        return report


def _label(copy: AdCopy, brief: Brief, labeller: Labeller, writer: Writer) -> Label:
    (label,) = labeller.label([copy.plain_text()], "page", brief.lang, channel=brief.channel, model=writer.model.name)
    return label


async def _write_again(request: Request, writer: Writer, labeller: Labeller, brief: Brief, number: int) -> Response:
    one = brief.model_copy(update={"n": 1})
    try:
        result = await while_connected(request, last_event(writer.stream(one, ())))
    except CopygenError as error:
        if not is_partial(request):
            raise
        envelope = error_envelope(error, request.state.request_id)
        headers = {"HX-Retarget": f"#alert-{number}", "HX-Reswap": "innerHTML"}
        return page(request, "_error.html", {"error": envelope.error}, status=422, headers=headers)
    (label,) = labeller.label_result(result, "page")
    return _show(request, Card.of(result.copies[0], brief, get_channel(brief.channel), label, number))


def _show(request: Request, card: Card) -> Response:
    if is_partial(request):
        return page(request, "_copy.html", {"card": card, "focus": True}, headers=AI_HEADER)
    form = WriteForm.of_record(record_of(card.brief))
    return form_page(request, form, cards=[card], channel=card.channel, headers=AI_HEADER)
