"""What the core asks of a language model; the words are those of the OpenAI and vLLM APIs.

An engine implements one method, `stream`. It knows nothing of products or copy.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are drawn; names and meaning as in the OpenAI API."""

    n: int = 1
    temperature: float = 0.8
    top_p: float = 0.9
    repetition_penalty: float = 1.05
    """1.0 is off. Sent to servers that know it (vLLM does)."""
    max_tokens: int = 512
    seed: int | None = None
    """Repeats a result only for a request run alone on the same engine: batching may change it."""
    stop: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    """The only answers allowed, where the engine can hold the model to them (vLLM); empty: anything."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one candidate as it comes; the last one of a candidate has a finish_reason and counts."""

    index: int
    text: str
    finish_reason: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    mean_logprob: float | None = None
    """Mean of the natural logarithms of the candidate's token probabilities; None where the engine does not say."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One whole candidate."""

    index: int
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    mean_logprob: float | None = None


class ChatModel(Protocol):
    """A language model behind any engine."""

    @property
    def name(self) -> str:
        """What results are stamped with: model name and, where known, its version."""
        ...

    @property
    def exemplars(self) -> int:
        """How many example dialogues the prompt should show: 0 for a model tuned on our corpus."""
        ...

    def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the pieces of `params.n` candidates as they come, interleaved.

        Closing the iterator early stops the work in the engine.

        Raises:
            EngineError: One of its subclasses; never an error of the engine's own library.
        """
        ...


async def complete(
    model: ChatModel, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
) -> list[Completion]:
    """Collect a stream into whole candidates, ordered by index."""
    done, texts = [], [""] * params.n
    async with aclosing(model.stream(messages, params, adapter=adapter)) as chunks:
        async for chunk in chunks:
            i = chunk.index
            texts[i] += chunk.text
            if chunk.finish_reason is not None:
                counts = chunk.prompt_tokens, chunk.completion_tokens
                done.append(Completion(i, texts[i], chunk.finish_reason, *counts, chunk.mean_logprob))
    return sorted(done, key=lambda completion: completion.index)


class ScriptedModel:
    """A ChatModel that says what it is told to: for tests of the core and for trying the house without weights.

    Args:
        replies: Texts handed out in order, or a function from the messages to one text. When a list runs out
            the last text repeats.
    """

    name = "scripted"
    exemplars = 0

    def __init__(self, replies: Sequence[str] | Callable[[Sequence[Message]], str]) -> None:
        self._replies = replies
        self._next = 0
        self.calls: list[tuple[tuple[Message, ...], SamplingParams, str | None]] = []

    def _reply(self, messages: Sequence[Message]) -> str:
        if callable(self._replies):
            return self._replies(messages)
        text = self._replies[min(self._next, len(self._replies) - 1)]
        self._next += 1
        return text

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        self.calls.append((tuple(messages), params, adapter))
        prompt_tokens = sum(len(message.content) for message in messages)
        for index in range(params.n):
            text = self._reply(messages)
            half = len(text) // 2
            yield Chunk(index, text[:half])
            yield Chunk(index, text[half:], "stop", prompt_tokens, len(text))
