"""What tests of durable jobs share: files of rows, a worker in this process without a queue, and one as a process."""

import json
from collections.abc import Sequence
from pathlib import Path

from conftest import EARBUDS

from copygen.chat_model import ChatModel
from copygen.write import WriteOptions

from serving.jobs.batch import write_row
from serving.jobs.chunk import ChunkWriter
from serving.jobs.job import Job
from serving.jobs.store import JobStore
from serving.jobs.store_work import Work, WorkStore
from serving.jobs.table_io import Row
from serving.jobs.table_out import RowResult
from serving.settings import Settings

BAD = "标题：耳机\n正文：太短"
"""A completion of which nothing can be made."""


async def outcome_of(row: Row, model: ChatModel) -> RowResult:
    return await write_row(row, model, WriteOptions(extra_candidates=0), None)


def record(number: int, **fields: object) -> dict[str, object]:
    """A brief like no other."""
    return {"id": f"r{number}", "channel": "discover", "products": [EARBUDS], "audience": f"第{number}位", **fields}


def jsonl(path: Path, records: Sequence[object]) -> Path:
    lines = (line if isinstance(line, str) else json.dumps(line) for line in records)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


async def write_job(store: JobStore, job: Job, model: ChatModel, settings: Settings, *, chunks: int = 1 << 30) -> Job:
    """Write a job's chunks one after the other, as a worker does, without a queue; 64 of them at most."""
    work_store = WorkStore(store)

    async def troubled(work: Work, problem: str) -> None:
        work_store.note(work.job, problem)

    writer = ChunkWriter(model, settings, None, troubled)
    work_store.begin(job)
    for chunk in work_store.first_chunks(job)[:chunks]:
        work = work_store.open_chunk(job.number, job.epoch, chunk)
        assert work is not None
        assert work_store.commit_chunk(work, chunk, await writer.write(work))
    return store.find(job.id)
