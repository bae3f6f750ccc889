"""The click loop of one database: events, experiments and what is live, opened together."""

from dataclasses import dataclass

from sqlalchemy import Engine

from serving.jobs.tables import database_url
from serving.loop.event_store import EventStore
from serving.loop.experiment_store import ExperimentStore
from serving.loop.pick import Picker
from serving.loop.published_store import PublishedStore
from serving.loop.tables import open_tables
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Loop:
    """What routes and commands share."""

    engine: Engine
    events: EventStore
    experiments: ExperimentStore
    picker: Picker
    published: PublishedStore

    def close(self) -> None:
        self.engine.dispose()


def open_loop(settings: Settings) -> Loop:
    """Open the database of the settings and create what is missing.

    Raises:
        InvalidSetting: Not a URL of SQLite or PostgreSQL.
        JobStoreError: The database cannot be opened.
    """
    engine = open_tables(database_url(settings))
    events, experiments = EventStore(engine), ExperimentStore(engine)
    return Loop(engine, events, experiments, Picker(events, experiments), PublishedStore(engine))
