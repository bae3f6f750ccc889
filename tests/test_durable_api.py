"""/v1/jobs: a table in, its state, its events, its results, and what is said of everything that is wrong."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import GOOD_COPY
from openpyxl import load_workbook

from copygen.chat_model import ScriptedModel

from serving import app as service
from serving.app import create_app
from serving.jobs.job import Job
from serving.jobs.store import CHUNK_ROWS, JobStore
from serving.jobs.tables import database_url
from tests.app_client import client_of, parse_events, settings
from tests.job_support import record, write_job

TABLE = "品名,渠道,降噪深度,续航,颜色,佩戴\n" + "".join(
    f"声悦 耳机{i},discover,48dB,40小时,雾霾蓝,入耳式\n" for i in range(3)
)
FORM = {"file": ("商品 表.csv", TABLE.encode("gb18030"))}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path))) as one:
        yield one


async def written(folder: Path, job_id: str, *, chunks: int = 1 << 30) -> Job:
    with closing(JobStore(database_url(settings(data=folder)))) as store:
        job = store.find(job_id)
        return await write_job(store, job, ScriptedModel([GOOD_COPY]), settings(), chunks=chunks)


async def test_a_form_becomes_a_job_and_the_job_a_file(tmp_path: Path, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/jobs", files=FORM)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["state"], job["total"], job["done"], job["name"]) == ("queued", 3, 0, "商品_表.csv")
    assert (await client.get(f"/v1/jobs/{job['id']}")).json() == job
    assert (await client.get("/v1/jobs")).json()["jobs"] == [job]
    await written(tmp_path, job["id"])
    done = (await client.get(f"/v1/jobs/{job['id']}")).json()
    assert (done["state"], done["done"], done["failed"], done["eta_s"]) == ("succeeded", 3, 0, None)
    assert done["rows_per_s"] > 0
    result = await client.get(f"/v1/jobs/{job['id']}/result")
    assert (result.headers["X-AI-Generated"], result.headers["X-Rows"]) == ("true", "3")
    assert json.loads(result.headers["X-AIGC"])["ContentProducer"] == "copygen"
    rows = list(csv.DictReader(io.StringIO(result.content.decode("utf-8-sig"))))
    assert [row["品名"] for row in rows] == [f"声悦 耳机{i}" for i in range(3)]
    assert all(row["status"] == "succeeded" and row["ai_label"] for row in rows)
    assert list((tmp_path / "tmp").iterdir()) == []  # what passed is gone


async def test_every_format_and_what_there_is_so_far(tmp_path: Path, client: httpx.AsyncClient) -> None:
    records = [record(i) for i in range(CHUNK_ROWS + 1)]
    job = (await client.post("/v1/jobs", json={"records": records, "tone": "俏皮"})).json()
    assert (job["name"], job["total"], job["options"]["tone"]) == ("records.jsonl", CHUNK_ROWS + 1, "俏皮")
    await written(tmp_path, job["id"], chunks=1)
    lines = (await client.get(f"/v1/jobs/{job['id']}/result", params={"format": "jsonl"})).text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"r{i}" for i in range(CHUNK_ROWS)]
    assert {json.loads(line)["tone"] for line in lines} == {"俏皮"}
    book = await client.get(f"/v1/jobs/{job['id']}/result", params={"format": "xlsx"})
    with closing(load_workbook(io.BytesIO(book.content), read_only=True)) as opened:
        assert opened.active is not None and len(list(opened.active.iter_rows())) == CHUNK_ROWS + 1


async def test_the_same_upload_is_the_same_job(client: httpx.AsyncClient) -> None:
    first = (await client.post("/v1/jobs", files=FORM)).json()
    assert (await client.post("/v1/jobs", files=FORM)).json() == first
    keyed = (await client.post("/v1/jobs", files=FORM, headers={"Idempotency-Key": "k"})).json()
    assert keyed["id"] != first["id"]
    other = await client.post("/v1/jobs", json={"records": [record(0)]}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "job_conflict")


async def test_fields_of_the_form_say_what_columns_are(tmp_path: Path, client: httpx.AsyncClient) -> None:
    table = "货品,库存,材质,颜色\n杯,9,陶瓷,白\n"
    fields = {"channel": "note", "map": ["货品=name"], "attr": ["材质"], "block": ["白"]}
    job = (await client.post("/v1/jobs", files={"file": ("t.csv", table.encode())}, data=fields)).json()
    assert job["options"]["map"] == ["货品=name"] and job["options"]["block"] == ["白"]
    with closing(JobStore(database_url(settings(data=tmp_path)))) as store:
        uses = {column.name: column.use for column in store.columns_of(store.find(job["id"]))}
    assert uses == {"货品": "name", "库存": "-", "材质": "attribute", "颜色": "-"}


async def test_pause_resume_cancel_and_retry(client: httpx.AsyncClient) -> None:
    job = (await client.post("/v1/jobs", json={"records": [record(0)]})).json()
    states = []
    for verb in ("pause", "resume", "cancel"):
        answer = await client.post(f"/v1/jobs/{job['id']}/{verb}")
        states.append((answer.status_code, answer.json()["state"]))
    assert states == [(200, "paused"), (200, "queued"), (200, "cancelled")]
    for verb in ("pause", "resume", "retry-failed"):
        answer = await client.post(f"/v1/jobs/{job['id']}/{verb}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_conflict")


@pytest.mark.parametrize(
    ("request_", "status", "code", "says"),
    [
        pytest.param({"json": {"records": []}}, 422, "invalid_request", "records", id="no records"),
        pytest.param({"json": {"records": [{}], "x": 1}}, 422, "invalid_request", "x: unknown", id="unknown field"),
        pytest.param({"content": b"{"}, 422, "invalid_request", "not JSON", id="no JSON"),
        pytest.param({"json": [1]}, 422, "invalid_request", "send a JSON object", id="no object"),
        pytest.param({"data": {"x": "1"}, "files": {"y": b"z"}}, 422, "invalid_request", "file: missing", id="no file"),
        pytest.param({"files": {"file": ("a.xls", b"x")}}, 422, "invalid_file", "a.xls: unknown ending", id="ending"),
        pytest.param(
            {"files": {"file": ("a.csv", b"x\n1\n")}},
            422,
            "invalid_file",
            "a.csv line 1: no column",
            id="name",
        ),
        pytest.param({"files": {"file": ("../../e.csv", b"")}}, 422, "invalid_file", "e.csv line 1", id="path"),
        pytest.param({"files": FORM, "data": {"map": "品名"}}, 422, "invalid_brief", "map", id="map"),
        pytest.param(
            {"json": {"records": [{}], "callback_url": "https://example.com"}},
            422,
            "invalid_callback",
            "COPYGEN_WEBHOOK_SECRET",
            id="no secret",
        ),
        pytest.param(
            {"json": {"records": [{}]}, "headers": {"Idempotency-Key": "k" * 300}}, 422, "invalid_request", "", id="key"
        ),
        pytest.param(
            {"json": {"records": [{"x": "y" * 2_100_000}]}}, 413, "content_too_large", "2,000,000", id="large"
        ),
    ],
)
async def test_what_is_wrong_is_said(
    tmp_path: Path, client: httpx.AsyncClient, request_: dict[str, Any], status: int, code: str, says: str
) -> None:
    answer = await client.post("/v1/jobs", **request_)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert says in error["message"] and str(tmp_path) not in error["message"]
    assert (await client.get("/v1/jobs")).json() == {"jobs": []}


async def test_a_file_in_a_form_may_be_larger_than_json_and_still_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_UPLOAD_BYTES", 3_000_000)
    async with client_of(create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path))) as client:
        for size, status in ((2_500_000, 202), (3_500_000, 413)):
            table = TABLE + f"杯,discover,{'瓷' * (size // 3)},,,\n"
            answer = await client.post("/v1/jobs", files={"file": ("t.csv", table.encode())})
            assert answer.status_code == status, answer.text


@pytest.mark.parametrize("path", ["", "/events", "/result"])
async def test_no_such_job(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/v1/jobs/job-0{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_job")


async def test_the_service_writes_jobs_beside_its_other_work(tmp_path: Path) -> None:
    app = create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path), works=True)
    async with client_of(app) as client, asyncio.timeout(100):
        job = (await client.post("/v1/jobs", json={"records": [record(i) for i in range(20)]})).json()
        direct = await client.post("/v1/copies", json=record(99))
        assert direct.status_code == 200
        events = parse_events((await client.get(f"/v1/jobs/{job['id']}/events")).text)
    assert [name for name, _ in events][-1] == "end"
    assert {name for name, _ in events[:-1]} <= {"progress"}
    done = [data["done"] for _, data in events]
    assert done == sorted(done)
    assert (events[-1][1]["state"], events[-1][1]["done"], events[-1][1]["failed"]) == ("succeeded", 20, 0)
