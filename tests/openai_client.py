"""The engine behind HTTP as its tests call it, and the ways in which a caller goes away."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import anyio
import pytest

from copygen.chat_model import Completion, SamplingParams, complete

from serving.engines.openai_http import OpenAIHttpModel
from tests.engine_contract import MESSAGES

SHORT = SamplingParams(max_tokens=16)
LONG = SamplingParams(max_tokens=4000)
"""Many seconds of work for the tiny model; never finished."""

When = Callable[[], Awaitable[object]]
Leave = Callable[[OpenAIHttpModel, When], Awaitable[None]]


@asynccontextmanager
async def client(base_url: str, model: str = "tiny", **options: Any) -> AsyncGenerator[OpenAIHttpModel, None]:
    engine = OpenAIHttpModel(base_url=base_url, model=model, **options)
    try:
        yield engine
    finally:
        await engine.aclose()


async def first_of(model: OpenAIHttpModel, params: SamplingParams = SHORT) -> Completion:
    return (await complete(model, MESSAGES, params))[0]


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


LEAVING = [pytest.param(way, id=way.__name__) for way in (close_early, cancel_task, cancel_scope)]
