"""The HTTP API: what it answers, that it stops when nobody listens, and what it never logs."""

import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from copygen.chat_model import ScriptedModel

from serving.app import create_app
from tests.app_client import client_of, parse_events, settings
from tests.live_server import FIRST, RECORD, SECOND, SlowModel, running

SNAPSHOT = Path(__file__).parent / "snapshots" / "openapi.json"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([FIRST, SECOND]), settings())) as client:
        yield client


async def test_copies_come_checked_ranked_and_labelled(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/copies", json={**RECORD, "n": 2}, headers={"X-Request-Id": "abc-1"})
    assert response.status_code == 200, response.text
    assert response.headers["X-AI-Generated"] == "true"
    assert response.headers["X-Request-Id"] == "abc-1"
    body = response.json()
    assert (body["id"], body["status"], body["model"]) == ("ear-1", "succeeded", "scripted")
    assert {copy["title"] for copy in body["copies"]} == {"通勤路上的一间小房间", "把地铁调成静音模式"}
    scores = [copy["score"]["value"] for copy in body["copies"]]
    assert scores == sorted(scores, reverse=True)
    assert body["copies"][0]["score"]["name"] == "proxy"
    assert body["ai_label"] == "本内容由人工智能生成"
    assert body["copies"][0]["AIGC"]["ProduceID"] != body["copies"][1]["AIGC"]["ProduceID"]
    assert body["facts"][0]["subject"] == "主动降噪"
    assert body["usage"]["candidates"] == 2
    assert body["timings"]["total_ms"] >= body["timings"]["engine_ms"] >= 0
    for copy in body["copies"]:
        for clause in copy["evidence"]:
            assert copy[clause["where"]][clause["start"] : clause["end"]] == clause["text"]


async def test_a_corpus_record_can_be_sent_as_it_is(client: httpx.AsyncClient) -> None:
    record = {**RECORD, "copy": {"title": "x"}, "used": ["续航"], "status": "ok", "industry": "数码影音"}
    assert (await client.post("/v1/copies", json=record)).status_code == 200


async def test_traditional_copy_has_a_traditional_label() -> None:
    reply = "標題：通勤路上的小房間\n正文：" + (
        "早八點的車廂，也能有一間自己的小房間。46dB降噪把噪聲關在門外，單耳4.2g，戴上就忘了它。"
        "單次8小時聽完一整天，充電盒合計36小時，兩種顏色都耐看。"
    )
    async with client_of(create_app(ScriptedModel([reply]), settings())) as client:
        body = (await client.post("/v1/copies", json={**RECORD, "lang": "zh-Hant"})).json()
    assert body["ai_label"] == "本內容由人工智慧（AI）生成"


async def test_options_reach_the_engine() -> None:
    model = ScriptedModel([FIRST])
    app = create_app(model, settings(adapters={"discover": "discover-lora"}))
    async with client_of(app) as client:
        await client.post("/v1/copies", json={**RECORD, "channel": "发现好货", "seed": 7, "temperature": 0.2})
    _, params, adapter = model.calls[0]
    assert (params.seed, params.temperature, adapter) == (7, 0.2, "discover-lora")


async def test_a_blocked_word_is_never_returned(client: httpx.AsyncClient) -> None:
    body = (await client.post("/v1/copies", json={**RECORD, "n": 2, "block": ["小房间"]})).json()
    assert [copy["title"] for copy in body["copies"]] == ["把地铁调成静音模式"]


async def test_events_are_tokens_and_then_the_same_result(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/copies", json=RECORD, headers={"Accept": "text/event-stream"})
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-AI-Generated"] == "true"
    events = parse_events(response.text)
    assert [name for name, _ in events] == ["token"] * (len(events) - 1) + ["result"]
    assert "".join(data["text"] for name, data in events if name == "token") == FIRST
    async with client_of(create_app(ScriptedModel([FIRST]), settings())) as other:
        plain = (await other.post("/v1/copies", json=RECORD)).json()
    streamed = events[-1][1]
    assert plain.pop("timings").keys() == streamed.pop("timings").keys()
    assert streamed == plain


@pytest.mark.parametrize("stream", [True, False], ids=["events", "json"])
def test_hanging_up_stops_the_engine(stream: bool) -> None:
    model = SlowModel([FIRST], pause_s=0.3)
    with running(create_app(model, settings())) as url, httpx.Client(base_url=url, timeout=1.0) as client:
        if stream:
            with client.stream("POST", "/v1/copies", json={**RECORD, "stream": True}) as response:
                assert next(response.iter_lines()) == "event: token"
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.post("/v1/copies", json=RECORD)
        assert model.stopped.wait(2.0)
        assert not model.finished.is_set()


async def test_channels_name_all_a_brief_may_ask_for(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/channels")).json()
    channels = {channel["id"]: channel for channel in body["channels"]}
    assert channels["discover"]["fields"]["title"]["max"] == 14
    assert (channels["bundle"]["min_products"], channels["bundle"]["max_products"]) == (2, 4)
    assert channels["search_ad"]["fields"]["points"]["unit"] == "width"
    assert len(body["tones"]) == 8
    assert "爆发" in body["phases"]


async def test_model_and_health(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/model")).json()
    assert (body["name"], body["engine"]) == ("scripted", "embedded")
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).status_code == 200


class WarmingModel(ScriptedModel):
    """Remembers being waited for and closed."""

    def __init__(self) -> None:
        super().__init__([FIRST])
        self.history: list[str] = []

    async def ready(self) -> None:
        self.history.append("ready")

    async def aclose(self) -> None:
        self.history.append("closed")


async def test_ready_only_between_start_and_stop() -> None:
    model = WarmingModel()
    app = create_app(model, settings())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as outside:
        assert (await outside.get("/readyz")).status_code == 503
        async with app.router.lifespan_context(app):
            assert (await outside.get("/readyz")).status_code == 200
            assert model.history == ["ready"]
        assert (await outside.get("/readyz")).status_code == 503
    assert model.history == ["ready", "closed"]


CUP = {"name": "保温杯", "category": "保温杯", "attributes": {"容量": "500ml", "材质": "316不锈钢"}}


@pytest.mark.parametrize(
    ("body", "labels"),
    [
        pytest.param({"text": "全网第一的保温杯"}, {"absolute_term"}, id="law alone"),
        pytest.param({"text": "一杯热茶陪你到下班"}, set(), id="clean"),
        pytest.param(
            {"text": "容量800ml的保温杯", "products": [CUP]}, {"wrong_value"}, id="number against the product"
        ),
        pytest.param({"text": "我家独有", "block": ["独有"]}, {"blocked_word"}, id="own word list"),
        pytest.param(
            {"copy": {"title": "杯"}, "channel": "short_title", "products": [CUP]},
            {"length"},
            id="limits of the channel",
        ),
    ],
)
async def test_checks(client: httpx.AsyncClient, body: dict[str, Any], labels: set[str]) -> None:
    answer = (await client.post("/v1/checks", json=body)).json()
    assert {finding["label"] for finding in answer["findings"]} == labels
    assert answer["passed"] == (not labels)
    for finding in answer["findings"]:
        if finding["where"] == "text":
            assert body["text"][finding["start"] : finding["end"]] == finding["text"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"text": "a", "copy": {"title": "b"}}, None, id="both"),
        pytest.param({"copy": {"title": "b"}}, "products", id="copy without products"),
        pytest.param({"copy": {"title": "b"}, "products": [CUP]}, "channel", id="copy without channel"),
    ],
)
async def test_a_check_needs_something_to_check(
    client: httpx.AsyncClient, body: dict[str, Any], param: str | None
) -> None:
    response = await client.post("/v1/checks", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (422, param)


async def test_one_log_line_a_request_and_nothing_of_its_content(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await client.post("/v1/copies", json=RECORD, headers={"X-Request-Id": "line-1"})
    lines = [record.getMessage() for record in caplog.records if record.name == "copygen.requests"]
    line = json.loads(lines[-1])
    assert line.pop("duration_ms") > 0
    assert line == {"method": "POST", "path": "/v1/copies", "status": 200, "request_id": "line-1"}
    assert not any(word in caplog.text for word in ("听屿", "小房间", "通勤"))


async def test_a_request_id_that_could_forge_a_log_line_is_replaced(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz", headers={"X-Request-Id": 'a" b'})
    assert len(response.headers["X-Request-Id"]) == 32


def test_openapi_snapshot() -> None:
    document = create_app(ScriptedModel([FIRST]), settings()).openapi()
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if os.environ.get("COPYGEN_UPDATE_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text, encoding="utf-8")
    if SNAPSHOT.read_text(encoding="utf-8") != text:
        pytest.fail(
            "the API changed. If that is meant, write the snapshot anew and read its diff before you commit it:\n"
            "    COPYGEN_UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/test_serving_api.py -k openapi",
            pytrace=False,
        )
