"""The main job: brief -> facts -> messages -> candidates -> checks -> one bounded repair -> ranked result.

One generator, `stream_write`, does the work and yields tokens as they come; `write` is its last event. A candidate
with an open error is never in `copies`.
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

from copygen.ad_copy import AdCopy, parse
from copygen.brief import Brief, Change, Fact
from copygen.channel import PROMPTS, Channel, get_channel, get_tone
from copygen.chat_model import ChatModel, Message, SamplingParams
from copygen.check import CheckReport, check_copy
from copygen.errors import EngineBroken, InvalidBrief, NoGoodCopy
from copygen.exemplars import pick_exemplars
from copygen.finding import Finding, errors
from copygen.prompt import RenderedPrompt, render
from copygen.rank import RankScore, rank_score
from copygen.repair import repair

FactSource = Callable[[Brief], Sequence[Fact]]
"""Facts the knowledge graph adds to what the brief gives."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How hard to try; every value is an upper bound."""

    extra_candidates: int = 1
    """Candidates beyond the copies wanted: more choice for the ranking, more time."""
    temperature: float = 0.7
    top_p: float = 0.9
    repetition_penalty: float = 1.05
    seed: int | None = None
    max_tokens: int = 420
    adapters: Mapping[str, str] = field(default_factory=dict)
    """LoRA adapter, as the engine names it, of a channel or tone id; the channel's goes before the tone's."""
    block: tuple[str, ...] = ()
    """Words never to be shown, on top of the rules."""
    allow: tuple[str, ...] = ()
    """Words the rules must not flag."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One copy with everything known about it."""

    copy: AdCopy
    report: CheckReport
    score: RankScore
    repaired: bool
    """Sentences were struck out, trimmed or replaced after the model wrote it."""
    completion: str
    """What the model wrote, untouched."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.report.findings


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time went, in milliseconds."""

    first_token_ms: float
    engine_ms: float
    """Waiting for the model, all rounds."""
    own_ms: float
    """Everything else: facts, prompt, parsing, checks, ranking."""

    @property
    def total_ms(self) -> float:
        return self.engine_ms + self.own_ms


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Ranked copies that passed every check, and what they were made of."""

    brief: Brief
    copies: tuple[Candidate, ...]
    """At most brief.n, best first; fewer when fewer passed."""
    rejected: tuple[Candidate, ...]
    model: str
    prompt_id: str
    prompt_hash: str
    facts: tuple[Fact, ...]
    changes: tuple[Change, ...]
    """What was cleaned or left out of the input."""
    candidates: int
    rounds: int
    seed: int | None
    prompt_tokens: int
    completion_tokens: int
    timings: Timings


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """A piece of a candidate as the model writes it; unchecked, for showing progress only."""

    candidate: int
    text: str


@dataclass(slots=True)
class _Clock:
    """Splits wall time into the engine's and ours."""

    start: float = field(default_factory=time.perf_counter)
    engine_s: float = 0.0
    first_token_s: float | None = None

    def timings(self) -> Timings:
        total_s = time.perf_counter() - self.start
        first_s = total_s if self.first_token_s is None else self.first_token_s
        return Timings(first_s * 1000, self.engine_s * 1000, max(0.0, total_s - self.engine_s) * 1000)


def _check_brief(brief: Brief, channel: Channel) -> None:
    count = len(brief.products)
    if not channel.min_products <= count <= channel.max_products:
        wanted = f"{channel.min_products}" + (f" to {channel.max_products}" if channel.max_products > 1 else "")
        raise InvalidBrief(f"channel {channel.id} takes {wanted} products, got {count}", field="products")
    for i, product in enumerate(brief.products):
        if not product.attributes and not brief.facts and not product.category:
            raise InvalidBrief(
                "nothing to write about: give at least one attribute, fact or category",
                field=f"products[{i}].attributes",
            )


async def write(
    brief: Brief,
    model: ChatModel,
    *,
    options: WriteOptions = WriteOptions(),
    facts: FactSource | None = None,
    changes: Sequence[Change] = (),
    prompts: Path = PROMPTS,
) -> WriteResult:
    """Write brief.n copies.

    Raises:
        InvalidBrief: The brief does not fit its channel.
        NoGoodCopy: No candidate passed; carries the findings of the best one.
        EngineError: The engine failed.
    """
    async with aclosing(
        stream_write(brief, model, options=options, facts=facts, changes=changes, prompts=prompts)
    ) as events:
        async for event in events:
            if isinstance(event, WriteResult):
                return event
    raise EngineBroken("the engine ended without a result")


async def stream_write(
    brief: Brief,
    model: ChatModel,
    *,
    options: WriteOptions = WriteOptions(),
    facts: FactSource | None = None,
    changes: Sequence[Change] = (),
    prompts: Path = PROMPTS,
) -> AsyncGenerator[TokenEvent | WriteResult, None]:
    """Like `write`, with the tokens as they come; the WriteResult is the last event."""
    clock = _Clock()
    channel = get_channel(brief.channel, prompts)
    _check_brief(brief, channel)
    if facts is not None and not brief.facts:
        brief = brief.model_copy(update={"facts": tuple(facts(brief))})
    adapter = options.adapters.get(channel.id) or options.adapters.get(get_tone(brief.tone, prompts).id)
    prompt = render(brief, pick_exemplars(brief, model.exemplars, prompts=prompts), prompts=prompts)
    first_round = SamplingParams(
        n=brief.n + options.extra_candidates,
        temperature=options.temperature,
        top_p=options.top_p,
        repetition_penalty=options.repetition_penalty,
        max_tokens=options.max_tokens,
        seed=options.seed,
    )
    candidates: list[Candidate] = []
    tokens = [0, 0]
    rounds = 0
    for params in (first_round, _second_round(first_round)):
        rounds += 1
        first = len(candidates)
        texts = [""] * params.n
        sampling = _sample(model, prompt.messages, params, adapter, clock, tokens)
        async with aclosing(sampling) as pieces:
            async for index, text in pieces:
                texts[index] += text
                if text:
                    yield TokenEvent(first + index, text)
        candidates += [_judge(text, brief, channel, options) for text in texts]
        if _count_good(candidates) >= brief.n:
            break
    good, rejected = _rank(candidates, brief)
    if not good:
        best = rejected[0]
        reasons = "；".join(dict.fromkeys(finding.reason for finding in errors(best.findings)))
        raise NoGoodCopy(
            f"none of {len(candidates)} candidates passed; the best one: {reasons}", findings=best.findings
        )
    yield WriteResult(
        brief=brief,
        copies=tuple(good[: brief.n]),
        rejected=tuple(rejected),
        model=f"{model.name}+{adapter}" if adapter else model.name,
        prompt_id=prompt.prompt_id,
        prompt_hash=prompt.prompt_hash,
        facts=brief.facts,
        changes=(*changes, *_dropped(prompt)),
        candidates=len(candidates),
        rounds=rounds,
        seed=options.seed,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        timings=clock.timings(),
    )


def _second_round(params: SamplingParams) -> SamplingParams:
    """The one bounded repair by the model: more candidates, drawn a little closer to what it is surest of."""
    return replace(
        params,
        n=params.n + 2,
        temperature=max(0.5, params.temperature - 0.15),
        seed=None if params.seed is None else params.seed + 1,
    )


async def _sample(
    model: ChatModel,
    messages: Sequence[Message],
    params: SamplingParams,
    adapter: str | None,
    clock: _Clock,
    tokens: list[int],
) -> AsyncGenerator[tuple[int, str], None]:
    """(index, text) pieces of one round; books the waiting time to the engine."""
    prompt_tokens = 0
    async with aclosing(model.stream(messages, params, adapter=adapter)) as chunks:
        waiting_since = time.perf_counter()
        async for chunk in chunks:
            now = time.perf_counter()
            clock.engine_s += now - waiting_since
            if clock.first_token_s is None:
                clock.first_token_s = now - clock.start
            prompt_tokens = max(prompt_tokens, chunk.prompt_tokens)
            tokens[1] += chunk.completion_tokens
            yield chunk.index, chunk.text
            waiting_since = time.perf_counter()
    tokens[0] += prompt_tokens


def _judge(text: str, brief: Brief, channel: Channel, options: WriteOptions) -> Candidate:
    """Parse and check one completion; mend it mechanically where that is enough."""
    copy = parse(text, channel)
    report = check_copy(copy, brief, channel, block=options.block, allow=options.allow)
    repaired = False
    if not report.passed:
        mended = repair(copy, report.findings, brief, channel)
        if mended != copy:
            mended_report = check_copy(mended, brief, channel, block=options.block, allow=options.allow)
            if len(errors(mended_report.findings)) < len(errors(report.findings)):
                copy, report, repaired = mended, mended_report, True
    return Candidate(copy, report, rank_score(copy, brief), repaired, text)


def _count_good(candidates: Sequence[Candidate]) -> int:
    return len({candidate.copy for candidate in candidates if candidate.report.passed})


def _rank(candidates: Sequence[Candidate], brief: Brief) -> tuple[list[Candidate], list[Candidate]]:
    """(good, rejected), both best first; equal copies and look-alike openings fall behind."""
    unique: dict[AdCopy, Candidate] = {}
    for candidate in candidates:
        unique.setdefault(candidate.copy, candidate)
    good = [candidate for candidate in unique.values() if candidate.report.passed]
    good = [
        replace(
            candidate,
            score=rank_score(candidate.copy, brief, [other.copy for other in good if other is not candidate]),
        )
        for candidate in good
    ]
    good.sort(key=lambda c: (-c.score.value, c.repaired))
    rejected = [candidate for candidate in candidates if not candidate.report.passed]
    rejected.sort(key=lambda c: (len(errors(c.findings)), -c.score.value))
    return good, rejected


def _dropped(prompt: RenderedPrompt) -> list[Change]:
    return [Change(name, "left out of the prompt: too much text for one copy") for name in prompt.dropped]
