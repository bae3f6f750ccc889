"""What every ChatModel must do, whatever is behind it; each engine's tests run these checks on the real engine.

STREAM_CHECKS hold for anything that streams, ENGINE_CHECKS for anything that really samples tokens.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

from copygen.chat_model import ChatModel, Chunk, Completion, Message, SamplingParams, complete

Check = Callable[[ChatModel], Awaitable[None]]

MESSAGES = (Message("system", "你是资深中文电商文案。"), Message("user", "为一款保温杯写一百字的文案。"))
_FEW = 4
"""Tokens; fewer than any engine needs for an answer to MESSAGES."""


async def _chunks(model: ChatModel, params: SamplingParams) -> list[Chunk]:
    async with aclosing(model.stream(MESSAGES, params)) as chunks:
        return [chunk async for chunk in chunks]


async def _one(model: ChatModel, params: SamplingParams) -> Completion:
    (completion,) = await complete(model, MESSAGES, params)
    return completion


async def every_candidate_finishes_once(model: ChatModel) -> None:
    for n in (1, 3):
        chunks = await _chunks(model, SamplingParams(n=n, max_tokens=12))
        last = {chunk.index: chunk for chunk in chunks}
        assert sorted(last) == list(range(n))
        assert [chunk for chunk in chunks if chunk.finish_reason is not None] == [
            chunk for chunk in chunks if chunk is last[chunk.index]
        ], "the last chunk of a candidate, and no other, has a finish_reason"


async def counts_come_with_the_last_chunk(model: ChatModel) -> None:
    for n in (1, 3):
        for chunk in await _chunks(model, SamplingParams(n=n, max_tokens=12)):
            if chunk.finish_reason is None:
                assert (chunk.prompt_tokens, chunk.completion_tokens) == (0, 0)
            else:
                assert chunk.prompt_tokens > 0
                assert chunk.completion_tokens > 0


async def candidates_have_text(model: ChatModel) -> None:
    completions = await complete(model, MESSAGES, SamplingParams(n=3, max_tokens=12))
    assert [completion.index for completion in completions] == [0, 1, 2]
    assert all(completion.text for completion in completions)


async def closing_early_leaves_the_model_usable(model: ChatModel) -> None:
    for _ in range(3):
        async with aclosing(model.stream(MESSAGES, SamplingParams(n=2, max_tokens=300))) as chunks:
            assert (await anext(chunks)).finish_reason is None
    assert (await _one(model, SamplingParams(max_tokens=_FEW))).text


async def candidates_interleave(model: ChatModel) -> None:
    order = [chunk.index for chunk in await _chunks(model, SamplingParams(n=2, max_tokens=40)) if chunk.text]
    assert order != sorted(order)
    assert order != sorted(order, reverse=True)


async def max_tokens_ends_with_length(model: ChatModel) -> None:
    completion = await _one(model, SamplingParams(max_tokens=_FEW))
    assert (completion.finish_reason, completion.completion_tokens) == ("length", _FEW)
    three = await complete(model, MESSAGES, SamplingParams(n=3, max_tokens=_FEW))
    assert [one.finish_reason for one in three] == ["length"] * 3
    assert sum(one.completion_tokens for one in three) == 3 * _FEW


async def stop_strings_end_with_stop(model: ChatModel) -> None:
    greedy = SamplingParams(temperature=0.0, max_tokens=24)
    await _one(model, greedy)  # fills the prefix cache: the two runs compared are both warm
    whole = (await _one(model, greedy)).text
    stop = whole[len(whole) // 2 :][:2]
    cut = await _one(model, replace(greedy, stop=("永远不会出现的话", stop)))
    assert (cut.finish_reason, cut.text) == ("stop", whole[: whole.index(stop)])


STREAM_CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        every_candidate_finishes_once,
        counts_come_with_the_last_chunk,
        candidates_have_text,
        closing_early_leaves_the_model_usable,
    )
}
ENGINE_CHECKS: Mapping[str, Check] = {
    **STREAM_CHECKS,
    **{
        check.__name__: check
        for check in (
            candidates_interleave,
            max_tokens_ends_with_length,
            stop_strings_end_with_stop,
        )
    },
}


async def assert_contract(model: ChatModel) -> None:
    """Run every check on a real engine."""
    for check in ENGINE_CHECKS.values():
        await check(model)
