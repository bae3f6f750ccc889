"""The engine behind HTTP: what it sends, what it reads, and how it goes away."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copygen.chat_model import Chunk, Completion, SamplingParams, ScriptedModel, complete
from copygen.errors import EngineError, EngineUnavailable, InvalidSetting

from serving.engines import open_engine
from serving.engines.openai_wire import shares
from tests.engine_contract import MESSAGES, STREAM_CHECKS, Check
from tests.fault_server import DONE, FOREVER, GOOD, SSE, Reply, fault_server, models, piece, usage
from tests.openai_client import LEAVING, LONG, SHORT, Leave, client, first_of


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in STREAM_CHECKS.items()])
async def test_scripted_model_streams_as_engines_do(check: Check) -> None:
    await check(ScriptedModel(["通勤路上的一杯热咖啡", "保温杯"]))


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


async def test_repetition_penalty_that_is_off_is_not_sent() -> None:
    async with fault_server(GOOD) as server, client(server.base_url) as model:
        await first_of(model, SamplingParams(repetition_penalty=1.0))
    assert "repetition_penalty" not in server.bodies[0]


@pytest.mark.parametrize(
    ("adapter", "model_sent"),
    [
        pytest.param(None, "tiny", id="none"),
        pytest.param("note-lora", "note-lora", id="adapter"),
    ],
)
async def test_adapter_becomes_the_model(adapter: str | None, model_sent: str) -> None:
    async with fault_server(GOOD) as server, client(server.base_url) as model:
        await complete(model, MESSAGES, SHORT, adapter=adapter)
    assert server.bodies[0]["model"] == model_sent


@pytest.mark.parametrize(
    ("served", "ready", "missing"),
    [
        pytest.param(("tiny", "note-lora", "other"), True, "", id="all"),
        pytest.param(("tiny", "other"), False, "note-lora", id="adapter-missing"),
        pytest.param(("note-lora",), False, "tiny", id="model-missing"),
    ],
)
async def test_ready_looks_for_the_model_and_its_adapters(
    served: tuple[str, ...], ready: bool, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with fault_server(models(*served)) as server, client(server.base_url, adapters=["note-lora"]) as model:
        assert await model.ready() is ready
    assert missing in caplog.text
    assert bool(caplog.text) is not ready


@pytest.mark.parametrize(
    ("spec", "options", "name"),
    [
        pytest.param("http://localhost:port/v1", {}, "engine", id="port-of-letters"),
        pytest.param("http://localhost:99999/v1", {}, "engine", id="port-too-high"),
        pytest.param("http:///v1", {}, "engine", id="no-host"),
        pytest.param("localhost:8000", {}, "engine", id="no-scheme"),
        pytest.param("http://localhost/v1", {"api_key": "密钥"}, "api_key", id="key-of-other-letters"),
        pytest.param("http://localhost/v1", {"api_key": "two\nlines"}, "api_key", id="key-of-two-lines"),
        pytest.param("http://localhost/v1", {"model": ""}, "model", id="no-model"),
        pytest.param("embedded", {"adapters": ["note-lora"]}, "adapters", id="adapters-without-a-server"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(spec: str, options: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        open_engine(spec, **{"model": "tiny", **options})
    assert caught.value.name == name


async def test_server_that_asks_for_no_key() -> None:
    async with fault_server(GOOD) as server, client(server.base_url, api_key="") as model:
        assert (await first_of(model)).text == "你好"


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


async def soon() -> None:
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("leave", LEAVING)
async def test_server_sees_the_caller_go(leave: Leave) -> None:
    async with fault_server([SSE, piece("你"), FOREVER]) as server, client(server.base_url) as model:
        await leave(model, soon)
        await asyncio.wait_for(server.client_left.wait(), 10)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("leave", LEAVING[1:])
async def test_server_sees_the_caller_go_before_the_first_token(leave: Leave) -> None:
    async with fault_server([FOREVER]) as server, client(server.base_url) as model:
        await leave(model, soon)
        await asyncio.wait_for(server.client_left.wait(), 10)
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
