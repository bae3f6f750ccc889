"""Rounds of candidates drawn from a model for one prompt, with what they cost. Knows no products and no copy."""

import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeVar

from copygen.chat_model import ChatModel, Message, SamplingParams

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time went, in milliseconds."""

    first_token_ms: float
    engine_ms: float
    """Waiting for the model, all rounds, and for the deep check's answers."""
    own_ms: float
    """Everything else: facts, prompt, parsing, checks, ranking."""

    @property
    def total_ms(self) -> float:
        return self.engine_ms + self.own_ms


@dataclass(slots=True)
class Clock:
    """Splits wall time into the engine's and ours; starts when made."""

    start: float = field(default_factory=time.perf_counter)
    engine_s: float = 0.0
    first_token_s: float | None = None

    async def waiting(self, work: Awaitable[T]) -> T:
        """Await what the engine does, on its account."""
        began = time.perf_counter()
        try:
            return await work
        finally:
            self.engine_s += time.perf_counter() - began

    def timings(self) -> Timings:
        total_s = time.perf_counter() - self.start
        first_s = total_s if self.first_token_s is None else self.first_token_s
        return Timings(first_s * 1000, self.engine_s * 1000, max(0.0, total_s - self.engine_s) * 1000)


@dataclass(slots=True)
class Drawn:
    """One candidate as the model wrote it."""

    text: str = ""
    mean_logprob: float | None = None
    """Natural logarithm, a token; None where the engine does not say."""


@dataclass(slots=True)
class Sampling:
    """The draws of one write, over all its rounds."""

    model: ChatModel
    messages: Sequence[Message]
    adapter: str | None
    clock: Clock
    drawn: list[Drawn] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    async def draw(self, params: SamplingParams) -> AsyncGenerator[tuple[int, str], None]:
        """Draw params.n candidates more; yields (position in `drawn`, text) as it comes."""
        first = len(self.drawn)
        self.drawn += [Drawn() for _ in range(params.n)]
        prompt_tokens = 0
        async with aclosing(self.model.stream(self.messages, params, adapter=self.adapter)) as chunks:
            waiting_since = time.perf_counter()
            async for chunk in chunks:
                now = time.perf_counter()
                self.clock.engine_s += now - waiting_since
                if self.clock.first_token_s is None:
                    self.clock.first_token_s = now - self.clock.start
                prompt_tokens = max(prompt_tokens, chunk.prompt_tokens)
                self.completion_tokens += chunk.completion_tokens
                one = self.drawn[first + chunk.index]
                one.text += chunk.text
                if chunk.finish_reason is not None:
                    one.mean_logprob = chunk.mean_logprob
                if chunk.text:
                    yield first + chunk.index, chunk.text
                waiting_since = time.perf_counter()
        self.prompt_tokens += prompt_tokens


def second_round(params: SamplingParams) -> SamplingParams:
    """The one bounded repair by the model: more candidates, a little further apart."""
    return replace(
        params,
        n=params.n + 6,
        temperature=params.temperature + 0.15,
        repetition_penalty=max(params.repetition_penalty, 1.08),
        seed=None if params.seed is None else params.seed + 1,
    )
