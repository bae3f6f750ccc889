"""Workers: turns between jobs, an engine that goes away, DBOS's queue, and processes that are killed."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from conftest import GOOD_COPY

from copygen.chat_model import ChatModel, Chunk, Message, SamplingParams
from copygen.errors import EngineBroken, EngineUnavailable

from benchmarks.instant import InstantModel, process, write_table
from benchmarks.kills import Damage, kill_workers
from serving.jobs import chunk
from serving.jobs.intake import submit
from serving.jobs.job import Job, JobOptions
from serving.jobs.row_slots import RowSlots
from serving.jobs.store import CHUNK_ROWS, JobStore
from serving.jobs.tables import database_url
from serving.jobs.worker import JobWorker
from serving.settings import Settings
from tests.app_client import settings
from tests.job_support import jsonl, record, write_job

NONE = JobOptions()
KILLS = 8
PATIENCE_S = 100.0


async def test_the_job_with_the_fewest_rows_goes_next() -> None:
    slots = RowSlots(3)
    order: list[str] = []
    gate = asyncio.Event()

    async def row(job: str) -> None:
        async with slots.turn(job):
            order.append(job)
            await gate.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(row("large"))
        await asyncio.sleep(0)
        for _ in range(2):
            group.create_task(row("small"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert order == ["large"] * 3  # no more than there are slots
        gate.set()
    assert order[3:5] == ["small", "large"] and order.count("large") == 6 and order.count("small") == 2


async def test_a_row_that_is_cancelled_leaves_its_turn_to_others() -> None:
    slots = RowSlots(1)

    async def row() -> None:
        async with slots.turn("job"):
            await asyncio.sleep(0.01)

    first, second, third = (asyncio.create_task(row()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(first, third)
        async with slots.turn("job"):
            assert second.cancelled()


class Moody:
    """Fails a few times, then writes."""

    name = "moody"
    exemplars = 0

    def __init__(self, error: Exception, times: int) -> None:
        self._error, self._left = error, times

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        if self._left:
            self._left -= 1
            raise self._error
        yield Chunk(0, GOOD_COPY, "stop", 1, 1)


@pytest.mark.parametrize(
    ("error", "times", "code"),
    [
        pytest.param(EngineUnavailable("engine: connection refused"), 8, None, id="away for long"),
        pytest.param(EngineBroken(), 2, None, id="broke off twice"),
        pytest.param(EngineBroken(), 3, "engine_broken", id="breaks off always"),
        pytest.param(ZeroDivisionError(), 1, "internal_error", id="bug of ours"),
    ],
)
async def test_trouble_costs_time_before_it_costs_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int, code: str | None
) -> None:
    monkeypatch.setattr(chunk, "_FIRST_WAIT_S", 0.001)
    with closing(JobStore(database_url(settings(data=tmp_path)))) as store:
        job = submit(store, jsonl(tmp_path / "b.jsonl", [record(0)]), NONE)
        job = await write_job(store, job, Moody(error, times), settings())
        (outcome,) = store.outcomes(job)
    assert (job.state, job.done, job.failed, job.problem) == ("succeeded", 1, int(code is not None), "")
    assert (outcome.error.code if outcome.error else None) == code


async def test_a_job_that_waits_says_why(tmp_path: Path) -> None:
    with closing(JobStore(database_url(settings(data=tmp_path)))) as store:
        job = submit(store, jsonl(tmp_path / "b.jsonl", [record(0)]), NONE)
        model = Moody(EngineUnavailable("engine: connection refused"), 1_000)
        writing = asyncio.create_task(write_job(store, job, model, settings()))
        async with asyncio.timeout(PATIENCE_S):
            while not store.find(job.id).problem:  # noqa: ASYNC110 -- it is in the database
                await asyncio.sleep(0.01)
        writing.cancel()
        assert store.find(job.id).problem == "engine: connection refused"


@asynccontextmanager
async def working(store: JobStore, model: ChatModel, values: Settings) -> AsyncIterator[JobWorker]:
    worker = JobWorker(store, model, values, None)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


async def until(store: JobStore, job: Job, *, done: int) -> Job:
    async with asyncio.timeout(PATIENCE_S):
        while (job := store.find(job.id)).done < done:  # noqa: ASYNC110 -- it is in the database
            await asyncio.sleep(0.02)
    return job


async def test_a_small_job_does_not_wait_for_a_large_one_and_stopping_loses_nothing(tmp_path: Path) -> None:
    values = settings(data=tmp_path, worker_lease_s=60.0, job_rows=4)  # nobody has to wait for a lease
    model = InstantModel(0.02)
    with closing(JobStore(database_url(values))) as store:
        large = submit(store, write_table(tmp_path / "large.csv", 16 * CHUNK_ROWS), NONE)
        async with working(store, model, values):
            await until(store, large, done=1)
        stopped = store.find(large.id)
        assert (stopped.state, stopped.done < stopped.total) == ("running", True)
        async with working(store, model, values) as worker:
            await until(store, large, done=stopped.done + 1)
            before = store.find(large.id).done
            small = submit(store, write_table(tmp_path / "small.csv", 20), NONE, key="small")
            small = await until(store, small, done=20)
            meanwhile = store.find(large.id).done - before
            # Turns are taken row by row; the slack is what went on until the small one was seen.
            assert meanwhile <= 20 + 5 * CHUNK_ROWS
            large = await until(store, large, done=large.total)
            assert not worker.busy()
        assert (small.state, large.state, large.failed) == ("succeeded", "succeeded", 0)
        assert [o.row.record["id"] for o in store.outcomes(large)] == [f"r{i}" for i in range(large.total)]


def no_damage(damage: Damage) -> bool:
    return (damage.lost, damage.doubled, damage.disordered, damage.failed) == (0, 0, 0, 0)


def test_workers_killed_at_any_moment_lose_and_double_nothing(tmp_path: Path, database: str) -> None:
    damage = kill_workers(tmp_path, database, KILLS, rows_a_kill=24)
    assert damage.kills == KILLS
    assert no_damage(damage), damage


def test_a_living_worker_takes_over_from_a_dead_one(tmp_path: Path, postgres: Callable[[], str]) -> None:
    values = Settings(data=tmp_path, database_url=postgres(), worker_lease_s=1.0, extra_candidates=0)
    with closing(JobStore(database_url(values))) as store:
        job = submit(store, write_table(tmp_path / "b.csv", 12 * CHUNK_ROWS), NONE)
        first, second = process(values, 0.05), process(values, 0.05)
        first.start()
        second.start()
        end = time.monotonic() + PATIENCE_S
        while store.find(job.id).done < 2 * CHUNK_ROWS and time.monotonic() < end:
            time.sleep(0.02)
        first.kill()
        first.join()
        second.join(PATIENCE_S)
        job = store.find(job.id)
        assert (second.exitcode, job.state, job.done, job.failed) == (0, "succeeded", job.total, 0)
        assert [o.row.record["id"] for o in store.outcomes(job)] == [f"r{i}" for i in range(job.total)]
