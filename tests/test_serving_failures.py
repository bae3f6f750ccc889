"""How the HTTP API fails: one body and the right status for every failure, in a stream too; bugs in the log only."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from copygen import errors
from copygen.chat_model import ScriptedModel

from serving.app import _STATUS, MAX_BODY_BYTES, create_app
from serving.jobs.job import JobConflict, JobStoreError, UnknownJob
from serving.jobs.webhook import InvalidCallback
from serving.loop.experiment import ExperimentConflict, UnknownCopy, UnknownExperiment
from serving.loop.published import UnknownPublished
from tests.app_client import FailingModel, client_of, parse_events, settings
from tests.live_server import BROKEN_LAW, FIRST, RECORD, SECOND


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([FIRST, SECOND]), settings())) as client:
        yield client


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


UNTYPED = {"products": [{"name": "杯", "category": "杯"}]}


@pytest.mark.parametrize(
    ("content", "message", "param"),
    [
        pytest.param(b"", "the body is empty; send a JSON object", None, id="empty"),
        pytest.param(b'{"a": b}', "the body is not JSON: Expecting value at character 6", None, id="not JSON"),
        pytest.param(b"[1]", "the body is a list; send a JSON object", None, id="list"),
        pytest.param(b"{}", "products: missing, and it is required (also wrong: channel)", "products", id="nothing"),
        pytest.param({**UNTYPED, "channel": 5}, "channel: expected a valid string, got 5", "channel", id="number"),
        pytest.param(
            {**UNTYPED, "channel": "note", "n": "two"}, 'n: expected a valid integer, got "two"', "n", id="word"
        ),
        pytest.param(
            {**UNTYPED, "channel": "note", "keywords": 5},
            "keywords: expected a valid list or a valid string, got 5",
            "keywords",
            id="union",
        ),
        pytest.param(
            {"channel": "note", "products": [{"name": "杯", "attributes": "容量=1L"}]},
            'products[0].attributes: expected a valid dictionary or a valid list, got "容量=1L"',
            "products[0].attributes",
            id="union inside",
        ),
        pytest.param(
            {**UNTYPED, "chanel": "note"},
            "channel: missing, and it is required (also wrong: chanel)",
            "channel",
            id="misspelt",
        ),
    ],
)
async def test_an_unusable_body_is_said_in_plain_words(
    client: httpx.AsyncClient, content: bytes | dict[str, object], message: str, param: str | None
) -> None:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    response = await client.post("/v1/copies", content=raw, headers={"Content-Type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["message"], error["param"]) == (422, message, param)


async def test_json_without_its_header_is_told_of_the_header(client: httpx.AsyncClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl -d sends
    response = await client.post("/v1/copies", content=json.dumps(RECORD), headers=form)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_request")
    assert "Content-Type: application/json" in response.json()["error"]["message"]


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


async def test_a_bug_is_a_page_for_someone_with_a_browser() -> None:
    async with client_of(create_app(FailingModel(KeyError("secret")), settings())) as client:
        form = {"name": "杯", "category": "杯"}
        response = await client.post("/", data=form, headers={"Accept": "text/html"})
    assert (response.status_code, "我们这边出错了" in response.text) == (500, True)
    assert response.headers["X-Request-Id"] in response.text
    assert "secret" not in response.text


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
        pytest.param("GET", "/static/nope.css", {}, 404, "not_found", id="no such file"),
        pytest.param("GET", "/v1/copies", {}, 405, "method_not_allowed", id="wrong method"),
        pytest.param("POST", "/v1/copies", {"content": b"{"}, 422, "invalid_request", id="not JSON"),
        pytest.param("POST", "/v1/copies", {"content": b'"\xff"'}, 400, "bad_request", id="not UTF-8"),
        pytest.param("POST", "/v1/copies", {"content": b"[" * 200_000}, 400, "bad_request", id="too deep"),
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


def all_errors(kind: type[errors.CopygenError]) -> Iterator[type[errors.CopygenError]]:
    for child in kind.__subclasses__():
        yield child
        yield from all_errors(child)


def test_every_error_a_request_can_cause_has_a_status() -> None:
    ours = {"invalid_setting", "prompt_data_error", "model_files_error"}  # a wrong installation: 500 and a traceback
    asked = {kind for kind in all_errors(errors.CopygenError) if kind.code not in ours and "copygen" in kind.__module__}
    of_jobs = {JobConflict, JobStoreError, UnknownJob, InvalidCallback}
    of_the_loop = {ExperimentConflict, UnknownCopy, UnknownExperiment, UnknownPublished}
    assert asked | of_jobs | of_the_loop == set(_STATUS)
