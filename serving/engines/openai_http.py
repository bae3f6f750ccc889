"""Any OpenAI-compatible server as a ChatModel, vLLM first: streaming, LoRA adapters, one retry budget, real aborts.

Every error of the client library, the network and the wire becomes an EngineError at one door, `_door`.
Nothing here knows of products or copy.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from tenacity import (
    AsyncRetrying,
    before_sleep_log,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exception,
    wait_random_exponential,
)

from copygen.chat_model import Chunk, Message, SamplingParams
from copygen.errors import (
    EngineBroken,
    EngineBusy,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    InvalidSetting,
    PromptTooLong,
)
from copygen.verify import Verifier

from serving.engines.openai_wire import Answer

logger = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for a server, in seconds."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    """From sending a request to its first token; queueing in the server counts."""
    between_tokens_s: float = 30.0
    """From one piece of text to the next, whichever candidate it belongs to."""
    total_s: float = 300.0
    """For one call of `stream`, every attempt and the waits between them included."""


class OpenAIHttpModel:
    """A ChatModel behind HTTP.

    Args:
        base_url: Up to and with the version: http://localhost:8000/v1.
        model: The name the server serves it under.
        api_key: Sent as bearer token; empty for a server that asks for none.
        exemplars: Example dialogues shown in the prompt; 0 for a model tuned on our corpus.
        adapters: Names of the LoRA adapters that callers will ask for; `ready` looks whether they are served.
        verify_adapter: The LoRA adapter for the deep check; empty: the model itself is asked.
        timeouts: See Timeouts.
        max_attempts: One budget for every reason to try again. Only a retryable error before the first token is
            worth another attempt; Retry-After is honoured while it fits into total_s.

    Raises:
        InvalidSetting: The base URL or the key cannot be sent.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str = "",
        exemplars: int = 2,
        adapters: Iterable[str] = (),
        verify_adapter: str = "",
        timeouts: Timeouts = Timeouts(),
        max_attempts: int = 3,
    ) -> None:
        _check_address(base_url, api_key)
        self._base_url = base_url
        self._model = model
        self._exemplars = exemplars
        self._adapters = frozenset((*adapters, verify_adapter)) - {""}
        self._verify_adapter = verify_adapter
        self._timeouts = timeouts
        self._max_attempts = max_attempts
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "EMPTY",  # the client insists on one
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=timeouts.connect_s),  # the other limits are kept here, by _door
        )

    @property
    def name(self) -> str:
        return self._model

    @property
    def verifier(self) -> Verifier | None:
        """The server's own model, held to the three answers, or its adapter for them."""
        return Verifier(self, self._verify_adapter or None)

    @property
    def exemplars(self) -> int:
        return self._exemplars

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """See ChatModel.stream.

        Args:
            adapter: Its name as the server has it; a server takes it in the place of the model's.

        The last chunks of all candidates come together at the end, when the server has told what was used. It tells
        one sum: with n > 1 a candidate's completion_tokens is its share, in proportion to the pieces it came in, and
        the shares add up to the sum. prompt_tokens is the one prompt's, as in the embedded engine. Both are 0 from a
        server that does not tell.
        """
        deadline = asyncio.get_running_loop().time() + self._timeouts.total_s
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(self._max_attempts) | stop_before_delay(self._timeouts.total_s),
            wait=wait_exception(_asked_wait_s) + wait_random_exponential(_FIRST_WAIT_S, _LONGEST_WAIT_S),
            retry=retry_if_exception(lambda error: isinstance(error, EngineError) and error.retryable),
            before_sleep=before_sleep_log(logger, logging.WARNING),
            name=self._base_url,
            reraise=True,
        ):
            with attempt:
                chunks = self._attempt(messages, params, adapter, deadline)
                first = await anext(chunks)
        async with aclosing(chunks):
            yield first
            async for chunk in chunks:
                yield chunk

    async def _attempt(
        self, messages: Sequence[Message], params: SamplingParams, adapter: str | None, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        answer = Answer(params.n)
        limits = self._timeouts
        # Leaving the stack, however it happens, closes the response: that is how the server sees that we went away.
        async with AsyncExitStack() as response:
            async with self._door(limits.first_token_s, deadline):
                stream = await response.enter_async_context(await self._post(messages, params, adapter))
                chunks = await answer.next_chunks(stream)
            while chunks:
                for chunk in chunks:
                    yield chunk
                async with self._door(limits.between_tokens_s, deadline, lost=EngineBroken):
                    chunks = await answer.next_chunks(stream)
        for chunk in answer.last_chunks():
            yield chunk

    async def _post(
        self, messages: Sequence[Message], params: SamplingParams, adapter: str | None
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        # Not of OpenAI's own API, but vLLM's and most servers' that one runs oneself.
        extra: dict[str, object] = {}
        if params.repetition_penalty != 1.0:
            extra["repetition_penalty"] = params.repetition_penalty
        if params.choices:
            extra["structured_outputs"] = {"choice": list(params.choices)}
        return await self._client.chat.completions.create(
            model=adapter or self._model,
            messages=cast(list[ChatCompletionMessageParam], [{"role": m.role, "content": m.content} for m in messages]),
            n=params.n,
            temperature=params.temperature,
            top_p=params.top_p,
            max_tokens=params.max_tokens,
            seed=params.seed,
            stop=list(params.stop) or None,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=extra or None,
        )

    async def ready(self) -> bool:
        """Whether the server answers within connect_s and serves the model and every adapter; why not is logged."""
        deadline = asyncio.get_running_loop().time() + self._timeouts.total_s
        try:
            async with self._door(self._timeouts.connect_s, deadline):
                served = {model.id async for model in self._client.models.list()}
        except EngineError as error:
            logger.warning("%s", error)
            return False
        missing = {self._model, *self._adapters} - served
        if missing:
            logger.warning("%s serves %s, not %s", self._base_url, sorted(served), sorted(missing))
        return not missing

    async def aclose(self) -> None:
        """Close the connections; requests under way end with an EngineError."""
        await self._client.close()

    @asynccontextmanager
    async def _door(
        self, limit_s: float, deadline: float, *, lost: type[EngineError] = EngineUnavailable
    ) -> AsyncGenerator[None, None]:
        """Wait at most `limit_s` and not past `deadline`; what comes out is an EngineError with the original as cause.

        Args:
            lost: What a broken connection means here.
        """
        if self._client.is_closed():
            raise EngineUnavailable(f"{self._base_url}: this client was closed")
        left_s = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(limit_s, left_s)):
                yield
        except TimeoutError as error:
            raise EngineTimeout(timeout_s=limit_s if limit_s <= left_s else self._timeouts.total_s) from error
        except openai.APITimeoutError as error:
            raise EngineTimeout(timeout_s=self._timeouts.connect_s) from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise lost(f"{self._base_url}: {_reason(error)}; is the server running and reachable?") from error
        except openai.APIStatusError as error:
            raise _from_status(error, self._base_url) from error
        except (openai.OpenAIError, httpx2.StreamError, ValueError) as error:  # an error in the stream, or garbage
            raise EngineBroken(f"{self._base_url}: no usable answer: {_reason(error)}") from error


def _check_address(base_url: str, api_key: str) -> None:
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise InvalidSetting(f"{base_url!r} is not a URL: {error}", name="engine") from error
    if not url.host or not 0 < (url.port or 1) < 65536:
        raise InvalidSetting(f"{base_url!r}: expected a host and a port, http://localhost:8000/v1", name="engine")
    if not (api_key.isascii() and api_key.isprintable()):
        raise InvalidSetting("expected printable ASCII: it is sent in a header", name="api_key")


def _from_status(error: openai.APIStatusError, base_url: str) -> EngineError:
    status, told = error.status_code, f"{base_url}: {error.message}"
    retry_after_s = _retry_after_s(error.response)
    if status == 429 or (status == 503 and retry_after_s is not None):
        return EngineBusy(told, retry_after_s=1.0 if retry_after_s is None else retry_after_s)
    if status >= 500:
        return EngineUnavailable(told)
    if status == 400 and (context := _CONTEXT.search(error.message)):
        prompt = _PROMPT_TOKENS.search(error.message)
        return PromptTooLong(
            prompt_tokens=int(prompt[1]) if prompt else None, max_tokens=int(context[1]) if context[1] else None
        )
    return EngineRefused(told)


# vLLM: "This model's maximum context length is 512 tokens. However, your prompt contains at least 513 input tokens".
# SGLang: "... longer than the model's context length (512 tokens)"; llama.cpp: "exceeds the available context size".
_CONTEXT = re.compile(r"context[ _](?:length|size|window)(?:\D{0,9}(\d+))?")
_PROMPT_TOKENS = re.compile(r"(?:contains|resulted in) (\d+) (?:input )?tokens")


def _retry_after_s(response: httpx2.Response) -> float | None:
    """Seconds or a date. Source: RFC 9110, 10.2.3."""
    value = response.headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}", value):
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # absent, neither of the two, or a date without a zone
        return None


def _asked_wait_s(error: BaseException) -> float:
    return error.retry_after_s if isinstance(error, EngineBusy) else 0.0


def _reason(error: BaseException) -> str:
    """The client wraps what happened in 'Connection error.'; its cause says more."""
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
