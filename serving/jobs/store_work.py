"""What a worker asks of the jobs' tables: what to do next, and one transaction for a chunk that is done."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, exists, func, insert, or_, select, update

from serving.jobs.job import Job
from serving.jobs.store import JobStore, as_job, insert_or_ignore
from serving.jobs.stored import dump_outcome, load_columns, load_row
from serving.jobs.table_io import Row
from serving.jobs.table_out import RowResult
from serving.jobs.tables import CHUNKS, JOBS, RESULTS, ROWS, WORKERS, translated

LANES = 64
"""Chunks of a job handed out at once, over all workers; when one is done the next of its lane follows."""


@dataclass(frozen=True, slots=True)
class Work:
    """The rows of a chunk that have no outcome yet."""

    job: Job
    rows: Mapping[int, Row]
    """By number."""


class WorkStore:
    """A JobStore as workers see it.

    Raises:
        JobStoreError: From every method, when the database does not answer.
    """

    def __init__(self, store: JobStore) -> None:
        self._engine = store.engine

    def queued(self) -> list[Job]:
        """Jobs that nobody has begun."""
        return self._in_state("queued")

    def running(self) -> list[Job]:
        return self._in_state("running")

    def _in_state(self, state: str) -> list[Job]:
        with translated(), self._engine.connect() as connection:
            found = connection.execute(select(JOBS).where(JOBS.c.state == state).order_by(JOBS.c.number))
            return [as_job(row) for row in found]

    def busy(self) -> bool:
        """Whether any job is queued or running, or somebody is still to hear that one is done."""
        unheard = and_(JOBS.c.state == "succeeded", JOBS.c.callback_url != "", JOBS.c.callback == "")
        with translated(), self._engine.connect() as connection:
            going = exists().where(or_(JOBS.c.state.in_(("queued", "running")), unheard))
            return bool(connection.execute(select(going)).scalar())

    def job(self, number: int) -> Job:
        with translated(), self._engine.connect() as connection:
            return as_job(connection.execute(select(JOBS).where(JOBS.c.number == number)).one())

    def first_chunks(self, job: Job) -> list[int]:
        """The first open chunk of each lane."""
        with translated(), self._engine.connect() as connection:
            first = (
                select(func.min(CHUNKS.c.number)).where(CHUNKS.c.job == job.number).group_by(CHUNKS.c.number % LANES)
            )
            return sorted(connection.execute(first).scalars())

    def next_chunk(self, number: int, epoch: int, chunk: int) -> int | None:
        """The next open chunk of this one's lane, as long as the job goes on as it was."""
        following = (
            select(func.min(CHUNKS.c.number))
            .select_from(CHUNKS.join(JOBS, JOBS.c.number == CHUNKS.c.job))
            .where(CHUNKS.c.job == number, CHUNKS.c.number > chunk, CHUNKS.c.number % LANES == chunk % LANES)
            .where(JOBS.c.epoch == epoch, JOBS.c.state.in_(("queued", "running")))
        )
        with translated(), self._engine.connect() as connection:
            return connection.execute(following).scalar()

    def begin(self, job: Job) -> None:
        """Its chunks are handed out."""
        with translated(), self._engine.begin() as connection:
            connection.execute(
                update(JOBS)
                .where(JOBS.c.number == job.number, JOBS.c.epoch == job.epoch, JOBS.c.state == "queued")
                .values(state="running", started_at=time.time(), started_done=JOBS.c.done)
            )

    def begin_again(self, job: Job) -> None:
        """Nobody has its open chunks: hand them out anew."""
        open_chunk = exists().where(CHUNKS.c.job == JOBS.c.number)
        with translated(), self._engine.begin() as connection:
            connection.execute(
                update(JOBS)
                .where(JOBS.c.number == job.number, JOBS.c.epoch == job.epoch, JOBS.c.state == "running", open_chunk)
                .values(state="queued", epoch=JOBS.c.epoch + 1)
            )

    def open_chunk(self, number: int, epoch: int, chunk: int) -> Work | None:
        """What is to be written; None when it is written already, or the job does not go on as it was."""
        open_ = exists().where(CHUNKS.c.job == number, CHUNKS.c.number == chunk)
        query = select(JOBS).where(
            JOBS.c.number == number, JOBS.c.epoch == epoch, JOBS.c.state.in_(("queued", "running")), open_
        )
        written = and_(RESULTS.c.job == ROWS.c.job, RESULTS.c.number == ROWS.c.number)
        rows = (
            select(ROWS.c.number, ROWS.c.row)
            .outerjoin(RESULTS, written)
            .where(ROWS.c.job == number, ROWS.c.chunk == chunk, RESULTS.c.number.is_(None))
            .order_by(ROWS.c.number)
        )
        with translated(), self._engine.connect() as connection:
            found = connection.execute(query).one_or_none()
            if found is None:
                return None
            job, columns = as_job(found), load_columns(found.columns)
            return Work(job, {n: load_row(row, job.name, columns) for n, row in connection.execute(rows)})

    def commit_chunk(self, work: Work, chunk: int, outcomes: Mapping[int, RowResult]) -> bool:
        """Write a chunk's outcomes and close it, all or nothing; False when somebody else was first.

        The job succeeds with its last chunk.
        """
        number = work.job.number
        values = [
            {"job": number, "number": n, "failed": o.result is None, "outcome": dump_outcome(o.result, o.error)}
            for n, o in outcomes.items()
        ]
        failed = [n for n, outcome in outcomes.items() if outcome.result is None]
        with translated(), self._engine.begin() as connection:
            # First of all the job's row, so that of two last chunks the second sees that the first is closed.
            connection.execute(update(JOBS).where(JOBS.c.number == number).values(problem=""))
            closed = connection.execute(delete(CHUNKS).where(CHUNKS.c.job == number, CHUNKS.c.number == chunk))
            if closed.rowcount == 0:
                return False
            if values:
                connection.execute(insert(RESULTS), values)
            sharing = select(func.count()).select_from(ROWS).where(ROWS.c.job == number)
            changes = {
                "done": JOBS.c.done + connection.execute(sharing.where(ROWS.c.source.in_(list(outcomes)))).scalar_one(),
                "failed": JOBS.c.failed + connection.execute(sharing.where(ROWS.c.source.in_(failed))).scalar_one(),
            }
            connection.execute(update(JOBS).where(JOBS.c.number == number).values(changes))
            still_open = connection.execute(select(exists().where(CHUNKS.c.job == number))).scalar()
            if not still_open:
                connection.execute(
                    update(JOBS)
                    .where(JOBS.c.number == number, JOBS.c.state.in_(("queued", "running", "paused")))
                    .values(state="succeeded", finished_at=time.time())
                )
        return True

    def note(self, job: Job, problem: str) -> None:
        """Say why the job does not get on; the next chunk that is done takes it away."""
        with translated(), self._engine.begin() as connection:
            connection.execute(update(JOBS).where(JOBS.c.number == job.number).values(problem=problem))

    def note_callback(self, number: int, outcome: str) -> None:
        with translated(), self._engine.begin() as connection:
            connection.execute(update(JOBS).where(JOBS.c.number == number).values(callback=outcome))

    def beat(self, worker: str) -> None:
        """Say that this worker is alive."""
        with translated(), self._engine.begin() as connection:
            known = connection.execute(update(WORKERS).where(WORKERS.c.id == worker).values(beats=WORKERS.c.beats + 1))
            if known.rowcount == 0:
                connection.execute(insert_or_ignore(connection, WORKERS).values(id=worker, beats=0))

    def beats(self) -> dict[str, int]:
        """Every worker that has not left, with how often it said so."""
        with translated(), self._engine.connect() as connection:
            return {row.id: row.beats for row in connection.execute(select(WORKERS))}

    def leave(self, workers: Sequence[str]) -> None:
        """These are gone, in order or not."""
        with translated(), self._engine.begin() as connection:
            connection.execute(delete(WORKERS).where(WORKERS.c.id.in_(workers)))
