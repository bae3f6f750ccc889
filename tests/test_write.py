"""The main job with a model that says what it is told to. Copy here is plainly true and legal, or plainly too long or
in the wrong script, so that these tests do not lean on what evidence and compliance think of finer points."""

from collections.abc import AsyncGenerator, Callable, Sequence

import pytest
from conftest import GOOD_BODY, GOOD_COPY, GOOD_TITLE

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, Change, Fact
from copygen.chat_model import Chunk, Message, SamplingParams, ScriptedModel
from copygen.errors import (
    CopygenError,
    EngineBroken,
    EngineBusy,
    EngineTimeout,
    InvalidBrief,
    NoGoodCopy,
    PromptTooLong,
    UnknownChannel,
)
from copygen.text import to_hant
from copygen.write import TokenEvent, WriteOptions, WriteResult, stream_write, write

Make = Callable[..., Brief]
Script = Callable[..., ScriptedModel]

GOOD = AdCopy(title=GOOD_TITLE, body=GOOD_BODY)
PLAIN_COPY = (
    "标题：一副雾霾蓝的耳机\n正文：降噪深度48dB，续航40小时，入耳式佩戴，颜色是雾霾蓝。"
    "名字叫声悦，价格399元，属于真无线耳机。写到这里，该说的都已经说完，剩下的留给耳朵。"
)
SHORT_COPY = "标题：静音\n正文：安静。"
ONE = WriteOptions(extra_candidates=0)


async def test_good_copy_is_returned_with_what_it_was_made_of(brief: Make, scripted: Script) -> None:
    model = scripted(GOOD_COPY)
    result = await write(brief(), model, options=ONE, changes=[Change("price", "cleaned")])
    (candidate,) = result.copies
    assert candidate.copy == GOOD
    assert candidate.report.passed and not candidate.repaired
    assert candidate.completion == GOOD_COPY
    assert result.rejected == ()
    assert result.model == "scripted"
    assert result.prompt_id == "copy.v1/discover.v1/简约.v1"
    assert len(result.prompt_hash) == 12
    assert (result.candidates, result.rounds) == (1, 1)
    assert result.changes == (Change("price", "cleaned"),)
    assert result.completion_tokens == len(GOOD_COPY)
    assert result.prompt_tokens > 0
    timings = result.timings
    assert 0 <= timings.first_token_ms <= timings.total_ms
    assert timings.total_ms == timings.engine_ms + timings.own_ms


async def test_engine_is_asked_as_the_options_say(brief: Make, scripted: Script) -> None:
    model = scripted(GOOD_COPY)
    options = WriteOptions(
        extra_candidates=2, temperature=0.3, top_p=0.5, seed=7, max_tokens=99, adapters={"discover": "cosy"}
    )
    result = await write(brief(n=1), model, options=options)
    ((messages, params, adapter),) = model.calls
    assert [message.role for message in messages] == ["system", "user"]
    assert params == SamplingParams(n=3, temperature=0.3, top_p=0.5, repetition_penalty=1.05, max_tokens=99, seed=7)
    assert adapter == "cosy"
    assert result.seed == 7


async def test_too_long_copy_is_trimmed(brief: Make, scripted: Script) -> None:
    long = GOOD_COPY + "一首歌接着一首歌，肩膀一点一点松开，站台的灯慢慢变成身后的一条线，人声也慢慢变成远处的一片海。"
    result = await write(brief(), scripted(long), options=ONE)
    (candidate,) = result.copies
    assert candidate.copy == GOOD
    assert candidate.repaired
    assert candidate.completion == long
    assert result.rounds == 1


async def test_wrong_script_is_converted(brief: Make, scripted: Script) -> None:
    result = await write(brief(), scripted(to_hant(GOOD_COPY)), options=ONE)
    assert result.copies[0].copy == GOOD
    assert result.copies[0].repaired


async def test_second_round_runs_only_when_needed(brief: Make, scripted: Script) -> None:
    model = scripted(SHORT_COPY, GOOD_COPY)
    result = await write(brief(), model, options=WriteOptions(extra_candidates=0, temperature=0.7, seed=3))
    assert result.copies[0].copy == GOOD
    assert result.rounds == 2
    assert result.candidates == 8
    assert [c.completion for c in result.rejected] == [SHORT_COPY]
    first, second = (params for _, params, _ in model.calls)
    assert (second.n, second.seed) == (7, 4)
    assert second.temperature > first.temperature


async def test_second_round_runs_when_good_copies_are_the_same(brief: Make, scripted: Script) -> None:
    model = scripted(GOOD_COPY, GOOD_COPY, PLAIN_COPY)
    result = await write(brief(n=2), model, options=ONE)
    assert result.rounds == 2
    assert {c.completion for c in result.copies} == {GOOD_COPY, PLAIN_COPY}


async def test_there_is_no_third_round(brief: Make, scripted: Script) -> None:
    model = scripted(GOOD_COPY)
    result = await write(brief(n=3), model, options=ONE)
    assert result.rounds == len(model.calls) == 2
    assert len(result.copies) == 1


async def test_no_good_copy_carries_the_findings_of_the_best(brief: Make, scripted: Script) -> None:
    model = scripted("标题：静\n正文：静", f"标题：{'静' * 20}\n正文：{GOOD_BODY}")
    with pytest.raises(NoGoodCopy, match=r"none of 8 candidates passed.*标题20字") as caught:
        await write(brief(), model, options=ONE)
    assert [(f.label, f.where) for f in caught.value.findings] == [("length", "title")]  # type: ignore[attr-defined]
    assert len(model.calls) == 2


async def test_answer_that_is_no_copy(brief: Make, scripted: Script) -> None:
    with pytest.raises(NoGoodCopy) as caught:
        await write(brief(), scripted(""), options=ONE)
    assert {f.label for f in caught.value.findings} >= {"missing_field"}  # type: ignore[attr-defined]


async def test_better_copy_comes_first_and_look_alikes_fall_behind(brief: Make, scripted: Script) -> None:
    result = await write(brief(n=2), scripted(PLAIN_COPY, GOOD_COPY), options=ONE)
    assert [c.completion for c in result.copies] == [GOOD_COPY, PLAIN_COPY]
    assert result.copies[0].score.value > result.copies[1].score.value
    alike = GOOD_COPY.replace("慢慢往后退", "一格一格退后")
    three = await write(brief(n=3), scripted(GOOD_COPY, PLAIN_COPY, alike), options=ONE)
    assert max(c.score.features["freshness"] for c in three.copies if c.completion != PLAIN_COPY) == 0.5


async def test_at_most_n_copies_are_returned(brief: Make, scripted: Script) -> None:
    result = await write(brief(n=1), scripted(PLAIN_COPY, GOOD_COPY), options=WriteOptions(extra_candidates=1))
    assert [c.completion for c in result.copies] == [GOOD_COPY]
    assert result.candidates == 2


async def test_blocked_words_are_never_shown_as_good(brief: Make, scripted: Script) -> None:
    options = WriteOptions(extra_candidates=0, block=("雾霾蓝的耳机",))
    result = await write(brief(), scripted(PLAIN_COPY, GOOD_COPY), options=options)
    assert [c.completion for c in result.copies] == [GOOD_COPY]


async def test_stream_yields_tokens_then_one_result(brief: Make, scripted: Script) -> None:
    events = [e async for e in stream_write(brief(n=2), scripted(GOOD_COPY, PLAIN_COPY), options=ONE)]
    *tokens, result = events
    assert isinstance(result, WriteResult)
    assert all(isinstance(event, TokenEvent) for event in tokens)
    texts = ["", ""]
    for event in tokens:
        assert isinstance(event, TokenEvent)
        texts[event.candidate] += event.text
    assert texts == [GOOD_COPY, PLAIN_COPY]


async def test_candidates_of_the_second_round_are_numbered_on(brief: Make, scripted: Script) -> None:
    events = [e async for e in stream_write(brief(), scripted(SHORT_COPY, GOOD_COPY), options=ONE)]
    assert {event.candidate for event in events if isinstance(event, TokenEvent)} == set(range(8))


class _Engine:
    """A model whose stream ends in an error, or goes on until it is closed."""

    name = "engine"
    exemplars = 0

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.closed = 0

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        try:
            yield Chunk(0, "标题：")
            if self._error is not None:
                raise self._error
            while True:
                yield Chunk(0, "静")
        finally:
            self.closed += 1


@pytest.mark.parametrize(
    "error",
    [
        EngineBusy(retry_after_s=2.5),
        EngineTimeout(timeout_s=30),
        EngineBroken("broke off"),
        PromptTooLong(prompt_tokens=9000, max_tokens=4096),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_engine_errors_pass_through_unchanged(brief: Make, error: CopygenError) -> None:
    engine = _Engine(error)
    with pytest.raises(type(error)) as caught:
        await write(brief(), engine, options=ONE)
    assert caught.value is error
    assert engine.closed == 1


async def test_closing_early_closes_the_stream_of_the_engine(brief: Make) -> None:
    engine = _Engine()
    events = stream_write(brief(), engine, options=ONE)
    assert isinstance(await anext(events), TokenEvent)
    assert engine.closed == 0
    await events.aclose()
    assert engine.closed == 1


async def test_facts_come_from_the_source_only_when_the_brief_gives_none(brief: Make, scripted: Script) -> None:
    asked: list[Brief] = []

    def source(wanted: Brief) -> list[Fact]:
        asked.append(wanted)
        return [Fact(subject="入耳式", relation="优点", object="戴着稳", id="x1", source="graph")]

    model = scripted(GOOD_COPY)
    result = await write(brief(), model, options=ONE, facts=source)
    assert [fact.id for fact in result.facts] == ["x1"]
    assert "入耳式-优点-戴着稳" in model.calls[0][0][-1].content
    given = await write(brief(facts=[["主动降噪", "适合场景", "地铁"]]), model, options=ONE, facts=source)
    assert [fact.subject for fact in given.facts] == ["主动降噪"]
    assert len(asked) == 1


async def test_attributes_left_out_of_the_prompt_are_reported(brief: Make, scripted: Script) -> None:
    attributes = {"降噪深度": "48dB", "续航": "40小时", "佩戴": "入耳式", "颜色": "雾霾蓝"}
    long = {f"说明{i}": "字" * 190 for i in range(6)}
    result = await write(brief(attributes=attributes | long), scripted(GOOD_COPY), options=ONE)
    assert [change.field for change in result.changes] == [
        "products[0].attributes.说明5",
        "products[0].attributes.说明4",
    ]


async def test_general_models_are_shown_exemplars(brief: Make, scripted: Script) -> None:
    model = scripted(GOOD_COPY)
    model.exemplars = 2
    await write(brief(), model, options=ONE)
    assert [message.role for message in model.calls[0][0]] == ["system", *["user", "assistant"] * 2, "user"]


@pytest.mark.parametrize(
    ("channel", "count", "expected"),
    [("discover", 2, "takes 1 products, got 2"), ("bundle", 1, "takes 2 to 4 products, got 1")],
)
async def test_product_count_must_fit_the_channel(
    brief: Make, scripted: Script, channel: str, count: int, expected: str
) -> None:
    two = brief("bundle").products
    wanted = brief("bundle").model_copy(update={"channel": channel, "products": two[:count]})
    model = scripted()
    with pytest.raises(InvalidBrief, match=expected) as caught:
        await write(wanted, model)
    assert caught.value.field == "products"
    assert model.calls == []


async def test_bundle_of_two_is_written(brief: Make, scripted: Script) -> None:
    copy = (
        "标题：耳机和它的收纳包\n正文：声悦真无线耳机负责安静，降噪深度48dB，续航40小时，颜色是雾霾蓝；"
        "声悦收纳包负责收好它，材质是羊毛毡，颜色是浅灰。出门时一起放进背包，回家时一起放在桌边。"
    )
    result = await write(brief("bundle"), scripted(copy), options=ONE)
    assert result.copies[0].completion == copy


async def test_product_with_nothing_to_say(brief: Make, scripted: Script) -> None:
    with pytest.raises(InvalidBrief) as caught:
        await write(brief(attributes={}, product={"category": ""}), scripted())
    assert caught.value.field == "products[0].attributes"


async def test_unknown_channel(brief: Make, scripted: Script) -> None:
    with pytest.raises(UnknownChannel):
        await write(brief("billboard"), scripted())
