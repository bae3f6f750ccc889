"""The tables of the click loop, in the database of the service: events, counters, experiments, what is live."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite

from serving.jobs.tables import open_database

_METADATA = MetaData()

EVENTS = Table(
    "copygen_events",
    _METADATA,
    Column("key", LargeBinary(16), primary_key=True),  # digest of the sender's id: one of the same id is ignored
    Column("kind", String(16), nullable=False),
    Column("copy", String(64), nullable=False),
    Column("slot", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("at", Float(53), nullable=False),
    Column("visitor", LargeBinary(16)),  # digest; null for events without one
    Index("copygen_events_by_copy", "copy", "slot"),
    sqlite_with_rowid=False,
)
COUNTS = Table(
    "copygen_event_counts",
    _METADATA,
    Column("copy", String(64), primary_key=True),
    Column("slot", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("source", String(16), primary_key=True),  # 'events' are added up, an 'import' replaces
    Column("impression", BigInteger, nullable=False, default=0),
    Column("click", BigInteger, nullable=False, default=0),
    Column("add_to_cart", BigInteger, nullable=False, default=0),
    Column("order", BigInteger, nullable=False, default=0),
    sqlite_with_rowid=False,
)
EXPERIMENTS = Table(
    "copygen_experiments",
    _METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("brief", Text, nullable=False),
    Column("slot", String(64), nullable=False),
    Column("goal", String(16), nullable=False),
    Column("allocation", String(16), nullable=False),
    Column("floor", Float(53), nullable=False),
    Column("alpha", Float(53), nullable=False),
    Column("base_rate", Float(53), nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("stopped_at", Float(53)),
    Column("kept", Integer),  # number of the arm that a stopped experiment shows
)
ARMS = Table(
    "copygen_arms",
    _METADATA,
    Column("experiment", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("copy", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("ai_generated", Boolean, nullable=False),
    Column("picks", BigInteger, nullable=False, default=0),
)
PICKS = Table(  # what a visitor was shown, to be shown again
    "copygen_picks",
    _METADATA,
    Column("experiment", String(64), primary_key=True),
    Column("visitor", LargeBinary(16), primary_key=True),
    Column("arm", Integer, nullable=False),
    sqlite_with_rowid=False,
)
PUBLISHED = Table(
    "copygen_published",
    _METADATA,
    Column("id", String(64), primary_key=True),
    Column("copy", String(64), nullable=False),
    Column("slot", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("ai_generated", Boolean, nullable=False),
    Column("brief", Text, nullable=False),
    Column(
        "outdated", Text, nullable=False, default="{}"
    ),  # values that were true of the product -> what became of them
    Column("from_at", Float(53), nullable=False),
    Column("until_at", Float(53)),
    Index("copygen_published_by_slot", "slot"),
)


def open_tables(url: str) -> Engine:
    """Open the database and create what is missing.

    Raises:
        JobStoreError: No database there, or it cannot be written.
    """
    return open_database(url, _METADATA)


def upsert(connection: Connection, table: Table, columns: list[str], *, add: bool) -> Any:
    """INSERT that adds to the row that is there, or replaces these columns of it, in the database's own words."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    new = statement.excluded
    values = {name: table.c[name] + new[name] if add else new[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)
