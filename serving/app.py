"""The web service: routes, one error body for every failure, and the only place that knows HTTP statuses.

`create_app` builds it from parts that are already open; importing this module does nothing.
"""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from copygen.chat_model import ChatModel
from copygen.errors import (
    CopygenError,
    EngineBroken,
    EngineBusy,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    InvalidBrief,
    InvalidFile,
    NoGoodCopy,
    PromptTooLong,
    UnknownChannel,
    UnknownLabel,
)
from copygen.write import FactSource

from serving.api import catalog, checks, copies, experiments, jobs, labels, published, shop_events
from serving.api.body_limit import BodyLimit
from serving.api.error_body import ErrorBody, ErrorEnvelope, error_envelope, internal_error
from serving.api.invalid_request import describe
from serving.api.request_log import RequestLog
from serving.api.shown_copy import ShownLabels
from serving.api.writer import Writer
from serving.jobs.job import JobConflict, JobStoreError, UnknownJob
from serving.jobs.store import JobStore
from serving.jobs.tables import database_url
from serving.jobs.webhook import InvalidCallback
from serving.labels.labeller import open_labeller
from serving.loop.experiment import ExperimentConflict, UnknownCopy, UnknownExperiment
from serving.loop.loop import open_loop
from serving.loop.published import UnknownPublished
from serving.settings import Settings
from serving.web import api_docs, card_actions, check_page, fill, ideas_page, pages, preferences
from serving.web.guard import SecurityHeaders, same_origin

if TYPE_CHECKING:
    from serving.jobs.worker import JobWorker

logger = logging.getLogger(__name__)

_API_VERSION = "1"
MAX_BODY_BYTES = 2_000_000
MAX_UPLOAD_BYTES = 1 << 30
"""Of a form with a file, which goes through the disk."""
_UNAVAILABLE_RETRY_S = 5
_CLIENT_GONE = 499
"""Nobody reads it; it tells the log why the work stopped."""
_STATUS: dict[type[CopygenError], int] = {
    InvalidBrief: 422,
    InvalidFile: 422,
    UnknownChannel: 422,
    UnknownLabel: 404,
    UnknownJob: 404,
    JobConflict: 409,
    JobStoreError: 503,
    InvalidCallback: 422,
    UnknownExperiment: 404,
    UnknownPublished: 404,
    UnknownCopy: 422,
    ExperimentConflict: 409,
    NoGoodCopy: 422,
    EngineRefused: 422,
    PromptTooLong: 422,
    EngineBusy: 429,
    EngineBroken: 502,
    EngineError: 502,
    EngineUnavailable: 503,
    EngineTimeout: 504,
}
_HTTP_CODES = {
    400: ("bad_request", "the body cannot be read; send JSON in UTF-8, or a form of ordinary size"),
    403: ("forbidden", ""),
    404: ("not_found", "no such path; GET /docs lists them all"),
    405: ("method_not_allowed", "this path takes {allow}"),
    413: ("content_too_large", ""),
}
"""Code, and words where the framework's own do not say what to do."""
_DESCRIPTION = """Chinese selling copy from product facts: true to the brief, legal, labelled, ranked.

Every response has an `X-Request-Id`; send your own to find a request again. Every failure has one body:
`{"error": {"code", "message", "param", "request_id"}}`. Copy written by the model carries the explicit label
`ai_label`, which must be shown wherever the copy is published, and the implicit label `AIGC`.
"""


@runtime_checkable
class _Warming(Protocol):
    async def ready(self) -> None: ...


@runtime_checkable
class _Closing(Protocol):
    async def aclose(self) -> None: ...


def create_app(
    model: ChatModel, settings: Settings, *, facts: FactSource | None = None, works: bool = False
) -> FastAPI:
    """The service around an open model; it warms everything up on start and closes the model on stop.

    Args:
        works: Write the rows of durable jobs too; one app a process can.
    """

    writer = Writer(model, settings, facts)
    labeller = open_labeller(settings)
    store = JobStore(database_url(settings))
    loop = open_loop(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        if isinstance(model, _Warming):
            await model.ready()
        await asyncio.to_thread(writer.warm)
        worker = await _start_worker(store, writer) if works else None
        app.state.warmed = True
        yield
        app.state.warmed = False
        if worker is not None:
            await worker.stop()
        store.close()
        loop.close()
        labeller.log.close()
        if isinstance(model, _Closing):
            await model.aclose()

    app = FastAPI(
        title="copygen",
        version=_API_VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # served by serving/web/api_docs.py, without a CDN
        redoc_url=None,
        dependencies=[Depends(same_origin)],
    )
    app.state.writer = writer
    app.state.labeller = labeller
    app.state.jobs = store
    app.state.loop = loop
    app.state.shown_labels = ShownLabels(labeller)
    app.state.settings = settings
    app.state.warmed = False
    for router in (
        copies.router,
        jobs.router,
        checks.router,
        labels.router,
        shop_events.router,
        experiments.router,
        published.router,
        catalog.router,
        pages.router,
        card_actions.router,
        fill.router,
        check_page.router,
        ideas_page.router,
        preferences.router,
        api_docs.router,
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=pages.STATIC), name="static")
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, upload_path="/v1/jobs", max_upload_bytes=MAX_UPLOAD_BYTES)
    app.add_middleware(RequestLog, on_bug=_on_bug)
    app.add_middleware(SecurityHeaders)  # added last, so outermost: the headers are on a 500 too
    app.add_exception_handler(CopygenError, _on_copygen_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(pages.FormRejected, _on_form_rejected)
    app.add_exception_handler(ClientDisconnect, _on_client_gone)
    return app


async def _start_worker(store: JobStore, writer: Writer) -> "JobWorker":
    from serving.jobs.worker import JobWorker  # DBOS takes a while to import, and only the real server needs it

    worker = JobWorker(store, writer.model, writer.settings, writer.facts)
    await worker.start()
    return worker


def _status(error: CopygenError) -> int:
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def _headers(error: CopygenError) -> dict[str, str]:
    if isinstance(error, EngineBusy):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    away = isinstance(error, EngineUnavailable | JobStoreError)
    return {"Retry-After": str(_UNAVAILABLE_RETRY_S)} if away else {}


def _respond(request: Request, status: int, envelope: ErrorEnvelope, headers: dict[str, str] | None = None) -> Response:
    """The error body, or a page that says the same to someone who follows a link."""
    browsing = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1")
    if browsing:
        return pages.error_page(request, status, envelope.error, headers)
    return JSONResponse(envelope.content(), status_code=status, headers=headers)


async def _on_copygen_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CopygenError)
    status = _status(error)
    if status == 500:
        raise error  # our own fault: logged with its traceback
    return _respond(request, status, error_envelope(error, request.state.request_id), _headers(error))


async def _on_form_rejected(request: Request, rejected: Exception) -> Response:
    assert isinstance(rejected, pages.FormRejected)
    if rejected.error is None:
        return pages.form_page(request, rejected.form, problems=rejected.problems, status=422)
    status = _status(rejected.error)
    if status == 500:
        raise rejected.error
    envelope = error_envelope(rejected.error, request.state.request_id)
    return pages.form_page(
        request,
        rejected.form,
        error=envelope.error,
        status=status,
        headers=_headers(rejected.error),
    )


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    message, param = describe(error)
    body = ErrorBody(code="invalid_request", message=message, param=param, request_id=request.state.request_id)
    return _respond(request, 422, ErrorEnvelope(error=body))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    code, advice = _HTTP_CODES.get(error.status_code, ("http_error", ""))
    advice = advice.format(allow=headers.get("Allow", ""))
    body = ErrorBody(
        code=code,
        message=f"{request.method} {request.url.path}: {advice or error.detail}",
        param=None,
        request_id=request.state.request_id,
    )
    return _respond(request, error.status_code, ErrorEnvelope(error=body), headers)


def _on_bug(request: Request) -> Response:
    return _respond(request, 500, internal_error(request.state.request_id))


async def _on_client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_GONE)
