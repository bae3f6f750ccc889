"""A file as a durable job: loaded once, in order, changed safely, on both kinds of database."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from conftest import GOOD_COPY

from copygen.chat_model import ScriptedModel
from copygen.errors import (
    InvalidFile,
    InvalidSetting,
    UnknownChannel,
)

from serving.jobs import intake
from serving.jobs.export import write_results
from serving.jobs.intake import submit
from serving.jobs.job import JobConflict, JobOptions, JobStoreError, UnknownJob
from serving.jobs.store import CHUNK_ROWS, JobStore
from serving.jobs.store_work import WorkStore
from serving.jobs.table_io import Row, read_rows
from serving.jobs.tables import database_url
from serving.labels.labeller import open_labeller
from tests.app_client import settings
from tests.job_support import BAD, jsonl, outcome_of, record, write_job

NONE = JobOptions()


@pytest.fixture
def store(database: str) -> Iterator[JobStore]:
    with closing(JobStore(database_url(settings(database_url=database)))) as opened:
        yield opened


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[JobStore]:
    with closing(JobStore(database_url(settings(data=tmp_path)))) as opened:
        yield opened


async def test_every_row_comes_out_once_in_order_with_what_it_was(
    tmp_path: Path, store: JobStore, scripted: Callable[..., ScriptedModel]
) -> None:
    source = tmp_path / "briefs.csv"
    lines = [f"声悦 耳机,discover,48dB,40小时,雾霾蓝,入耳式,{i}" for i in range(2 * CHUNK_ROWS + 3)]
    lines[3] = "只有名字"
    lines[5] = lines[5].replace("discover", "billboard")
    source.write_text("品名,渠道,降噪深度,续航,颜色,佩戴,货号\n" + "\n".join(lines) + "\n", encoding="gb18030")
    job = submit(store, source, NONE)
    assert (job.state, job.total, job.done, job.name) == ("queued", len(lines), 0, "briefs.csv")
    job = await write_job(store, job, scripted(GOOD_COPY), settings())
    assert (job.state, job.done, job.failed) == ("succeeded", len(lines), 2)
    outcomes = list(store.outcomes(job))
    assert [o.row for o in outcomes[:3]] == list(islice(read_rows(source), 3))
    assert [o.row.number for o in outcomes] == list(range(2, len(lines) + 2))
    assert [o.status for o in outcomes].count("failed") == 2
    assert isinstance(outcomes[3].error, InvalidFile) and isinstance(outcomes[5].error, UnknownChannel)


async def test_the_file_is_that_of_batch(
    tmp_path: Path, store: JobStore, scripted: Callable[..., ScriptedModel]
) -> None:
    source = jsonl(
        tmp_path / "b.jsonl", [record(0), "{", record(1, channel="discover,note"), {"品名": "杯", "材质": "瓷"}]
    )
    job = submit(store, source, JobOptions(channel="discover", map=("品名=name",)))
    assert job.total == 5  # two channels are two rows
    job = await write_job(store, job, scripted(GOOD_COPY), settings())
    labeller = open_labeller(settings(provider="某店"))
    count, (path,) = await asyncio.to_thread(write_results, store, job, tmp_path / "o.jsonl", labeller)
    written = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert count == 5
    assert [line["id"] for line in written] == ["r0", "line-2", "r1", "r1", "line-4"]
    assert [line["channel"] for line in written] == ["discover", "", "discover", "note", "discover"]
    assert written[0]["AIGC"]["ContentProducer"] == "某店"
    assert written[1]["error"]["message"].startswith("b.jsonl line 2: not JSON")


async def test_partial_results_are_those_there_are(
    tmp_path: Path, store: JobStore, scripted: Callable[..., ScriptedModel]
) -> None:
    job = submit(store, jsonl(tmp_path / "b.jsonl", [record(i) for i in range(3 * CHUNK_ROWS)]), NONE)
    job = await write_job(store, job, scripted(GOOD_COPY), settings(), chunks=1)
    assert (job.state, job.done) == ("running", CHUNK_ROWS)
    rows, _ = await asyncio.to_thread(write_results, store, job, tmp_path / "o.csv", open_labeller(settings()))
    assert rows == CHUNK_ROWS


async def test_rows_with_the_same_brief_are_written_once(
    tmp_path: Path, store: JobStore, scripted: Callable[..., ScriptedModel]
) -> None:
    same = [{**record(0), "id": f"a{i}"} for i in range(600)]
    spaced = {**record(0), "id": "spaced", "audience": "  第0位 "}
    source = jsonl(tmp_path / "b.jsonl", [*same, record(1), spaced, record(2, channel="billboard")])
    job = submit(store, source, NONE)
    assert (job.total, job.unique) == (603, 3)
    model = scripted(GOOD_COPY)
    job = await write_job(store, job, model, settings())
    assert len(model.calls) == 2
    assert (job.state, job.done, job.failed) == ("succeeded", 603, 1)
    outcomes = list(store.outcomes(job))
    assert [o.row.record["id"] for o in outcomes] == [f"a{i}" for i in range(600)] + ["r1", "spaced", "r2"]
    assert all(o.result is not None for o in outcomes[:-1])


def test_the_same_file_is_the_same_job(tmp_path: Path, store: JobStore) -> None:
    source = jsonl(tmp_path / "b.jsonl", [record(0)])
    first = submit(store, source, NONE)
    assert submit(store, source, NONE) == first
    copied = tmp_path / "copied.jsonl"
    copied.write_bytes(source.read_bytes())
    assert submit(store, copied, NONE) == first
    assert submit(store, source, JobOptions(channel="note")).id != first.id
    keyed = submit(store, source, NONE, key="november")
    assert keyed.id != first.id
    assert submit(store, source, NONE, key="november") == keyed
    with pytest.raises(JobConflict, match="another file"):
        submit(store, jsonl(tmp_path / "other.jsonl", [record(1)]), NONE, key="november")
    assert [job.id for job in store.list()][-1] == first.id


def test_a_load_that_broke_off_goes_on_where_it_stopped(
    tmp_path: Path, sqlite: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_BATCH_ROWS", 10)
    source = jsonl(tmp_path / "b.jsonl", [record(i % 30) for i in range(45)])

    def crash(job: object) -> None:
        calls.append(job)
        if len(calls) == 2:
            raise KeyboardInterrupt

    calls: list[object] = []
    with pytest.raises(KeyboardInterrupt):
        submit(sqlite, source, NONE, loaded=crash)
    (broken,) = sqlite.list()
    assert (broken.state, broken.total) == ("loading", 20)
    job = submit(sqlite, source, NONE)
    assert (job.state, job.total, job.unique) == ("queued", 45, 30)
    assert len(calls) == 2


def test_two_that_load_the_same_do_not_mix(tmp_path: Path, store: JobStore) -> None:
    rows = [(Row(1, record(0)), None)]
    job = store.create("job-x", name="b.jsonl", sha256="0", options=NONE, columns=())
    store.add_rows(job, rows, ())
    with pytest.raises(JobConflict, match="being loaded"):
        store.add_rows(job, rows, ())
    assert store.find("job-x").total == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("b.csv", "价格,颜色\n1,红\n", "no column for the product's name"),
        ("b.jsonl", "", "no rows"),
        ("b.xls", "x", "unknown ending"),
    ],
)
def test_a_file_that_is_no_table_is_no_job(
    tmp_path: Path, sqlite: JobStore, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidFile, match=says):
        submit(sqlite, tmp_path / name, NONE)
    with pytest.raises(InvalidSetting, match="COLUMN=FIELD"):
        submit(sqlite, tmp_path / name, JobOptions(map=("品名",)))
    assert sqlite.list() == []


def test_a_file_that_turns_out_unreadable_fails_and_says_so(tmp_path: Path, sqlite: JobStore) -> None:
    good = "".join(f"声悦{i},{'瓷' * 100}\n" for i in range(900)).encode()  # its beginning says that it is UTF-8
    (tmp_path / "b.csv").write_bytes("品名,材质\n".encode() + good + b"\xff\xff\n")
    with pytest.raises(InvalidFile, match="not readable"):
        submit(sqlite, tmp_path / "b.csv", NONE)
    (job,) = sqlite.list()
    assert job.state == "failed" and "save it as UTF-8" in job.problem


async def test_pause_resume_and_cancel(tmp_path: Path, store: JobStore, scripted: Callable[..., ScriptedModel]) -> None:
    work = WorkStore(store)
    job = submit(store, jsonl(tmp_path / "b.jsonl", [record(i) for i in range(2 * CHUNK_ROWS)]), NONE)
    work.begin(job)
    assert work.next_chunk(job.number, job.epoch, 0) is None  # the second is another lane's
    paused = store.pause(job.id)
    assert (paused.state, store.pause(job.id)) == ("paused", paused)
    assert work.open_chunk(job.number, job.epoch, 0) is None  # what was handed out is void
    assert not work.queued() and not work.busy()
    resumed = store.resume(job.id)
    assert (resumed.state, work.queued(), work.busy()) == ("queued", [resumed], True)
    job = await write_job(store, resumed, scripted(GOOD_COPY), settings(), chunks=1)
    cancelled = store.cancel(job.id)
    assert (cancelled.state, cancelled.done) == ("cancelled", CHUNK_ROWS)
    for change in (store.pause, store.resume, store.retry_failed):
        with pytest.raises(JobConflict, match="is cancelled"):
            change(job.id)
    with pytest.raises(UnknownJob, match="'nope'"):
        store.pause("nope")


async def test_a_chunk_under_way_when_the_job_is_paused_is_kept(
    tmp_path: Path, store: JobStore, scripted: Callable[..., ScriptedModel]
) -> None:
    work = WorkStore(store)
    job = submit(store, jsonl(tmp_path / "b.jsonl", [record(0)]), NONE)
    under_way = work.open_chunk(job.number, job.epoch, 0)
    assert under_way is not None
    store.pause(job.id)
    outcome = await outcome_of(under_way.rows[0], scripted(GOOD_COPY))
    assert work.commit_chunk(under_way, 0, {0: outcome})
    assert not work.commit_chunk(under_way, 0, {0: outcome})  # a second time is none
    job = store.find(job.id)
    assert (job.state, job.done) == ("succeeded", 1)


async def test_failed_rows_are_tried_again_and_no_others(
    tmp_path: Path, store: JobStore, scripted: Callable[..., ScriptedModel]
) -> None:
    records = [record(i) for i in range(CHUNK_ROWS + 2)]
    records += [{**record(1), "id": "like r1"}]
    job = submit(store, jsonl(tmp_path / "b.jsonl", records), NONE)
    refused = re.compile("第[01]位")
    fussy = ScriptedModel(lambda messages: BAD if refused.search(messages[-1].content) else GOOD_COPY)
    job = await write_job(store, job, fussy, settings())
    failed = [o.row.record["id"] for o in store.outcomes(job) if o.result is None]
    assert (job.state, job.done, job.failed) == ("succeeded", len(records), 3)
    assert failed == ["r0", "r1", "like r1"]
    again = store.retry_failed(job.id)
    assert (again.state, again.done, again.failed) == ("queued", len(records) - 3, 0)
    model = scripted(GOOD_COPY)
    job = await write_job(store, again, model, settings())
    assert (job.state, job.done, job.failed) == ("succeeded", len(records), 0)
    assert len(model.calls) == 2
    assert store.retry_failed(job.id) == job  # nothing to do


def test_a_database_that_is_not_there_is_named() -> None:
    with pytest.raises(JobStoreError, match=r"refused|connect"):
        JobStore(database_url(settings(database_url="postgresql://copygen@127.0.0.1:9/jobs")))
    for url in ("nonsense", "mysql://x/y", "sqlite://"):
        with pytest.raises(InvalidSetting, match="COPYGEN_DATABASE_URL"):
            database_url(settings(database_url=url))
