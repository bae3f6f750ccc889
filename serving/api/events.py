"""A running write as server-sent events: `token` as they come, then `result` or `error`. Says nothing of their form."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from copygen.errors import CopygenError
from copygen.write import TokenEvent, WriteResult

from serving.api.error_body import ErrorEnvelope, error_envelope, internal_error
from serving.api.wire import AI_HEADER, TokenOut
from serving.api.writer import WriteEvents

logger = logging.getLogger(__name__)


def wants_events(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


def event_response(
    events: WriteEvents,
    request_id: str,
    *,
    result_data: Callable[[WriteResult], str],
    error_data: Callable[[ErrorEnvelope], str],
) -> EventSourceResponse:
    """Send a write that has begun; hanging up closes it.

    Args:
        result_data: The finished copies as the data of `result`, one line of JSON.
        error_data: A failure as the data of `error`, one line of JSON.
    """
    return EventSourceResponse(_encode(events, request_id, result_data, error_data), headers=AI_HEADER)


async def _encode(
    events: WriteEvents,
    request_id: str,
    result_data: Callable[[WriteResult], str],
    error_data: Callable[[ErrorEnvelope], str],
) -> AsyncGenerator[ServerSentEvent, None]:
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TokenEvent):
                    token = TokenOut(candidate=event.candidate, text=event.text)
                    yield _event("token", token.model_dump_json())
                else:
                    yield _event("result", result_data(event))
    except CopygenError as error:
        yield _event("error", error_data(error_envelope(error, request_id)))
    except Exception:  # the status is sent already: the error body has to go in the stream
        logger.exception("request %s failed", request_id)
        yield _event("error", error_data(internal_error(request_id)))


def _event(name: str, data: str) -> ServerSentEvent:
    return ServerSentEvent(data, event=name, sep="\n")
