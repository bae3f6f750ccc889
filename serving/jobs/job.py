"""A durable job: its state and figures, what it was asked for, and what may be wrong with it. Knows no database."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

from copygen.errors import CopygenError

from serving.jobs.columns import Choice, read_choice

JobState = Literal["loading", "queued", "running", "paused", "succeeded", "cancelled", "failed"]
ENDED: frozenset[JobState] = frozenset({"succeeded", "cancelled", "failed"})
"""States that a worker never leaves. A job succeeds when every row has its outcome, failed rows among them."""


class UnknownJob(CopygenError):
    """No job of this id; `copygen jobs status` lists them."""

    code = "unknown_job"


class JobConflict(CopygenError):
    """The job is in a state that does not allow this, or its key belongs to another file."""

    code = "job_conflict"


class JobStoreError(CopygenError):
    """The jobs' database cannot be read or written."""

    code = "job_store_error"
    retryable = True


class RowBroken(CopygenError):
    """Something broke on our side while this row was written; the log says what."""

    code = "internal_error"


class JobOptions(BaseModel):
    """What the merchant says beside the file: part of what makes two jobs the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str | None = None
    tone: str | None = None
    audience: str | None = None
    lang: str | None = None
    map: tuple[str, ...] = ()
    """COLUMN=FIELD each."""
    attr: tuple[str, ...] = ()
    """Columns that are attributes."""
    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    @property
    def defaults(self) -> Mapping[str, str]:
        """For rows that do not say."""
        given = {"channel": self.channel, "tone": self.tone, "audience": self.audience, "lang": self.lang}
        return {name: value for name, value in given.items() if value is not None}

    @cached_property
    def choice(self) -> Choice:
        """What the columns are.

        Raises:
            InvalidSetting: An entry of `map` is not COLUMN=FIELD.
        """
        return read_choice(self.map, self.attr)


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stands."""

    number: int
    """Key of its rows in the database."""
    id: str
    name: str
    """Name of the file."""
    sha256: str
    """Of the file and the options."""
    options: JobOptions
    state: JobState
    epoch: int
    """Grows whenever the job is started anew; work handed out before then is void."""
    total: int
    """Rows, each channel of a row counted as one."""
    unique: int
    """Rows that are written; the others have the brief of one of these."""
    done: int
    """Rows with an outcome, failed ones included."""
    failed: int
    problem: str
    """Why it does not get on or has failed; empty when all is well."""
    created_at: float
    """Times are seconds since 1970."""
    started_at: float | None
    """When the present run began."""
    started_done: int
    """Rows that had an outcome by then."""
    finished_at: float | None
    callback_url: str
    callback: str
    """What became of the call: empty, 'delivered', or why not."""

    def rows_per_s(self, now: float) -> float:
        """Mean speed of the present run; 0 before its first row."""
        if self.started_at is None:
            return 0.0
        elapsed_s = (self.finished_at or now) - self.started_at
        return (self.done - self.started_done) / elapsed_s if elapsed_s > 0 else 0.0

    def eta_s(self, now: float) -> float | None:
        """Seconds to the end at that speed; None when the job does not run or has not got far enough to say."""
        speed = self.rows_per_s(now)
        return (self.total - self.done) / speed if self.state == "running" and speed > 0 else None


def job_id(key: str) -> str:
    """The id every job of this idempotency key has."""
    return f"job-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"
