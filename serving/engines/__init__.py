"""The engines behind the ChatModel protocol. Neither engine's library is loaded unless it is used.

This is the one package of serving/ that eval/ and benchmarks/ may import too: everyone meets the model here.
"""

import importlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from copygen.errors import InvalidSetting
from copygen.verify import Verifier

if TYPE_CHECKING:
    from serving.engines.embedded import EmbeddedModel
    from serving.engines.openai_http import OpenAIHttpModel

MODELS = Path(__file__).resolve().parents[2] / "models"
DEFAULT_MODEL = "copygen-zh-0.5b"
VERIFY = "verify"
"""The adapter of an embedded model that answers the deep check's questions."""


def open_engine(
    spec: str,
    *,
    model: str = "",
    api_key: str = "",
    adapters: Iterable[str] = (),
    verify_adapter: str = "",
    exemplars: int = 2,
    cache: Path | None = None,
) -> "EmbeddedModel | OpenAIHttpModel":
    """Open an engine by its spec.

    Args:
        spec: 'embedded', or the base URL of an OpenAI-compatible server such as http://localhost:8000/v1.
        model: Embedded: a folder under models/ or a path. Server: the served model's name.
        api_key: For a server that asks for one.
        adapters: Names of the LoRA adapters that will be asked for; a server's alone.
        verify_adapter: The one for the deep check; a server's alone, and empty asks its model as it is.
        exemplars: Example dialogues a server's model is shown; 0 for one tuned on our prompts. An embedded model says
            itself how many it wants.
        cache: Where embedded models are joined; default is the user's cache folder.

    Raises:
        InvalidSetting: The spec is neither, or another argument does not go with it.
        ModelFilesError: Embedded model missing or damaged.
    """
    if spec == "embedded":
        if any(adapters):
            raise InvalidSetting("the embedded engine has no LoRA adapters; a server has", name="adapters")
        return _embedded(model, cache)
    if spec.startswith(("http://", "https://")):
        if not model:
            raise InvalidSetting("empty; name the model the server serves", name="model")
        server: type[OpenAIHttpModel] = importlib.import_module("serving.engines.openai_http").OpenAIHttpModel
        return server(
            base_url=spec,
            model=model,
            api_key=api_key,
            adapters=adapters,
            verify_adapter=verify_adapter,
            exemplars=exemplars,
        )
    raise InvalidSetting(f"{spec!r} is neither 'embedded' nor the URL of a server", name="engine")


def _embedded(model: str, cache: Path | None, adapter: str = "") -> "EmbeddedModel":
    name = model or DEFAULT_MODEL
    folder = Path(name) if Path(name).is_dir() else MODELS / name
    embedded: type[EmbeddedModel] = importlib.import_module("serving.engines.embedded").EmbeddedModel
    return embedded(folder, cache=cache, adapter=adapter)


@asynccontextmanager
async def opened_verifier(
    spec: str, *, model: str = "", api_key: str = "", verify_adapter: str = "", cache: Path | None = None
) -> AsyncGenerator[Verifier, None]:
    """Who answers the deep check, without the engine that writes where the two are apart; closed at the end.

    Raises:
        InvalidSetting: As `open_engine`.
        ModelFilesError: Embedded model missing or damaged, or one without a verifier.
    """
    if spec == "embedded":
        engine: EmbeddedModel | OpenAIHttpModel = _embedded(model, cache, VERIFY)
        verifier: Verifier | None = Verifier(engine)
    else:
        engine = open_engine(spec, model=model, api_key=api_key, verify_adapter=verify_adapter)
        verifier = engine.verifier
    assert verifier is not None  # a server's model always answers
    try:
        yield verifier
    finally:
        await engine.aclose()


@asynccontextmanager
async def opened_engine(
    spec: str,
    *,
    model: str = "",
    api_key: str = "",
    adapters: Iterable[str] = (),
    verify_adapter: str = "",
    exemplars: int = 2,
    cache: Path | None = None,
) -> AsyncGenerator["EmbeddedModel | OpenAIHttpModel", None]:
    """`open_engine`, closed at the end whatever happens."""
    engine = open_engine(
        spec,
        model=model,
        api_key=api_key,
        adapters=adapters,
        verify_adapter=verify_adapter,
        exemplars=exemplars,
        cache=cache,
    )
    try:
        yield engine
    finally:
        await engine.aclose()
