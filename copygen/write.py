"""The main job: brief -> facts -> messages -> candidates -> checks -> one bounded repair -> ranked result.

One generator, `stream_write`, does the work and yields tokens as they come; `write` is its last event. A candidate
with an open error is never in `copies`.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from copygen.brief import Brief, Change, Fact
from copygen.candidate import Candidate, Words, count_good, judge, rank, verify
from copygen.channel import PROMPTS, Channel, get_channel, get_tone
from copygen.chat_model import ChatModel, SamplingParams
from copygen.errors import EngineBroken, InvalidBrief, NoGoodCopy
from copygen.exemplars import pick_exemplars
from copygen.finding import errors
from copygen.injection import without_commands
from copygen.prompt import RenderedPrompt, render
from copygen.sampling import Clock, Sampling, Timings, second_round
from copygen.verify import verifier_of

FactSource = Callable[[Brief], Sequence[Fact]]
"""Facts the knowledge graph adds to what the brief gives."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How hard to try; every value is an upper bound."""

    extra_candidates: int = 1
    """Candidates beyond the copies wanted: more choice for the ranking, more time."""
    temperature: float = 0.5
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
    deep: bool = False
    """Ask the model's verifier, where it has one, about what would be returned."""


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
    clock = Clock()
    channel = get_channel(brief.channel, prompts)
    _check_brief(brief, channel)
    if facts is not None and not brief.facts:
        brief = brief.model_copy(update={"facts": tuple(facts(brief))})
    adapter = options.adapters.get(channel.id) or options.adapters.get(get_tone(brief.tone, prompts).id)
    shown, commands = without_commands(brief)
    prompt = render(shown, pick_exemplars(shown, model.exemplars, prompts=prompts), prompts=prompts)
    first_round = SamplingParams(
        # Without chance every candidate is the same, and vLLM refuses more than one.
        n=brief.n + options.extra_candidates if options.temperature else 1,
        temperature=options.temperature,
        top_p=options.top_p,
        repetition_penalty=options.repetition_penalty,
        max_tokens=options.max_tokens,
        seed=options.seed,
    )
    sampling = Sampling(model, prompt.messages, adapter, clock)
    words = Words(options.block, options.allow)
    verifier = verifier_of(model) if options.deep else None
    candidates: list[Candidate] = []
    rounds = 0
    for params in (first_round, second_round(first_round)):
        rounds += 1
        async with aclosing(sampling.draw(params)) as pieces:
            async for index, text in pieces:
                yield TokenEvent(index, text)
        candidates += [judge(drawn, brief, channel, words) for drawn in sampling.drawn[len(candidates) :]]
        if verifier is not None:
            candidates = await clock.waiting(verify(candidates, brief, channel, words, verifier))
        if count_good(candidates, verified=verifier is not None) >= brief.n:
            break
    good, rejected = rank(candidates, brief)
    if verifier is not None:
        good = [candidate for candidate in good if candidate.verified]
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
        changes=(*changes, *commands, *_dropped(prompt)),
        candidates=len(candidates),
        rounds=rounds,
        seed=options.seed,
        prompt_tokens=sampling.prompt_tokens,
        completion_tokens=sampling.completion_tokens,
        timings=clock.timings(),
    )


def _dropped(prompt: RenderedPrompt) -> list[Change]:
    return [Change(name, "left out of the prompt: too much text for one copy") for name in prompt.dropped]
