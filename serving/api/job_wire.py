"""What is said of a durable job over the wire, and on the command line with --json."""

import time
from datetime import UTC, datetime

from pydantic import ConfigDict, Field

from serving.api.wire import Wire
from serving.jobs.job import Job, JobOptions, JobState


class JobOut(Wire):
    """A job as it stands."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    id: str
    name: str
    """Name of the file."""
    state: JobState
    """loading, queued, running, paused; or its end: succeeded, cancelled, failed. succeeded: every row has its outcome,
    failed rows among them."""
    total: int
    """Rows, each channel of a row counted as one."""
    unique: int
    """Rows that are written; the others share the copy of a row with the same brief."""
    done: int
    """Rows with an outcome, failed ones included."""
    failed: int
    rows_per_s: float = Field(ge=0)
    """Mean of the present run."""
    eta_s: float | None
    """Seconds to the end at that speed; null when that cannot be said."""
    problem: str
    """Why it does not get on, or has failed; empty when all is well."""
    created_at: datetime
    finished_at: datetime | None
    callback_url: str
    callback: str
    """What became of the call to it: empty, delivered, or why not."""
    options: JobOptions

    @classmethod
    def of(cls, job: Job) -> "JobOut":
        now = time.time()
        eta_s = job.eta_s(now)
        return cls(
            id=job.id,
            name=job.name,
            state=job.state,
            total=job.total,
            unique=job.unique,
            done=job.done,
            failed=job.failed,
            rows_per_s=round(job.rows_per_s(now), 3),
            eta_s=None if eta_s is None else round(eta_s, 1),
            problem=job.problem,
            created_at=datetime.fromtimestamp(job.created_at, UTC),
            finished_at=None if job.finished_at is None else datetime.fromtimestamp(job.finished_at, UTC),
            callback_url=job.callback_url,
            callback=job.callback,
            options=job.options,
        )
