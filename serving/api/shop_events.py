"""POST /v1/events: what shoppers did with copies, each event counted once; GET /v1/events/counts: how many."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, field_validator

from serving.api.error_body import ErrorEnvelope
from serving.api.wire import Wire
from serving.loop.event import Event, Kind
from serving.loop.loop import Loop

MAX_EVENTS = 5_000
_AHEAD = timedelta(days=1)
"""How wrong a sender's clock may be."""
_EXAMPLE: dict[str, JsonValue] = {
    "events": [
        {"id": "e-1", "kind": "impression", "copy_id": "copy-7d1f", "slot": "home-feed", "visitor": "v-1"},
        {"id": "e-2", "kind": "click", "copy_id": "copy-7d1f", "slot": "home-feed", "visitor": "v-1"},
    ]
}
AWAY: dict[int | str, dict[str, Any]] = {
    503: {"model": ErrorEnvelope, "description": "The database does not answer: wait Retry-After seconds."}
}
router = APIRouter(tags=["events"], responses=AWAY)


def get_loop(request: Request) -> Loop:
    return cast(Loop, request.app.state.loop)


LoopDep = Annotated[Loop, Depends(get_loop)]
Id = Annotated[str, Field(min_length=1, max_length=64)]


class EventIn(Wire):
    """One thing a shopper did."""

    id: str = Field(min_length=1, max_length=128)
    """Yours; of the events of one id the first counts and the others are ignored."""
    kind: Kind
    copy_id: Id
    slot: Id
    """Where it was shown, in your own words."""
    at: AwareDatetime | None = None
    """When, with its time zone; now when not given."""
    visitor: str = Field("", max_length=128)
    """Your key of the shopper, for sticky picks and the bot filter; only a digest of it is kept."""

    @field_validator("at")
    @classmethod
    def _not_ahead(cls, at: datetime | None) -> datetime | None:
        if at is not None and at > datetime.now(UTC) + _AHEAD:
            raise ValueError(f"{at.isoformat()} has not come yet; check the sender's clock")
        return at


class EventBatch(Wire):
    """Events in any order."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    events: list[EventIn] = Field(min_length=1, max_length=MAX_EVENTS)


class EventsOut(Wire):
    """What became of a batch."""

    received: int
    counted: int
    """Events whose id had not been sent before."""
    repeated: int


class DayCountOut(Wire):
    """Events of one copy in one slot on one day."""

    model_config = ConfigDict(from_attributes=True)

    copy_id: str
    slot: str
    day: date
    """In the shop's time, UTC+8."""
    impression: int
    click: int
    add_to_cart: int
    order: int


class CountsOut(Wire):
    """The newest day first."""

    counts: list[DayCountOut]


@router.post(
    "/v1/events",
    summary="Say what shoppers did",
    responses={422: {"model": ErrorEnvelope, "description": "An event cannot be used; none was counted."}},
)
def add_events(body: EventBatch, loop: LoopDep) -> EventsOut:
    """Up to 5,000 events, all or none. Send a batch again whenever you do not know whether it arrived."""
    now = datetime.now(UTC)
    events = [
        Event(one.id, one.kind, one.copy_id, one.slot, now if one.at is None else one.at, one.visitor)
        for one in body.events
    ]
    counted = loop.events.add(events)
    return EventsOut(received=len(events), counted=counted, repeated=len(events) - counted)


@router.get("/v1/events/counts", summary="Events by copy, slot and day")
def show_counts(
    loop: LoopDep,
    copy_id: Annotated[list[str], Query(max_length=200)] = [],  # noqa: B006 -- fastapi copies defaults
    slot: str = "",
    since: date | None = None,
    until: date | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> CountsOut:
    """What was sent and what was imported, together; bots are left out of experiments only."""
    found = loop.events.counts(
        copies=copy_id,
        slot=slot,
        since=since.isoformat() if since else "",
        until=until.isoformat() if until else "",
        limit=limit,
    )
    return CountsOut(counts=[DayCountOut.model_validate(count) for count in found])
