"""What the commands that write share: their flags, and how these become settings, an engine and options."""

import logging
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated

import typer

from copygen.chat_model import ChatModel
from copygen.verify import Verifier
from copygen.write import WriteOptions

from serving.cli_rules import read_words
from serving.engines import opened_engine, opened_verifier
from serving.settings import Settings, load_settings

EngineFlag = Annotated[str | None, typer.Option(help="'embedded', or the URL of an OpenAI-compatible server.")]
ModelFlag = Annotated[str | None, typer.Option(help="Bundled model or folder; for a server, the served model's name.")]
ToneFlag = Annotated[str | None, typer.Option("--tone", "-t", help="See `copygen channels`.")]


def open_settings(**flags: object) -> Settings:
    settings = load_settings(**flags)
    logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s %(message)s")
    return settings


def open_engine(settings: Settings) -> AbstractAsyncContextManager[ChatModel]:
    return opened_engine(
        settings.engine,
        model=settings.model,
        api_key=settings.api_key,
        adapters=settings.adapters.values(),
        verify_adapter=settings.verify_adapter,
        exemplars=settings.exemplars,
        cache=settings.model_cache,
    )


def open_verifier(settings: Settings) -> AbstractAsyncContextManager[Verifier]:
    """Who answers the deep check, without the engine that writes."""
    return opened_verifier(
        settings.engine,
        model=settings.model,
        api_key=settings.api_key,
        verify_adapter=settings.verify_adapter,
        cache=settings.model_cache,
    )


def write_options(settings: Settings, block: Path | None, allow: Path | None, seed: int | None = None) -> WriteOptions:
    return WriteOptions(
        extra_candidates=settings.extra_candidates,
        seed=seed,
        adapters=settings.adapters,
        block=read_words(block),
        allow=read_words(allow),
        deep=settings.deep,
    )
