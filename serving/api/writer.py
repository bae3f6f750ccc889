"""What every route that writes shares: the app's model, settings and facts, and stopping when the caller has gone."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from copygen.brief import Brief, Change, read_brief
from copygen.chat_model import ChatModel
from copygen.check import check_text
from copygen.errors import EngineBroken
from copygen.write import FactSource, TokenEvent, WriteOptions, WriteResult, stream_write

from serving.settings import Settings

T = TypeVar("T")
WriteEvents = AsyncGenerator[TokenEvent | WriteResult, None]
_WARM_RECORD = {"channel": "discover", "products": [{"name": "真无线耳机", "attributes": {"续航": "8小时"}}]}


@dataclass(frozen=True, slots=True)
class Writer:
    """Starts writes with one app's model, settings and facts."""

    model: ChatModel
    settings: Settings
    facts: FactSource | None

    def warm(self) -> None:
        """Load what the first write would otherwise wait for: graph, rules, dictionaries. Takes about a second."""
        brief, _ = read_brief(_WARM_RECORD)
        if self.facts is not None:
            self.facts(brief)
        check_text(brief.products[0].name, brief)

    def stream(
        self,
        brief: Brief,
        changes: Sequence[Change],
        *,
        seed: int | None = None,
        temperature: float | None = None,
        block: Sequence[str] = (),
        allow: Sequence[str] = (),
    ) -> WriteEvents:
        """Tokens as they come, the result last; nothing runs before the first event is asked for."""
        defaults = WriteOptions()
        options = WriteOptions(
            extra_candidates=self.settings.extra_candidates,
            temperature=defaults.temperature if temperature is None else temperature,
            seed=seed,
            adapters=self.settings.adapters,
            block=tuple(block),
            allow=tuple(allow),
            deep=self.settings.deep,
        )
        return stream_write(brief, self.model, options=options, facts=self.facts, changes=changes)


def get_writer(request: Request) -> Writer:
    return cast(Writer, request.app.state.writer)


WriterDep = Annotated[Writer, Depends(get_writer)]


async def last_event(events: WriteEvents) -> WriteResult:
    """The result, without the tokens."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, WriteResult):
                return event
    raise EngineBroken("the engine ended without a result")


async def begin(request: Request, events: WriteEvents) -> WriteEvents:
    """Wait for the first event, so that a failure before it can still have an HTTP status of its own.

    Raises:
        ClientDisconnect: The caller has gone; the engine was told to stop.
        CopygenError: Whatever kept the write from beginning.
    """
    try:
        first = await while_connected(request, _next(events))
    except BaseException:
        await events.aclose()
        raise
    return _chain(first, events)


async def _next(events: WriteEvents) -> TokenEvent | WriteResult:
    return await anext(events)


async def _chain(first: TokenEvent | WriteResult, events: WriteEvents) -> WriteEvents:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, but stop it as soon as the caller hangs up; the request's body must have been read.

    Raises:
        ClientDisconnect: The caller has gone.
    """
    working = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
