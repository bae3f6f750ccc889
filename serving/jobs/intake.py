"""A file becomes a job: read as a stream, stored row by row, and the same file twice is one job.

What was begun and broke off goes on where it stopped when the same file comes again.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from copygen.brief import read_brief
from copygen.errors import CopygenError, InvalidFile

from serving.jobs.job import Job, JobOptions, job_id
from serving.jobs.store import JobStore
from serving.jobs.table_io import Row, read_rows, spread

_BATCH_ROWS = 500
"""Rows stored in one transaction, and held in memory."""
_READ_BYTES = 1 << 20


def read_briefs(path: Path, options: JobOptions) -> Iterator[Row]:
    """The rows of a file as `copygen batch` reads them: one for each channel of each row."""
    return spread(read_rows(path, options.defaults, choice=options.choice))


def submit(
    store: JobStore,
    path: Path,
    options: JobOptions,
    *,
    name: str = "",
    key: str = "",
    callback_url: str = "",
    loaded: Callable[[Job], None] = lambda job: None,
) -> Job:
    """Store a file as a job, for a worker to write; returns when every row is in.

    Args:
        name: What the file is called, where that is not its path's name.
        key: Jobs of the same key are one job; without it, those of the same file and options are.
        loaded: Hears of every few hundred rows.

    Raises:
        InvalidFile: No such file, no table, or no rows.
        InvalidSetting: The options name columns wrongly.
        JobConflict: The key belongs to another file or other options, or another process loads the same job.
        JobStoreError: The database does not answer.
    """
    rows = read_briefs(path, options)
    first = next(rows, None)  # a file that is no table must not become a job
    if first is None:
        raise InvalidFile("no rows", path=str(path))
    sha256 = _fingerprint(path, options)
    job = store.create(
        job_id(key or sha256),
        name=name or path.name,
        sha256=sha256,
        options=options,
        columns=first.columns,
        callback_url=callback_url,
    )
    if job.state != "loading":
        return job
    rows = islice(read_briefs(path, options), job.total, None)
    columns = store.columns_of(job)
    try:
        while batch := list(islice(rows, _BATCH_ROWS)):
            job = store.add_rows(job, [(row, _hash_of_brief(row)) for row in batch], columns)
            loaded(job)
    except InvalidFile as error:
        store.fail(job, error)
        raise
    return store.end_loading(job)


def _fingerprint(path: Path, options: JobOptions) -> str:
    digest = hashlib.sha256(options.model_dump_json().encode("utf-8", "surrogatepass"))
    digest.update(path.suffix.lower().encode())  # it says how the bytes are read
    with path.open("rb") as source:
        while data := source.read(_READ_BYTES):
            digest.update(data)
    return digest.hexdigest()


def _hash_of_brief(row: Row) -> bytes | None:
    """Sixteen bytes that rows with the same clean brief share, whatever their ids; None for one that has none."""
    if row.error is not None:
        return None
    try:
        brief, _ = read_brief(row.record)
    except CopygenError:
        return None
    text = repr(brief.model_copy(update={"id": ""}))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
