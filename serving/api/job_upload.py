"""What POST /v1/jobs is sent: a file in a form, or records as JSON, kept in a file to be read as a stream."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.datastructures import UploadFile

from serving.api.wire import Wire
from serving.jobs.job import JobOptions

ModelT = TypeVar("ModelT", bound=BaseModel)
_MAX_NAME_CHARS = 100
_UNSAFE = re.compile(r"[^\w.()\-\u4e00-\u9fff]+")
_LISTS = ("map", "attr", "block", "allow")


class JobFields(Wire):
    """What goes with the file: as a form's fields, those of lists repeated."""

    channel: str | None = None
    """For rows that do not say; several with commas: discover,note."""
    tone: str | None = None
    audience: str | None = None
    lang: str | None = None
    map: tuple[str, ...] = Field((), examples=[["品名=name"]])
    """What a column is: 品名=name; 库存=- leaves it out."""
    attr: tuple[str, ...] = ()
    """The attribute columns; other unknown ones are left out."""
    block: tuple[str, ...] = ()
    """Words never to be shown, on top of the rules."""
    allow: tuple[str, ...] = ()
    """Words the rules must not flag: the merchant answers for them."""
    callback_url: str = ""
    """Told when the job is done: signed as Standard Webhooks say."""

    def options(self) -> JobOptions:
        return JobOptions(**self.model_dump(exclude={"callback_url", "records"}))


class JobRequest(JobFields):
    """Records to be written; a file in a form takes more of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"channel": "discover", "records": [{"name": "听屿 N3 耳机", "续航": "8小时"}]}]
        }
    )

    records: list[dict[str, JsonValue]] = Field(min_length=1)
    """Briefs as POST /v1/copies takes them, or rows of a table: {"商品名": "…", "续航": "…"}."""


class _JobForm(JobFields):
    """The form, for the API's document."""

    file: bytes = Field(json_schema_extra={"contentMediaType": "application/octet-stream"})
    """Products: .csv, .tsv, .xlsx, .jsonl or .json."""


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": model.model_json_schema(ref_template="#/components/schemas/{model}")}


REQUEST_BODY = {
    "required": True,
    "content": {"multipart/form-data": _schema(_JobForm), "application/json": _schema(JobRequest)},
}
"""For the API's document: the route reads its body itself."""


@asynccontextmanager
async def received(request: Request, folder: Path) -> AsyncIterator[tuple[Path, JobFields]]:
    """The request's file, under its own name in a folder that is gone afterwards, and what goes with it.

    Raises:
        RequestValidationError: Neither a form with a file nor JSON with records.
    """
    await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="upload-") as place:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            yield await _read_form(request, Path(place))
        else:
            yield await _read_json(request, Path(place))


async def _read_form(request: Request, place: Path) -> tuple[Path, JobFields]:
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise _invalid([{"type": "missing", "loc": ("file",), "msg": "Field required", "input": None}], {})
        values: dict[str, object] = {name: form.getlist(name) for name in _LISTS if name in form}
        values |= {name: form[name] for name in form if name not in (*_LISTS, "file")}
        fields = _validated(JobFields, values)
        path = place / _name(file.filename or "")

        def keep() -> None:
            with path.open("wb") as target:
                shutil.copyfileobj(file.file, target)

        await run_in_threadpool(keep)
    return path, fields


async def _read_json(request: Request, place: Path) -> tuple[Path, JobFields]:
    body = await request.body()
    try:
        value = json.loads(body)
    except ValueError as error:
        at = getattr(error, "pos", 0)
        problem = {"type": "json_invalid", "loc": (at,), "msg": "", "input": {}, "ctx": {"error": str(error)}}
        raise _invalid([problem], None) from error
    asked = _validated(JobRequest, value)
    path = place / "records.jsonl"
    text = "".join(json.dumps(record) + "\n" for record in asked.records)
    await run_in_threadpool(path.write_text, text, encoding="ascii")
    return path, asked


def _validated(model: type[ModelT], value: object) -> ModelT:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _invalid(error.errors(), value) from error


def _invalid(problems: list[Any], body: object) -> RequestValidationError:
    return RequestValidationError([{**p, "loc": ("body", *p["loc"])} for p in problems], body=body)


def _name(given: str) -> str:
    """The file's name as the merchant knows it, without what a path could be made of."""
    name = Path(given.replace("\\", "/")).name
    stem, suffix = Path(name).stem, Path(name).suffix
    return (_UNSAFE.sub("_", stem).strip(".")[:_MAX_NAME_CHARS] or "table") + _UNSAFE.sub("", suffix)[:10]
