"""DBOS: the one module that knows it. A chunk is a workflow on a queue that is partitioned by job.

A workflow's id says which chunk it is, so enqueueing it twice is enqueueing it once. DBOS without its Conductor runs
again what its own executor id left open; of other executors somebody has to say that they are dead, as worker.py does.
"""

import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Protocol

from dbos import DBOS, SetWorkflowID

_QUEUE = "copygen-chunks"
_VERSION = "1"
"""Of what is between worker and queue, not of copygen: workers take up only what their own version left."""
_POLL_S = 0.1
_JOBS_AT_ONCE = 8
"""Jobs that a process has chunks of at once; with more, which of them is next is left to chance."""
_CALLS, _FIRST_WAIT_S = 9, 2.0
"""Attempts to reach a callback URL, each wait twice the last; the ninth comes nine minutes after the first."""
_SWEEP = 1000
_CONNECTIONS = 8
"""Each holds a cache of its own, of up to 2 MB in SQLite."""


class _Worker(Protocol):
    id: str

    def write_chunk(self, number: int, epoch: int, chunk: int) -> int | None: ...

    def call_due(self, number: int) -> int | None: ...

    def call(self, number: int) -> None: ...

    def note_callback(self, number: int, outcome: str) -> None: ...


_workers: list[_Worker] = []
"""The worker of this process, if any: DBOS has one instance a process and calls plain functions."""


def launch(worker: _Worker, url: str, chunks_a_job: int) -> None:
    """Start DBOS and begin taking chunks, at most `chunks_a_job` of one job at once."""
    if _workers:
        raise RuntimeError("this process has a worker already")
    _workers.append(worker)
    logger = logging.getLogger("dbos")
    if not logger.handlers:  # else it writes to the console itself
        logger.addHandler(logging.NullHandler())
    DBOS(
        config={
            "name": "copygen",
            "system_database_url": url,
            "application_version": _VERSION,
            "executor_id": worker.id,
            "sys_db_pool_size": _CONNECTIONS,
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    DBOS.register_queue(
        _QUEUE,
        worker_concurrency=chunks_a_job * _JOBS_AT_ONCE,
        partition_worker_concurrency=chunks_a_job,
        polling_interval_sec=_POLL_S,
    )


def shut_down() -> None:
    DBOS.destroy()
    _workers.clear()


@DBOS.workflow(name="write_chunk", max_recovery_attempts=None)
def _chunk(number: int, epoch: int, chunk: int) -> None:
    following, ended = _write(number, epoch, chunk)
    if following is not None:
        enqueue(number, epoch, following)
    if ended is not None:
        with SetWorkflowID(f"{number}.{ended}.call"):
            DBOS.start_workflow(_call, number)


@DBOS.step(name="write")
def _write(number: int, epoch: int, chunk: int) -> tuple[int | None, int | None]:
    following = _workers[0].write_chunk(number, epoch, chunk)
    return following, _workers[0].call_due(number) if following is None else None


@DBOS.workflow(name="call_back", max_recovery_attempts=None)
def _call(number: int) -> None:
    try:
        _send(number)
        _note(number, "delivered")
    except Exception as error:  # whatever the last attempt ended with; the job is done all the same
        _note(number, str(error))


@DBOS.step(name="send", retries_allowed=True, max_attempts=_CALLS, interval_seconds=_FIRST_WAIT_S)
def _send(number: int) -> None:
    _workers[0].call(number)


@DBOS.step(name="note")
def _note(number: int, outcome: str) -> None:
    _workers[0].note_callback(number, outcome)


def enqueue(number: int, epoch: int, chunk: int) -> None:
    """Hand out a chunk; nothing when it was handed out in this epoch before."""
    DBOS.enqueue_workflow_with_options(
        {
            "workflow_name": "write_chunk",
            "queue_name": _QUEUE,
            "workflow_id": f"{number}.{epoch}.{chunk}",
            "queue_partition_key": str(number),
            "app_version": _VERSION,
        },
        number,
        epoch,
        chunk,
    )


def has_open(number: int, epoch: int) -> bool:
    """Whether any chunk of this job waits or is being written."""
    return bool(
        DBOS.list_workflows(
            workflow_id_prefix=f"{number}.{epoch}.",
            status=["ENQUEUED", "PENDING"],
            limit=1,
            load_input=False,
            load_output=False,
        )
    )


def executors() -> set[str]:
    """Everyone who has begun something and not ended it."""
    open_ = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    return {workflow.executor_id for workflow in open_ if workflow.executor_id}


def take_over(dead: Collection[str]) -> None:
    # What Conductor calls too: the public resume_workflow would take a chunk from a worker that has just begun it.
    DBOS._recover_pending_workflows(sorted(dead))


def forget_done(*, older_than_s: float) -> None:
    """Delete what DBOS remembers of chunks long done: a large job has tens of thousands."""
    before = (datetime.now(UTC) - timedelta(seconds=older_than_s)).isoformat()
    while True:
        done = DBOS.list_workflows(
            status="SUCCESS",
            name="write_chunk",
            completed_before=before,
            limit=_SWEEP,
            load_input=False,
            load_output=False,
        )
        if done:
            DBOS.delete_workflows([workflow.workflow_id for workflow in done])
        if len(done) < _SWEEP:
            return
