"""Does the jobs' work: takes chunks off a DBOS queue, writes them, takes over those of workers that died.

Each chunk is a DBOS workflow with one step; when it is done it enqueues the next of its lane. A process killed at any
moment leaves workflows that another one, or its successor, runs again; a chunk that was committed is not written
twice. DBOS itself is in workflows.py; the tables in store_work.py say what is done.
"""

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from copygen.chat_model import ChatModel
from copygen.write import FactSource

from serving.jobs import workflows
from serving.jobs.chunk import ChunkWriter
from serving.jobs.job import JobStoreError
from serving.jobs.store import CHUNK_ROWS, JobStore
from serving.jobs.store_work import Work, WorkStore
from serving.jobs.webhook import Webhook
from serving.settings import Settings

logger = logging.getLogger(__name__)
T = TypeVar("T")

_TICK_S = 0.2
"""How soon a new job is begun."""
_TIDY_S = 30.0
_BEATS_A_LEASE = 4
_RETRY_S = 1.0
"""Between two attempts while the database does not answer."""


class Stopped(BaseException):
    """This process ends. No Exception, so that DBOS leaves the workflow as a crash would: for others to run."""


class JobWorker:
    """One process's share of all jobs; start it on the event loop that the model belongs to. One a process."""

    def __init__(self, store: JobStore, model: ChatModel, settings: Settings, facts: FactSource | None) -> None:
        self.id = uuid.uuid4().hex
        self._store = WorkStore(store)
        self._url = store.url
        self._settings = settings
        self._writer = ChunkWriter(model, settings, facts, self._trouble)
        self._webhook = Webhook(settings)
        self._stopping = threading.Event()
        self._under_way: set[Future[Any]] = set()
        self._seen: dict[str, tuple[int, float]] = {}
        """Other workers: how often they gave a sign of life, and when that last changed on our clock."""
        self._tending = threading.Thread(target=self._tend, name="copygen-jobs", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Begin taking work.

        Raises:
            JobStoreError: The database does not answer.
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._store.beat, self.id)
        # Twice what fills the slots, so that some rows wait at the engine while the next chunk is fetched.
        chunks = 2 * -(-self._settings.job_rows // CHUNK_ROWS) + 1
        await asyncio.to_thread(workflows.launch, self, self._url, chunks)
        self._tending.start()

    async def stop(self) -> None:
        """Drop what is under way; whoever works next takes it up at once."""
        self._stopping.set()
        for future in list(self._under_way):
            future.cancel()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        if self._tending.is_alive():
            self._tending.join()
        workflows.shut_down()
        try:
            self._store.leave([self.id])
        except JobStoreError:
            logger.warning("could not say good-bye; others notice after %g s", self._settings.worker_lease_s)

    def busy(self) -> bool:
        """Whether any job is queued or running, or somebody is still to hear that one is done."""
        return self._store.busy()

    def write_chunk(self, number: int, epoch: int, chunk: int) -> int | None:
        """Write a chunk if that is still to be done; returns the next of its lane. Called by DBOS, from a thread."""
        work = self._patiently(lambda: self._store.open_chunk(number, epoch, chunk))
        if work is not None:
            outcomes = self._on_loop(self._writer.write(work))
            self._patiently(lambda: self._store.commit_chunk(work, chunk, outcomes))
        return self._patiently(lambda: self._store.next_chunk(number, epoch, chunk))

    def call_due(self, number: int) -> int | None:
        """The run of the job that has come to its end, where somebody wants to hear of it."""
        job = self._patiently(lambda: self._store.job(number))
        return job.epoch if job.state == "succeeded" and job.callback_url and not job.callback else None

    def call(self, number: int) -> None:
        """Tell the job's callback URL once.

        Raises:
            WebhookFailed: Nobody took it.
        """
        self._webhook.send(self._patiently(lambda: self._store.job(number)))

    def note_callback(self, number: int, outcome: str) -> None:
        self._patiently(lambda: self._store.note_callback(number, outcome))

    async def _trouble(self, work: Work, problem: str) -> None:
        try:
            await asyncio.to_thread(self._store.note, work.job, problem)
        except JobStoreError as error:
            logger.warning("%s: %s; and: %s", work.job.id, problem, error.message)

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        if self._stopping.is_set():
            work.close()
            raise Stopped
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._under_way.add(future)
        if self._stopping.is_set():  # stop() may have looked just before
            future.cancel()
        try:
            return future.result()
        except CancelledError:
            raise Stopped from None
        finally:
            self._under_way.discard(future)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask the database until it answers: a disk that is full or a server that restarts costs time, not rows."""
        while not self._stopping.is_set():
            try:
                return ask()
            except JobStoreError as error:
                logger.warning("jobs wait for their database: %s", error.message)
                self._stopping.wait(_RETRY_S)
        raise Stopped

    def _tend(self) -> None:
        beat = tidy = 0.0
        while not self._stopping.wait(_TICK_S):
            try:
                now = time.monotonic()
                if now >= beat:
                    beat = now + self._settings.worker_lease_s / _BEATS_A_LEASE
                    self._store.beat(self.id)
                    self._take_over(now)
                for job in self._store.queued():
                    for chunk in self._store.first_chunks(job):
                        workflows.enqueue(job.number, job.epoch, chunk)
                    self._store.begin(job)
                if now >= tidy:
                    tidy = now + _TIDY_S
                    workflows.forget_done(older_than_s=2 * _TIDY_S)
                    for job in self._store.running():
                        if not workflows.has_open(job.number, job.epoch):
                            self._store.begin_again(job)
            except JobStoreError as error:
                logger.warning("jobs wait for their database: %s", error.message)
            except Exception:  # of DBOS or its database driver; the next tick tries again
                logger.exception("tending jobs")

    def _take_over(self, now: float) -> None:
        """Make the workflows of dead workers anybody's."""
        beats = self._store.beats()
        for worker, count in beats.items():
            if worker not in self._seen or self._seen[worker][0] != count:
                self._seen[worker] = (count, now)
        silent = [w for w in beats if w != self.id and now - self._seen[w][1] > self._settings.worker_lease_s]
        alive = beats.keys() - silent | {self.id}
        if dead := workflows.executors() - alive:
            workflows.take_over(dead)
        self._store.leave(silent)
