"""Durable jobs in their tables: every change is one transaction, safe against other processes doing the same.

Knows nothing of DBOS, engines or HTTP. The part a worker needs is in store_work.py.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from copygen.errors import CopygenError

from serving.jobs.job import ENDED, Job, JobConflict, JobOptions, JobState, UnknownJob
from serving.jobs.stored import Columns, dump_columns, dump_row, load_columns, load_outcome, load_row
from serving.jobs.table_io import Row
from serving.jobs.table_out import RowResult
from serving.jobs.tables import BRIEFS, CHUNKS, JOBS, RESULTS, ROWS, open_database, translated

CHUNK_ROWS = 16
"""Rows written between two commits: what a crash costs, and how often jobs take turns."""
_PAGE_ROWS = 200


def insert_or_ignore(connection: Connection, table: Any) -> Any:
    """INSERT … ON CONFLICT DO NOTHING in the database's own words."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


class JobStore:
    """Jobs of one database.

    Raises:
        JobStoreError: From every method, when the database does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = open_database(url)

    def close(self) -> None:
        self.engine.dispose()

    def find(self, job_id: str) -> Job:
        """The job as it stands.

        Raises:
            UnknownJob: No such job.
        """
        with translated(), self.engine.connect() as connection:
            return _find(connection, job_id)

    def list(self, *, limit: int = 50) -> list[Job]:
        """The newest first."""
        with translated(), self.engine.connect() as connection:
            found = connection.execute(select(JOBS).order_by(JOBS.c.number.desc()).limit(limit))
            return [as_job(row) for row in found]

    def create(
        self, job_id: str, *, name: str, sha256: str, options: JobOptions, columns: Columns, callback_url: str = ""
    ) -> Job:
        """A new job to be loaded, or the one that is there already.

        Raises:
            JobConflict: The id belongs to another file or other options.
        """
        values = {
            "id": job_id,
            "name": name,
            "sha256": sha256,
            "options": options.model_dump_json(),
            "columns": dump_columns(columns),
            "state": "loading",
            "created_at": time.time(),
            "callback_url": callback_url,
        }
        with translated(), self.engine.begin() as connection:
            connection.execute(insert_or_ignore(connection, JOBS).values(values))
            job = _find(connection, job_id)
        if job.sha256 != sha256:
            raise JobConflict(f"this key belongs to {job.id}, made from another file or with other options")
        return job

    def columns_of(self, job: Job) -> Columns:
        """What the columns of its first row were read as; most rows have the same."""
        with translated(), self.engine.connect() as connection:
            return load_columns(
                connection.execute(select(JOBS.c.columns).where(JOBS.c.number == job.number)).scalar_one()
            )

    def add_rows(self, job: Job, rows: Sequence[tuple[Row, bytes | None]], columns: Columns) -> Job:
        """Append rows with the hashes of their briefs; a row whose brief the job has already shares its outcome.

        Args:
            job: As the last call returned it; says where the rows go.
            rows: None for a row that shares nothing.

        Raises:
            JobConflict: Somebody else loads the same job.
        """
        total, unique = job.total, job.unique
        with translated(), self.engine.begin() as connection:
            known = self._add_briefs(connection, job, [hash_ for _, hash_ in rows], total)
            values = []
            for number, (row, hash_) in enumerate(rows, total):
                source = known[hash_] if hash_ is not None else number
                chunk = None
                if source == number:
                    chunk = unique // CHUNK_ROWS
                    unique += 1
                place = {"job": job.number, "number": number, "source": source, "chunk": chunk}
                values.append({**place, "row": dump_row(row, columns)})
            moved = connection.execute(
                update(JOBS)
                .where(JOBS.c.number == job.number, JOBS.c.state == "loading", JOBS.c.total == total)
                .values(total=total + len(rows), unique=unique)
            )
            if moved.rowcount == 0:
                raise JobConflict(f"{job.id} is being loaded by another process, or was cancelled; ask for its status")
            connection.execute(insert(ROWS), values)
            chunks = range(-(-job.unique // CHUNK_ROWS), -(-unique // CHUNK_ROWS))
            if chunks:
                connection.execute(
                    insert_or_ignore(connection, CHUNKS), [{"job": job.number, "number": chunk} for chunk in chunks]
                )
            return _find(connection, job.id)

    def _add_briefs(
        self, connection: Connection, job: Job, hashes: Sequence[bytes | None], first: int
    ) -> dict[bytes, int]:
        """Number of the first row with each brief."""
        own = {hash_: number for number, hash_ in reversed([*enumerate(hashes, first)]) if hash_ is not None}
        if not own:
            return {}
        connection.execute(
            insert_or_ignore(connection, BRIEFS),
            [{"job": job.number, "hash": hash_, "number": number} for hash_, number in own.items()],
        )
        found = connection.execute(
            select(BRIEFS.c.hash, BRIEFS.c.number).where(BRIEFS.c.job == job.number, BRIEFS.c.hash.in_(own))
        )
        return {bytes(hash_): number for hash_, number in found}

    def end_loading(self, job: Job) -> Job:
        """Everything is in: a worker may begin."""
        return self._move(job.id, ("loading",), "queued", forget_briefs=True)

    def fail(self, job: Job, error: CopygenError) -> Job:
        """The file turned out unreadable; its rows so far are kept for nobody."""
        return self._move(job.id, ("loading",), "failed", problem=error.message, forget_briefs=True)

    def pause(self, job_id: str) -> Job:
        """Hand out nothing more; chunks under way are finished."""
        return self._move(job_id, ("queued", "running"), "paused", same="paused")

    def resume(self, job_id: str) -> Job:
        return self._move(job_id, ("paused",), "queued", same="running")

    def cancel(self, job_id: str) -> Job:
        """End the job; its results so far stay."""
        return self._move(job_id, ("loading", "queued", "running", "paused"), "cancelled", same="cancelled")

    def _move(
        self,
        job_id: str,
        sources: Sequence[JobState],
        target: JobState,
        *,
        same: JobState | None = None,
        problem: str = "",
        forget_briefs: bool = False,
    ) -> Job:
        """Change the state and void what was handed out before.

        Args:
            same: In this state there is nothing to do, and that is no conflict.
        """
        values: dict[str, Any] = {"state": target, "epoch": JOBS.c.epoch + 1, "problem": problem}
        if target in ENDED:
            values["finished_at"] = time.time()
        with translated(), self.engine.begin() as connection:
            moved = connection.execute(
                update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(sources)).values(values)
            ).rowcount
            job = _find(connection, job_id)
            if moved and forget_briefs:
                connection.execute(delete(BRIEFS).where(BRIEFS.c.job == job.number))
        if not moved and job.state not in (target, same):
            raise JobConflict(f"{job.id} is {job.state}; this needs one that is {' or '.join(sources)}")
        return job

    def retry_failed(self, job_id: str) -> Job:
        """Forget the failed rows' outcomes and write them again; nothing to do where none failed.

        Raises:
            JobConflict: The job has not come to its end.
        """
        with translated(), self.engine.begin() as connection:
            # Changing the job first keeps everybody else from it until the end of the transaction.
            moved = connection.execute(
                update(JOBS)
                .where(JOBS.c.id == job_id, JOBS.c.state == "succeeded", JOBS.c.failed > 0)
                .values(
                    state="queued",
                    epoch=JOBS.c.epoch + 1,
                    done=JOBS.c.done - JOBS.c.failed,
                    failed=0,
                    finished_at=None,
                    callback="",
                )
            ).rowcount
            job = _find(connection, job_id)
            if moved:
                failed = select(RESULTS.c.number).where(RESULTS.c.job == job.number, RESULTS.c.failed)
                again = (
                    select(ROWS.c.job, ROWS.c.chunk)
                    .where(ROWS.c.job == job.number, ROWS.c.number.in_(failed), ROWS.c.chunk.is_not(None))
                    .distinct()
                )
                connection.execute(insert(CHUNKS).from_select(["job", "number"], again))
                connection.execute(delete(RESULTS).where(RESULTS.c.job == job.number, RESULTS.c.failed))
        if not moved and job.state != "succeeded":
            raise JobConflict(f"{job.id} is {job.state}; failed rows are tried again once it has succeeded")
        return job

    def outcomes(self, job: Job) -> Iterator[RowResult]:
        """The rows that have an outcome so far, in order; a page of them in memory at a time."""
        columns = self.columns_of(job)
        last = -1
        while True:
            with translated(), self.engine.connect() as connection:
                page = connection.execute(_page(job, last)).all()
            for number, row, outcome in page:
                result, error = load_outcome(outcome)
                yield RowResult(load_row(row, job.name, columns), result, error)
                last = number
            if len(page) < _PAGE_ROWS:
                return


def _page(job: Job, last: int) -> Select[Any]:
    shared = and_(RESULTS.c.job == ROWS.c.job, RESULTS.c.number == ROWS.c.source)
    return (
        select(ROWS.c.number, ROWS.c.row, RESULTS.c.outcome)
        .join(RESULTS, shared)
        .where(ROWS.c.job == job.number, ROWS.c.number > last)
        .order_by(ROWS.c.number)
        .limit(_PAGE_ROWS)
    )


def _find(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(JOBS).where(JOBS.c.id == job_id)).one_or_none()
    if row is None:
        raise UnknownJob(f"{job_id!r}: no job of this id; `copygen jobs status` lists them")
    return as_job(row)


def as_job(row: Any) -> Job:
    fields = {name: value for name, value in row._mapping.items() if name not in ("options", "columns")}
    return Job(**fields, options=JobOptions.model_validate_json(row.options))
