"""POST /v1/copies: a brief in, checked copies out, at once or as server-sent events."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from copygen.brief import read_brief
from copygen.write import WriteResult

from serving.api.copy_request import CopyRequest
from serving.api.error_body import ErrorEnvelope
from serving.api.events import event_response, wants_events
from serving.api.labels import LabellerDep
from serving.api.wire import AI_HEADER, CopyResponse
from serving.api.writer import WriterDep, begin, last_event, while_connected

router = APIRouter(tags=["copies"])

_STREAM = """event: token
data: {"candidate": 0, "text": "把地铁"}

event: result
data: {the same JSON as without streaming}
"""
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Copies that passed every check; as events: `token` …, then `result` or `error`.",
        "headers": {"X-AI-Generated": {"description": "Always `true`.", "schema": {"type": "string"}}},
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM}},
    },
    422: {"model": ErrorEnvelope, "description": "The brief cannot be used, or no candidate passed the checks."},
    429: {"model": ErrorEnvelope, "description": "The engine is full: wait Retry-After seconds."},
    502: {"model": ErrorEnvelope, "description": "The engine's answer broke off."},
    503: {"model": ErrorEnvelope, "description": "No engine answers: wait Retry-After seconds."},
    504: {"model": ErrorEnvelope, "description": "The engine did not answer in time."},
}


@router.post("/v1/copies", response_model=CopyResponse, responses=_RESPONSES, summary="Write copy for a brief")
async def write_copies(
    body: CopyRequest, request: Request, response: Response, writer: WriterDep, labeller: LabellerDep
) -> object:
    """Write `n` copies from what the brief gives and nothing else.

    Every copy returned fits its channel, is supported by the brief and breaks no rule; a candidate with an open
    error is never returned. Hanging up stops the engine.
    """
    brief, changes = read_brief(body.record())
    events = writer.stream(
        brief, changes, seed=body.seed, temperature=body.temperature, block=body.block, allow=body.allow
    )
    request_id: str = request.state.request_id

    def to_wire(result: WriteResult) -> CopyResponse:
        return CopyResponse.of(result, labeller.label_result(result, "api"), request_id=request_id)

    if body.stream or wants_events(request):
        return event_response(
            await begin(request, events),
            request_id,
            result_data=lambda result: to_wire(result).model_dump_json(),
            error_data=lambda envelope: json.dumps(envelope.content(), ensure_ascii=False),
        )
    result = await while_connected(request, last_event(events))
    response.headers.update(AI_HEADER)
    return to_wire(result)
