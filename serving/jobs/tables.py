"""The tables of durable jobs, in SQLite or PostgreSQL, beside DBOS's own in the same database.

One database, so that what DBOS holds for done is never ahead of what is written here, whatever a power cut takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_data_path
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from copygen.errors import InvalidSetting

from serving.jobs.job import JobStoreError
from serving.settings import Settings

_BUSY_S = 30.0
"""How long one process waits for another to finish writing to SQLite."""
_ADVISORY_LOCK = 0x636F7079  # "copy"
_METADATA = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")  # only an INTEGER key counts up by itself there

JOBS = Table(
    "copygen_jobs",
    _METADATA,
    Column("number", _ID, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("options", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("epoch", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("unique", Integer, nullable=False, default=0),
    Column("done", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("problem", Text, nullable=False, default=""),
    Column("created_at", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("started_done", Integer, nullable=False, default=0),
    Column("finished_at", Float(53)),
    Column("callback_url", Text, nullable=False, default=""),
    Column("callback", Text, nullable=False, default=""),
)
ROWS = Table(
    "copygen_rows",
    _METADATA,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # place in the output, from 0
    Column("source", Integer, nullable=False),  # number of the first row with the same brief: its own, or an earlier
    Column("chunk", Integer),  # where it is written; null for a row that shares another's outcome
    Column("row", LargeBinary, nullable=False),
    Index("copygen_rows_by_source", "job", "source"),
    Index("copygen_rows_by_chunk", "job", "chunk"),
    sqlite_with_rowid=False,
)
BRIEFS = Table(  # only while a job is loaded: which briefs it has so far
    "copygen_briefs",
    _METADATA,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, primary_key=True),
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)
CHUNKS = Table(  # what is still to be written; a chunk goes in the transaction that writes its outcomes
    "copygen_chunks",
    _METADATA,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
RESULTS = Table(
    "copygen_results",
    _METADATA,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("failed", Boolean, nullable=False),
    Column("outcome", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
WORKERS = Table(
    "copygen_workers",
    _METADATA,
    Column("id", String(64), primary_key=True),
    Column("beats", BigInteger, nullable=False),
)


def database_url(settings: Settings) -> str:
    """Where jobs are kept: the URL of the settings, else a file in the data folder.

    Raises:
        InvalidSetting: Not a URL of SQLite or PostgreSQL.
    """
    if not settings.database_url:
        return f"sqlite:///{data_folder(settings) / 'jobs.sqlite3'}"
    try:
        url = make_url(settings.database_url)
    except ArgumentError as error:
        raise InvalidSetting("not a URL; write postgresql://user:password@host/name", name=_SETTING) from error
    kind = url.get_backend_name()
    if kind not in ("postgresql", "sqlite"):
        raise InvalidSetting(f"{kind}: jobs are kept in postgresql or sqlite", name=_SETTING)
    if kind == "sqlite" and not url.database:
        raise InvalidSetting("a database in memory does not last; name a file", name=_SETTING)
    driver = "postgresql+psycopg" if kind == "postgresql" else "sqlite"
    return url.set(drivername=driver).render_as_string(hide_password=False)


_SETTING = "COPYGEN_DATABASE_URL"


def data_folder(settings: Settings) -> Path:
    return settings.data or user_data_path("copygen")


def open_database(url: str, tables: MetaData = _METADATA) -> Engine:
    """Open the database and create what is missing of these tables.

    Raises:
        JobStoreError: No database there, or it cannot be written.
    """
    sqlite = url.startswith("sqlite")
    arguments: dict[str, Any] = {"timeout": _BUSY_S} if sqlite else {}
    engine = create_engine(url, connect_args=arguments, pool_pre_ping=not sqlite)
    if sqlite:
        event.listen(engine, "connect", _set_up_sqlite)
    with translated():
        if sqlite:
            path = Path(str(make_url(url).database))
            path.parent.mkdir(parents=True, exist_ok=True)
            # Switching to WAL and creating are not safe against another process doing the same.
            with FileLock(f"{path}.lock", timeout=_BUSY_S):
                tables.create_all(engine)
        else:
            with engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                tables.create_all(connection)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # Python's driver begins a transaction only at the first write; one that reads first could not be promoted then.
    connection.isolation_level = "IMMEDIATE"
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")  # no flush to disk for each transaction: order is what counts
    cursor.close()


@contextmanager
def translated() -> Iterator[None]:
    """What the database says, as an error of ours."""
    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        raise JobStoreError(str(getattr(error, "orig", error)).splitlines()[0]) from error
