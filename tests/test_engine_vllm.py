"""The engine behind HTTP against a real vLLM server on the CPU, started once; the last test kills it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from copygen.chat_model import Message, SamplingParams, complete
from copygen.errors import EngineBroken, EngineRefused, EngineUnavailable, PromptTooLong

from serving.engines.openai_http import OpenAIHttpModel
from tests.engine_contract import ENGINE_CHECKS, MESSAGES, Check
from tests.openai_client import LEAVING, LONG, SHORT, Leave, client, first_of

if TYPE_CHECKING:
    from tests.vllm_server import VllmServer

pytest_plugins = ("tests.vllm_server",)
pytestmark = pytest.mark.timeout(900)  # the first test waits for the server to start


@pytest.fixture
async def model(vllm: "VllmServer") -> AsyncGenerator[OpenAIHttpModel, None]:
    async with client(vllm.base_url, vllm.model, adapters=[vllm.adapter]) as engine:
        yield engine


async def becomes(running: int, vllm: "VllmServer") -> None:
    """Wait until the server works on so many requests."""
    async with asyncio.timeout(60):
        while await asyncio.to_thread(vllm.running_requests) != running:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in ENGINE_CHECKS.items()])
async def test_vllm_fulfils_the_contract_of_every_engine(model: OpenAIHttpModel, check: Check) -> None:
    await check(model)


async def test_vllm_is_ready(vllm: "VllmServer", model: OpenAIHttpModel) -> None:
    assert await model.ready()
    async with client(vllm.base_url, "no-such-model") as other:
        assert not await other.ready()
    async with client(vllm.base_url, vllm.model, adapters=["no-such-adapter"]) as other:
        assert not await other.ready()


async def test_vllm_repeats_a_seed_run_alone(model: OpenAIHttpModel) -> None:
    texts = [(await first_of(model, SamplingParams(max_tokens=64, seed=seed))).text for seed in (7, 7, 7, 8)]
    assert texts[0] == texts[1] == texts[2] != texts[3]


async def test_vllm_adapter_changes_the_answer(vllm: "VllmServer", model: OpenAIHttpModel) -> None:
    greedy = SamplingParams(temperature=0.0, max_tokens=16)
    (plain,) = await complete(model, MESSAGES, greedy)
    (adapted,) = await complete(model, MESSAGES, greedy, adapter=vllm.adapter)
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
    await first_of(model)  # the server counts again only when it works
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
