"""The merchant's pages: the write form and its result, as whole pages or streamed into the open one.

Everything works as plain HTML; static/app.js asks for the same route as events and shows drafts meanwhile.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from copygen.ad_copy import AdCopy
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
from serving.web.form import Problem, WriteForm, field_name, problem_of, sample_form

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
# Whole pages are never stored: they hold what a merchant typed.
_NO_STORE = {"Cache-Control": "no-store"}

templates = Jinja2Templates(FOLDER / "templates")
templates.env.trim_blocks = templates.env.lstrip_blocks = True
templates.env.filters["zip"] = zip
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
async def show_form(request: Request, sample: bool = False) -> Response:
    return form_page(request, sample_form() if sample else WriteForm())


@router.post("/")
async def write_from_form(request: Request, writer: WriterDep, labeller: LabellerDep) -> Response:
    """Write what the form asks for; as events for a page with a script, else as a page."""
    form = _read_form(await request.form())
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
                result_data=lambda result: _result_data(result, labeller.label_result(result, "page")),
                error_data=_error_data,
            )
        result = await while_connected(request, last_event(events))
    except CopygenError as error:
        problems = problem_of(error)
        raise FormRejected(form, problems=problems, error=None if problems else error) from error
    labels = labeller.label_result(result, "page")
    return form_page(request, form, result=result, labels=labels, headers=AI_HEADER)


def _read_form(data: FormData) -> WriteForm:
    return WriteForm({name: value for name, value in data.items() if isinstance(value, str)})


def _result_data(result: WriteResult, labels: Sequence[Label]) -> str:
    return _fragment("_result.html", result_context(result, labels))


def _error_data(envelope: ErrorEnvelope) -> str:
    return _fragment("_error.html", {"error": envelope.error})


def _fragment(template: str, context: Mapping[str, Any]) -> str:
    return json.dumps({"html": templates.get_template(template).render(context)}, ensure_ascii=False)


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
) -> Response:
    """The whole page: the form, what is wrong with it, and the result, if there is one, with its labels."""
    channels = sorted(load_channels().values(), key=lambda channel: channel.min_products)
    context = {
        "form": form,
        "problems": problems or {},
        "error": error,
        "channels": channels,
        "tones": list(load_tones().values()),
        "phases": phases(),
        "max_products": MAX_PRODUCTS,
        "extra_products": [i for i in range(1, MAX_PRODUCTS) if form.is_filled(i)],
        "field_name": field_name,
        **(result_context(result, labels) if result is not None else {}),
    }
    return templates.TemplateResponse(
        request, "write.html", context, status_code=status, headers={**_NO_STORE, **(headers or {})}
    )


def result_context(result: WriteResult, labels: Sequence[Label]) -> dict[str, Any]:
    """What _result.html shows; `labels` are those of the copies, in their order."""
    return {
        "result": result,
        "channel": get_channel(result.brief.channel),
        "labels": labels,
        "copy_text": _paste_text,
    }


def _paste_text(copy: AdCopy) -> str:
    """A copy as it is pasted elsewhere: pieces one a line, tags with their sign on one line."""
    tags = " ".join(f"#{tag}" for tag in copy.tags)
    return "\n".join(text for text in (copy.title, *copy.points, copy.body, tags) if text)


def error_page(request: Request, status: int, error: ErrorBody, headers: Mapping[str, str] | None) -> Response:
    """For someone who followed a link."""
    return templates.TemplateResponse(
        request, "error.html", {"status": status, "error": error}, status_code=status, headers=dict(headers or {})
    )
