"""The engine behind HTTP: against a server that fails on purpose, then against a real vLLM server on the CPU."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import anyio
import openai
import pytest
from engine_contract import ENGINE_CHECKS, MESSAGES, STREAM_CHECKS, Check
from fault_server import (
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
    usage,
)
from hypothesis import given
from hypothesis import strategies as st

from copygen.chat_model import Chunk, Completion, Message, SamplingParams, ScriptedModel, complete
from copygen.errors import (
    EngineBroken,
    EngineBusy,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    PromptTooLong,
)

from serving.engines.openai_http import OpenAIHttpModel, Timeouts
from serving.engines.openai_wire import shares

if TYPE_CHECKING:
    from vllm_server import VllmServer

pytest_plugins = ("vllm_server",)

SHORT = SamplingParams(max_tokens=16)
LONG = SamplingParams(max_tokens=4000)
"""Many seconds of work for the tiny model; never finished here."""


@asynccontextmanager
async def client(base_url: str, model: str = "tiny", **options: Any) -> AsyncGenerator[OpenAIHttpModel, None]:
    engine = OpenAIHttpModel(base_url=base_url, model=model, **options)
    try:
        yield engine
    finally:
        await engine.aclose()


async def first_of(model: OpenAIHttpModel, params: SamplingParams = SHORT) -> Completion:
    return (await complete(model, MESSAGES, params))[0]


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in STREAM_CHECKS.items()])
async def test_scripted_model_streams_as_engines_do(check: Check) -> None:
    await check(ScriptedModel(["通勤路上的一杯热咖啡", "保温杯"]))


# --- Faults -----------------------------------------------------------------------------------------------------------

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
            [SSE, event({"error": {"message": "EngineCore died"}})], EngineBroken, 2, openai.APIError, id="told"
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
        pytest.param([SSE, piece("你"), event({"error": {"message": "EngineCore died"}})], EngineBroken, id="told"),
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
        assert time.monotonic() - started < timeout_s + 1
        await asyncio.wait_for(server.client_left.wait(), 1)
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
    assert 1 <= time.monotonic() - started < 3


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
    assert time.monotonic() - started < 2
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


# --- What is sent and read --------------------------------------------------------------------------------------------


async def test_request_says_all_of_the_params() -> None:
    params = SamplingParams(
        n=1, temperature=0.5, top_p=0.7, repetition_penalty=1.1, max_tokens=9, seed=3, stop=("。", "\n")
    )
    async with fault_server(GOOD) as server, client(server.base_url, api_key="sk-1") as model:
        await first_of(model, params)
    assert server.bodies == [
        {
            "model": "tiny",
            "messages": [{"role": m.role, "content": m.content} for m in MESSAGES],
            "n": 1,
            "temperature": 0.5,
            "top_p": 0.7,
            "repetition_penalty": 1.1,
            "max_tokens": 9,
            "seed": 3,
            "stop": ["。", "\n"],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    assert "authorization: bearer sk-1" in server.headers[0]


@pytest.mark.parametrize(
    ("penalty", "extra_params", "sent"),
    [
        pytest.param(1.1, True, True, id="sent"),
        pytest.param(1.0, True, False, id="off"),
        pytest.param(1.1, False, False, id="server-without-it"),
    ],
)
async def test_repetition_penalty(penalty: float, extra_params: bool, sent: bool) -> None:
    async with fault_server(GOOD) as server, client(server.base_url, extra_params=extra_params) as model:
        await first_of(model, SamplingParams(repetition_penalty=penalty))
    assert ("repetition_penalty" in server.bodies[0]) is sent


@pytest.mark.parametrize(
    ("adapter", "model_sent"),
    [
        pytest.param(None, "tiny", id="none"),
        pytest.param("note", "note-lora", id="channel"),
        pytest.param("guofeng-lora", "guofeng-lora", id="the-servers-own-name"),
    ],
)
async def test_adapter_becomes_the_model(adapter: str | None, model_sent: str) -> None:
    async with fault_server(GOOD) as server, client(server.base_url, adapters={"note": "note-lora"}) as model:
        await complete(model, MESSAGES, SHORT, adapter=adapter)
    assert server.bodies[0]["model"] == model_sent


async def test_usage_of_several_candidates_is_shared_out() -> None:
    reply: Reply = [
        SSE,
        piece("一"),
        piece("A", index=1, finish_reason="length"),
        piece("二"),
        piece("三", finish_reason="stop"),
        usage(10, 8),
        DONE,
    ]
    async with fault_server(reply) as server, client(server.base_url) as model:
        chunks = [chunk async for chunk in model.stream(MESSAGES, SamplingParams(n=2))]
    assert chunks[-2:] == [Chunk(0, "", "stop", 10, 6), Chunk(1, "", "length", 10, 2)]
    assert [(chunk.index, chunk.text) for chunk in chunks[:-2]] == [(0, "一"), (1, "A"), (0, "二"), (0, "三")]


async def test_server_that_tells_no_usage() -> None:
    reply: Reply = [SSE, piece("好", finish_reason="stop")]
    async with fault_server(reply) as server, client(server.base_url) as model:
        assert await first_of(model) == Completion(0, "好", "stop", 0, 0)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 1000), min_size=1, max_size=16))
def test_shares_add_up_and_are_near_the_exact_part(total: int, weights: list[int]) -> None:
    parts = shares(total, weights)
    assert sum(parts) == total
    assert all(abs(part - total * weight / sum(weights)) <= 1 for part, weight in zip(parts, weights, strict=True))


# --- Going away -------------------------------------------------------------------------------------------------------


When = Callable[[], Awaitable[object]]
Leave = Callable[[OpenAIHttpModel, When], Awaitable[None]]


async def close_early(model: OpenAIHttpModel, when: When) -> None:
    async with aclosing(model.stream(MESSAGES, LONG)) as chunks:
        await anext(chunks)
        await when()


async def cancel_task(model: OpenAIHttpModel, when: When) -> None:
    task = asyncio.create_task(complete(model, MESSAGES, LONG))
    await when()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def cancel_scope(model: OpenAIHttpModel, when: When) -> None:
    """As a web framework does when its client disconnects: every later wait is cancelled too."""
    async with anyio.create_task_group() as group:
        group.start_soon(complete, model, MESSAGES, LONG)
        await when()
        group.cancel_scope.cancel()


async def soon() -> None:
    await asyncio.sleep(0.3)


LEAVING = [pytest.param(way, id=way.__name__) for way in (close_early, cancel_task, cancel_scope)]


@pytest.mark.parametrize("leave", LEAVING)
async def test_server_sees_the_caller_go(leave: Leave) -> None:
    async with fault_server([SSE, piece("你"), FOREVER]) as server, client(server.base_url) as model:
        await leave(model, soon)
        await asyncio.wait_for(server.client_left.wait(), 1)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("leave", LEAVING[1:])
async def test_server_sees_the_caller_go_before_the_first_token(leave: Leave) -> None:
    async with fault_server([FOREVER]) as server, client(server.base_url) as model:
        await leave(model, soon)
        await asyncio.wait_for(server.client_left.wait(), 1)
    assert len(server.bodies) == 1


async def test_closed_client_says_so() -> None:
    async with fault_server([SSE, piece("你"), FOREVER]) as server, client(server.base_url, max_attempts=1) as model:
        async with aclosing(model.stream(MESSAGES, LONG)) as chunks:
            await anext(chunks)
            await model.aclose()
            with pytest.raises(EngineError):
                await anext(chunks)
        with pytest.raises(EngineUnavailable, match="closed"):
            await first_of(model)
        assert not await model.ready()


# --- Real vLLM --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def model(vllm: "VllmServer") -> AsyncGenerator[OpenAIHttpModel, None]:
    async with client(vllm.base_url, vllm.model, adapters={"note": vllm.adapter}) as engine:
        yield engine


async def becomes(running: int, vllm: "VllmServer") -> None:
    """Wait until the server works on so many requests."""
    async with asyncio.timeout(15):
        while await asyncio.to_thread(vllm.running_requests) != running:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in ENGINE_CHECKS.items()])
async def test_vllm_fulfils_the_contract_of_every_engine(model: OpenAIHttpModel, check: Check) -> None:
    await check(model)


async def test_vllm_is_ready(vllm: "VllmServer", model: OpenAIHttpModel) -> None:
    assert await model.ready()
    async with client(vllm.base_url, "no-such-model") as other:
        assert not await other.ready()
    async with client(vllm.base_url, vllm.model, adapters={"note": "no-such-adapter"}) as other:
        assert not await other.ready()


async def test_vllm_repeats_a_seed_run_alone(model: OpenAIHttpModel) -> None:
    texts = [(await first_of(model, SamplingParams(temperature=1.0, seed=seed))).text for seed in (7, 7, 7, 8)]
    assert texts[0] == texts[1] == texts[2] != texts[3]


async def test_vllm_adapter_changes_the_answer(model: OpenAIHttpModel) -> None:
    greedy = SamplingParams(temperature=0.0, max_tokens=16)
    (plain,) = await complete(model, MESSAGES, greedy)
    (adapted,) = await complete(model, MESSAGES, greedy, adapter="note")
    assert plain.text != adapted.text


async def test_vllm_streams_while_it_works(model: OpenAIHttpModel) -> None:
    chunks = [chunk async for chunk in model.stream(MESSAGES, SamplingParams(max_tokens=200))]
    assert len(chunks) > 20
    assert sum(chunk.completion_tokens for chunk in chunks) == 200


async def test_vllm_serves_many_callers_at_once(model: OpenAIHttpModel) -> None:
    answers = await asyncio.gather(
        *(complete(model, MESSAGES, SamplingParams(n=1 + i % 3, max_tokens=8)) for i in range(16))
    )
    assert [len(answer) for answer in answers] == [1 + i % 3 for i in range(16)]


@pytest.mark.parametrize("text", [pytest.param("长" * 4090, id="tokens"), pytest.param("长" * 90_000, id="characters")])
async def test_vllm_refuses_a_long_prompt_with_its_limit(vllm: "VllmServer", model: OpenAIHttpModel, text: str) -> None:
    with pytest.raises(PromptTooLong) as caught:
        await complete(model, [Message("user", text)], SHORT)
    assert caught.value.max_tokens == vllm.max_model_len


async def test_vllm_refuses_an_unknown_model(vllm: "VllmServer", model: OpenAIHttpModel) -> None:
    async with client(vllm.base_url, "no-such-model") as other:
        with pytest.raises(EngineRefused, match="no-such-model"):
            await first_of(other)
    with pytest.raises(EngineRefused, match="no-such-adapter"):
        await complete(model, MESSAGES, SHORT, adapter="no-such-adapter")


@pytest.mark.parametrize("leave", LEAVING)
async def test_vllm_stops_working_when_the_caller_goes(
    vllm: "VllmServer", model: OpenAIHttpModel, leave: Leave
) -> None:
    before = vllm.generated_tokens()
    await leave(model, lambda: becomes(1, vllm))
    await becomes(0, vllm)
    assert 0 < vllm.generated_tokens() - before < LONG.max_tokens


async def test_vllm_killed_in_the_middle_of_an_answer(vllm: "VllmServer", model: OpenAIHttpModel) -> None:
    with pytest.raises(EngineBroken):
        async with aclosing(model.stream(MESSAGES, LONG)) as chunks:
            await anext(chunks)
            await asyncio.to_thread(vllm.kill)
            async for _ in chunks:
                pass
    with pytest.raises(EngineUnavailable):
        await first_of(model)
