"""The engine behind HTTP when the server fails: what its errors become, what is tried again, how long it waits."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import openai
import pytest

from copygen.chat_model import Completion
from copygen.errors import (
    EngineBroken,
    EngineBusy,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    PromptTooLong,
)

from serving.engines.openai_http import Timeouts
from tests.engine_contract import MESSAGES
from tests.fault_server import (
    DONE,
    FOREVER,
    GOOD,
    SSE,
    SSE_CHUNKED,
    Reply,
    chunked,
    event,
    fault_server,
    piece,
    status,
)
from tests.openai_client import SHORT, client, first_of

_CONTEXT_400 = (
    "This model's maximum context length is 512 tokens. However, your prompt contains 600 input tokens, which exceeds "
    "this limit even without any output tokens."
)


@pytest.mark.parametrize(
    ("reply", "error", "requests", "cause"),
    [
        pytest.param(status(500), EngineUnavailable, 2, openai.InternalServerError, id="500"),
        pytest.param(status(503), EngineUnavailable, 2, openai.InternalServerError, id="503"),
        pytest.param(status(429, headers="retry-after: 0\r\n"), EngineBusy, 2, openai.RateLimitError, id="429"),
        pytest.param(
            status(503, headers="retry-after: 0\r\n"), EngineBusy, 2, openai.InternalServerError, id="503-come-back"
        ),
        pytest.param(status(400), EngineRefused, 1, openai.BadRequestError, id="400"),
        pytest.param(status(400, _CONTEXT_400), PromptTooLong, 1, openai.BadRequestError, id="400-too-long"),
        pytest.param(status(401), EngineRefused, 1, openai.AuthenticationError, id="401"),
        pytest.param(status(404), EngineRefused, 1, openai.NotFoundError, id="404"),
        pytest.param([b""], EngineUnavailable, 2, openai.APIConnectionError, id="hangs-up-at-once"),
        pytest.param([b"SSH-2.0-OpenSSH_9.6\r\n"], EngineUnavailable, 2, openai.APIConnectionError, id="not-http"),
        pytest.param(
            [SSE.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"), b"not gzip"],
            EngineUnavailable,
            2,
            openai.APIConnectionError,
            id="not-gzip",
        ),
        pytest.param([SSE], EngineBroken, 2, None, id="empty-stream"),
        pytest.param([SSE, DONE], EngineBroken, 2, None, id="done-at-once"),
        pytest.param([SSE, b"<html>Welcome to nginx</html>"], EngineBroken, 2, None, id="html"),
        pytest.param([SSE, b"data: {nonsense\n\n"], EngineBroken, 2, ValueError, id="not-json"),
        pytest.param([SSE, b"data: \xff\xfe\n\n"], EngineBroken, 2, ValueError, id="not-utf8"),
        pytest.param([SSE, event(42)], EngineBroken, 2, ValueError, id="a-number"),
        pytest.param([SSE, event({"hello": 1})], EngineBroken, 2, ValueError, id="another-shape"),
        pytest.param([SSE, event({"choices": [{"index": 0, "delta": "x"}]})], EngineBroken, 2, ValueError, id="a-text"),
        pytest.param(
            [SSE, event({"error": {"message": "EngineCore encountered an issue."}})],
            EngineBroken,
            2,
            openai.APIError,
            id="told",
        ),
        pytest.param([SSE, piece("你", index=7)], EngineBroken, 2, None, id="candidate-nobody-asked-for"),
        pytest.param([SSE, piece("你", finish_reason="abort")], EngineBroken, 2, None, id="odd-finish-reason"),
    ],
)
async def test_faults_before_the_first_token(
    reply: Reply, error: type[EngineError], requests: int, cause: type[Exception] | None
) -> None:
    async with fault_server(reply) as server, client(server.base_url, max_attempts=2) as model:
        with pytest.raises(error) as caught:
            await first_of(model)
    assert type(caught.value) is error
    assert len(server.bodies) == requests, "retryable errors, and only those, use the whole budget"
    assert cause is None if caught.value.__cause__ is None else isinstance(caught.value.__cause__, cause or ())


@pytest.mark.parametrize(
    ("rest", "error"),
    [
        pytest.param([SSE, piece("你")], EngineBroken, id="ends-without-finish"),
        pytest.param([SSE_CHUNKED, chunked(piece("你"))], EngineBroken, id="connection-cut"),
        pytest.param([SSE_CHUNKED, chunked(piece("你")), b"zz\r\n"], EngineBroken, id="broken-framing"),
        pytest.param([SSE, piece("你"), b"data: {nonsense\n\n"], EngineBroken, id="garbage"),
        pytest.param(
            [SSE, piece("你"), event({"error": {"message": "EngineCore encountered an issue."}})],
            EngineBroken,
            id="told",
        ),
        pytest.param([SSE, piece("你"), FOREVER], EngineTimeout, id="falls-silent"),
    ],
)
async def test_faults_after_the_first_token_are_not_retried(rest: Reply, error: type[EngineError]) -> None:
    got = []
    limits = Timeouts(between_tokens_s=0.2)
    async with fault_server(rest, GOOD) as server, client(server.base_url, timeouts=limits) as model:
        with pytest.raises(error):
            async with aclosing(model.stream(MESSAGES, SHORT)) as chunks:
                async for chunk in chunks:
                    got.append(chunk)
    assert [chunk.text for chunk in got] == ["你"]
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(status(500), id="500"),
        pytest.param(status(429), id="429"),
        pytest.param([SSE], id="broken"),
        pytest.param([FOREVER], id="slow"),
    ],
)
async def test_a_second_attempt_may_succeed(bad: Reply) -> None:
    limits = Timeouts(first_token_s=0.3)
    async with fault_server(bad, GOOD) as server, client(server.base_url, timeouts=limits) as model:
        assert await first_of(model) == Completion(0, "你好", "stop", 7, 2)
    assert server.bodies[0] == server.bodies[1]


async def test_nobody_listens() -> None:
    async with fault_server(GOOD) as server:
        pass
    async with client(server.base_url, max_attempts=2) as model:
        with pytest.raises(EngineUnavailable, match=server.base_url) as caught:
            await first_of(model)
        assert not await model.ready()
    assert isinstance(caught.value.__cause__, openai.APIConnectionError)


_DRIP: Reply = [SSE, *[step for _ in range(200) for step in (piece("滴"), 0.05)]]


@pytest.mark.parametrize(
    ("reply", "limits", "timeout_s"),
    [
        pytest.param([FOREVER], Timeouts(first_token_s=0.2), 0.2, id="no-answer"),
        pytest.param([SSE, FOREVER], Timeouts(first_token_s=0.2), 0.2, id="no-first-token"),
        pytest.param([SSE, piece(""), FOREVER], Timeouts(first_token_s=0.2), 0.2, id="only-a-role"),
        pytest.param([SSE, *[b": ping\n\n", 0.05] * 40], Timeouts(first_token_s=0.2), 0.2, id="only-pings"),
        pytest.param([SSE, piece("你"), FOREVER], Timeouts(between_tokens_s=0.2), 0.2, id="no-next-token"),
        pytest.param([FOREVER], Timeouts(total_s=0.3), 0.3, id="total-before-first-token"),
        pytest.param(_DRIP, Timeouts(total_s=0.4, between_tokens_s=0.3), 0.4, id="total-of-a-dripping-stream"),
    ],
)
async def test_slow_server(reply: Reply, limits: Timeouts, timeout_s: float) -> None:
    started = time.monotonic()
    async with fault_server(reply) as server, client(server.base_url, timeouts=limits, max_attempts=1) as model:
        with pytest.raises(EngineTimeout) as caught:
            await first_of(model)
        assert time.monotonic() - started < timeout_s + 5
        await asyncio.wait_for(server.client_left.wait(), 10)
    assert caught.value.timeout_s == timeout_s


async def test_time_the_caller_takes_between_chunks_is_not_the_servers() -> None:
    texts = []
    limits = Timeouts(between_tokens_s=0.2)
    async with fault_server(GOOD) as server, client(server.base_url, timeouts=limits) as model:
        async for chunk in model.stream(MESSAGES, SHORT):
            texts.append(chunk.text)
            await asyncio.sleep(0.3)
    assert "".join(texts) == "你好"


async def test_retry_after_is_waited_for() -> None:
    started = time.monotonic()
    async with (
        fault_server(status(429, headers="retry-after: 1\r\n"), GOOD) as server,
        client(server.base_url) as model,
    ):
        assert (await first_of(model)).text == "你好"
    assert 1 <= time.monotonic() - started < 6


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        pytest.param(lambda: "100", 100, 100, id="seconds"),
        pytest.param(
            lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True), 80, 90, id="date"
        ),
        pytest.param(lambda: "soon", 1, 1, id="unreadable"),
        pytest.param(lambda: "Mon, 01 Jan 2024 00:00:00 GMT", 0, 0, id="past-date"),
        pytest.param(lambda: "-5", 1, 1, id="negative"),
        pytest.param(lambda: "nan", 1, 1, id="not-a-number"),
    ],
)
async def test_waits_beyond_the_budget_are_left_to_the_caller(
    value: Callable[[], str], low: float, high: float
) -> None:
    started = time.monotonic()
    reply = status(429, headers=f"retry-after: {value()}\r\n")
    limits = Timeouts(total_s=30)
    attempts = 3 if low > limits.total_s else 1
    async with (
        fault_server(reply) as server,
        client(server.base_url, timeouts=limits, max_attempts=attempts) as model,
    ):
        with pytest.raises(EngineBusy) as caught:
            await first_of(model)
    assert time.monotonic() - started < 6
    assert len(server.bodies) == 1
    assert low <= caught.value.retry_after_s <= high


@pytest.mark.parametrize(
    ("message", "prompt_tokens", "max_tokens"),
    [
        pytest.param(_CONTEXT_400, 600, 512, id="vllm"),
        pytest.param(_CONTEXT_400.replace("contains 600", "contains at least 513"), None, 512, id="vllm-cut"),
        pytest.param(
            "This model's maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens.",
            *(5000, 4097),
            id="openai",
        ),
        pytest.param(
            "The input (600 tokens) is longer than the model's context length (512 tokens).", None, 512, id="sglang"
        ),
        pytest.param("the request exceeds the available context size, try increasing it", None, None, id="llama.cpp"),
    ],
)
async def test_numbers_of_a_too_long_prompt(message: str, prompt_tokens: int | None, max_tokens: int | None) -> None:
    async with fault_server(status(400, message)) as server, client(server.base_url) as model:
        with pytest.raises(PromptTooLong) as caught:
            await first_of(model)
    assert (caught.value.prompt_tokens, caught.value.max_tokens) == (prompt_tokens, max_tokens)
