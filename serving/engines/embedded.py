"""The embedded engine: a bundled model as a ChatModel, in this process, on any CPU.

Text becomes token ids here and back; pipeline.py runs them. Nothing here knows of products or copy.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import cached_property
from pathlib import Path

import numpy as np
import openvino_genai
from tokenizers import Tokenizer

from copygen.chat_model import Chunk, FinishReason, Message, SamplingParams
from copygen.errors import EngineBroken, ModelFilesError, PromptTooLong
from copygen.prompt import chatml
from copygen.verify import Verifier

from serving.engines import VERIFY
from serving.engines.decoder import Decoder
from serving.engines.model_files import Manifest, join
from serving.engines.pipeline import Event, Pipeline, Request

_SEED_STEP = 0x9E3779B9
"""Between the seeds of the candidates of one request: no neighbouring seed draws the same."""


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
        self._folder, self._cache = folder, cache
        files, self.manifest = join(folder, cache)
        if adapter and adapter not in self.manifest.adapters:
            raise ModelFilesError(f"the model has no adapter {adapter!r}", path=str(folder))
        self._adapter = adapter
        self._beside: EmbeddedModel | None = None
        self._tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
        self._stop_ids = _stop_ids(self._tokenizer, self.manifest, folder)
        self._pipeline = Pipeline(files, files / self.manifest.adapters[adapter] if adapter else None)

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
        loop, events = asyncio.get_running_loop(), asyncio.Queue[Event]()
        requests = [Request(i, ids, self._config(params, i), loop, events) for i in range(params.n)]
        # The first goes ahead to read the prompt into the prefix cache. A seeded prompt was read before, and when its
        # candidates begin together every step has the same batch each time.
        ahead = 1 if params.seed is None else params.n
        waiting = requests[ahead:]
        decoders = [Decoder(self._tokenizer, params.stop) for _ in requests]
        finished: set[int] = set()
        try:
            self._pipeline.submit(requests[:ahead])
            while len(finished) < params.n:
                event = await events.get()
                if isinstance(event, BaseException):
                    raise EngineBroken(f"the embedded engine failed: {event}") from event
                if waiting:
                    self._pipeline.submit(waiting)
                    waiting = []
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

    def _config(self, params: SamplingParams, index: int) -> openvino_genai.GenerationConfig:
        config = openvino_genai.GenerationConfig()
        # A model that knows the answers it may give is tuned to give one in one token.
        config.max_new_tokens = 1 if params.choices else params.max_tokens
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

    @cached_property
    def verifier(self) -> Verifier | None:
        """The model's own verifier, an engine beside this one; it loads when first asked for."""
        if self._adapter or VERIFY not in self.manifest.adapters:
            return None
        self._beside = EmbeddedModel(self._folder, cache=self._cache, adapter=VERIFY)
        return Verifier(self._beside)

    async def ready(self) -> None:
        """Wait until the weights are loaded."""
        await self._pipeline.ready()

    async def aclose(self) -> None:
        """Stop the engine; requests under way end with EngineBroken."""
        await self._pipeline.aclose()
        if self._beside is not None:
            await self._beside.aclose()


def _stop_ids(tokenizer: Tokenizer, manifest: Manifest, folder: Path) -> tuple[int, ...]:
    found = [tokenizer.token_to_id(token) for token in manifest.stop_tokens]
    ids = tuple(index for index in found if index is not None)
    if not ids or len(ids) != len(found):
        raise ModelFilesError(f"stop tokens {manifest.stop_tokens} are not in the tokenizer", path=str(folder))
    return ids
