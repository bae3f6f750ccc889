"""OpenVINO GenAI's continuous batching on a thread of its own: requests in, token ids out to each caller's event loop.

The library's pipeline is not safe for concurrent calls, so this thread alone steps it. Knows token ids, not text.
"""

import asyncio
import itertools
import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino
import openvino_genai

from copygen.chat_model import FinishReason
from copygen.errors import EngineBusy, EngineUnavailable

logger = logging.getLogger(__name__)

KV_BLOCKS = 1024
"""Blocks of 32 tokens for keys and values: 32,768 tokens at once, about 0.4 GB in bf16."""
ADAPTER_KV_BLOCKS = 192
"""The same beside the main engine: an adapter's answers are short, and most of their prompt is shared."""
MAX_SEQUENCES = 64
MAX_WAITING = 256
"""Requests beyond this are refused with EngineBusy."""
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Piece:
    """Token ids of one candidate as the engine thread read them."""

    index: int
    ids: list[int]
    logprobs: list[float]
    finish_reason: FinishReason | None


Event = Piece | BaseException


@dataclass(slots=True)
class Request:
    """One candidate: the library streams a request of several only when all are finished."""

    index: int
    ids: list[int]
    config: openvino_genai.GenerationConfig
    loop: asyncio.AbstractEventLoop
    events: asyncio.Queue[Event]
    handle: object = None
    cancelled: bool = False

    def send(self, event: Event) -> None:
        """Called from the engine thread."""
        try:
            self.loop.call_soon_threadsafe(self.events.put_nowait, event)
        except RuntimeError:  # the caller's loop is gone, so nobody waits for this answer
            self.cancelled = True


class Pipeline:
    """One loaded model.

    Args:
        files: Folder with the whole model.
        adapter: LoRA adapter applied to everything; None: the model as it is.
    """

    def __init__(self, files: Path, adapter: Path | None = None) -> None:
        self._inbox: queue.Queue[Sequence[Request]] = queue.Queue(MAX_WAITING)
        self._ids = itertools.count()
        self._closed = False
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(files, adapter), name="embedded-engine", daemon=True)
        self._thread.start()

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests that begin in the same step; their events follow.

        Raises:
            EngineUnavailable: The thread has ended.
            EngineBusy: Too many wait already.
        """
        if self._closed or not self._thread.is_alive():
            raise EngineUnavailable(f"the embedded engine has stopped: {self._failure or 'closed'}")
        try:
            self._inbox.put_nowait(requests)
        except queue.Full:
            raise EngineBusy(f"{MAX_WAITING} requests are waiting already", retry_after_s=5.0) from None

    async def ready(self) -> None:
        """Wait until the weights are loaded."""
        await asyncio.to_thread(self._ready.wait)
        if self._failure is not None:
            raise EngineUnavailable(f"the embedded engine did not start: {self._failure}")

    async def aclose(self) -> None:
        """Stop the thread; requests under way end with EngineUnavailable."""
        self._closed = True
        await asyncio.to_thread(self._thread.join)

    # Everything below runs on the engine thread.

    def _run(self, files: Path, adapter: Path | None) -> None:
        active: list[Request] = []
        try:
            pipeline = _load(files, adapter)
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
                for request in self._inbox.get_nowait():
                    request.send(failure)

    def _take(self, pipeline: openvino_genai.ContinuousBatchingPipeline, active: list[Request]) -> None:
        """Move waiting requests into the pipeline; wait a little when there is nothing to do."""
        while len(active) < MAX_SEQUENCES:
            try:
                requests = self._inbox.get_nowait() if active else self._inbox.get(timeout=_POLL_S)
            except queue.Empty:
                return
            for request in requests:
                if request.cancelled:
                    continue
                tensor = openvino.Tensor(np.array([request.ids], dtype=np.int64))
                try:
                    request.handle = pipeline.add_request(next(self._ids), tensor, request.config)
                except RuntimeError as error:  # this request's own fault; the others go on
                    request.send(error)
                    continue
                active.append(request)


def _deliver(request: Request) -> bool:
    """Send what the pipeline has for a request; True when it is over."""
    handle = request.handle
    if request.cancelled:
        handle.cancel()  # type: ignore[attr-defined]
        return True
    while handle.can_read():  # type: ignore[attr-defined]
        for output in handle.read().values():  # type: ignore[attr-defined]
            reason = _FINISH[output.finish_reason]
            request.send(Piece(request.index, list(output.generated_ids), list(output.generated_log_probs), reason))
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


def _load(files: Path, adapter: Path | None) -> openvino_genai.ContinuousBatchingPipeline:
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks = ADAPTER_KV_BLOCKS if adapter else KV_BLOCKS
    scheduler.max_num_seqs = MAX_SEQUENCES
    scheduler.max_num_batched_tokens = 512
    scheduler.enable_prefix_caching = True
    # bf16 keys and values: with the default u8 the same seed does not repeat (docs/engines.md).
    properties: dict[str, object] = {"KV_CACHE_PRECISION": "bf16"}
    if adapter is not None:
        mode = openvino_genai.AdapterConfig.Mode.MODE_STATIC
        properties["adapters"] = openvino_genai.AdapterConfig(openvino_genai.Adapter(adapter), mode)
    return openvino_genai.ContinuousBatchingPipeline(str(files), scheduler, "CPU", properties, {})
