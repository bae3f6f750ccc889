"""Workers killed with SIGKILL at random moments, one after the other: rows lost, written twice, out of order.

python -m benchmarks.kills [--kills 50] [--database postgresql://…]
"""

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.instant import process, write_table
from benchmarks.report import Figure, finish
from serving.jobs.intake import submit
from serving.jobs.job import Job, JobOptions
from serving.jobs.store import JobStore
from serving.jobs.tables import RESULTS, database_url
from serving.settings import Settings

LEASE_S = 1.0
ROWS_A_KILL = 60
_SEED = 20261126
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Damage:
    """What became of a job's rows."""

    rows: int
    kills: int
    """Of workers, while they started or were at work."""
    lost: int
    doubled: int
    disordered: int
    failed: int
    seconds: float


@contextmanager
def killed(settings: Settings) -> Iterator[None]:
    """A worker that is at work during the block and killed at its end."""
    worker = process(settings)
    worker.start()
    try:
        yield
    finally:
        worker.kill()
        worker.join()
        worker.close()


def kill_workers(folder: Path, database: str, kills: int, *, rows_a_kill: int = ROWS_A_KILL) -> Damage:
    """Submit a file with a few duplicate rows and kill worker after worker until `kills` of them died at work."""
    chance = random.Random(_SEED)
    started = time.monotonic()
    settings = Settings(data=folder, database_url=database, worker_lease_s=LEASE_S, extra_candidates=0)
    rows = (kills + 2) * rows_a_kill
    with closing(JobStore(database_url(settings))) as store:
        job = submit(store, write_table(folder / "table.csv", rows), JobOptions(), key=str(time.time_ns()))
        for _ in range(kills):
            before = store.find(job.id).done
            with killed(settings):
                # From its first breath to well into its work; waits for a commit at least every other time.
                if chance.random() < 0.5:
                    job = _wait(store, job, done=before + 1)
                time.sleep(chance.uniform(0.0, 0.5))
        last = process(settings)
        last.start()
        job = _wait(store, job, done=rows)
        last.join(_PATIENCE_S)
        return _damage(store, job, kills, time.monotonic() - started)


def _wait(store: JobStore, job: Job, *, done: int) -> Job:
    end = time.monotonic() + _PATIENCE_S
    while (job := store.find(job.id)).done < done and job.state != "succeeded":
        if time.monotonic() > end:
            raise SystemExit(f"nothing happens: {job}")
        time.sleep(0.02)
    return job


def _damage(store: JobStore, job: Job, kills: int, seconds: float) -> Damage:
    ids = [outcome.row.record["id"] for outcome in store.outcomes(job)]
    wanted = [f"r{number}" for number in range(job.total)]
    with store.engine.connect() as connection:
        results = connection.execute(
            select(func.count()).select_from(RESULTS).where(RESULTS.c.job == job.number)
        ).scalar_one()
    return Damage(
        rows=job.total,
        kills=kills,
        lost=len(set(wanted) - set(ids)),
        doubled=len(ids) - len(set(ids)) + max(0, job.done - job.total) + max(0, results - job.unique),
        disordered=sum(int(a[1:]) >= int(b[1:]) for a, b in itertools.pairwise(map(str, ids))),
        failed=job.failed,
        seconds=seconds,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--database", default="", help="URL of an empty PostgreSQL database, on top of SQLite")
    given = parser.parse_args()
    found = {}
    for database in dict.fromkeys(("", given.database)):
        with tempfile.TemporaryDirectory(prefix="copygen-kills-") as folder:
            found["postgresql" if database else "sqlite"] = kill_workers(Path(folder), database, given.kills)
    rows = [
        {
            "database": name,
            "rows": one.rows,
            "kills": one.kills,
            "lost": one.lost,
            "twice": one.doubled,
            "out of order": one.disordered,
            "s": one.seconds,
        }
        for name, one in found.items()
    ]
    figures = {
        "rows_lost": Figure(sum(one.lost for one in found.values()), 0, "lower"),
        "rows_written_twice": Figure(sum(one.doubled for one in found.values()), 0, "lower"),
        "rows_out_of_order": Figure(sum(one.disordered for one in found.values()), 0, "lower"),
    }
    return finish("kills", rows, figures, save=given.kills >= 50)


if __name__ == "__main__":
    sys.exit(main())
