"""Peak memory of submitting and writing a large CSV on an instant engine, over that of a small one (Linux).

python -m benchmarks.jobs_memory [--rows 1000000]
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.instant import work, write_table
from benchmarks.report import Figure, finish
from serving.jobs.export import write_results
from serving.jobs.intake import submit
from serving.jobs.job import JobOptions
from serving.jobs.store import JobStore
from serving.jobs.tables import database_url
from serving.labels.labeller import open_labeller
from serving.settings import Settings

SMALL_ROWS = 10_000
FULL_ROWS = 1_000_000
BAR_MB = 60.0


def _submit(settings: Settings, table: Path) -> None:
    with closing(JobStore(database_url(settings))) as store:
        submit(store, table, JobOptions())


def _write(settings: Settings, _: Path) -> None:
    asyncio.run(work(settings))


def _fetch(settings: Settings, table: Path) -> None:
    with closing(JobStore(database_url(settings))) as store:
        (job,) = store.list()
        if (job.state, job.failed) != ("succeeded", 0):
            raise SystemExit(f"the job did not succeed: {job}")
        write_results(store, job, table.with_name("out.csv"), open_labeller(settings))


_PARTS: dict[str, Callable[[Settings, Path], None]] = {"submit": _submit, "write": _write, "fetch": _fetch}


def _measured(pipe: Connection, part: str, settings: Settings, table: Path) -> None:
    started = time.perf_counter()
    _PARTS[part](settings, table)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pipe.send((peak_mb, time.perf_counter() - started))


def _peaks(rows: int) -> dict[str, tuple[float, float]]:
    """Part -> peak resident megabytes of a process of its own, and seconds."""
    found = {}
    context = get_context("spawn")  # a forked one would start with the memory of its parent
    with tempfile.TemporaryDirectory(prefix="copygen-memory-") as folder:
        settings = Settings(data=Path(folder), extra_candidates=0)
        table = write_table(Path(folder) / "table.csv", rows)
        for part in _PARTS:
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_measured, args=(there, part, settings, table))
            process.start()
            there.close()
            found[part] = here.recv()
            process.join()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS)
    given = parser.parse_args()
    small, large = _peaks(SMALL_ROWS), _peaks(given.rows)
    rows = [
        {
            "part": part,
            f"MB, {SMALL_ROWS:,} rows": small[part][0],
            f"MB, {given.rows:,} rows": large[part][0],
            "MB more": large[part][0] - small[part][0],
            "rows/s": given.rows / large[part][1],
        }
        for part in _PARTS
    ]
    growth = {part: large[part][0] - small[part][0] for part in _PARTS}
    figures = {
        "peak_growth_mb": Figure(max(growth["submit"], growth["write"]), BAR_MB, "lower", "MB"),
        "fetch_growth_mb": Figure(growth["fetch"], BAR_MB, "lower", "MB"),
    }
    return finish("jobs_memory", rows, figures, save=given.rows >= FULL_ROWS)


if __name__ == "__main__":
    sys.exit(main())
