"""A job's results as a file, labelled as those of `copygen batch`; what is done so far while the job runs."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from serving.jobs.batch import write_file
from serving.jobs.job import Job
from serving.jobs.store import JobStore
from serving.jobs.table_out import RowResult
from serving.labels.labeller import Labeller


def write_results(
    store: JobStore, job: Job, out: Path, labeller: Labeller, *, by_channel: bool = False
) -> tuple[int, list[Path]]:
    """Write a .csv, .xlsx or .jsonl file with its label, whole or not at all; memory does not grow with the job.

    Args:
        by_channel: One file for each channel: OUT.discover.csv, …

    Returns:
        How many rows have an outcome so far, and the files written.

    Raises:
        InvalidFile: An unknown ending, or a folder that cannot be written.
        JobStoreError: The database does not answer.
    """
    rows = 0

    def count(_: RowResult) -> None:
        nonlocal rows
        rows += 1

    async def outcomes() -> AsyncGenerator[RowResult, None]:
        for outcome in store.outcomes(job):
            yield outcome

    files = asyncio.run(write_file(outcomes(), out, labeller=labeller, done=count, by_channel=by_channel))
    return rows, files
