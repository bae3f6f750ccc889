"""Events in their tables: each id counts once, however often and by however many processes it is sent."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine, Select, and_, case, func, not_, or_, select

from serving.jobs.store import insert_or_ignore
from serving.jobs.tables import translated
from serving.loop.event import KINDS, DayCount, Event, Kind, Tally, digest
from serving.loop.tables import COUNTS, EVENTS, upsert

BOT_IMPRESSIONS = 500
"""Impressions of one slot by one visitor in a day beyond which nobody is a shopper."""
BOT_CLICKS = 30
"""Clicks and orders of one slot by one visitor in a day."""
BOT_PACE_S = 0.3
"""Mean time between a visitor's events of a day, where there are at least `BOT_PACE_EVENTS`."""
BOT_PACE_EVENTS = 30
BOT_BLIND = 3
"""Clicks by one visitor in a day beyond the impressions they could have been on."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an experiment rests on."""

    tallies: tuple[Tally, ...]
    """In the order the copies were asked for."""
    bot_visitors: int
    """Visitor-days left out."""
    bot_events: int


class EventStore:
    """Events of one database.

    Raises:
        JobStoreError: From every method, when the database does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, events: Sequence[Event]) -> int:
        """Store events in one transaction; returns how many had not been sent before."""
        first = {event.key: event for event in reversed(events)}
        # In one order everywhere, or two writers could each wait for the other.
        rows = [_row(first[key]) for key in sorted(first)]
        if not rows:
            return 0
        with translated(), self._engine.begin() as connection:
            added = connection.execute(insert_or_ignore(connection, EVENTS).returning(EVENTS.c.key), rows).scalars()
            new = [first[bytes(key)] for key in added]
            counts = Counter((event.copy_id, event.slot, event.day, event.kind) for event in new)
            if counts:
                places = sorted({(event.copy_id, event.slot, event.day) for event in new})
                values = [
                    {"copy": copy, "slot": slot, "day": day, "source": "events"}
                    | {kind: counts[copy, slot, day, kind] for kind in KINDS}
                    for copy, slot, day in places
                ]
                connection.execute(upsert(connection, COUNTS, list(KINDS), add=True), values)
        return len(new)

    def set_counts(self, counts: Sequence[DayCount]) -> None:
        """Store a report's figures in one transaction: those of a day replace what an earlier report said of it."""
        rows = [
            {name: value for name, value in asdict(count).items() if name != "copy_id"}
            | {"copy": count.copy_id, "source": "import"}
            for count in sorted(counts, key=lambda count: (count.copy_id, count.slot, count.day))
        ]
        if rows:
            with translated(), self._engine.begin() as connection:
                connection.execute(upsert(connection, COUNTS, list(KINDS), add=False), rows)

    def counts(
        self, *, copies: Sequence[str] = (), slot: str = "", since: str = "", until: str = "", limit: int | None = None
    ) -> list[DayCount]:
        """Counters by copy, slot and day, what was sent and what was imported together, the newest day first.

        Args:
            copies: Only these; empty: all.
            since: First day, as 2026-11-26.
            until: Last day.
        """
        place = (COUNTS.c.copy, COUNTS.c.slot, COUNTS.c.day)
        query = select(*place, *(func.sum(COUNTS.c[kind]) for kind in KINDS)).group_by(*place)
        if copies:
            query = query.where(COUNTS.c.copy.in_(copies))
        if slot:
            query = query.where(COUNTS.c.slot == slot)
        if since:
            query = query.where(COUNTS.c.day >= since)
        if until:
            query = query.where(COUNTS.c.day <= until)
        query = query.order_by(COUNTS.c.day.desc(), COUNTS.c.copy, COUNTS.c.slot).limit(limit)
        with translated(), self._engine.connect() as connection:
            return [
                DayCount(copy, slot, day, *map(int, figures)) for copy, slot, day, *figures in connection.execute(query)
            ]

    def traffic(
        self, copies: Sequence[str], slot: str, goal: Kind, *, since: float, until: float | None = None
    ) -> Traffic:
        """What came of copies in a slot, without bots.

        A visitor's successes of one day count as one, since the second click says little that the first did not;
        those without a visitor are at most as many as the impressions.

        Args:
            since: Seconds since 1970, as is `until`; both are included.
        """
        visits = _visits(copies, slot, goal, since, until).subquery()
        bots = _bots(visits).subquery()
        joined = visits.outerjoin(bots, and_(visits.c.visitor == bots.c.visitor, visits.c.day == bots.c.day))
        most = case((visits.c.visitor.is_(None), visits.c.trials), (visits.c.trials > 0, 1), else_=0)
        capped = case((visits.c.successes < most, visits.c.successes), else_=most)
        seen = case((visits.c.trials > 0, visits.c.visitor))
        sums = (
            select(visits.c.copy, func.sum(visits.c.trials), func.sum(capped), func.count(func.distinct(seen)))
            .select_from(joined)
            .where(bots.c.visitor.is_(None))
            .group_by(visits.c.copy)
        )
        with translated(), self._engine.connect() as connection:
            found = {copy: figures for copy, *figures in connection.execute(sums)}
            excluded, events = connection.execute(select(func.count(), func.sum(bots.c.events))).one()
        tallies = tuple(Tally(copy, *map(int, found.get(copy, (0, 0, 0)))) for copy in copies)
        return Traffic(tallies, int(excluded), int(events or 0))


def _visits(copies: Sequence[str], slot: str, goal: Kind, since: float, until: float | None) -> Select[Any]:
    """What one visitor did with one copy on one day; events without a visitor are one line a copy and day."""
    place = (EVENTS.c.copy, EVENTS.c.day, EVENTS.c.visitor)
    query = (
        select(
            *place,
            func.sum(case((EVENTS.c.kind == "impression", 1), else_=0)).label("trials"),
            func.sum(case((EVENTS.c.kind == goal, 1), else_=0)).label("successes"),
            func.sum(case((EVENTS.c.kind.in_(("click", "order")), 1), else_=0)).label("acts"),
            func.sum(case((EVENTS.c.kind == "click", 1), else_=0)).label("clicks"),
            func.count().label("events"),
            func.min(EVENTS.c.at).label("first"),
            func.max(EVENTS.c.at).label("last"),
        )
        .where(EVENTS.c.copy.in_(copies), EVENTS.c.slot == slot, EVENTS.c.at >= since)
        .group_by(*place)
    )
    return query if until is None else query.where(EVENTS.c.at <= until)


def _bots(visits: Any) -> Select[Any]:
    """Visitors and days that no shopper can have had. Meant to miss bots rather than lose a buyer."""
    trials, acts, clicks = (func.sum(visits.c[name]) for name in ("trials", "acts", "clicks"))
    events = func.sum(visits.c.events)
    pace = and_(
        events >= BOT_PACE_EVENTS, func.max(visits.c.last) - func.min(visits.c.first) < BOT_PACE_S * (events - 1)
    )
    rules = (trials > BOT_IMPRESSIONS, acts > BOT_CLICKS, clicks > trials + BOT_BLIND, pace)
    return (
        select(visits.c.visitor, visits.c.day, events.label("events"))
        .where(not_(visits.c.visitor.is_(None)))
        .group_by(visits.c.visitor, visits.c.day)
        .having(or_(*rules))
    )


def _row(event: Event) -> dict[str, object]:
    return {
        "key": event.key,
        "kind": event.kind,
        "copy": event.copy_id,
        "slot": event.slot,
        "day": event.day,
        "at": event.at.timestamp(),
        "visitor": digest(event.visitor) if event.visitor else None,
    }
