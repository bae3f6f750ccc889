"""/v1/published: the registry, its clock, the change watch and the drift of click rates."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import EARBUDS, GOOD_BODY, GOOD_COPY, GOOD_TITLE

from copygen.ad_copy import AdCopy
from copygen.chat_model import ScriptedModel
from copygen.label import EXPLICIT

from serving.app import create_app
from serving.loop.drift import ctr_of
from serving.loop.event import SHOP_ZONE, DayCount
from serving.loop.experiment import Shown
from serving.loop.published import Published
from tests.app_client import client_of, settings

BRIEF: dict[str, Any] = {"channel": "discover", "id": "sku-1", "products": [EARBUDS]}
COPY = {"title": GOOD_TITLE, "body": GOOD_BODY}
MORNING = datetime(2026, 11, 3, 10, 0, tzinfo=SHOP_ZONE)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path))) as one:
        yield one


async def publish(client: httpx.AsyncClient, copy: dict[str, object] = COPY, **fields: object) -> dict[str, Any]:
    answer = await client.post("/v1/published", json={"copy": copy, "brief": BRIEF, "slot": "home", **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def recheck(client: httpx.AsyncClient, *products: dict[str, object], keep: bool = True) -> dict[str, Any]:
    answer = await client.post("/v1/published/recheck", json={"products": products, "keep": keep})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_what_is_live_where(client: httpx.AsyncClient) -> None:
    one = await publish(client)
    assert (one["product"], one["slot"], one["take_down_at"], one["clock"]) == (EARBUDS["name"], "home", None, [])
    begun = datetime.now(UTC) - timedelta(days=3)
    twice = [await publish(client, slot="search", **{"from": begun.isoformat()}) for _ in range(2)]
    assert twice[0] == twice[1] and twice[0]["copy_id"] == one["copy_id"]  # the same text has the same id
    over = await publish(
        client, slot="old", **{"from": begun.isoformat(), "until": (begun + timedelta(days=1)).isoformat()}
    )
    live = (await client.get("/v1/published")).json()["published"]
    assert [entry["id"] for entry in live] == [one["id"], twice[0]["id"]]
    every = (await client.get("/v1/published", params={"live": False})).json()["published"]
    assert {entry["id"] for entry in every} == {one["id"], twice[0]["id"], over["id"]}
    ended = (await client.post(f"/v1/published/{one['id']}/end")).json()
    assert ended["until"] is not None
    assert (await client.post(f"/v1/published/{one['id']}/end")).json()["until"] == ended["until"]
    assert len((await client.get("/v1/published")).json()["published"]) == 1


async def test_a_live_copy_leaves_with_its_label(client: httpx.AsyncClient) -> None:
    one = await publish(client)
    answer = await client.get(f"/v1/published/{one['id']}")
    copy = answer.json()["copy"]
    assert (copy["title"], copy["ai_label"], answer.headers["X-AI-Generated"]) == (
        GOOD_TITLE,
        EXPLICIT["zh-Hans"],
        "true",
    )
    own = await publish(client, {**COPY, "ai_generated": False}, slot="own")
    answer = await client.get(f"/v1/published/{own['id']}")
    assert (answer.json()["copy"]["AIGC"], "X-AI-Generated" in answer.headers) == (None, False)
    gone = await client.get("/v1/published/pub-0")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_published")


async def test_a_change_lists_the_sentences_that_are_no_longer_true(client: httpx.AsyncClient) -> None:
    one = await publish(client)
    other = await publish(client, {"title": "听见安静", "body": "雾霾蓝，入耳式。"}, slot="b")
    assert await recheck(client) == {"checked": 2, "stale": []}
    assert await recheck(client, {"id": "sku-9", "attributes": {"续航": "20小时"}}) == {"checked": 0, "stale": []}
    asked = await recheck(client, {"id": "sku-1", "attributes": {"续航": "20小时"}}, keep=False)
    assert (asked["checked"], [stale["id"] for stale in asked["stale"]]) == (2, [one["id"]])
    (sentence,) = asked["stale"][0]["sentences"]
    assert "续航40小时" in sentence["text"] and "早高峰" not in sentence["text"]
    assert GOOD_BODY[sentence["start"] : sentence["end"]] == sentence["text"]
    assert all("40小时" in finding["text"] for finding in sentence["findings"])
    assert await recheck(client) == {"checked": 2, "stale": []}  # only asked, not remembered
    kept = await recheck(client, {"name": EARBUDS["name"], "attributes": {"颜色": "曜石黑"}})
    assert {stale["id"] for stale in kept["stale"]} == {one["id"], other["id"]}
    (finding,) = kept["stale"][0]["sentences"][0]["findings"]
    assert (finding["text"], finding["reason"]) == ("雾霾蓝", "颜色已改为「曜石黑」")
    assert {stale["id"] for stale in (await recheck(client))["stale"]} == {one["id"], other["id"]}
    restored = await recheck(client, {"id": "sku-1", "attributes": {"颜色": "雾霾蓝、曜石黑"}})
    assert restored == {"checked": 2, "stale": []}
    await recheck(client, {"id": "sku-1", "attributes": {"颜色": ["曜石黑"]}})
    await client.post(f"/v1/published/{one['id']}/end")
    assert [stale["id"] for stale in (await recheck(client))["stale"]] == [other["id"]]


async def test_a_rule_finds_what_was_never_legal(client: httpx.AsyncClient) -> None:
    await publish(client, {"title": "全网第一的降噪耳机", "body": GOOD_BODY})
    (stale,) = (await recheck(client))["stale"]
    assert stale["sentences"][0]["where"] == "title"
    assert stale["sentences"][0]["findings"][0]["article"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"products": [{"price": "9元"}]}, "say which product"),
        ({"products": [{"id": "1", "colour": "x"}]}, "colour"),
    ],
)
async def test_a_change_of_nothing_known_is_refused(client: httpx.AsyncClient, wrong: object, says: str) -> None:
    answer = await client.post("/v1/published/recheck", json=wrong)
    assert answer.status_code == 422 and says in answer.json()["error"]["message"]


def live(text: str, until: datetime | None = None) -> Published:
    return Published("pub-1", Shown("c", AdCopy(body=text), True), "home", "{}", MORNING, until)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("双11开抢，错过再等一年。", (2026, 11, 15)),
        ("618的价格，现在就有。", (2027, 6, 21)),
        ("今晚八点，准时开场。", (2026, 11, 4)),
        ("本周下单有惊喜。", (2026, 11, 10)),
        ("本月新品。", (2026, 12, 1)),
        ("到手价369元。", (2026, 12, 3)),
        ("优惠至11月20日。", (2026, 11, 21)),
        ("2月30日前有效，优惠不停。", (2026, 12, 3)),  # no such day: the offer's own clock
        ("续航40小时，雾霾蓝。", None),
        ("型号X618A，降噪48dB。", None),
    ],
)
def test_words_that_end_have_a_clock(text: str, day: tuple[int, int, int] | None) -> None:
    end = live(text).take_down_at
    assert end == (None if day is None else datetime(*day, tzinfo=SHOP_ZONE))
    assert all(word.text in text and word.reason for word in live(text).clock)


def test_the_merchant_s_own_end_wins_where_it_is_earlier() -> None:
    sooner, later = MORNING + timedelta(days=2), MORNING + timedelta(days=200)
    assert live("到手价369元。", sooner).take_down_at == sooner
    assert live("到手价369元。", later).take_down_at == datetime(2026, 12, 3, tzinfo=SHOP_ZONE)
    assert live("雾霾蓝。", later).take_down_at == later


async def test_what_should_be_gone_is_listed(client: httpx.AsyncClient) -> None:
    await publish(client)
    due = await publish(
        client,
        {**COPY, "title": "今晚把地铁调成静音"},
        **{"from": (datetime.now(UTC) - timedelta(days=2)).isoformat()},
    )
    found = (await client.get("/v1/published", params={"due": True})).json()["published"]
    assert [entry["id"] for entry in found] == [due["id"]]
    assert found[0]["clock"][0]["text"] == "今晚"


def test_drift_is_a_week_below_what_the_past_lets_expect() -> None:
    today = date(2026, 11, 26)

    def counts(recent_clicks: int, *, past_clicks: int = 30) -> list[DayCount]:
        return [
            DayCount(
                "c", "home", (today - timedelta(days=ago)).isoformat(), 1_000, recent_clicks if ago < 7 else past_clicks
            )
            for ago in range(30)
        ]

    same, fallen, risen = (ctr_of(counts(clicks), "c", "home", today) for clicks in (29, 15, 50))
    assert (same.drifted, fallen.drifted, risen.drifted) == (False, True, False)
    assert same.expected_low is not None and same.expected_high is not None
    assert same.expected_low < 0.03 < same.expected_high
    assert (fallen.recent_impressions, fallen.recent_clicks, fallen.impressions) == (7_000, 105, 30_000)
    assert ctr_of(counts(15), "c", "search", today).expected_low is None
    assert not ctr_of(counts(15)[:7], "c", "home", today).drifted  # nothing to compare it with


async def test_a_drift_shows_in_the_listing(client: httpx.AsyncClient) -> None:
    one = await publish(client)
    now = datetime.now(UTC)
    events = [
        {"id": f"{ago}-{kind}-{i}", "kind": kind, "copy_id": one["copy_id"], "slot": "home"}
        | {"at": (now - timedelta(days=ago)).isoformat()}
        for ago, clicks in ((20, 150), (1, 30))
        for kind, count in (("impression", 1_500), ("click", clicks))
        for i in range(count)
    ]
    assert (await client.post("/v1/events", json={"events": events})).status_code == 200
    ctr = (await client.get("/v1/published")).json()["published"][0]["ctr"]
    assert (ctr["impressions"], ctr["recent_clicks"], ctr["drifted"]) == (3_000, 30, True)
