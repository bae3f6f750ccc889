"""Talks to the app in this process, reads its events, and a model that fails on purpose."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from copygen.chat_model import Chunk, Message, SamplingParams, ScriptedModel

from serving.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings(**{"extra_candidates": 0, **values})


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        yield client


class FailingModel(ScriptedModel):
    """Says a few words, if any, and fails."""

    def __init__(self, error: Exception, words: str = "") -> None:
        super().__init__([""])
        self._error, self._words = error, words

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        if self._words:
            yield Chunk(0, self._words)
        raise self._error


def parse_events(text: str) -> list[tuple[str, Any]]:
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events
