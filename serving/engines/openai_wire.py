"""What we read of an OpenAI-compatible server's streamed answer: its events, and the candidates they build up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import openai
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel

from copygen.chat_model import Chunk, FinishReason
from copygen.errors import EngineBroken

_FINISH: Mapping[str, FinishReason] = {"stop": "stop", "length": "length"}


class Delta(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    index: int
    delta: Delta
    finish_reason: str | None = None


class Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Event(BaseModel):
    """The part of a chat.completion.chunk that is used, validated: the client itself takes any JSON for one."""

    choices: list[Choice]
    usage: Usage | None = None


@dataclass(slots=True)
class Answer:
    """The candidates of one response while they come."""

    n: int
    reasons: dict[int, FinishReason] = field(default_factory=dict)
    pieces: list[int] = field(init=False)
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        self.pieces = [0] * self.n

    async def next_chunks(self, stream: openai.AsyncStream[ChatCompletionChunk]) -> list[Chunk]:
        """The chunks of the next event that holds text; none at the end of the stream.

        Raises:
            ValueError: Not JSON, or not of the shape of an Event.
            EngineBroken: A candidate nobody asked for, or one that ended for no reason we know.
        """
        while True:
            try:
                event = await anext(stream)
            except StopAsyncIteration:
                return []
            if chunks := self._read(Event.model_validate(event, from_attributes=True)):
                return chunks

    def _read(self, event: Event) -> list[Chunk]:
        """The text of an event; finish reasons and usage are kept for `last_chunks`."""
        self.usage = event.usage or self.usage
        for choice in event.choices:
            if not 0 <= choice.index < self.n:
                raise EngineBroken(f"the server sent candidate {choice.index}, expected 0 to {self.n - 1}")
            self.pieces[choice.index] += 1
            if choice.finish_reason is not None:
                if choice.finish_reason not in _FINISH:
                    raise EngineBroken(f"candidate {choice.index} ended with {choice.finish_reason!r}")
                self.reasons[choice.index] = _FINISH[choice.finish_reason]
        return [Chunk(choice.index, choice.delta.content) for choice in event.choices if choice.delta.content]

    def last_chunks(self) -> list[Chunk]:
        """One for each candidate, without text.

        Raises:
            EngineBroken: The server stopped before every candidate had ended.
        """
        if len(self.reasons) < self.n:
            raise EngineBroken(f"the answer broke off: {len(self.reasons)} of {self.n} candidates had ended")
        counts = shares(self.usage.completion_tokens, self.pieces)
        return [Chunk(i, "", self.reasons[i], self.usage.prompt_tokens, counts[i]) for i in range(self.n)]


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of `total` in proportion to `weights`; they add up to it."""
    edges = [round(total * weight / sum(weights)) for weight in accumulate(weights, initial=0)]
    return [end - start for start, end in pairwise(edges)]
