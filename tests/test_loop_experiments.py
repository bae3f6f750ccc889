"""/v1/experiments: what is picked, what is reported, when it may stop, and how it ends."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import EARBUDS, GOOD_BODY, GOOD_COPY, GOOD_TITLE

from copygen.chat_model import ScriptedModel
from copygen.label import EXPLICIT

from serving.app import create_app
from serving.loop import pick
from tests.app_client import client_of, settings

BRIEF = {"channel": "discover", "products": [EARBUDS]}
COPIES: list[dict[str, object]] = [
    {"copy_id": "a", "title": GOOD_TITLE, "body": GOOD_BODY},
    {"copy_id": "b", "title": "四十小时不断电", "body": GOOD_BODY},
    {"copy_id": "c", "title": "雾霾蓝的安静", "body": GOOD_BODY, "ai_generated": False},
]


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(pick, "_FRESH_S", 0.0)
    monkeypatch.setattr(pick, "_COST", 0.0)
    async with client_of(create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path))) as one:
        yield one


async def begin(client: httpx.AsyncClient, **fields: object) -> dict[str, Any]:
    body = {"brief": BRIEF, "slot": "home", "copies": COPIES[:2], **fields}
    answer = await client.post("/v1/experiments", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def tell(client: httpx.AsyncClient, figures: Sequence[tuple[str, int, int]]) -> None:
    """Send (copy, impressions, clicks) as events of now."""
    for copy_id, impressions, clicks in figures:
        events = [
            {"id": f"{copy_id}-{kind}-{i}", "kind": kind, "copy_id": copy_id, "slot": "home"}
            for kind, count in (("impression", impressions), ("click", clicks))
            for i in range(count)
        ]
        answer = await client.post("/v1/events", json={"events": events})
        assert answer.status_code == 200, answer.text


async def picks(client: httpx.AsyncClient, experiment: str, count: int) -> Counter[str]:
    answers = [(await client.get(f"/v1/experiments/{experiment}/pick")).json() for _ in range(count)]
    return Counter(answer["copy"]["copy_id"] for answer in answers)


async def report_of(client: httpx.AsyncClient, experiment: str) -> dict[str, Any]:
    return dict((await client.get(f"/v1/experiments/{experiment}")).json())


async def test_picks_are_even_at_first_and_follow_the_clicks(client: httpx.AsyncClient) -> None:
    experiment = (await begin(client))["id"]
    before = await picks(client, experiment, 100)
    assert all(20 <= count <= 80 for count in before.values())  # six standard deviations
    await tell(client, [("a", 2_000, 30), ("b", 2_000, 90)])
    after = await picks(client, experiment, 100)
    assert after["b"] >= 88  # all but half of the floor of 5 %
    arms = (await report_of(client, experiment))["arms"]
    assert {arm["copy_id"]: arm["picks"] for arm in arms} == dict(before + after)


async def test_a_visitor_is_shown_the_same_copy_whatever_is_learnt(client: httpx.AsyncClient) -> None:
    experiment = (await begin(client))["id"]
    path = f"/v1/experiments/{experiment}/pick"
    visitors = [f"v{i}" for i in range(40)]
    first = [(await client.get(path, params={"visitor": one})).json()["copy"]["copy_id"] for one in visitors]
    assert set(first) == {"a", "b"}
    await tell(client, [("a", 2_000, 10), ("b", 2_000, 120)])
    again = [(await client.get(path, params={"visitor": one})).json()["copy"]["copy_id"] for one in visitors]
    assert again == first
    arms = (await report_of(client, experiment))["arms"]
    assert sum(arm["picks"] for arm in arms) == len(visitors)  # who comes again is handed out nothing new


async def test_what_is_picked_carries_its_label_unless_a_person_wrote_it(client: httpx.AsyncClient) -> None:
    experiment = (await begin(client, copies=[COPIES[2], COPIES[0]], allocation="equal"))["id"]
    seen = {}
    for _ in range(40):
        answer = await client.get(f"/v1/experiments/{experiment}/pick")
        assert answer.headers["Cache-Control"] == "no-store"
        copy = answer.json()["copy"]
        seen[copy["copy_id"]] = (copy, answer.headers.get("X-AI-Generated"))
    (written, flag), (own, own_flag) = seen["a"], seen["c"]
    assert (written["ai_label"], flag) == (EXPLICIT["zh-Hans"], "true")
    assert (own["ai_label"], own["AIGC"], own_flag) == ("", None, None)
    issued = (await client.get(f"/v1/labels/{written['AIGC']['ProduceID']}")).json()["issued"]
    assert len(issued) == 1  # once a process, not once a shopper


async def test_the_report_names_a_winner_and_the_kept_copy_is_all_that_is_shown(client: httpx.AsyncClient) -> None:
    experiment = (await begin(client, allocation="equal"))["id"]
    report = await report_of(client, experiment)
    assert (report["verdict"], report["arms"][0]["impressions"], report["mismatch_p"]) == ("continue", 0, 1.0)
    await tell(client, [("a", 3_000, 60), ("b", 3_000, 140)])
    report = await report_of(client, experiment)
    assert (report["verdict"], report["leader"]) == ("winner", "b")
    a, b = report["arms"]
    assert b["rate"] == pytest.approx(140 / 3_000, rel=0.05) and b["best"] > 0.999 and a["best"] < 0.001
    assert b["lift_low"] < 140 / 60 - 1 < b["lift_high"]
    # Looking every day has its price.
    assert 0 < b["always_low"] < b["lift_low"] < b["lift_high"] < b["always_high"]
    assert b["p_value"] == 1.0 and a["p_value"] < 0.001
    assert a["loss"] == pytest.approx(80 / 3_000, rel=0.1) and b["loss"] < 1e-5
    stopped = (await client.post(f"/v1/experiments/{experiment}/stop")).json()
    assert (stopped["state"], stopped["kept"]) == ("stopped", "b")
    assert await picks(client, experiment, 5) == {"b": 5}
    for body in ({"keep": "b"}, {}):
        assert (await client.post(f"/v1/experiments/{experiment}/stop", json=body)).json() == stopped
    other = await client.post(f"/v1/experiments/{experiment}/stop", json={"keep": "a"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "experiment_conflict")
    none = await client.post(f"/v1/experiments/{experiment}/stop", json={"keep": "z"})
    assert (none.status_code, none.json()["error"]["param"]) == (422, "keep")


async def test_events_before_the_start_and_in_other_slots_are_no_part_of_it(client: httpx.AsyncClient) -> None:
    experiment = (await begin(client))["id"]
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    event = {"kind": "impression", "copy_id": "a"}
    events = [{"id": "1", "slot": "home", "at": past, **event}, {"id": "2", "slot": "search", **event}]
    await client.post("/v1/events", json={"events": [*events, {"id": "3", "slot": "home", **event}]})
    assert [arm["impressions"] for arm in (await report_of(client, experiment))["arms"]] == [1, 0]


async def test_lost_impressions_of_one_copy_are_noticed(client: httpx.AsyncClient) -> None:
    experiment = (await begin(client, allocation="equal"))["id"]
    path = f"/v1/experiments/{experiment}/pick"
    events = []
    for i in range(200):
        shown = (await client.get(path, params={"visitor": f"v{i}"})).json()["copy"]["copy_id"]
        if shown == "a" or i % 3:  # every third impression of b is lost
            events.append({"id": f"e{i}", "kind": "impression", "copy_id": shown, "slot": "home", "visitor": f"v{i}"})
    await client.post("/v1/events", json={"events": events})
    report = await report_of(client, experiment)
    assert report["mismatch_p"] < 0.001
    assert (report["verdict"], "埋点" in report["reason"]) == ("broken", True)


async def test_a_copy_competes_once_in_a_slot(client: httpx.AsyncClient) -> None:
    first = await begin(client)
    again = await client.post("/v1/experiments", json={"brief": BRIEF, "slot": "home", "copies": COPIES[1:]})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "experiment_conflict")
    assert first["id"] in again.json()["error"]["message"]
    await begin(client, slot="search")
    await client.post(f"/v1/experiments/{first['id']}/stop", json={"keep": "a"})
    last = await begin(client, copies=COPIES[1:])
    listed = (await client.get("/v1/experiments")).json()["experiments"]
    assert listed[0]["id"] == last["id"] and len(listed) == 3


async def test_a_slot_s_own_rate_is_what_is_expected_of_it(client: httpx.AsyncClient) -> None:
    assert (await begin(client))["base_rate"] == 0.02
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    events = [
        {"id": f"{kind}{i}", "kind": kind, "copy_id": "old", "slot": "search", "at": yesterday}
        for kind, count in (("impression", 1_000), ("click", 50))
        for i in range(count)
    ]
    assert (await client.post("/v1/events", json={"events": events})).status_code == 200
    assert (await begin(client, slot="search"))["base_rate"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"copies": COPIES[:1]}, "copies"),
        ({"copies": [COPIES[0], {**COPIES[1], "copy_id": "a"}]}, "same id"),
        ({"copies": [COPIES[0], {"title": ""}]}, "no text"),
        ({"goal": "impression"}, "goal"),
        ({"brief": {"channel": "discover", "products": []}}, "products"),
        ({"brief": {**BRIEF, "channel": "nowhere"}}, "nowhere"),
    ],
)
async def test_what_cannot_be_begun_is_said(client: httpx.AsyncClient, wrong: dict[str, object], says: str) -> None:
    body = {"brief": BRIEF, "slot": "home", "copies": COPIES[:2], **wrong}
    answer = await client.post("/v1/experiments", json=body)
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    assert (await client.get("/v1/experiments")).json() == {"experiments": []}


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/pick"), ("POST", "/stop")])
async def test_no_such_experiment(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, f"/v1/experiments/exp-0{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_experiment")
