"""The embedded engine: OpenVINO GenAI with continuous batching and prefix caching, in this process, on any CPU.

The pipeline is not safe for concurrent calls, so one thread owns it: it takes requests from a queue, steps the
pipeline, and hands token ids back to each caller's event loop. Nothing here knows of products or copy.
"""

import asyncio
import itertools
import logging
import queue
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino
import openvino_genai
from tokenizers import Tokenizer

from copygen.chat_model import Chunk, FinishReason, Message, SamplingParams
from copygen.errors import EngineBroken, EngineBusy, EngineUnavailable, ModelFilesError, PromptTooLong
from copygen.prompt import chatml

from serving.engines.decoder import Decoder
from serving.engines.model_files import Manifest, join

logger = logging.getLogger(__name__)

KV_BLOCKS = 1024
"""Blocks of 32 tokens for keys and values: 32,768 tokens at once, about 0.4 GB in bf16."""
ADAPTER_KV_BLOCKS = 192
"""The same beside the main engine: an adapter's answers are short, and most of their prompt is shared."""
MAX_SEQUENCES = 64
MAX_WAITING = 256
"""Requests beyond this are refused with EngineBusy."""
_POLL_S = 0.2
_SEED_STEP = 0x9E3779B9
"""Between the seeds of the candidates of one request: no neighbouring seed draws the same."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Token ids of one candidate as the engine thread read them."""

    index: int
    ids: list[int]
    logprobs: list[float]
    finish_reason: FinishReason | None


_Event = _Piece | BaseException


@dataclass(slots=True)
class _Request:
    """One candidate: the library streams a request of several only when all are finished."""

    index: int
    ids: list[int]
    config: openvino_genai.GenerationConfig
    loop: asyncio.AbstractEventLoop
    events: asyncio.Queue[_Event]
    handle: object = None
    cancelled: bool = False

    def send(self, event: _Event) -> None:
        """Called from the engine thread."""
        try:
            self.loop.call_soon_threadsafe(self.events.put_nowait, event)
        except RuntimeError:  # the caller's loop is gone, so nobody waits for this answer
            self.cancelled = True


class EmbeddedModel:
    """A ChatModel that needs no server, no GPU and no network.

    Args:
        folder: models/NAME with its manifest; joined into the cache on first use.
        cache: Where joined models live; default is the user's cache folder.
        adapter: One of the model's own LoRA adapters, applied to everything this engine does: the library cannot switch
            them by request, so an adapter is an engine of its own beside the main one.

    Raises:
        ModelFilesError: Files missing or damaged, or no such adapter.
    """

    def __init__(self, folder: Path, *, cache: Path | None = None, adapter: str = "") -> None:
        files, self.manifest = join(folder, cache)
        if adapter and adapter not in self.manifest.adapters:
            raise ModelFilesError(f"the model has no adapter {adapter!r}", path=str(folder))
        self._adapter = adapter
        self._tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
        self._stop_ids = _stop_ids(self._tokenizer, self.manifest, folder)
        self._inbox: queue.Queue[_Request] = queue.Queue(MAX_WAITING)
        self._ids = itertools.count()
        self._closed = False
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(files,), name="embedded-engine", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        name = f"{self.manifest.name}+{self._adapter}" if self._adapter else self.manifest.name
        return f"{name} {self.manifest.version} ({self.manifest.digest})"

    @property
    def exemplars(self) -> int:
        return self.manifest.exemplars

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """See ChatModel.stream. `adapter` is ignored: all channels and tones are in the one model."""
        ids = self._tokenizer.encode(chatml(messages), add_special_tokens=False).ids
        if len(ids) > self.manifest.max_prompt_tokens:
            raise PromptTooLong(prompt_tokens=len(ids), max_tokens=self.manifest.max_prompt_tokens)
        if params.seed is not None:
            # With a cold prefix cache the prompt is computed in other batches than with a warm one and rounding
            # differs; reading the prompt once beforehand makes every seeded run a warm one.
            async with aclosing(self._generate(ids, SamplingParams(max_tokens=1, temperature=0.0))) as warm:
                async for _ in warm:
                    pass
        async with aclosing(self._generate(ids, params)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _generate(self, ids: list[int], params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        loop, events = asyncio.get_running_loop(), asyncio.Queue[_Event]()
        requests = [_Request(i, ids, self._config(params, i), loop, events) for i in range(params.n)]
        waiting = requests[1:]  # until the first has read the prompt into the prefix cache
        decoders = [Decoder(self._tokenizer, params.stop) for _ in requests]
        finished: set[int] = set()
        try:
            self._submit(requests[0])
            while len(finished) < params.n:
                event = await events.get()
                if isinstance(event, BaseException):
                    raise EngineBroken(f"the embedded engine failed: {event}") from event
                while waiting:
                    self._submit(waiting.pop(0))
                if event.index in finished:
                    continue
                decoder = decoders[event.index]
                text = decoder.add([i for i in event.ids if i not in self._stop_ids])
                decoder.count += len(event.ids)
                decoder.logprob += sum(event.logprobs)
                reason: FinishReason | None = "stop" if decoder.stopped else event.finish_reason
                if reason is not None:
                    text += decoder.rest()
                    finished.add(event.index)
                    requests[event.index].cancelled = True
                    mean = decoder.logprob / max(1, decoder.count)
                    yield Chunk(event.index, text, reason, len(ids), decoder.count, mean)
                elif text:
                    yield Chunk(event.index, text)
        finally:
            for request in requests:
                request.cancelled = True

    def _submit(self, request: _Request) -> None:
        if self._closed or not self._thread.is_alive():
            raise EngineUnavailable(f"the embedded engine has stopped: {self._failure or 'closed'}")
        try:
            self._inbox.put_nowait(request)
        except queue.Full:
            raise EngineBusy(f"{MAX_WAITING} requests are waiting already", retry_after_s=5.0) from None

    def _config(self, params: SamplingParams, index: int) -> openvino_genai.GenerationConfig:
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = params.max_tokens
        config.logprobs = 1
        config.do_sample = params.temperature > 0
        if config.do_sample:
            config.temperature, config.top_p = params.temperature, params.top_p
            seed = int.from_bytes(np.random.bytes(4), "little") if params.seed is None else params.seed
            config.rng_seed = (seed + index * _SEED_STEP) % 2**32
        config.repetition_penalty = params.repetition_penalty
        config.stop_token_ids = set(self._stop_ids)
        config.eos_token_id = self._stop_ids[0]
        config.apply_chat_template = False
        return config

    async def ready(self) -> None:
        """Wait until the weights are loaded."""
        await asyncio.to_thread(self._ready.wait)
        if self._failure is not None:
            raise EngineUnavailable(f"the embedded engine did not start: {self._failure}")

    async def aclose(self) -> None:
        """Stop the engine thread; requests under way end with EngineBroken."""
        self._closed = True
        await asyncio.to_thread(self._thread.join)

    # Everything below runs on the engine thread.

    def _run(self, files: Path) -> None:
        active: list[_Request] = []
        try:
            pipeline = _load(files, self.manifest.adapters.get(self._adapter))
            self._ready.set()
            while not self._closed:
                self._take(pipeline, active)
                if not active:
                    continue
                pipeline.step()
                active[:] = [request for request in active if not _deliver(request)]
        except BaseException as error:  # handed to every caller; the thread has no one else to tell
            logger.exception("embedded engine stopped")
            self._failure = error
        finally:
            self._ready.set()
            failure = self._failure or EngineUnavailable("the engine was closed")
            for request in active:
                request.send(failure)
            while not self._inbox.empty():
                self._inbox.get_nowait().send(failure)

    def _take(self, pipeline: openvino_genai.ContinuousBatchingPipeline, active: list[_Request]) -> None:
        """Move waiting requests into the pipeline; wait a little when there is nothing to do."""
        while len(active) < MAX_SEQUENCES:
            try:
                request = self._inbox.get_nowait() if active else self._inbox.get(timeout=_POLL_S)
            except queue.Empty:
                return
            if request.cancelled:
                continue
            tensor = openvino.Tensor(np.array([request.ids], dtype=np.int64))
            try:
                request.handle = pipeline.add_request(next(self._ids), tensor, request.config)
            except RuntimeError as error:  # this request's own fault; the others go on
                request.send(error)
                continue
            active.append(request)


def _deliver(request: _Request) -> bool:
    """Send what the pipeline has for a request; True when it is over."""
    handle = request.handle
    if request.cancelled:
        handle.cancel()  # type: ignore[attr-defined]
        return True
    while handle.can_read():  # type: ignore[attr-defined]
        for output in handle.read().values():  # type: ignore[attr-defined]
            reason = _FINISH[output.finish_reason]
            request.send(_Piece(request.index, list(output.generated_ids), list(output.generated_log_probs), reason))
    status = handle.get_status()  # type: ignore[attr-defined]
    if status == openvino_genai.GenerationStatus.RUNNING:
        return False
    if status != openvino_genai.GenerationStatus.FINISHED:
        request.send(RuntimeError(f"a candidate ended as {status}"))
    return True


_FINISH: dict[openvino_genai.GenerationFinishReason, FinishReason | None] = {
    openvino_genai.GenerationFinishReason.NONE: None,
    openvino_genai.GenerationFinishReason.STOP: "stop",
    openvino_genai.GenerationFinishReason.LENGTH: "length",
}


def _load(files: Path, adapter: str | None) -> openvino_genai.ContinuousBatchingPipeline:
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks = ADAPTER_KV_BLOCKS if adapter else KV_BLOCKS
    scheduler.max_num_seqs = MAX_SEQUENCES
    scheduler.max_num_batched_tokens = 512
    scheduler.enable_prefix_caching = True
    # bf16 keys and values: with the default u8 the same seed does not repeat (docs/engines.md).
    properties: dict[str, object] = {"KV_CACHE_PRECISION": "bf16"}
    if adapter is not None:
        mode = openvino_genai.AdapterConfig.Mode.MODE_STATIC
        properties["adapters"] = openvino_genai.AdapterConfig(openvino_genai.Adapter(files / adapter), mode)
    return openvino_genai.ContinuousBatchingPipeline(str(files), scheduler, "CPU", properties, {})


def _stop_ids(tokenizer: Tokenizer, manifest: Manifest, folder: Path) -> tuple[int, ...]:
    found = [tokenizer.token_to_id(token) for token in manifest.stop_tokens]
    ids = tuple(index for index in found if index is not None)
    if not ids or len(ids) != len(found):
        raise ModelFilesError(f"stop tokens {manifest.stop_tokens} are not in the tokenizer", path=str(folder))
    return ids
