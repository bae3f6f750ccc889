"""A file of briefs through `write()`, in order, a few at once; the simple form without a database.

A bad row never stops the rest. Every copy and every file carry their AI-generated labels.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from pathlib import Path

from copygen.brief import read_brief
from copygen.chat_model import ChatModel
from copygen.errors import CopygenError
from copygen.write import FactSource, WriteOptions, write

from serving.jobs.google_ads import AdsTable
from serving.jobs.table_files import LabelledFile, OutFiles
from serving.jobs.table_io import Row
from serving.jobs.table_out import RowResult
from serving.labels.labeller import Labeller


async def write_rows(
    rows: Iterable[Row],
    model: ChatModel,
    *,
    options: WriteOptions,
    facts: FactSource | None = None,
    concurrency: int = 8,
) -> AsyncGenerator[RowResult, None]:
    """Yield one result for each row, in order; at most `concurrency` are under way or waiting to be yielded."""
    window: asyncio.Queue[asyncio.Task[RowResult]] = asyncio.Queue()
    source = iter(rows)

    def start_next() -> bool:
        row = next(source, None)
        if row is None:
            return False
        window.put_nowait(asyncio.create_task(write_row(row, model, options, facts)))
        return True

    try:
        for _ in range(concurrency):
            if not start_next():
                break
        while not window.empty():
            result = await window.get_nowait()
            start_next()
            yield result
    finally:
        while not window.empty():
            window.get_nowait().cancel()


async def write_row(row: Row, model: ChatModel, options: WriteOptions, facts: FactSource | None) -> RowResult:
    """One row's outcome; what kept it from being written is part of it."""
    if row.error is not None:
        return RowResult(row, None, row.error)
    try:
        brief, changes = read_brief(row.record)
        return RowResult(row, await write(brief, model, options=options, facts=facts, changes=changes), None)
    except CopygenError as error:
        return RowResult(row, None, error)


async def write_file(
    outcomes: AsyncGenerator[RowResult, None],
    out: Path,
    *,
    labeller: Labeller,
    done: Callable[[RowResult], None],
    by_channel: bool = False,
    ads: LabelledFile[AdsTable] | None = None,
) -> list[Path]:
    """Write outcomes to a .csv, .xlsx or .jsonl file with its label, whole or not at all; `done` hears of each row.

    Args:
        by_channel: One file for each channel: OUT.discover.csv, …
        ads: A file for the search ads among them, on top.

    Returns:
        The files written.

    Raises:
        InvalidFile: An unknown ending, or a folder that cannot be written.
    """
    files = OutFiles(out, by_channel=by_channel)
    try:
        async with aclosing(outcomes) as results:
            async for outcome in results:
                labels = labeller.label_result(outcome.result, "file") if outcome.result is not None else ()
                for file in (files, ads) if ads is not None else (files,):
                    file.add(outcome, labels)
                done(outcome)
    except BaseException:
        files.close()
        if ads is not None:
            ads.close()
        raise
    written = files.finish(labeller)
    if ads is not None:
        ads.finish(labeller)
        written.append(ads.path)
    return written
