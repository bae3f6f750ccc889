"""The HTTP API: what it answers, how it fails, that it stops when nobody listens, and what it never logs."""

import json
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from copygen import errors
from copygen.chat_model import Chunk, Message, SamplingParams, ScriptedModel

from serving.app import MAX_BODY_BYTES, create_app
from serving.settings import Settings
from tests.live_server import BROKEN_LAW, FIRST, RECORD, SECOND, SlowModel, running

SNAPSHOT = Path(__file__).parent / "snapshots" / "openapi.json"


def settings(**values: Any) -> Settings:
    return Settings(**{"extra_candidates": 0, **values})


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([FIRST, SECOND]), settings())) as client:
        yield client


class FailingModel(ScriptedModel):
    """Says a few words, if any, and fails."""

    def __init__(self, error: Exception, words: str = "") -> None:
        super().__init__([""])
        self._error, self._words = error, words

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        if self._words:
            yield Chunk(0, self._words)
        raise self._error


def parse_events(text: str) -> list[tuple[str, Any]]:
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events


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


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        pytest.param({"chanel": "discover"}, "invalid_request", "chanel", id="misspelt field"),
        pytest.param({"n": 0}, "invalid_request", "n", id="n too small"),
        pytest.param({"lang": "en"}, "invalid_request", "lang", id="other language"),
        pytest.param({"channel": "tv"}, "unknown_channel", "channel", id="unknown channel"),
        pytest.param({"tone": "愤怒"}, "unknown_channel", "tone", id="unknown tone"),
        pytest.param({"phase": "春节"}, "unknown_channel", "phase", id="unknown phase"),
        pytest.param({"products": []}, "invalid_brief", "products", id="no product"),
        pytest.param({"channel": "bundle"}, "invalid_brief", "products", id="too few products"),
        pytest.param({"products": [{"name": ""}]}, "invalid_brief", "products[0].name", id="no name"),
        pytest.param({"facts": [["a", "b"]]}, "invalid_brief", "facts[0]", id="half a fact"),
        pytest.param(
            {"products": [{"name": "杯", "attributes": {"容量": {"x": 1}}}]},
            "invalid_brief",
            "products[0].attributes.容量",
            id="nested value",
        ),
        pytest.param(
            {"products": [{"name": "杯", "colour": "红"}]}, "invalid_request", "products[0].colour", id="extra"
        ),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_brief_that_cannot_be_used_names_the_field(
    client: httpx.AsyncClient, change: dict[str, object], code: str, param: str, accept: str
) -> None:
    response = await client.post("/v1/copies", json={**RECORD, **change}, headers={"Accept": accept})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (422, code, param)
    assert error["request_id"] == response.headers["X-Request-Id"]
    assert set(error) == {"code", "message", "param", "request_id"}


ENGINE_FAILURES = [
    pytest.param(errors.EngineBusy(retry_after_s=2.2), 429, "engine_busy", "3", id="busy"),
    pytest.param(errors.EngineUnavailable(), 503, "engine_unavailable", "5", id="unavailable"),
    pytest.param(errors.EngineTimeout(timeout_s=30), 504, "engine_timeout", None, id="timeout"),
    pytest.param(errors.EngineBroken(), 502, "engine_broken", None, id="broken"),
    pytest.param(errors.EngineError(), 502, "engine_error", None, id="any other engine error"),
    pytest.param(errors.EngineRefused(), 422, "engine_refused", None, id="refused"),
    pytest.param(errors.PromptTooLong(prompt_tokens=9, max_tokens=8), 422, "prompt_too_long", None, id="too long"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["json", "events"])
@pytest.mark.parametrize(("error", "status", "code", "retry_after"), ENGINE_FAILURES)
async def test_an_engine_failure_has_a_status_even_when_streaming(
    error: errors.CopygenError, status: int, code: str, retry_after: str | None, stream: bool
) -> None:
    async with client_of(create_app(FailingModel(error), settings())) as client:
        response = await client.post("/v1/copies", json={**RECORD, "stream": stream})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.headers.get("Retry-After") == retry_after


async def test_a_bug_is_a_plain_500_with_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with client_of(create_app(FailingModel(KeyError("secret")), settings())) as client:
        response = await client.post("/v1/copies", json=RECORD)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (500, "internal_error")
    assert "secret" not in response.text
    assert "Content-Security-Policy" in response.headers
    traceback = next(record for record in caplog.records if record.exc_info)
    assert error["request_id"] in traceback.getMessage()


async def test_no_good_copy_lists_what_kept_the_best_one_back() -> None:
    async with client_of(create_app(ScriptedModel([BROKEN_LAW]), settings())) as client:
        response = await client.post("/v1/copies", json={**RECORD, "block": ["降噪"]})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "no_good_copy")
    assert any(finding["label"] == "blocked_word" for finding in error["details"])
    assert "X-AI-Generated" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "kwargs", "status", "code"),
    [
        pytest.param("GET", "/v2/copies", {}, 404, "not_found", id="no such path"),
        pytest.param("GET", "/v1/copies", {}, 405, "method_not_allowed", id="wrong method"),
        pytest.param("POST", "/v1/copies", {"content": b"{"}, 422, "invalid_request", id="not JSON"),
        pytest.param("POST", "/v1/copies", {"json": RECORD}, 403, "forbidden", id="another site's page"),
        pytest.param(
            "POST", "/v1/copies", {"content": b"x" * (MAX_BODY_BYTES + 1)}, 413, "content_too_large", id="too large"
        ),
    ],
)
async def test_failures_of_the_framework_have_the_same_body(
    client: httpx.AsyncClient, method: str, path: str, kwargs: dict[str, Any], status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    if code == "forbidden":
        headers["Sec-Fetch-Site"] = "cross-site"
    response = await client.request(method, path, headers=headers, **kwargs)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"code", "message", "param", "request_id"}
    assert error["code"] == code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="a program"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="our page"),
        pytest.param({"Origin": "http://test"}, 200, id="our page, older browser"),
        pytest.param({"Origin": "http://evil"}, 403, id="other origin"),
        pytest.param({"Origin": "null"}, 403, id="hidden origin"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="neighbouring host"),
    ],
)
async def test_only_our_own_pages_and_programs_may_post(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    response = await client.post("/v1/checks", json={"text": "棉麻衬衫"}, headers=headers)
    assert response.status_code == status


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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(errors.EngineBroken(), "engine_broken", id="engine"),
        pytest.param(ZeroDivisionError(), "internal_error", id="bug"),
    ],
)
async def test_a_failure_after_the_first_token_is_an_event(error: Exception, code: str) -> None:
    async with client_of(create_app(FailingModel(error, "标题：通勤"), settings())) as client:
        response = await client.post("/v1/copies", json={**RECORD, "stream": True})
    (first, _), (last, data) = parse_events(response.text)
    assert (response.status_code, first, last, data["error"]["code"]) == (200, "token", "error", code)
    assert data["error"]["request_id"] == response.headers["X-Request-Id"]


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


def all_errors(kind: type[errors.CopygenError]) -> Iterator[type[errors.CopygenError]]:
    for child in kind.__subclasses__():
        yield child
        yield from all_errors(child)


def test_every_error_a_request_can_cause_has_a_status() -> None:
    from serving.app import _STATUS

    ours = {"invalid_setting", "prompt_data_error", "model_files_error"}  # a wrong installation: 500 and a traceback
    asked = {kind for kind in all_errors(errors.CopygenError) if kind.code not in ours and "copygen" in kind.__module__}
    assert asked == set(_STATUS)


def test_openapi_snapshot() -> None:
    document = create_app(ScriptedModel([FIRST]), settings()).openapi()
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if os.environ.get("COPYGEN_UPDATE_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert SNAPSHOT.read_text(encoding="utf-8") == text, (
        "the API changed; if that is meant, write the snapshot anew and review its diff: "
        "COPYGEN_UPDATE_SNAPSHOTS=1 pytest tests/test_serving_api.py -k openapi"
    )
