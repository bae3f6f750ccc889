"""Which labels were issued, in one table: number and hash of the content, never its text.

SQLite in WAL mode, so several processes may write at once. A power cut may lose the last entries, a crash none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    select,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from copygen.brief import Lang
from copygen.errors import CopygenError
from copygen.label import Label

Outlet = Literal["api", "page", "terminal", "file"]
"""By which way the content left."""

_BUSY_MS = 1_000
"""How long one process waits for another to finish writing."""
_OPEN_WAIT_S = 30.0

_TABLE = Table(
    "issued_labels",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("produce_id", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("producer", Text, nullable=False),
    Column("outlet", String(16), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("lang", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("agreement", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_id", Text, nullable=False),
)
_BY_ID = Index("issued_labels_by_id", _TABLE.c.produce_id)
_BY_DATE = Index("issued_labels_by_date", _TABLE.c.issued_at)


class LabelLogError(CopygenError):
    """The log of issued labels cannot be written or read."""

    code = "label_log_error"


@dataclass(frozen=True, slots=True)
class IssuedLabel:
    """One entry: a label that left with its content."""

    label: Label
    """As it left: without text where it was handed over under `agreement`."""
    issued_at: datetime
    outlet: Outlet
    channel: str
    """Id of the channel the copy was written for; empty for a file of copies."""
    lang: Lang
    agreement: str = ""
    """The agreement as JSON, kept here because the setting may change."""
    model: str = ""
    prompt_id: str = ""


def _row(entry: IssuedLabel) -> dict[str, object]:
    label = entry.label
    return {
        "produce_id": label.produce_id,
        "sha256": label.sha256,
        "producer": label.producer,
        "text": label.text,
        "issued_at": entry.issued_at,
        "outlet": entry.outlet,
        "channel": entry.channel,
        "lang": entry.lang,
        "agreement": entry.agreement,
        "model": entry.model,
        "prompt_id": entry.prompt_id,
    }


def _entry(row: Row[Any]) -> IssuedLabel:
    return IssuedLabel(
        label=Label(row.text, row.producer, row.produce_id, row.sha256),
        issued_at=row.issued_at.replace(tzinfo=UTC),  # SQLite keeps no time zone
        outlet=row.outlet,
        channel=row.channel,
        lang=row.lang,
        agreement=row.agreement,
        model=row.model,
        prompt_id=row.prompt_id,
    )


class LabelLog:
    """The table in a file of its own; entries older than the retention go when it is opened."""

    def __init__(self, path: Path, *, retention_days: int) -> None:
        """Open or create it.

        Raises:
            LabelLogError: The folder or the file cannot be written, or is no such log.
        """
        self.path = path
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_MS / 1000})
        event.listen(self._engine, "connect", _set_up)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Switching to WAL and creating are not safe against another process doing the same.
            with FileLock(f"{path}.lock", timeout=_OPEN_WAIT_S), self._engine.begin() as connection:
                connection.execute(CreateTable(_TABLE, if_not_exists=True))
                for index in (_BY_ID, _BY_DATE):
                    connection.execute(CreateIndex(index, if_not_exists=True))
                oldest = datetime.now(UTC) - timedelta(days=retention_days)
                connection.execute(delete(_TABLE).where(_TABLE.c.issued_at < oldest))
        except (OSError, SQLAlchemyError) as error:
            raise LabelLogError(f"{path}: {_first_line(error)}") from error

    def add(self, entries: Sequence[IssuedLabel]) -> None:
        """Write entries in one transaction.

        Raises:
            LabelLogError: They could not be written; none was.
        """
        if not entries:
            return
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_TABLE), [_row(entry) for entry in entries])
        except SQLAlchemyError as error:
            raise LabelLogError(f"{self.path}: {_first_line(error)}") from error

    def find(self, produce_id: str, *, limit: int = 50) -> list[IssuedLabel]:
        """Entries of one number, the newest first.

        Raises:
            LabelLogError: The file cannot be read.
        """
        query = select(_TABLE).where(_TABLE.c.produce_id == produce_id)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(query.order_by(_TABLE.c.number.desc()).limit(limit)).all()
        except SQLAlchemyError as error:
            raise LabelLogError(f"{self.path}: {_first_line(error)}") from error
        return [_entry(row) for row in rows]

    def close(self) -> None:
        self._engine.dispose()


def _set_up(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")  # no flush to disk for each entry
    cursor.close()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
