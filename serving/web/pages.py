"""The write page: the form and its result, as whole pages or streamed into the open one.

Everything works as plain HTML; static/app.js asks for the same route as events and shows drafts meanwhile.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData
from starlette.responses import Response

from copygen.brief import MAX_PRODUCTS, read_brief
from copygen.channel import get_channel, load_channels, load_tones
from copygen.errors import CopygenError
from copygen.label import Label
from copygen.prompt import phases
from copygen.write import WriteResult

from serving.api.error_body import ErrorBody, ErrorEnvelope
from serving.api.events import event_response, wants_events
from serving.api.labels import LabellerDep
from serving.api.wire import AI_HEADER
from serving.api.writer import WriterDep, begin, last_event, while_connected
from serving.web.cards import Card
from serving.web.form import Problem, WriteForm, field_name, problem_of, sample_form
from serving.web.ideas import examples, find_idea
from serving.web.view import FOLDER, page, render

STATIC = FOLDER / "static"
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class FormRejected(Exception):
    """The form as typed has to be shown again; serving/app.py gives it a status.

    Either problems of its fields, or an error that belongs to none of them.
    """

    def __init__(self, form: WriteForm, *, problems: Mapping[str, Problem], error: CopygenError | None = None) -> None:
        super().__init__("form rejected")
        self.form = form
        self.problems = problems
        self.error = error


@router.get("/")
async def show_form(request: Request, sample: bool = False, like: str = "") -> Response:
    idea = find_idea(like)
    if idea is not None:
        return form_page(request, WriteForm(idea.as_form()), idea=idea)
    return form_page(request, sample_form() if sample else WriteForm())


@router.post("/")
async def write_from_form(request: Request, writer: WriterDep, labeller: LabellerDep) -> Response:
    """Write what the form asks for; as events for a page with a script, else as a page."""
    data = await request.form()
    form = read_form(data)
    if "add" in data:  # one more row, asked for without a script
        return form_page(request, form, spare_rows=4)
    if problems := form.check():
        raise FormRejected(form, problems=problems)
    try:
        brief, changes = read_brief(form.record())
        events = writer.stream(brief, changes)
        if wants_events(request):
            begun = await begin(request, events)
            return event_response(
                begun,
                request.state.request_id,
                result_data=lambda result: _result_data(request, result, labeller.label_result(result, "page")),
                error_data=lambda envelope: _error_data(request, envelope),
            )
        result = await while_connected(request, last_event(events))
    except CopygenError as error:
        problems = problem_of(error)
        raise FormRejected(form, problems=problems, error=None if problems else error) from error
    labels = labeller.label_result(result, "page")
    return form_page(request, form, result=result, labels=labels, headers=AI_HEADER)


def read_form(data: FormData) -> WriteForm:
    return WriteForm.read((name, value) for name, value in data.multi_items() if isinstance(value, str))


def _result_data(request: Request, result: WriteResult, labels: Sequence[Label]) -> str:
    return json.dumps({"html": render(request, "_result.html", result_context(result, labels))}, ensure_ascii=False)


def _error_data(request: Request, envelope: ErrorEnvelope) -> str:
    return json.dumps({"html": render(request, "_error.html", {"error": envelope.error})}, ensure_ascii=False)


def form_page(
    request: Request,
    form: WriteForm,
    *,
    problems: Mapping[str, Problem] | None = None,
    error: ErrorBody | None = None,
    result: WriteResult | None = None,
    labels: Sequence[Label] = (),
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    spare_rows: int = 1,
    **more: Any,
) -> Response:
    """The whole page: the form, what is wrong with it, and the result, if there is one, with its labels."""
    context = {
        **form_context(form, problems, spare_rows),
        "error": error,
        **(result_context(result, labels) if result is not None else {}),
        **more,
    }
    return page(request, "write.html", context, status=status, headers=headers)


def form_context(form: WriteForm, problems: Mapping[str, Problem] | None = None, spare_rows: int = 1) -> dict[str, Any]:
    """What the fields of the form need."""
    return {
        "form": form,
        "problems": problems or {},
        "channels": sorted(load_channels().values(), key=lambda channel: channel.min_products),
        "tones": list(load_tones().values()),
        "phases": phases(),
        "examples": examples(),
        "max_products": MAX_PRODUCTS,
        "extra_products": [i for i in range(1, MAX_PRODUCTS) if form.is_filled(i)],
        "field_name": field_name,
        "spare_rows": spare_rows,
    }


def result_context(result: WriteResult, labels: Sequence[Label]) -> dict[str, Any]:
    """What _result.html shows; `labels` are those of the copies, in their order."""
    channel = get_channel(result.brief.channel)
    return {
        "result": result,
        "channel": channel,
        "cards": [
            Card.of(candidate, result.brief, channel, label, number)
            for number, (candidate, label) in enumerate(zip(result.copies, labels, strict=True), 1)
        ],
    }


def error_page(request: Request, status: int, error: ErrorBody, headers: Mapping[str, str] | None) -> Response:
    """For someone who followed a link."""
    return page(request, "error.html", {"status": status, "error": error}, status=status, headers=headers)
