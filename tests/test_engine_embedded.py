"""The real bundled model on the real engine. One engine is loaded for the whole file."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from copygen.brief import read_brief
from copygen.chat_model import Message, SamplingParams, complete
from copygen.errors import EngineBusy, EngineUnavailable, PromptTooLong
from copygen.prompt import render
from copygen.verify import ask, is_doubt, questions_of
from copygen.write import write

from serving.engines import DEFAULT_MODEL, MODELS
from serving.engines.embedded import EmbeddedModel
from serving.engines.pipeline import MAX_WAITING
from serving.jobs.table_io import read_rows
from tests.engine_contract import assert_contract

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
MESSAGES = render(read_brief(next(iter(read_rows(EXAMPLES / "briefs.jsonl"))).record)[0]).messages


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncGenerator[EmbeddedModel, None]:
    engine = EmbeddedModel(MODELS / DEFAULT_MODEL)
    await engine.ready()
    yield engine
    await engine.aclose()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_fulfils_the_contract_of_every_engine(model: EmbeddedModel) -> None:
    await assert_contract(model)


async def test_equal_seed_repeats_and_another_seed_does_not(model: EmbeddedModel) -> None:
    texts = []
    for seed in (7, 7, 7, 8):
        (completion,) = await complete(model, MESSAGES, SamplingParams(max_tokens=60, seed=seed))
        texts.append(completion.text)
    assert texts[0] == texts[1] == texts[2] != texts[3]


async def test_seed_repeats_whole_results(model: EmbeddedModel) -> None:
    brief, _ = read_brief(next(iter(read_rows(EXAMPLES / "briefs.jsonl"))).record)
    from copygen.write import WriteOptions

    first, second = [await write(brief, model, options=WriteOptions(seed=3)) for _ in range(2)]
    assert [c.copy for c in first.copies] == [c.copy for c in second.copies]


async def test_long_prompt_is_refused_with_its_length(model: EmbeddedModel) -> None:
    with pytest.raises(PromptTooLong) as caught:
        await complete(model, [Message("user", "长" * 6000)], SamplingParams())
    assert caught.value.prompt_tokens is not None
    assert caught.value.prompt_tokens > model.manifest.max_prompt_tokens


async def test_closing_early_leaves_the_engine_free(model: EmbeddedModel) -> None:
    for _ in range(3):
        async with aclosing(model.stream(MESSAGES, SamplingParams(max_tokens=400, stop=("永不出现",)))) as chunks:
            async for _chunk in chunks:
                break
    (completion,) = await asyncio.wait_for(complete(model, MESSAGES, SamplingParams(max_tokens=8)), 20)
    assert completion.completion_tokens <= 8


async def test_many_callers_all_get_their_own_answer(model: EmbeddedModel) -> None:
    answers = await asyncio.gather(
        *(complete(model, MESSAGES, SamplingParams(n=1 + i % 3, max_tokens=12)) for i in range(24))
    )
    assert [len(answer) for answer in answers] == [1 + i % 3 for i in range(24)]


async def test_is_busy_rather_than_endless(model: EmbeddedModel) -> None:
    params = SamplingParams(max_tokens=1)
    results = await asyncio.gather(
        *(complete(model, MESSAGES, params) for _ in range(MAX_WAITING + 100)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, BaseException)]
    assert refused
    assert all(isinstance(error, EngineBusy) for error in refused)


async def test_closed_engine_says_so() -> None:
    engine = EmbeddedModel(MODELS / DEFAULT_MODEL)
    await engine.ready()
    await engine.aclose()
    with pytest.raises(EngineUnavailable):
        await complete(engine, MESSAGES, SamplingParams(max_tokens=1))


async def test_its_verifier_tells_an_invented_feature_from_a_true_one(model: EmbeddedModel) -> None:
    brief, _ = read_brief(next(iter(read_rows(EXAMPLES / "briefs.jsonl"))).record)
    assert model.verifier is not None
    text = "46dB降噪，老师傅手工缝的真皮收纳袋也装在盒里。"
    asked = list(questions_of([("body", text)]))
    verdicts = await ask(asked, brief, model.verifier)
    assert [is_doubt(verdict) for verdict in verdicts] == [False, True]
