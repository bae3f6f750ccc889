"""/v1/jobs: a table of products in, its copies out, whatever happens in between. Changes the database, writes nothing.

The work is done by the process's own worker, where it has one, and by `copygen jobs run`.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi import Path as PathParam
from fastapi.responses import FileResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.background import BackgroundTask

from copygen.errors import InvalidBrief, InvalidFile, InvalidSetting

from serving.api.error_body import ErrorEnvelope
from serving.api.job_upload import REQUEST_BODY, received
from serving.api.job_wire import JobOut
from serving.api.labels import LabellerDep
from serving.api.wire import AI_HEADER, Wire
from serving.jobs.export import write_results
from serving.jobs.file_label import sidecar_of
from serving.jobs.intake import submit
from serving.jobs.job import ENDED, Job
from serving.jobs.store import JobStore
from serving.jobs.tables import data_folder
from serving.jobs.webhook import Webhook
from serving.settings import Settings

_POLL_S = 0.5
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope, "description": "No job of this id."}}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorEnvelope, "description": "The job's state does not allow it."}
}
_AWAY: dict[int | str, dict[str, Any]] = {
    503: {"model": ErrorEnvelope, "description": "The jobs' database does not answer: wait Retry-After seconds."}
}
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl; charset=utf-8",
}
router = APIRouter(tags=["jobs"], responses=_AWAY)


def get_store(request: Request) -> JobStore:
    return cast(JobStore, request.app.state.jobs)


def get_settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


StoreDep = Annotated[JobStore, Depends(get_store)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
JobId = Annotated[str, PathParam(max_length=64)]


class JobList(Wire):
    """The newest first."""

    jobs: list[JobOut]


@router.post(
    "/v1/jobs",
    status_code=202,
    summary="Store a table to be written",
    openapi_extra={"requestBody": REQUEST_BODY},
    responses={
        409: {"model": ErrorEnvelope, "description": "The key belongs to another file, or is being stored right now."},
        413: {"model": ErrorEnvelope, "description": "The file is too large."},
        422: {"model": ErrorEnvelope, "description": "The file is no table, or has no column for the product's name."},
    },
)
async def create_job(
    request: Request,
    store: StoreDep,
    settings: SettingsDep,
    idempotency_key: Annotated[
        str,
        Header(
            max_length=255,
            description="Jobs of the same key are one job; without it, those of the same file and fields are.",
        ),
    ] = "",
) -> JobOut:
    """Send a file in a form (CSV, TSV, XLSX, JSONL, JSON; columns are read as `copygen batch` reads them), or JSON.

    Every row is stored when the answer comes. A row that cannot be used never fails the others: it is reported in its
    place in the result.
    """
    async with received(request, _scratch(settings)) as (path, fields):
        if fields.callback_url:
            Webhook(settings).check(fields.callback_url)
        options = fields.options()
        try:
            job = await asyncio.to_thread(
                submit, store, path, options, key=idempotency_key, callback_url=fields.callback_url
            )
        except InvalidSetting as error:
            raise InvalidBrief(error.message.partition(": ")[2], field="map") from error
        except InvalidFile as error:  # its path is ours
            what = error.message.removeprefix(error.path).partition(": ")[2]
            raise InvalidFile(what, path=path.name, line=error.line) from error
    return JobOut.of(job)


@router.get("/v1/jobs", summary="The newest jobs")
def list_jobs(store: StoreDep, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> JobList:
    return JobList(jobs=[JobOut.of(job) for job in store.list(limit=limit)])


@router.get("/v1/jobs/{id}", summary="How a job stands", responses=_UNKNOWN)
def show_job(id: JobId, store: StoreDep) -> JobOut:  # noqa: A002 -- the name in the path
    return JobOut.of(store.find(id))


@router.get(
    "/v1/jobs/{id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses={
        **_UNKNOWN,
        200: {
            "description": "`progress` at every change, `end` when the job has ended; data as GET /v1/jobs/{id} gives",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def follow_job(id: JobId, store: StoreDep) -> EventSourceResponse:  # noqa: A002 -- the name in the path
    return EventSourceResponse(_follow(store, await asyncio.to_thread(store.find, id)))


async def _follow(store: JobStore, job: Job) -> AsyncGenerator[ServerSentEvent, None]:
    told: Job | None = None
    while True:
        if job != told:
            name = "end" if job.state in ENDED else "progress"
            yield ServerSentEvent(JobOut.of(job).model_dump_json(), event=name, sep="\n")
            told = job
        if job.state in ENDED:
            return
        await asyncio.sleep(_POLL_S)
        job = await asyncio.to_thread(store.find, job.id)


@router.get(
    "/v1/jobs/{id}/result",
    summary="A job's copies, so far or all",
    response_class=FileResponse,
    responses={
        **_UNKNOWN,
        200: {
            "description": "Rows that have an outcome, in the order of the file; each copy with its label.",
            "headers": {
                "X-AI-Generated": {"description": "Always `true`.", "schema": {"type": "string"}},
                "X-AIGC": {"description": "Implicit label of the file, JSON.", "schema": {"type": "string"}},
                "X-Rows": {"description": "How many rows it has.", "schema": {"type": "integer"}},
            },
            "content": {media.partition(";")[0]: {"schema": {"type": "string"}} for media in _MEDIA.values()},
        },
    },
)
def fetch_result(
    id: JobId,  # noqa: A002 -- the name in the path
    store: StoreDep,
    settings: SettingsDep,
    labeller: LabellerDep,
    format: Annotated[Literal["csv", "xlsx", "jsonl"], Query()] = "csv",  # noqa: A002 -- the name in the query
) -> FileResponse:
    """A file on the way through the disk, so that its size is no matter; 100,000 rows take about a minute."""
    job = store.find(id)
    folder = Path(mkdtemp(dir=_scratch(settings), prefix="result-"))
    try:
        path = folder / f"result.{format}"
        rows, _ = write_results(store, job, path, labeller)
        sidecar = sidecar_of(path)
        label = json.loads(sidecar.read_text(encoding="utf-8"))["AIGC"] if sidecar.exists() else None
    except BaseException:
        shutil.rmtree(folder)
        raise
    return FileResponse(
        path,
        filename=f"{job.id}.{format}",
        media_type=_MEDIA[format],
        headers=AI_HEADER | {"X-Rows": str(rows)} | ({"X-AIGC": json.dumps(label)} if label is not None else {}),
        background=BackgroundTask(shutil.rmtree, folder),
    )


def _scratch(settings: Settings) -> Path:
    """Where files stand while they pass: beside what lasts, for the system's own folder may be in memory."""
    folder = data_folder(settings) / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _changed(change: Callable[[JobStore, str], Job]) -> Callable[..., JobOut]:
    def route(id: JobId, store: StoreDep) -> JobOut:  # noqa: A002 -- the name in the path
        return JobOut.of(change(store, id))

    return route


for _name, _change, _summary in (
    ("pause", JobStore.pause, "Begin no more rows of a job; those under way are finished"),
    ("resume", JobStore.resume, "Go on with a paused job"),
    ("cancel", JobStore.cancel, "End a job; its copies so far stay"),
    ("retry-failed", JobStore.retry_failed, "Write a finished job's failed rows again"),
):
    router.post(
        f"/v1/jobs/{{id}}/{_name}",
        summary=_summary,
        responses=_UNKNOWN | _CONFLICT,
        operation_id=f"{_name.replace('-', '_')}_job",
    )(_changed(_change))
