"""POST /v1/events and its counters: what is sent twice counts once, on both databases and from several writers."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import GOOD_COPY

from copygen.chat_model import ScriptedModel

from serving.app import create_app
from serving.loop.event import DayCount, Event, Kind
from serving.loop.event_store import BOT_CLICKS, BOT_IMPRESSIONS, EventStore
from serving.loop.tables import open_tables
from tests.app_client import client_of, settings

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # noon in Shanghai


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path))) as one:
        yield one


def event(number: int, kind: Kind = "impression", **fields: Any) -> Event:
    values = {"copy_id": "a", "slot": "home", "at": NOON, **fields}
    return Event(f"{kind}-{number}", kind, **values)


def wire(number: int, kind: str = "impression", **fields: object) -> dict[str, object]:
    return {"id": f"{kind}-{number}", "kind": kind, "copy_id": "a", "slot": "home", **fields}


async def test_what_is_sent_twice_counts_once(client: httpx.AsyncClient) -> None:
    batch = [wire(i, at=NOON.isoformat()) for i in range(40)] + [wire(1, "click", at=NOON.isoformat())]
    first = await client.post("/v1/events", json={"events": [*batch, *batch[:5]]})
    assert first.json() == {"received": 46, "counted": 41, "repeated": 5}
    again = await client.post("/v1/events", json={"events": [*batch, wire(99, at=NOON.isoformat())]})
    assert again.json() == {"received": 42, "counted": 1, "repeated": 41}
    counts = (await client.get("/v1/events/counts")).json()["counts"]
    assert counts == [
        {
            "copy_id": "a",
            "slot": "home",
            "day": "2026-11-20",
            "impression": 41,
            "click": 1,
            "add_to_cart": 0,
            "order": 0,
        }
    ]


async def test_counters_are_kept_by_copy_slot_and_day(client: httpx.AsyncClient) -> None:
    night = NOON.replace(hour=15, minute=59), NOON.replace(hour=16)  # either side of midnight in Shanghai
    events = [
        wire(1, at=night[0].isoformat()),
        wire(2, at=night[1].isoformat()),
        wire(3, at=NOON.isoformat(), slot="search"),
        wire(4, at=NOON.isoformat(), copy_id="b"),
        wire(5, "order", at=NOON.isoformat(), copy_id="b"),
        wire(6, "add_to_cart", at=NOON.isoformat(), copy_id="b"),
    ]
    assert (await client.post("/v1/events", json={"events": events})).json()["counted"] == 6
    counts = (await client.get("/v1/events/counts")).json()["counts"]
    keys = ("copy_id", "slot", "day", "impression", "order", "add_to_cart")
    assert [tuple(count[key] for key in keys) for count in counts] == [
        ("a", "home", "2026-11-21", 1, 0, 0),
        ("a", "home", "2026-11-20", 1, 0, 0),
        ("a", "search", "2026-11-20", 1, 0, 0),
        ("b", "home", "2026-11-20", 1, 1, 1),
    ]
    one = await client.get("/v1/events/counts", params={"copy_id": ["a"], "slot": "home", "until": "2026-11-20"})
    assert [count["day"] for count in one.json()["counts"]] == ["2026-11-20"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "view"}, "events[1].kind"),
        ({"id": ""}, "events[1].id"),
        ({"copy_id": "c" * 65}, "events[1].copy_id"),
        ({"at": "2026-11-20T12:00:00"}, "events[1].at"),
        ({"at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}, "has not come yet"),
        ({"clicks": 3}, "events[1].clicks"),
    ],
)
async def test_one_wrong_event_and_none_is_counted(
    client: httpx.AsyncClient, wrong: dict[str, object], says: str
) -> None:
    answer = await client.post("/v1/events", json={"events": [wire(1), wire(2, **wrong)]})
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    assert (await client.get("/v1/events/counts")).json() == {"counts": []}


def test_several_writers_of_the_same_events_count_each_once(database: str) -> None:
    engines = [open_tables(_url(database)) for _ in range(4)]
    stores = [EventStore(engine) for engine in engines]
    events = [event(i, at=NOON + timedelta(hours=i % 30)) for i in range(600)]

    def send(number: int) -> int:
        mine = events[number * 100 :] + events[: number * 100]  # everyone in another order
        return sum(stores[number].add(mine[at : at + 150]) for at in range(0, 600, 150))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(4))) == 600
    assert sum(count.impression for count in stores[0].counts()) == 600
    for engine in engines:
        engine.dispose()


def _url(database: str) -> str:
    return database.replace("postgresql://", "postgresql+psycopg://")


def test_a_report_replaces_its_own_figures_and_adds_to_those_of_events(database: str) -> None:
    engine = open_tables(_url(database))
    store = EventStore(engine)
    store.add([event(1), event(1, "click")])
    for clicks in (7, 9, 9):
        store.set_counts([DayCount("a", "home", "2026-11-20", impression=100, click=clicks)])
    assert store.counts() == [DayCount("a", "home", "2026-11-20", impression=101, click=10)]
    engine.dispose()


def test_bots_are_left_out_and_shoppers_are_not(database: str) -> None:
    engine = open_tables(_url(database))
    store = EventStore(engine)
    minute = timedelta(minutes=1)
    shopper = [event(i, visitor="ann", at=NOON + i * minute) for i in range(40)]
    shopper += [event(i, "click", visitor="ann", at=NOON + i * minute) for i in range(3)]
    anonymous = [event(1000 + i) for i in range(600)] + [event(1000 + i, "click") for i in range(40)]
    scraper = [event(2000 + i, visitor="scraper", at=NOON + i * minute / 2) for i in range(BOT_IMPRESSIONS + 1)]
    clicker = [event(3000 + i, visitor="clicker", at=NOON + i * minute) for i in range(BOT_CLICKS + 1)]
    clicker += [event(3000 + i, "click", visitor="clicker", at=NOON + i * minute) for i in range(BOT_CLICKS + 1)]
    blind = [event(4000 + i, "click", visitor="blind", at=NOON + i * minute) for i in range(4)]
    fast = [event(5000 + i, visitor="fast", at=NOON + i * timedelta(seconds=0.1)) for i in range(30)]
    bots = [*scraper, *clicker, *blind, *fast]
    assert store.add([*shopper, *anonymous, *bots]) == len(shopper) + len(anonymous) + len(bots)
    traffic = store.traffic(["a", "none"], "home", "click", since=NOON.timestamp())
    one, none = traffic.tallies
    assert (one.trials, one.successes, one.visitors) == (40 + 600, 1 + 40, 1)  # ann's three clicks of a day are one
    assert (none.trials, none.successes, none.visitors) == (0, 0, 0)
    assert (traffic.bot_visitors, traffic.bot_events) == (4, len(bots))
    noon = NOON.timestamp()
    for span in ({"since": 0.0, "until": noon - 1}, {"since": noon + 86_400}):
        assert store.traffic(["a"], "home", "click", **span).tallies[0].trials == 0
    engine.dispose()


async def test_openings_at_once_and_after(tmp_path: Path) -> None:
    """What was counted is there after a restart."""
    for repeated in (0, 1):
        async with client_of(create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path))) as client:
            answer = (await client.post("/v1/events", json={"events": [wire(1)]})).json()
            assert answer["repeated"] == repeated
